package main

import (
	"fmt"
	"slices"

	"github.com/anishathalye/porcupine"
)

const endOfTime = int64(1) << 62

// What a client did: a put of a value, or a read to the tail of all values there.
type input struct {
	shard int
	put   string // "" for a read
}

type output struct {
	values []string // of a read
}

// The same, told by what the shard holds in the end. Every value is used once and a shard only grows, so
// any order of the operations that explains the last read puts the values in exactly that order: a put
// fits only at its index, a read only where as many values are there as it saw. That leaves the search
// nothing to guess about puts at the same time, of which there are many while a server restarts.
type step struct {
	shard int
	index int  // of a put: where its value is; -1 where it is not
	count int  // of a read: how many values it saw
	whole bool // of a read: whether they are the first of what is there in the end
}

var shardModel = porcupine.Model{
	Partition: func(history []porcupine.Operation) [][]porcupine.Operation {
		byShard := map[int][]porcupine.Operation{}
		for _, operation := range history {
			shard := operation.Input.(step).shard
			byShard[shard] = append(byShard[shard], operation)
		}
		var parts [][]porcupine.Operation
		for _, part := range byShard {
			parts = append(parts, part)
		}
		return parts
	},
	Init: func() any { return 0 },
	Step: func(state, in, out any) (bool, any) {
		now, one := state.(int), in.(step)
		if out == nil { // a put
			return one.index == now, now + 1
		}
		return one.whole && one.count == now, now
	},
	DescribeOperation: func(in, out any) string { return fmt.Sprintf("%+v", in) },
}

// Turns what clients did into steps, given what the shards hold in the end. A put that failed and left
// nothing is no operation. One that failed and is there took effect before what stands after it, so no
// later than the earliest return among those.
func steps(history []porcupine.Operation, final [][]string) []porcupine.Operation {
	index := map[string]int{}
	for _, values := range final {
		for i, value := range values {
			index[value] = i
		}
	}
	limit := make([][]int64, len(final))
	for shard, values := range final {
		limit[shard] = slices.Repeat([]int64{endOfTime}, len(values)+1)
	}
	for _, operation := range history {
		if in := operation.Input.(input); in.put != "" {
			if i, there := index[in.put]; there {
				limit[in.shard][i] = min(limit[in.shard][i], operation.Return)
			}
		}
	}
	for _, returns := range limit {
		for i := len(returns) - 2; i >= 0; i-- {
			returns[i] = min(returns[i], returns[i+1])
		}
	}
	var all []porcupine.Operation
	for _, operation := range history {
		if one, is := stepOf(operation, final, index, limit); is {
			all = append(all, one)
		}
	}
	return all
}

func stepOf(operation porcupine.Operation, final [][]string, index map[string]int,
	limit [][]int64) (porcupine.Operation, bool) {
	in := operation.Input.(input)
	if in.put == "" {
		seen, there := operation.Output.(output).values, final[in.shard]
		operation.Input = step{shard: in.shard, count: len(seen),
			whole: len(seen) <= len(there) && slices.Equal(seen, there[:len(seen)])}
		operation.Output = true
		return operation, true
	}
	i, there := index[in.put]
	if !there {
		i = -1
	}
	if operation.Return == endOfTime {
		if !there {
			return operation, false
		}
		operation.Return = max(operation.Call, limit[in.shard][i])
	}
	operation.Input, operation.Output = step{shard: in.shard, index: i}, nil
	return operation, true
}
