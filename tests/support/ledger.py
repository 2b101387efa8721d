"""What writers were told, against what readers find: nothing acknowledged is lost, doubled or moved."""

import threading


class Ledger:
    """Any thread. `attempt` before each put, `acknowledge` once its answer is here. A payload is used
    for one put only and the client must not retry by itself, so that whatever was not acknowledged may
    be there once or not at all, and what was acknowledged is there exactly once, where it was said to
    be."""

    def __init__(self):
        self._lock = threading.Lock()
        self._attempted = set()
        self._acknowledged = {}  # payload -> (shard, sequence number)
        self._order = {}         # writer -> payloads in the order of acknowledgement

    def attempt(self, payload):
        with self._lock:
            assert payload not in self._attempted, f"{payload!r} was used before"
            self._attempted.add(payload)

    def acknowledge(self, writer, payload, shard_id, sequence_number):
        with self._lock:
            self._acknowledged[payload] = (shard_id, int(sequence_number))
            if writer is not None:
                self._order.setdefault(writer, []).append(payload)

    def counts(self):
        with self._lock:
            return len(self._attempted), len(self._acknowledged)

    def by_shard(self):
        """{shard id: [(sequence number, payload)]} of what was acknowledged, in order."""
        found = {}
        with self._lock:
            for payload, (shard_id, sequence) in self._acknowledged.items():
                found.setdefault(shard_id, []).append((sequence, payload))
        return {shard_id: sorted(records) for shard_id, records in found.items()}

    def faults(self, shards, by_shard):
        """Every promise that does not hold, in words; none if all is well. `shards` as ListShards
        gives them, `by_shard` {shard id: records in reading order}. Call it when the writers are
        done. A writer that puts one record after another under one key also has its order checked
        (writer None: not): within a shard by sequence number, across shards by lineage."""
        with self._lock:
            places, faults = self._places(by_shard)
            faults += self._lost(places)
            faults += self._out_of_order(_ancestors(shards))
            return faults

    def _places(self, by_shard):
        places, faults = {}, []
        for shard_id, records in by_shard.items():
            last = -1
            for record in records:
                sequence, payload = int(record["SequenceNumber"]), record["Data"]
                if sequence <= last:
                    faults.append(f"{shard_id}: {sequence} read after {last}")
                last = sequence
                if payload in places:
                    faults.append(f"{payload[:40]!r} is at {places[payload]} and {(shard_id, sequence)}")
                if payload not in self._attempted:
                    faults.append(f"{shard_id}/{sequence}: nobody wrote {payload[:40]!r}")
                places[payload] = (shard_id, sequence)
        return places, faults

    def _lost(self, places):
        faults = []
        for payload, place in self._acknowledged.items():
            if payload not in places:
                faults.append(f"lost: {payload[:40]!r} was acknowledged at {place}")
            elif places[payload] != place:
                faults.append(f"{payload[:40]!r} is at {places[payload]}, was acknowledged at {place}")
        return faults

    def _out_of_order(self, ancestors):
        faults = []
        for writer, payloads in self._order.items():
            for before, after in zip(payloads, payloads[1:]):
                (shard_a, sequence_a), (shard_b, sequence_b) = (self._acknowledged[before],
                                                               self._acknowledged[after])
                in_order = (sequence_a < sequence_b if shard_a == shard_b
                            else shard_a in ancestors.get(shard_b, ()))
                if not in_order:
                    faults.append(f"{writer}: {after[:40]!r} at {(shard_b, sequence_b)} does not follow "
                                  f"{before[:40]!r} at {(shard_a, sequence_a)}")
        return faults


def _ancestors(shards):
    parents = {shard["ShardId"]: [shard[key] for key in ("ParentShardId", "AdjacentParentShardId")
                                  if key in shard] for shard in shards}

    def walk(shard_id):
        found = set()
        waiting = list(parents.get(shard_id, ()))
        while waiting:
            parent = waiting.pop()
            if parent not in found:
                found.add(parent)
                waiting += parents.get(parent, ())
        return found

    return {shard_id: walk(shard_id) for shard_id in parents}
