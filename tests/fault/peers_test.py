"""Several shard processes as one service: kill -9 of one, a pause of one, heads moved under load. Every record that
was acknowledged is read back once, in order, through any process. MILLRACE_ROUNDS says how often (default 6),
MILLRACE_SEED makes it the same again."""

import os
import random
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import kinesis
from patience import patient
from pods import Operator, Pods
from workload import CALL, Tail, Workload, identified

ROUNDS = int(os.environ.get("MILLRACE_ROUNDS", "6"))
SEED = int(os.environ.get("MILLRACE_SEED", str(random.randrange(2**31))))
STREAM = "orders"
SHARDS = 6
GOES_ON_S = 3.0


class AnyPod:
    """A client that calls another process each time."""

    def __init__(self, endpoints, seed, **options):
        self._clients = [kinesis.make_client(endpoint, **{**CALL, **options}) for endpoint in endpoints]
        self._choose = random.Random(seed)

    def __getattr__(self, name):
        return lambda **arguments: getattr(self._choose.choice(self._clients), name)(**arguments)


class PeersWorkload(Workload):
    """Writers through random processes; counts entries of PutRecords that failed, too."""

    def __init__(self, pods, seed, stream=STREAM, **options):
        super().__init__(pods.endpoint(pods.names[0]), stream, seed, **options)
        self._client = self
        self._any = AnyPod(pods.endpoints(), seed)
        self.failed_entries = 0

    def put_record(self, **arguments):
        return self._any.put_record(**arguments)

    def put_records(self, **arguments):
        answer = self._any.put_records(**arguments)
        self.failed_entries += answer["FailedRecordCount"]
        return answer


class AnyTail(Tail):
    """A reader through random processes."""

    def __init__(self, pods, shard_id, seed):
        super().__init__(pods.endpoint(pods.names[0]), STREAM, shard_id)
        self._client = AnyPod(pods.endpoints(), seed)


class Subscriber:
    """SubscribeToShard at one process, again whenever it ends; keeps what came."""

    def __init__(self, endpoint, consumer_arn, shard_id):
        self._client = kinesis.make_client(endpoint, **CALL)
        self._arn, self._shard_id = consumer_arn, shard_id
        self.records = []
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._stop.set()
        self._thread.join()

    def _position(self):
        if not self.records:
            return {"Type": "TRIM_HORIZON"}
        return {"Type": "AFTER_SEQUENCE_NUMBER", "SequenceNumber": self.records[-1]["SequenceNumber"]}

    def _run(self):
        while not self._stop.is_set():
            try:
                stream = self._client.subscribe_to_shard(ConsumerARN=self._arn, ShardId=self._shard_id,
                                                         StartingPosition=self._position())["EventStream"]
                for event in stream:
                    self.records += event["SubscribeToShardEvent"]["Records"]
                    if self._stop.is_set():
                        return
            except Exception:  # the process is away
                time.sleep(0.2)


def read_all(pods, operator, seed):
    client = AnyPod(pods.endpoints(), seed, retries={"mode": "standard", "max_attempts": 5})
    by_shard = {}
    for shard_id in operator.shard_ids():
        by_shard[shard_id] = identified(kinesis.read_from(client, kinesis.iterator(client, operator.stream, shard_id)))
    return by_shard


def check(pods, operator, workload, tails=(), subscribers=()):
    operator.note_ends()
    operator.await_applied(pods.names)
    by_shard = read_all(pods, operator, SEED)
    shards = [{"ShardId": shard_id} for shard_id in operator.shard_ids()]
    faults = workload.ledger.faults(shards, by_shard)
    for tail in tails:
        faults += tail.faults(by_shard)
    for subscriber in subscribers:
        mine = identified(subscriber.records)
        if mine != by_shard[subscriber._shard_id][:len(mine)]:
            faults.append(f"a subscriber saw {len(mine)} records in another order")
    attempted, acknowledged = workload.ledger.counts()
    print(f"seed {SEED}: {attempted} attempted, {acknowledged} acknowledged, failures {workload.failures}, "
          f"failed entries {workload.failed_entries}, version {operator.map['version']}")
    assert not faults, f"seed {SEED}: {faults[:5]} ({len(faults)} in all)"
    assert acknowledged > 100


