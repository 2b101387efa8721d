// The round trip of the AWS SDK for Go v2. It is told no more than AWS_ENDPOINT_URL. One line a case
// goes to stdout: "ok NAME", or "not ok NAME: why".
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strconv"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/kinesis"
	"github.com/aws/aws-sdk-go-v2/service/kinesis/types"
)

const firstShard = "shardId-000000000000"

type trip struct{ client *kinesis.Client }

func (t trip) waitActive(ctx context.Context, name string) (*types.StreamDescriptionSummary, error) {
	for {
		answer, err := t.client.DescribeStreamSummary(ctx,
			&kinesis.DescribeStreamSummaryInput{StreamName: &name})
		if err != nil {
			return nil, err
		}
		if answer.StreamDescriptionSummary.StreamStatus == types.StreamStatusActive {
			return answer.StreamDescriptionSummary, nil
		}
		select {
		case <-ctx.Done():
			return nil, fmt.Errorf("%s did not become ACTIVE", name)
		case <-time.After(50 * time.Millisecond):
		}
	}
}

func (t trip) withStream(ctx context.Context, shards int32,
	body func(name string, summary *types.StreamDescriptionSummary) error) error {
	name := fmt.Sprintf("go-%x", time.Now().UnixNano())
	_, err := t.client.CreateStream(ctx, &kinesis.CreateStreamInput{StreamName: &name, ShardCount: &shards})
	if err != nil {
		return err
	}
	defer func() {
		_, _ = t.client.DeleteStream(context.Background(),
			&kinesis.DeleteStreamInput{StreamName: &name, EnforceConsumerDeletion: aws.Bool(true)})
	}()
	summary, err := t.waitActive(ctx, name)
	if err != nil {
		return err
	}
	return body(name, summary)
}

func (t trip) put(ctx context.Context, name, key, data string) (*kinesis.PutRecordOutput, error) {
	return t.client.PutRecord(ctx, &kinesis.PutRecordInput{StreamName: &name, PartitionKey: &key,
		Data: []byte(data)})
}

func (t trip) readShard(ctx context.Context, name, shard string) ([]types.Record, error) {
	start, err := t.client.GetShardIterator(ctx, &kinesis.GetShardIteratorInput{StreamName: &name,
		ShardId: &shard, ShardIteratorType: types.ShardIteratorTypeTrimHorizon})
	if err != nil {
		return nil, err
	}
	var records []types.Record
	for position := start.ShardIterator; position != nil; {
		page, err := t.client.GetRecords(ctx, &kinesis.GetRecordsInput{ShardIterator: position})
		if err != nil {
			return nil, err
		}
		records = append(records, page.Records...)
		if len(page.Records) == 0 && aws.ToInt64(page.MillisBehindLatest) == 0 {
			break
		}
		position = page.NextShardIterator
	}
	return records, nil
}

func (t trip) createPutGetDelete(ctx context.Context) error {
	return t.withStream(ctx, 1, func(name string, _ *types.StreamDescriptionSummary) error {
		if _, err := t.put(ctx, name, "k", "one"); err != nil {
			return err
		}
		var entries []types.PutRecordsRequestEntry
		for i := range 100 {
			entries = append(entries, types.PutRecordsRequestEntry{
				Data: []byte(strconv.Itoa(i)), PartitionKey: aws.String("k")})
		}
		answer, err := t.client.PutRecords(ctx, &kinesis.PutRecordsInput{StreamName: &name, Records: entries})
		if err != nil {
			return err
		}
		if aws.ToInt32(answer.FailedRecordCount) != 0 {
			return fmt.Errorf("%d records failed", *answer.FailedRecordCount)
		}
		records, err := t.readShard(ctx, name, firstShard)
		if err != nil {
			return err
		}
		if len(records) != 101 || string(records[0].Data) != "one" || string(records[100].Data) != "99" {
			return fmt.Errorf("read %d records", len(records))
		}
		return nil
	})
}

