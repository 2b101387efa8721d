package main

import (
	"context"
	"fmt"
	"math/big"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/kinesis"
	"github.com/aws/aws-sdk-go-v2/service/kinesis/types"
)

// Where a record is, as an acknowledgement says it or as a reader finds it.
type place struct {
	shard    string
	sequence string
}

type acknowledgement struct {
	payload string
	place   place
}

func (t trip) reshardWhileWriting(ctx context.Context) error {
	return t.withStream(ctx, 2, func(name string, _ *types.StreamDescriptionSummary) error {
		ledger := make([][]acknowledgement, 4)
		failures := make([]error, len(ledger))
		stop := make(chan struct{})
		var writers sync.WaitGroup
		for i := range ledger {
			writers.Add(1)
			go func() {
				defer writers.Done()
				ledger[i], failures[i] = t.write(ctx, name, i, stop)
			}()
		}
		err := t.reshard(ctx, name)
		close(stop)
		writers.Wait()
		for _, failure := range append(failures, err) {
			if failure != nil {
				return failure
			}
		}
		return t.check(ctx, name, ledger)
	})
}

func (t trip) reshard(ctx context.Context, name string) error {
	for _, target := range []int32{4, 2, 3} {
		_, err := t.client.UpdateShardCount(ctx, &kinesis.UpdateShardCountInput{StreamName: &name,
			TargetShardCount: &target, ScalingType: types.ScalingTypeUniformScaling})
		if err != nil {
			return err
		}
		if _, err := t.waitActive(ctx, name); err != nil {
			return err
		}
		time.Sleep(150 * time.Millisecond)
	}
	return nil
}

func (t trip) write(ctx context.Context, name string, writer int, stop <-chan struct{}) ([]acknowledgement, error) {
	var acknowledged []acknowledgement
	for i := 0; ; i++ {
		payload := fmt.Sprintf("%d:%d", writer, i)
		answer, err := t.put(ctx, name, fmt.Sprintf("writer-%d", writer), payload)
		if err != nil {
			return acknowledged, err
		}
		acknowledged = append(acknowledged,
			acknowledgement{payload, place{*answer.ShardId, *answer.SequenceNumber}})
		select {
		case <-stop:
			return acknowledged, nil
		case <-time.After(5 * time.Millisecond):
		}
	}
}

// Each acknowledged record is where it was said to be, once, and in the writer's order.
func (t trip) check(ctx context.Context, name string, ledger [][]acknowledgement) error {
	answer, err := t.client.ListShards(ctx, &kinesis.ListShardsInput{StreamName: &name})
	if err != nil {
		return err
	}
	places := map[string]place{}
	parents := map[string][]string{}
	for _, shard := range answer.Shards {
		for _, parent := range []*string{shard.ParentShardId, shard.AdjacentParentShardId} {
			if parent != nil {
				parents[*shard.ShardId] = append(parents[*shard.ShardId], *parent)
			}
		}
		records, err := t.readShard(ctx, name, *shard.ShardId)
		if err != nil {
			return err
		}
		last := "0"
		for _, record := range records {
			if !less(last, *record.SequenceNumber) {
				return fmt.Errorf("%s: %s after %s", *shard.ShardId, *record.SequenceNumber, last)
			}
			if at, twice := places[string(record.Data)]; twice {
				return fmt.Errorf("%s is at %v and in %s", record.Data, at, *shard.ShardId)
			}
			last = *record.SequenceNumber
			places[string(record.Data)] = place{*shard.ShardId, last}
		}
	}
	return compare(ledger, places, parents)
}

func compare(ledger [][]acknowledgement, places map[string]place, parents map[string][]string) error {
	count := 0
	for _, acknowledged := range ledger {
		var before place
		for _, one := range acknowledged {
			count++
			if places[one.payload] != one.place {
				return fmt.Errorf("%s was acknowledged at %v, found at %v", one.payload, one.place,
					places[one.payload])
			}
			if before.shard == one.place.shard && !less(before.sequence, one.place.sequence) ||
				before.shard != "" && before.shard != one.place.shard &&
					!descends(parents, one.place.shard, before.shard) {
				return fmt.Errorf("%s is out of order: %v after %v", one.payload, one.place, before)
			}
			before = one.place
		}
	}
	if count < 50 {
		return fmt.Errorf("only %d records were acknowledged", count)
	}
	return nil
}

func less(a, b string) bool {
	x, _ := new(big.Int).SetString(a, 10)
	y, _ := new(big.Int).SetString(b, 10)
	return x.Cmp(y) < 0
}

func descends(parents map[string][]string, shard, from string) bool {
	for _, parent := range parents[shard] {
		if parent == from || descends(parents, parent, from) {
			return true
		}
	}
	return false
}