def test_heads_move_under_load_and_no_request_fails():
    with Pods() as pods:
        operator = Operator(pods, STREAM, SHARDS, SEED)
        operator.await_applied(pods.names)
        choose = random.Random(SEED)
        shard_ids = operator.shard_ids()
        with AnyTail(pods, shard_ids[0], SEED) as tail, \
                Subscriber(pods.endpoint("shard-1"), operator.consumer_arn, shard_ids[1]) as subscriber, \
                PeersWorkload(pods, SEED, single=4, batch=3) as workload:
            for _ in range(4 * ROUNDS):
                time.sleep(choose.uniform(0.02, 0.4))
                moved = choose.sample(range(SHARDS), choose.randint(1, SHARDS))
                operator.move({shard: choose.choice(pods.names) for shard in moved})
                if choose.random() < 0.3:
                    operator.note_ends()
            time.sleep(0.3)
            workload.stop()
        assert not workload.failures, workload.failures
        assert workload.failed_entries == 0
        assert subscriber.records, "nothing came to the subscriber"
        check(pods, operator, workload, [tail], [subscriber])


def test_a_drained_pod_is_stopped_and_started_and_no_request_fails():
    """What an upgrade does: all heads away, until all are sealed; then the process goes and comes back."""
    with Pods() as pods:
        operator = Operator(pods, STREAM, SHARDS, SEED)
        operator.await_applied(pods.names)
        # Clients that retry, as SDKs do: one connection attempt may meet the port that is closed.
        with PeersWorkload(pods, SEED, single=4, batch=3) as workload:
            for name in pods.names:
                others = [other for other in pods.names if other != name]
                workload._any = AnyPod([pods.endpoint(other) for other in others], SEED)
                time.sleep(0.3)  # calls that are at it end there
                operator.empty(name, others)
                operator.await_applied(pods.names)
                assert name not in operator.heads().values()
                pods.stop(name)
                time.sleep(0.3)
                pods.start(name)
                operator.note_ends()
            workload.stop()
        assert not workload.failures, workload.failures
        assert workload.failed_entries == 0
        check(pods, operator, workload)


def test_a_killed_pods_heads_reopen_elsewhere_and_nothing_is_lost():
    with Pods() as pods:
        operator = Operator(pods, STREAM, SHARDS, SEED)
        operator.await_applied(pods.names)
        choose = random.Random(SEED)
        shard_ids = operator.shard_ids()
        with AnyTail(pods, shard_ids[0], SEED) as tail, AnyTail(pods, shard_ids[1], SEED) as other, \
                Subscriber(pods.endpoint("shard-2"), operator.consumer_arn, shard_ids[2]) as subscriber, \
                PeersWorkload(pods, SEED, single=4, batch=3) as workload:
            for _ in range(ROUNDS):
                time.sleep(choose.uniform(0.1, 0.6))
                name = choose.choice(pods.names)
                others = [one for one in pods.names if one != name]
                pods.kill(name)
                time.sleep(choose.uniform(0, 0.3))
                operator.empty(name, others)
                assert workload.goes_on(GOES_ON_S) is not None, f"seed {SEED}: writes stopped when {name} died"
                time.sleep(choose.uniform(0.1, 0.6))
                pods.start(name)
                operator.note_ends()
                if choose.random() < 0.7:
                    operator.move({shard: name for shard in choose.sample(range(SHARDS), 2)})
            time.sleep(0.3)
            workload.stop()
        check(pods, operator, workload, [tail, other], [subscriber])


def test_a_killed_pod_that_comes_back_before_anybody_moves_its_heads_loses_nothing():
    with Pods() as pods:
        operator = Operator(pods, STREAM, SHARDS, SEED)
        operator.await_applied(pods.names)
        choose = random.Random(SEED)
        with PeersWorkload(pods, SEED, single=4, batch=3) as workload:
            for _ in range(ROUNDS):
                time.sleep(choose.uniform(0.1, 0.5))
                name = choose.choice(pods.names)
                pods.kill(name)
                pods.start(name)
                assert workload.goes_on(GOES_ON_S) is not None
            workload.stop()
        check(pods, operator, workload)


