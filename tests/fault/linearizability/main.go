// Puts and reads at the same time over the real API, and whether their history is linearizable: whether
// there is one order of all operations, each at a moment between its call and its return, that a single
// shard would have answered the same way. Prints one line; exits 0 where there is.
package main

import (
	"context"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"sync"
	"time"

	"github.com/anishathalye/porcupine"
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/kinesis"
	"github.com/aws/aws-sdk-go-v2/service/kinesis/types"
)

type recorder struct {
	reader *kinesis.Client
	writer *kinesis.Client
	stream string
	start  time.Time

	mu          sync.Mutex
	history     []porcupine.Operation
	unknown     int
	failed      int // reads
	lastFailure error
}

func (r *recorder) now() int64 { return time.Since(r.start).Nanoseconds() }

func (r *recorder) add(operation porcupine.Operation) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if operation.Return == endOfTime {
		r.unknown++
	}
	r.history = append(r.history, operation)
}

func (r *recorder) put(ctx context.Context, client, shard int, value string) {
	call := r.now()
	key := hashKey(shard)
	_, err := r.writer.PutRecord(ctx, &kinesis.PutRecordInput{StreamName: &r.stream,
		Data: []byte(value), PartitionKey: aws.String("k"), ExplicitHashKey: &key})
	back := r.now()
	if err != nil {
		back = endOfTime
		time.Sleep(50 * time.Millisecond)
	}
	r.add(porcupine.Operation{ClientId: client, Input: input{shard, value}, Call: call,
		Return: back})
}

// Reads from the first record until an answer is empty and says that nothing is behind it; false where
// that failed.
func (r *recorder) read(ctx context.Context, client, shard int) ([]string, bool) {
	call := r.now()
	values, err := r.readAll(ctx, fmt.Sprintf("shardId-%012d", shard))
	if err != nil {
		r.mu.Lock()
		r.failed++
		r.lastFailure = err
		r.mu.Unlock()
		time.Sleep(50 * time.Millisecond)
		return nil, false
	}
	r.add(porcupine.Operation{ClientId: client, Input: input{shard: shard}, Call: call, Output: output{values},
		Return: r.now()})
	return values, true
}

func (r *recorder) readAll(ctx context.Context, shard string) ([]string, error) {
	var values []string
	start, err := r.reader.GetShardIterator(ctx, &kinesis.GetShardIteratorInput{StreamName: &r.stream,
		ShardId: &shard, ShardIteratorType: types.ShardIteratorTypeTrimHorizon})
	if err != nil {
		return values, err
	}
	for position := start.ShardIterator; position != nil; {
		page, err := r.reader.GetRecords(ctx, &kinesis.GetRecordsInput{ShardIterator: position})
		if err != nil {
			return values, err
		}
		for _, record := range page.Records {
			values = append(values, string(record.Data))
		}
		if len(page.Records) == 0 && aws.ToInt64(page.MillisBehindLatest) == 0 {
			return values, nil
		}
		position = page.NextShardIterator
	}
	return values, fmt.Errorf("%s was closed", shard)
}

// The first hash key of one of the four shards of a new on-demand stream.
func hashKey(shard int) string {
	return []string{"0", "85070591730234615865843651857942052864",
		"170141183460469231731687303715884105728", "255211775190703847597530955573826158592"}[shard]
}

func (r *recorder) run(client int, seconds float64, shards int) {
	choose := rand.New(rand.NewPCG(uint64(client), 7))
	for i := 0; time.Since(r.start).Seconds() < seconds; i++ {
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		shard := choose.IntN(shards)
		if choose.IntN(3) == 0 {
			r.read(ctx, client, shard)
		} else {
			r.put(ctx, client, shard, fmt.Sprintf("%d.%d", client, i))
		}
		cancel()
		time.Sleep(time.Duration(choose.IntN(10)) * time.Millisecond)
	}
}

func main() {
	stream := flag.String("stream", "", "an on-demand stream, new and empty")
	seconds := flag.Float64("seconds", 5, "how long to run")
	clients := flag.Int("clients", 12, "how many at a time")
	shards := flag.Int("shards", 4, "how many of its shards to use")
	flag.Parse()
	options, err := config.LoadDefaultConfig(context.Background())
	if err != nil {
		fmt.Println("configuration:", err)
		os.Exit(2)
	}
	// Puts are not retried: each is one operation of the history. Reads are, since reading again changes
	// nothing: the SDK itself cuts a response now and then. It closes the request's body once the response's
	// head is there; where that is before Go's transport has looked past the body's end, smithy's
	// safeWriteToReadCloser answers that look with io.EOF, which closes the connection in mid-answer.
	r := &recorder{stream: *stream, start: time.Now(), reader: kinesis.NewFromConfig(options),
		writer: kinesis.NewFromConfig(options, func(o *kinesis.Options) { o.Retryer = aws.NopRetryer{} })}
	var running sync.WaitGroup
	for client := range *clients {
		running.Add(1)
		go func() {
			defer running.Done()
			r.run(client, *seconds, *shards)
		}()
	}
	running.Wait()
	// One last read of every shard, when all is quiet, says what is there.
	var final [][]string
	for shard := range *shards {
		values, ok := r.read(context.Background(), *clients, shard)
		if !ok {
			fmt.Println("what is there in the end could not be read:", r.lastFailure)
			os.Exit(2)
		}
		final = append(final, values)
	}
	history := steps(r.history, final)
	verdict := porcupine.CheckOperationsTimeout(shardModel, history, time.Minute)
	fmt.Printf("%s: %d operations, %d puts of unknown outcome, %d reads failed\n", verdict,
		len(history), r.unknown, r.failed)
	if r.lastFailure != nil {
		fmt.Println("the last read that failed:", r.lastFailure)
	}
	if verdict != porcupine.Ok {
		os.Exit(1)
	}
}
