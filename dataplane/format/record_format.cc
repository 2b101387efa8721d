#include "dataplane/format/record_format.h"

#include <algorithm>
#include <memory>

#include "common/base/check.h"
#include "common/codec/crc32.h"
#include "dataplane/disk/buffer_pool.h"
#include "dataplane/format/little_endian.h"

namespace millrace::storage {
namespace {

constexpr size_t kCrcAt = 0;
constexpr size_t kKeyAt = 4;
constexpr size_t kFlagsAt = 6;
constexpr size_t kDataAt = 8;
// The checksum covers everything after itself.
constexpr size_t kCrcBegin = 4;

constexpr size_t kFirstGrowth = 4096;
// From here on a copy costs more than the disk write that it would share.
constexpr size_t kPooledBytes = 96 * kKiB;

}  // namespace

void RecordBatch::RawBuffer::reserve(size_t bytes) {
  if (bytes > capacity) grow(0, bytes);
}

void RecordBatch::RawBuffer::grow(size_t used, size_t bytes) {
  size_t wanted = std::max({bytes, capacity + capacity / 2, kFirstGrowth});
  RawBuffer larger;
  if (wanted >= kPooledBytes) {
    auto buffer = BufferPool::Shared().Get(kBlockHeadroom + wanted);
    larger.data = buffer->data + kBlockHeadroom;
    larger.capacity = buffer->capacity - kBlockHeadroom;
    larger.owner = std::move(buffer);
  } else {
    std::shared_ptr<uint8_t[]> buffer(new uint8_t[wanted]);
    larger.data = buffer.get();
    larger.capacity = wanted;
    larger.owner = std::move(buffer);
  }
  if (used > 0) std::memcpy(larger.data, data, used);
  *this = std::move(larger);
}

uint8_t* RecordBatch::Begin(std::string_view key, size_t data_bytes_max) {
  CHECK(key.size() <= UINT16_MAX);
  CHECK(data_bytes_max <= UINT32_MAX);
  size_t end = size_ + EncodedRecordSize(key.size(), data_bytes_max);
  if (end > buffer_.capacity) buffer_.grow(size_, end);
  begun_at_ = size_;
  begun_key_ = key.size();
  uint8_t* at = buffer_.data + begun_at_;
  StoreLittle(at + kKeyAt, static_cast<uint16_t>(key.size()));
  StoreLittle(at + kFlagsAt, uint16_t{0});
  if (!key.empty()) std::memcpy(at + kRecordHeaderBytes, key.data(), key.size());
  return at + kRecordHeaderBytes + key.size();
}

void RecordBatch::End(size_t data_bytes) {
  size_t bytes = EncodedRecordSize(begun_key_, data_bytes);
  DCHECK(begun_at_ == size_ && begun_at_ + bytes <= buffer_.capacity);
  uint8_t* at = buffer_.data + begun_at_;
  StoreLittle(at + kDataAt, static_cast<uint32_t>(data_bytes));
  StoreLittle(at + kCrcAt, codec::Crc32c(at + kCrcBegin, bytes - kCrcBegin));
  size_ = begun_at_ + bytes;
  ++count_;
  payload_bytes_ += begun_key_ + data_bytes;
}

void RecordBatch::Abandon() { begun_key_ = 0; }

void RecordBatch::Add(std::string_view key, std::string_view data) {
  uint8_t* at = Begin(key, data.size());
  if (!data.empty()) std::memcpy(at, data.data(), data.size());
  End(data.size());
}

Slice RecordBatch::Take() {
  Slice taken(std::move(buffer_.owner), buffer_.data, size_);
  buffer_ = RawBuffer();
  size_ = 0;
  count_ = 0;
  payload_bytes_ = 0;
  return taken;
}

std::optional<RecordView> RecordReader::Next(bool verify_checksum) {
  if (at_ == end_ || corrupt_) return std::nullopt;
  auto left = static_cast<size_t>(end_ - at_);
  if (left < kRecordHeaderBytes) {
    corrupt_ = true;
    return std::nullopt;
  }
  size_t key = LoadLittle<uint16_t>(at_ + kKeyAt);
  size_t data = LoadLittle<uint32_t>(at_ + kDataAt);
  size_t bytes = EncodedRecordSize(key, data);
  if (bytes > left || (verify_checksum && codec::Crc32c(at_ + kCrcBegin, bytes - kCrcBegin) !=
                                              LoadLittle<uint32_t>(at_ + kCrcAt))) {
    corrupt_ = true;
    return std::nullopt;
  }
  const char* text = reinterpret_cast<const char*>(at_) + kRecordHeaderBytes;
  at_ += bytes;
  return RecordView{{text, key}, {text + key, data}};
}

}  // namespace millrace::storage
