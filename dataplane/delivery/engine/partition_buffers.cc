#include "dataplane/delivery/engine/partition_buffers.h"

#include <algorithm>

namespace millrace::delivery {

namespace {

using KeyViews = std::vector<std::pair<std::string_view, std::string_view>>;

void AppendKey(const KeyViews& keys, std::string& out) {
  for (const auto& [name, value] : keys) {
    out += name;
    out += '\0';
    out += value;
    out += '\0';
  }
}

PartitionKeys Copied(const KeyViews& keys) {
  PartitionKeys out;
  for (const auto& [name, value] : keys) out.emplace_back(name, value);
  return out;
}

}  // namespace

bool PartitionBuffers::Add(const Record& record, std::string_view error_output_type,
                           const std::shared_ptr<Receipt>& receipt, MonoTime now) {
  key_ = error_output_type;
  key_ += '\0';
  AppendKey(record.query_keys, key_);
  key_ += '\0';
  AppendKey(record.function_keys, key_);
  auto at = open_.find(std::string_view(key_));
  if (at == open_.end()) {
    if (open_.size() >= limits_.partitions_max) return false;
    Bundle bundle;
    bundle.partition = {Copied(record.query_keys), Copied(record.function_keys),
                        std::string(error_output_type)};
    bundle.opened = now;
    memory_bytes_ += bundle.records.memory_bytes();
    order_.emplace_back(now, key_);
    at = open_.emplace(key_, std::move(bundle)).first;
  }
  Bundle& bundle = at->second;
  const size_t before = bundle.records.memory_bytes();
  bundle.records.Add(record);
  memory_bytes_ += bundle.records.memory_bytes() - before;
  if (bundle.receipts.empty() || bundle.receipts.back() != receipt)
    bundle.receipts.push_back(receipt);
  if (bundle.records.data_bytes() >= limits_.bundle_bytes) full_.push_back(TakeOpen(at));
  return true;
}

// Moves it out; its bytes still count.
Bundle PartitionBuffers::TakeOpen(Bundles::iterator at) {
  Bundle bundle = std::move(at->second);
  open_.erase(at);
  return bundle;
}

void PartitionBuffers::Forget(const Bundle& bundle) {
  memory_bytes_ -= bundle.records.memory_bytes();
  spilled_bytes_ -= bundle.records.spilled_bytes();
}

void PartitionBuffers::DropGone() {
  while (!order_.empty()) {
    const auto at = open_.find(std::string_view(order_.front().second));
    if (at != open_.end() && at->second.opened == order_.front().first) return;
    order_.pop_front();
  }
}

PartitionBuffers::Bundles::iterator PartitionBuffers::Largest() {
  return std::max_element(open_.begin(), open_.end(), [](const auto& a, const auto& b) {
    return a.second.records.memory_bytes() < b.second.records.memory_bytes();
  });
}

std::optional<Bundle> PartitionBuffers::Take(MonoTime now, bool any) {
  std::optional<Bundle> out;
  DropGone();
  if (!full_.empty()) {
    out = std::move(full_.front());
    full_.pop_front();
  } else if (!order_.empty() && (any || now - order_.front().first >= limits_.interval)) {
    out = TakeOpen(open_.find(std::string_view(order_.front().second)));
    order_.pop_front();
  } else if (is_full() && !open_.empty()) {
    out = TakeOpen(Largest());
  }
  if (out) Forget(*out);
  return out;
}

std::optional<MonoTime> PartitionBuffers::NextDue() const {
  if (!full_.empty() || is_full()) return MonoTime::min();
  // An entry at the front that is gone says too early a time, and one look more is made.
  if (order_.empty() || open_.empty()) return std::nullopt;
  return order_.front().first + limits_.interval;
}

WallMs PartitionBuffers::OldestArrival() const {
  WallMs oldest = 0;
  auto count = [&](const Bundle& bundle) {
    const WallMs arrival = bundle.records.oldest_arrival_ms();
    if (oldest == 0 || arrival < oldest) oldest = arrival;
  };
  for (const auto& [key, bundle] : open_) count(bundle);
  for (const Bundle& bundle : full_) count(bundle);
  return oldest;
}

Status PartitionBuffers::Spill() {
  if (!is_full()) return OkStatus();
  std::vector<RecordStore*> stores;
  for (auto& [key, bundle] : open_) stores.push_back(&bundle.records);
  for (Bundle& bundle : full_) stores.push_back(&bundle.records);
  std::sort(stores.begin(), stores.end(), [](const RecordStore* a, const RecordStore* b) {
    return a->memory_bytes() > b->memory_bytes();
  });
  for (RecordStore* store : stores) {
    // Down to three quarters, so that not every batch spills a little.
    if (memory_bytes_ <= limits_.memory_bytes_max / 4 * 3) break;
    if (spilled_bytes_ >= limits_.spill_bytes_max) break;
    const size_t memory = store->memory_bytes();
    const size_t spilled = store->spilled_bytes();
    const Status written = store->Spill(limits_.spill_folder);
    memory_bytes_ -= memory - store->memory_bytes();
    spilled_bytes_ += store->spilled_bytes() - spilled;
    RETURN_IF_ERROR(written);
  }
  return OkStatus();
}

}  // namespace millrace::delivery
