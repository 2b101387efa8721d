// The round trip of the JavaScript SDK v3, which speaks HTTP/2 to Kinesis: in clear text by prior
// knowledge, in TLS by ALPN. It is told no more than AWS_ENDPOINT_URL. One line a case goes to stdout:
// "ok NAME", or "not ok NAME: why".
import * as kinesis from '@aws-sdk/client-kinesis';
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';

const SHARD = 'shardId-000000000000';
const client = new kinesis.KinesisClient({});
const send = (command, input) => client.send(new kinesis[`${command}Command`](input));
const text = (bytes) => Buffer.from(bytes).toString();

async function waitActive(StreamName) {
  for (let i = 0; i < 400; i++) {
    const { StreamDescriptionSummary: it } = await send('DescribeStreamSummary', { StreamName });
    if (it.StreamStatus === 'ACTIVE') return it;
    await sleep(50);
  }
  throw new Error(`${StreamName} did not become ACTIVE`);
}

async function readShard(StreamName, ShardId) {
  let { ShardIterator } =
      await send('GetShardIterator', { StreamName, ShardId, ShardIteratorType: 'TRIM_HORIZON' });
  const records = [];
  while (ShardIterator) {
    const page = await send('GetRecords', { ShardIterator });
    records.push(...page.Records);
    if (!page.Records.length && page.MillisBehindLatest === 0) break;
    ShardIterator = page.NextShardIterator;
    await sleep(20);
  }
  return records;
}

async function withStream(shards, body) {
  const name = `js-${randomUUID().slice(0, 12)}`;
  await send('CreateStream', { StreamName: name, ShardCount: shards });
  try {
    await body(name, await waitActive(name));
  } finally {
    await send('DeleteStream', { StreamName: name, EnforceConsumerDeletion: true });
  }
}

// Each acknowledged record is where it was said to be, once, and in the writer's order.
function check(ledger, shards, byShard) {
  const places = new Map();
  for (const [id, records] of byShard) {
    let last = -1n;
    for (const record of records) {
      const sequence = BigInt(record.SequenceNumber), payload = text(record.Data);
      assert(sequence > last, `${id}: ${sequence} after ${last}`);
      assert(!places.has(payload), `${payload} is there twice`);
      last = sequence;
      places.set(payload, { id, sequence });
    }
  }
  const parents = new Map(shards.map(
      (s) => [s.ShardId, [s.ParentShardId, s.AdjacentParentShardId].filter(Boolean)]));
  const descends = (id, from) =>
      parents.get(id).some((parent) => parent === from || descends(parent, from));
  for (const acknowledged of ledger) {
    let before;
    for (const { payload, id, sequence } of acknowledged) {
      assert.deepEqual(places.get(payload), { id, sequence }, `${payload} was acknowledged elsewhere`);
      assert(!before || (before.id === id ? before.sequence < sequence : descends(id, before.id)),
             `${payload} is out of order`);
      before = { id, sequence };
    }
  }
}

const cases = {
  async 'speaks HTTP/2'() {
    assert.equal(client.config.requestHandler.constructor.name, 'NodeHttp2Handler');
  },

  'creates, puts, gets and deletes': () => withStream(2, async (name, summary) => {
    assert.equal(summary.OpenShardCount, 2);
    const one = await send('PutRecord', {
      StreamName: name, Data: Buffer.from('one'), PartitionKey: 'k', ExplicitHashKey: '0' });
    assert.equal(one.ShardId, SHARD);
    const rest = await send('PutRecords', { StreamName: name, Records: [...Array(100).keys()].map(
        (i) => ({ Data: Buffer.from(`${i}`), PartitionKey: 'k', ExplicitHashKey: '0' })) });
    assert.equal(rest.FailedRecordCount, 0);
    const read = await readShard(name, SHARD);
    assert.deepEqual(read.map((r) => text(r.Data)), ['one', ...[...Array(100).keys()].map(String)]);
    assert(Math.abs(read[0].ApproximateArrivalTimestamp - Date.now()) < 60_000);
  }),

  async 'raises typed errors'() {
    await assert.rejects(send('DescribeStreamSummary', { StreamName: 'js-missing' }),
        (error) => error instanceof kinesis.ResourceNotFoundException &&
            /not found/.test(error.message) && Boolean(error.$metadata.requestId));
  },

  'subscribes to a shard': () => withStream(1, async (name, summary) => {
    const { Consumer } = await send('RegisterStreamConsumer',
                                    { StreamARN: summary.StreamARN, ConsumerName: 'c' });
    const { ConsumerARN } = Consumer;
    for (let i = 0; i < 200; i++) {
      const it = await send('DescribeStreamConsumer', { ConsumerARN });
      if (it.ConsumerDescription.ConsumerStatus === 'ACTIVE') break;
      await sleep(50);
    }
    const put = (data) => send('PutRecord', {
      StreamName: name, Data: Buffer.from(data), PartitionKey: 'k' });
    await put('before');
    const { EventStream } = await send('SubscribeToShard', {
      ConsumerARN, ShardId: SHARD, StartingPosition: { Type: 'TRIM_HORIZON' } });
    const seen = [];
    let sent = false;
    for await (const { SubscribeToShardEvent: event } of EventStream) {
      assert(event, 'an event of another kind');
      seen.push(...event.Records.map((r) => text(r.Data)));
      if (seen.length === 1 && !sent) {
        sent = true;
        await put('after');
      }
      if (seen.length >= 2) break;
    }
    assert.deepEqual(seen, ['before', 'after']);
  }),

  'reshards while writing and loses nothing': () => withStream(2, async (name) => {
    let stopped = false;
    const ledger = [[], [], [], []];
    const writers = ledger.map(async (acknowledged, writer) => {
      for (let i = 0; !stopped; i++) {
        const payload = `${writer}:${i}`;
        const answer = await send('PutRecord', {
          StreamName: name, Data: Buffer.from(payload), PartitionKey: `writer-${writer}` });
        acknowledged.push({ payload, id: answer.ShardId, sequence: BigInt(answer.SequenceNumber) });
        await sleep(5);
      }
    });
    try {
      for (const TargetShardCount of [4, 2, 3]) {
        await send('UpdateShardCount',
                   { StreamName: name, TargetShardCount, ScalingType: 'UNIFORM_SCALING' });
        await waitActive(name);
        await sleep(150);
      }
    } finally {
      stopped = true;
      await Promise.all(writers);
    }
    const { Shards } = await send('ListShards', { StreamName: name });
    const byShard = new Map();
    for (const { ShardId } of Shards) byShard.set(ShardId, await readShard(name, ShardId));
    assert(ledger.flat().length > 50);
    check(ledger, Shards, byShard);
  }),
};

let failed = false;
for (const [name, run] of Object.entries(cases)) {
  const late = new AbortController();
  const limit = sleep(60_000, undefined, { signal: late.signal }).then(
      () => { throw new Error('not done in 60 s'); });
  limit.catch(() => {});
  try {
    await Promise.race([run(), limit]);
    console.log(`ok ${name}`);
  } catch (error) {
    failed = true;
    console.log(`not ok ${name}: ${String(error.stack ?? error).split('\n').slice(0, 6).join(' | ')}`);
  } finally {
    late.abort();
  }
}
client.destroy();
process.exit(failed ? 1 : 0);
