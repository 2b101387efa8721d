#pragma once

#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "common/base/clock.h"
#include "common/base/status.h"
#include "common/json/value.h"

namespace millrace::resources {

// A hash key: 0 .. 2^128-1, as Kinesis splits it among shards.
struct HashKey {
  uint64_t high = 0;
  uint64_t low = 0;
  auto operator<=>(const HashKey&) const = default;
  static HashKey Max() { return {UINT64_MAX, UINT64_MAX}; }
  std::string ToDecimal() const;
  // Decimal without leading zeros, at most 39 digits and below 2^128.
  static std::optional<HashKey> FromDecimal(std::string_view text);
};

// One link of a shard's chain. The last one of an open shard is open.
struct MapExtent {
  uint64_t epoch = 0;
  std::string owner;  // the pod's name; "shard-0" on one machine
  bool encrypted = false;
  std::optional<uint64_t> end_index{};  // written down once the owner has sealed it and said so
  std::string volume{};  // of the owner's, that alone may open it; "": not known (designs/0004)
  bool lost = false;     // what there was from end_index on is given up, by a person's word
};

struct MapShard {
  uint32_t index = 0;  // shardId-%012d
  HashKey start;
  HashKey end;
  std::optional<uint32_t> parent{};
  std::optional<uint32_t> adjacent_parent{};
  WallMs created_ms = 0;
  std::optional<WallMs> closed_ms{};  // set: takes no writes any more
  std::vector<MapExtent> extents{};   // empty for a shard that was closed as it was made
};

struct MapConsumer {
  std::string name;
  std::string arn;
  WallMs created_ms = 0;
};

// All that the data plane has to know of one stream, and nothing of why: the spec of a ShardMap
// resource, changed by the operator alone, by compare-and-set; read by shard processes. A value.
struct ShardMap {
  uint64_t version = 0;          // rises with every change
  uint64_t serving_version = 0;  // the last that changed what is served; later ones only note ends
  uint64_t stream_uid = 0;       // of this incarnation; ExtentId::stream
  std::string stream_name;
  std::string stream_arn;
  std::string pool = "default";  // whose pods have its extents
  std::string pool_namespace;    // where that is; "": the release's
  bool deleting = false;  // refuse every call; extents are dropped when drop_after_ms has passed
  WallMs drop_after_ms = 0;
  bool on_demand = true;
  bool enforce_shard_limits = false;  // AWS's per-shard limits, in and out
  bool auto_distribution = false;     // RecordDistributionStrategy AUTO: partition keys are ignored
  bool encrypted = false;             // EncryptionType KMS
  std::string key_id;
  int32_t retention_hours = 24;
  int32_t max_record_kib = 1024;
  WallMs created_ms = 0;
  std::vector<std::string> shard_level_metrics;
  std::vector<MapShard> shards;  // by index, expired ones left out
  std::vector<MapConsumer> consumers;
  // Never go back, also when the shards they counted are gone from the map.
  uint32_t next_shard_index = 0;
  uint64_t last_epoch = 0;

  static Result<ShardMap> Parse(const json::Value& spec);
  json::Value ToValue() const;
};

std::string ShardIdName(uint32_t index);  // "shardId-000000000007"
std::optional<uint32_t> ParseShardId(std::string_view name);

// Sequence numbers, 186 bits as AWS's version 2: 2 | 36 bits epoch | 4 bits shard | 64 bits index |
// 8 bits 0 | 36 bits arrival second | 32 bits shard | 4 bits 2, in decimal (56 digits). Later
// extents sort after earlier ones because the epoch leads; clients that take the number apart (the
// KCL) find version and shard where they expect them. docs/formats/sequence_number.md.
struct SequenceNumber {
  uint64_t epoch = 0;
  uint32_t shard = 0;
  // Counts from 1: record i of the extent has i + 1. 0 stands before its first record (a shard's
  // StartingSequenceNumber), and an extent's end_index is its last record's (EndingSequenceNumber).
  uint64_t index = 0;
  int64_t arrival_s = 0;
  // Orders within a stream; the arrival takes no part in identity.
  std::string ToDecimal() const;
  static std::optional<SequenceNumber> FromDecimal(std::string_view text);
};

// Formats the numbers of consecutive records of one chunk, each by adding to the one before.
class SequenceNumberFormatter {
 public:
  SequenceNumberFormatter(uint64_t epoch, uint32_t shard, uint64_t first_index, int64_t arrival_s);
  static constexpr size_t kDigits = 56;
  // Writes kDigits characters and steps to the next index.
  void Next(char* out);

 private:
  static constexpr size_t kUpperDigits = 20;
  void WriteUpper();

  uint64_t limbs_[4];         // base 10^18, lowest first
  char upper_[kUpperDigits];  // the upper two as text, which a step seldom changes
};

}  // namespace millrace::resources
