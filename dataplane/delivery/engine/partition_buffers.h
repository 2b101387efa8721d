#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "common/base/clock.h"
#include "dataplane/delivery/engine/record_store.h"
#include "dataplane/delivery/model/receipt.h"

namespace millrace::delivery {

// The values that a prefix is evaluated with, for all records of one bundle.
using PartitionKeys = std::vector<std::pair<std::string, std::string>>;
struct Partition {
  PartitionKeys query_keys{};
  PartitionKeys function_keys{};
  std::string error_output_type{};  // of the error output's own bundles
};

// What is delivered together: the records of one partition up to a moment.
struct Bundle {
  Partition partition;
  RecordStore records;
  // Of every batch that a record came from, each once in a row.
  std::vector<std::shared_ptr<Receipt>> receipts;
  MonoTime opened{};  // when the first record came

  // Gives the records up undelivered: their source stays where it is.
  void Fail() const {
    for (const auto& receipt : receipts) receipt->Fail();
  }
};

struct BufferLimits {
  size_t bundle_bytes = 5 << 20;  // of data: a bundle that has so much is full
  Duration interval{};            // a bundle that is older is due; nought: at once
  size_t partitions_max = 500;
  size_t memory_bytes_max = 256 << 20;
  size_t spill_bytes_max = size_t{8} << 30;
  std::string spill_folder{};
};

// The bundles of one outlet, an open one a partition, and those that are full. Over
// `memory_bytes_max` the largest ones are spilled; a bundle belongs here until somebody takes it.
// One thread at a time.
class PartitionBuffers {
 public:
  explicit PartitionBuffers(BufferLimits limits) : limits_(std::move(limits)) {}

  // The record's partition keys and `error_output_type` say which bundle it goes to. False where it
  // would open one partition more than there may be.
  bool Add(const Record& record, std::string_view error_output_type,
           const std::shared_ptr<Receipt>& receipt, MonoTime now);
  // The next bundle to deliver: a full one, or the oldest that is due, with `any` whether it is due
  // or not. While is_full, the largest one, since something has to go.
  std::optional<Bundle> Take(MonoTime now, bool any);
  // When Take will have something if nothing is added; nullopt: never.
  std::optional<MonoTime> NextDue() const;
  // Keeps to the memory's limit, as far as the spill's limit allows. Fails where the volume is
  // full: then nothing was lost.
  Status Spill();

  // No room for more: the source has to wait until something was delivered.
  bool is_full() const { return memory_bytes_ > limits_.memory_bytes_max; }
  bool is_empty() const { return open_.empty() && full_.empty(); }
  size_t partition_count() const { return open_.size(); }
  size_t bundle_count() const { return open_.size() + full_.size(); }
  size_t memory_bytes() const { return memory_bytes_; }
  size_t spilled_bytes() const { return spilled_bytes_; }
  // Of everything in here; 0: there is nothing.
  WallMs OldestArrival() const;

 private:
  struct Hash {
    using is_transparent = void;
    size_t operator()(std::string_view text) const { return std::hash<std::string_view>()(text); }
  };
  // By names and values of the partition keys.
  using Bundles = std::unordered_map<std::string, Bundle, Hash, std::equal_to<>>;
  Bundle TakeOpen(Bundles::iterator at);
  Bundles::iterator Largest();
  void Forget(const Bundle& bundle);
  // The front of `order_` is a bundle that is still open.
  void DropGone();

  const BufferLimits limits_;
  Bundles open_;
  std::deque<Bundle> full_;
  // Open bundles in the order that they were opened and so fall due; those that are gone are left
  // in until they come to the front.
  std::deque<std::pair<MonoTime, std::string>> order_;
  std::string key_;  // of the record at hand
  size_t memory_bytes_ = 0;
  size_t spilled_bytes_ = 0;
};

}  // namespace millrace::delivery
