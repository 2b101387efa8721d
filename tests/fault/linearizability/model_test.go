package main

import (
	"testing"

	"github.com/anishathalye/porcupine"
)

func seen(values ...string) content {
	var c content
	for _, value := range values {
		c = c.with(value)
	}
	return c
}

func put(value string, call, back int64) porcupine.Operation {
	return porcupine.Operation{Input: input{0, value}, Call: call, Output: content{}, Return: back}
}

func read(saw content, call, back int64) porcupine.Operation {
	return porcupine.Operation{ClientId: 1, Input: input{shard: 0}, Call: call, Output: saw, Return: back}
}

func TestHistories(t *testing.T) {
	cases := map[string]struct {
		history []porcupine.Operation
		good    bool
	}{
		"a read sees what was put before it":        {[]porcupine.Operation{put("a", 0, 1), read(seen("a"), 2, 3)}, true},
		"a read misses what was acknowledged":       {[]porcupine.Operation{put("a", 0, 1), read(seen(), 2, 3)}, false},
		"a read may see what is under way":          {[]porcupine.Operation{put("a", 0, 9), read(seen("a"), 2, 3)}, true},
		"a value seen once does not vanish":         {[]porcupine.Operation{put("a", 0, 9), read(seen("a"), 2, 3), read(seen(), 4, 5)}, false},
		"two reads agree about the order":           {[]porcupine.Operation{put("a", 0, 9), put("b", 0, 9), read(seen("a"), 2, 3), read(seen("b", "a"), 4, 5)}, false},
		"a value is not there twice":                {[]porcupine.Operation{put("a", 0, 1), read(seen("a", "a"), 2, 3)}, false},
		"an acknowledged order is the order":        {[]porcupine.Operation{put("a", 0, 1), put("b", 2, 3), read(seen("b", "a"), 4, 5)}, false},
		"a put of unknown outcome may come to none": {[]porcupine.Operation{put("a", 0, endOfTime), read(seen(), 2, 3)}, true},
	}
	for name, one := range cases {
		if porcupine.CheckOperations(shardModel, one.history) != one.good {
			t.Errorf("%s: expected %v", name, one.good)
		}
	}
}
