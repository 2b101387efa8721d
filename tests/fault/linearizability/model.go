package main

import (
	"fmt"
	"hash/fnv"

	"github.com/anishathalye/porcupine"
)

// One shard as a register of its whole content: put appends a value, a read to the tail sees all that
// was appended. A state is the number of values and a hash over them in order, so that comparing a
// state with what a read saw costs nothing.
type content struct {
	count int
	hash  uint64
}

func (c content) with(value string) content {
	h := fnv.New64a()
	fmt.Fprintf(h, "%x %s", c.hash, value)
	return content{c.count + 1, h.Sum64()}
}

type input struct {
	shard int
	put   string // "" for a read
}

var shardModel = porcupine.Model{
	Partition: func(history []porcupine.Operation) [][]porcupine.Operation {
		byShard := map[int][]porcupine.Operation{}
		for _, operation := range history {
			shard := operation.Input.(input).shard
			byShard[shard] = append(byShard[shard], operation)
		}
		var parts [][]porcupine.Operation
		for _, part := range byShard {
			parts = append(parts, part)
		}
		return parts
	},
	Init: func() any { return content{} },
	// A put whose outcome nobody knows returns at the end of time: taking effect after every read is the
	// same as never.
	Step: func(state, in, out any) (bool, any) {
		now, operation := state.(content), in.(input)
		if operation.put != "" {
			return true, now.with(operation.put)
		}
		return out.(content) == now, now
	},
	DescribeOperation: func(in, out any) string {
		operation := in.(input)
		if operation.put != "" {
			return "put " + operation.put
		}
		return fmt.Sprintf("read %d records", out.(content).count)
	},
}