func (t trip) typedErrors(ctx context.Context) error {
	_, err := t.client.DescribeStreamSummary(ctx,
		&kinesis.DescribeStreamSummaryInput{StreamName: aws.String("go-missing")})
	var missing *types.ResourceNotFoundException
	if !errors.As(err, &missing) {
		return fmt.Errorf("expected ResourceNotFoundException, got %w", err)
	}
	return nil
}

func (t trip) subscribe(ctx context.Context) error {
	return t.withStream(ctx, 1, func(name string, summary *types.StreamDescriptionSummary) error {
		consumer, err := t.client.RegisterStreamConsumer(ctx, &kinesis.RegisterStreamConsumerInput{
			StreamARN: summary.StreamARN, ConsumerName: aws.String("c")})
		if err != nil {
			return err
		}
		arn := consumer.Consumer.ConsumerARN
		if err := t.waitConsumer(ctx, arn); err != nil {
			return err
		}
		if _, err := t.put(ctx, name, "k", "before"); err != nil {
			return err
		}
		return t.receive(ctx, name, arn)
	})
}

func (t trip) waitConsumer(ctx context.Context, arn *string) error {
	for {
		answer, err := t.client.DescribeStreamConsumer(ctx,
			&kinesis.DescribeStreamConsumerInput{ConsumerARN: arn})
		if err != nil || answer.ConsumerDescription.ConsumerStatus == types.ConsumerStatusActive {
			return err
		}
		time.Sleep(50 * time.Millisecond)
	}
}

// The record that was there before, then one that comes while we listen. Subscribes again where a
// subscription ends, as consumers do: smithy-go 1.28 closes a connection of its own where the answer comes
// before its writer has looked for the end of the request's body (safeWriteToReadCloser.WriteTo returns
// io.EOF once closed), and a server next door answers that fast.
func (t trip) receive(ctx context.Context, name string, arn *string) error {
	from := &types.StartingPosition{Type: types.ShardIteratorTypeTrimHorizon}
	var seen []string
	var last error
	sent := false
	for len(seen) < 2 && ctx.Err() == nil {
		answer, err := t.client.SubscribeToShard(ctx, &kinesis.SubscribeToShardInput{ConsumerARN: arn,
			ShardId: aws.String(firstShard), StartingPosition: from})
		var early *types.ResourceInUseException
		if errors.As(err, &early) { // within five seconds of the one before
			time.Sleep(500 * time.Millisecond)
			continue
		}
		if err != nil {
			return err
		}
		stream := answer.GetStream()
		for event := range stream.Events() {
			data, ok := event.(*types.SubscribeToShardEventStreamMemberSubscribeToShardEvent)
			if !ok {
				return fmt.Errorf("an event of type %T", event)
			}
			for _, record := range data.Value.Records {
				seen = append(seen, string(record.Data))
			}
			from = &types.StartingPosition{Type: types.ShardIteratorTypeAfterSequenceNumber,
				SequenceNumber: data.Value.ContinuationSequenceNumber}
			if len(seen) == 1 && !sent {
				sent = true
				if _, err := t.put(ctx, name, "k", "after"); err != nil {
					return err
				}
			}
			if len(seen) >= 2 {
				break
			}
		}
		last = stream.Err()
		stream.Close()
	}
	if fmt.Sprint(seen) != "[before after]" {
		return fmt.Errorf("received %v: %w", seen, last)
	}
	return nil
}

func main() {
	options, err := config.LoadDefaultConfig(context.Background())
	if err != nil {
		fmt.Println("not ok configuration:", err)
		os.Exit(1)
	}
	t := trip{kinesis.NewFromConfig(options)}
	cases := []struct {
		name string
		run  func(context.Context) error
	}{
		{"creates, puts, gets and deletes", t.createPutGetDelete},
		{"raises typed errors", t.typedErrors},
		{"subscribes to a shard", t.subscribe},
		{"reshards while writing and loses nothing", t.reshardWhileWriting},
	}
	failed := false
	for _, one := range cases {
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		if err := one.run(ctx); err != nil {
			failed = true
			fmt.Printf("not ok %s: %v\n", one.name, err)
		} else {
			fmt.Println("ok", one.name)
		}
		cancel()
	}
	if failed {
		os.Exit(1)
	}
}
