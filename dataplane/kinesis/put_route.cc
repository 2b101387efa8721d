#include <cstring>

#include "common/base/random.h"
#include "common/codec/base64.h"
#include "common/codec/digest.h"
#include "dataplane/kinesis/put_call.h"

namespace millrace::kinesis {

using resources::HashKey;
using shard::ShardView;

namespace {

// Base64 is decoded in blocks: the last record may need this much more room than its data.
constexpr size_t kDecodeSlack = 8;

// Kept by each thread so that a call of 500 records allocates for none of them.
struct Scratch {
  std::vector<std::string_view> keys;
  std::vector<codec::Md5Digest> digests;
  // Batch by place of the shard in its view, those over their rate in the second half.
  std::vector<uint32_t> batch_of_slot;
};

constexpr uint32_t kNoBatch = UINT32_MAX;

Scratch& ThreadScratch() {
  thread_local Scratch scratch;
  return scratch;
}

uint64_t BigEndian(const uint8_t* bytes) {
  uint64_t value;
  std::memcpy(&value, bytes, sizeof(value));
  return __builtin_bswap64(value);
}

HashKey HashKeyOf(const codec::Md5Digest& digest) {
  return {BigEndian(digest.data()), BigEndian(digest.data() + 8)};
}

// Where records that say nothing of their place go: the whole call to one shard, the next call to
// another, so that batches stay whole and shards even.
const ShardView* AnyShard(const shard::StreamView& stream) {
  thread_local Random random(SecureRandom64());
  if (stream.open_count() == 0) return nullptr;
  return &stream.OpenAt(random.Below(stream.open_count()));
}

}  // namespace

const ShardView* PutCall::ShardOf(const ScannedRecord& record, const HashKey& hashed) const {
  if (record.explicit_hash_key.empty()) return stream_->OpenFor(hashed);
  return stream_->OpenFor(HashKey::FromDecimal(record.explicit_hash_key).value_or(HashKey{}));
}

uint32_t PutCall::BatchFor(const ShardView* shard, bool throttled,
                           std::vector<uint32_t>& batch_of_slot) {
  const auto next = static_cast<uint32_t>(batches_.size());
  if (shard == nullptr) {
    batches_.emplace_back(stream_, nullptr).status = Internal("no open shard takes this hash key");
    return next;
  }
  const auto& shards = stream_->shards();
  const size_t slot = static_cast<size_t>(shard - shards.data()) + (throttled ? shards.size() : 0);
  if (batch_of_slot[slot] == kNoBatch) {
    batch_of_slot[slot] = next;
    batches_.emplace_back(stream_, shard);
    if (throttled) batches_.back().status = Status(Code::kThrottled, "over the shard's rate");
  }
  return batch_of_slot[slot];
}

Status PutCall::Route(const std::vector<uint32_t>& entries, bool admit) {
  Scratch& scratch = ThreadScratch();
  scratch.keys.clear();
  for (const uint32_t i : entries) scratch.keys.push_back(put_.records[i].partition_key);
  scratch.digests.resize(entries.size());
  scratch.batch_of_slot.assign(2 * stream_->shards().size(), kNoBatch);
  const bool automatic = stream_->map().auto_distribution;
  if (!automatic) codec::Md5Many(scratch.keys, scratch.digests);
  const ShardView* const any = automatic ? AnyShard(*stream_) : nullptr;
  const bool limited = admit && !call_->is_internal && stream_->map().enforce_shard_limits;
  const MonoTime now = limited ? plane_.clock.Now() : MonoTime{};
  for (size_t n = 0; n < entries.size(); ++n) {
    const ScannedRecord& record = put_.records[entries[n]];
    const ShardView* shard = automatic ? any : ShardOf(record, HashKeyOf(scratch.digests[n]));
    const size_t bytes = record.partition_key.size() + record.data_size;
    // Of a shard that another pod takes the writes of, that pod has the limits.
    const bool throttled = limited && shard != nullptr && shard->head_elsewhere == nullptr &&
                           !shard->state->limits.AdmitRecord(bytes, now);
    const uint32_t number = BatchFor(shard, throttled, scratch.batch_of_slot);
    batch_of_[entries[n]] = number;
    PutBatch& batch = batches_[number];
    ++batch.count;
    batch.bytes_expected +=
        storage::EncodedRecordSize(record.partition_key.size(), record.data_size);
    batch.payload_bytes += bytes;
    if (throttled && shard->metrics.write_throttled != nullptr)
      shard->metrics.write_throttled->Add();
  }
  return Encode(entries);
}

Status PutCall::Encode(const std::vector<uint32_t>& entries) {
  for (const uint32_t i : entries) {
    const ScannedRecord& record = put_.records[i];
    PutBatch& batch = batches_[batch_of_[i]];
    if (!batch.status.ok()) continue;
    if (batch.records.count() == 0)
      batch.records = storage::RecordBatch(batch.bytes_expected + kDecodeSlack);
    if (raw_data_) {
      batch.records.Add(record.partition_key, record.data);
      continue;
    }
    uint8_t* at =
        batch.records.Begin(record.partition_key, codec::Base64DecodedSizeMax(record.data.size()));
    const std::optional<size_t> size = codec::Base64Decode(record.data, at);
    if (!size) return Internal("the scanner passed data that is not base64");
    batch.records.End(*size);
  }
  return OkStatus();
}

}  // namespace millrace::kinesis