def test_a_pod_that_hangs_while_its_heads_move_loses_nothing_and_doubles_nothing():
    with Pods() as pods:
        operator = Operator(pods, STREAM, SHARDS, SEED)
        operator.await_applied(pods.names)
        choose = random.Random(SEED)
        with PeersWorkload(pods, SEED, single=4, batch=3) as workload:
            for _ in range(max(2, ROUNDS // 3)):
                time.sleep(choose.uniform(0.2, 0.5))
                name = choose.choice(pods.names)
                pods.pause(name)
                time.sleep(choose.uniform(0, 0.3))
                operator.empty(name, [one for one in pods.names if one != name])
                time.sleep(choose.uniform(1, 5))
                pods.go_on(name)
                assert workload.goes_on(GOES_ON_S) is not None
            time.sleep(0.5)
            workload.stop()
        check(pods, operator, workload)


def test_a_pod_that_stood_still_takes_no_write_behind_those_who_took_its_heads():
    """Puts lie in its sockets when it goes on; others have acknowledged later places of the shard meanwhile."""
    with Pods() as pods:
        operator = Operator(pods, STREAM, SHARDS, SEED)
        operator.await_applied(pods.names)
        still, others = pods.names[0], pods.names[1:]
        by_others = AnyPod([pods.endpoint(name) for name in others], SEED, retries={"mode": "standard", "max_attempts": 5})
        by_still = kinesis.make_client(pods.endpoint(still), **{**CALL, "max_pool_connections": 16})
        for _ in range(max(3, ROUNDS // 2)):
            operator.move({0: still})
            operator.await_applied(pods.names)
            put = {"StreamName": STREAM, "Data": b"x", "PartitionKey": "k", "ExplicitHashKey": "0"}
            by_still.put_record(**put)
            pods.pause(still)
            operator.empty(still, others)
            before = int(by_others.put_record(**put)["SequenceNumber"])
            with ThreadPoolExecutor(16) as threads:
                waiting = [threads.submit(by_still.put_record, **put) for _ in range(16)]
                time.sleep(0.1)
                pods.go_on(still)
                taken = [int(one.result()["SequenceNumber"]) for one in waiting if one.exception() is None]
            assert all(sequence > before for sequence in taken), f"seed {SEED}: {sorted(taken)[0]} after {before}"
            operator.await_applied(pods.names)


def test_every_stream_is_reached_through_the_pods_of_another_pool_and_the_loss_of_a_pool_is_its_own():
    """Two pools, each of which has a stream; `slow` has one pod, whose death is the loss of its pool."""
    fast, slow = ["fast-0", "fast-1"], ["slow-0"]
    with Pods(names=fast + slow) as pods:
        orders = Operator(pods, STREAM, SHARDS, SEED, names=fast)
        audit = Operator(pods, "audit", 2, SEED, uid=8, names=slow)
        for operator in (orders, audit):
            operator.await_applied(pods.names)
        with PeersWorkload(pods, SEED, single=3, batch=2) as on_orders, \
                PeersWorkload(pods, SEED + 1, stream="audit", single=2, batch=1) as on_audit, \
                Subscriber(pods.endpoint("fast-1"), audit.consumer_arn, audit.shard_ids()[0]) as subscriber:
            time.sleep(1.0)
            assert not on_orders.failures and not on_audit.failures, (on_orders.failures, on_audit.failures)
            on_audit._any = AnyPod([pods.endpoint(name) for name in fast], SEED)
            on_orders._any = AnyPod([pods.endpoint(name) for name in fast], SEED)
            time.sleep(0.3)
            pods.kill("slow-0")
            refused(pods.endpoint("fast-0"), "audit")
            before = on_orders.ledger.counts()[1]
            time.sleep(1.0)
            assert on_orders.ledger.counts()[1] > before + 50, "the other pool's writes were held up"
            pods.start("slow-0")
            assert on_audit.goes_on(GOES_ON_S + 5) is not None
            time.sleep(0.5)
            on_orders.stop()
            on_audit.stop()
        assert not on_orders.failures and on_orders.failed_entries == 0
        assert subscriber.records, "nothing came to the subscriber through the other pool"
        check(pods, orders, on_orders)
        check(pods, audit, on_audit, subscribers=[subscriber])


def refused(endpoint, stream):
    """A put to a pool that is away ends soon, with what SDKs try again."""
    client = kinesis.make_client(endpoint, **{**CALL, "retries": {"total_max_attempts": 1}, "read_timeout": 10})
    began = time.monotonic()
    answer = client.put_records(StreamName=stream, Records=[{"Data": b"x", "PartitionKey": "k"}])
    assert answer["Records"][0]["ErrorCode"] == "InternalFailure", answer
    try:
        client.put_record(StreamName=stream, Data=b"x", PartitionKey="k")
        raise AssertionError("a put to a pool that is away was acknowledged")
    except client.exceptions.ClientError as error:
        assert error.response["ResponseMetadata"]["HTTPStatusCode"] >= 500, error.response
    assert time.monotonic() - began < patient(12)
