#pragma once

#include <compare>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "common/base/bytes.h"
#include "common/base/clock.h"

namespace millrace::storage {

// The name of an extent: which stream (its incarnation, so that a stream deleted and made again
// shares nothing), which of its shards, and the epoch, which rises along a shard's chain and from
// parents to children. An epoch is never used twice in a stream.
struct ExtentId {
  uint64_t stream = 0;
  uint32_t shard = 0;
  uint64_t epoch = 0;  // < 2^36: it leads the sequence number
  auto operator<=>(const ExtentId&) const = default;
};

struct ExtentIdHash {
  size_t operator()(const ExtentId& id) const {
    uint64_t h = id.stream * 0x9e3779b97f4a7c15ULL ^ (uint64_t{id.shard} << 32 | id.epoch);
    return static_cast<size_t>(h ^ (h >> 29));
  }
};

// No extent comes near it; an index past it is not one that was written.
constexpr uint64_t kIndexMax = uint64_t{1} << 62;

// Consecutive records of one extent that arrived together: `count` encoded records
// (record_format.h) of which the first has index `first_index`. Immutable, shared.
struct Chunk {
  uint64_t first_index = 0;
  uint32_t count = 0;
  WallMs arrival_ms = 0;  // not before that of the chunk before it
  Slice records;          // plain text, also where the extent is encrypted
};

struct ExtentInfo {
  ExtentId id;
  uint64_t begin_index = 0;  // the oldest record kept
  uint64_t end_index = 0;    // one past the last durable record
  bool sealed = false;       // then end_index is the extent's end for good
  bool encrypted = false;
  WallMs first_arrival_ms = 0;
  WallMs last_arrival_ms = 0;
  uint64_t bytes = 0;         // in the log, live
  uint64_t lost_records = 0;  // quarantined: corrupt, never served
};

}  // namespace millrace::storage
