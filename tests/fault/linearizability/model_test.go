package main

import (
	"testing"

	"github.com/anishathalye/porcupine"
)

func put(value string, call, back int64) porcupine.Operation {
	return porcupine.Operation{Input: input{0, value}, Call: call, Return: back}
}

func read(call, back int64, values ...string) porcupine.Operation {
	return porcupine.Operation{ClientId: 1, Input: input{shard: 0}, Call: call,
		Output: output{values}, Return: back}
}

func TestHistories(t *testing.T) {
	cases := map[string]struct {
		good    bool
		history []porcupine.Operation // the last read is what is there in the end
	}{
		"a read sees what was put before it": {true, []porcupine.Operation{
			put("a", 0, 1), read(2, 3, "a")}},
		"a read misses what was acknowledged": {false, []porcupine.Operation{
			put("a", 0, 1), read(2, 3), read(4, 5, "a")}},
		"an acknowledged value is lost": {false, []porcupine.Operation{
			put("a", 0, 1), read(2, 3)}},
		"a read may see what is under way": {true, []porcupine.Operation{
			put("a", 0, 9), read(2, 3, "a"), read(10, 11, "a")}},
		"a value seen once does not vanish": {false, []porcupine.Operation{
			put("a", 0, endOfTime), read(2, 3, "a"), read(4, 5)}},
		"a value seen once does not hide": {false, []porcupine.Operation{
			put("a", 0, 9), read(2, 3, "a"), read(4, 5), read(10, 11, "a")}},
		"two reads agree about the order": {false, []porcupine.Operation{
			put("a", 0, 9), put("b", 0, 9), read(2, 3, "a"), read(10, 11, "b", "a")}},
		"a value is not there twice": {false, []porcupine.Operation{
			put("a", 0, 1), read(2, 3, "a", "a")}},
		"an acknowledged order is the order": {false, []porcupine.Operation{
			put("a", 0, 1), put("b", 2, 3), read(4, 5, "b", "a")}},
		"nobody wrote it": {false, []porcupine.Operation{read(2, 3, "a")}},
		"a put of unknown outcome may come to nothing": {true, []porcupine.Operation{
			put("a", 0, endOfTime), read(2, 3)}},
		"a put of unknown outcome may take effect": {true, []porcupine.Operation{
			put("a", 0, endOfTime), put("b", 4, 5), read(6, 7, "a", "b")}},
		"a put of unknown outcome comes too late for its place": {false, []porcupine.Operation{
			put("b", 0, 1), put("a", 4, endOfTime), read(6, 7, "a", "b")}},
	}
	for name, one := range cases {
		last := one.history[len(one.history)-1].Output.(output).values
		if porcupine.CheckOperations(shardModel, steps(one.history, [][]string{last})) != one.good {
			t.Errorf("%s: expected %v", name, one.good)
		}
	}
}
