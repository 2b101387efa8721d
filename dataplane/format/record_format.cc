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
// Records up to this are put together where this CPU has them at hand, then written past its caches
// into a pooled buffer, which was last used long ago.
constexpr size_t kScratchBytes = 32 * kKiB;
// A key up to this is put together with its record's head.
constexpr size_t kHeadKeyMax = 256;

uint8_t* ThreadScratch() {
  thread_local const std::unique_ptr<uint8_t[]> scratch(new uint8_t[kScratchBytes]);
  return scratch.get();
}

// All of a record's head but the checksum, and the key.
void StoreHead(std::string_view key, size_t data_bytes, uint8_t* at) {
  StoreLittle(at + kKeyAt, static_cast<uint16_t>(key.size()));
  StoreLittle(at + kFlagsAt, uint16_t{0});
  StoreLittle(at + kDataAt, static_cast<uint32_t>(data_bytes));
  if (!key.empty()) std::memcpy(at + kRecordHeaderBytes, key.data(), key.size());
}

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
    larger.pooled = true;
  } else {
    std::shared_ptr<uint8_t[]> buffer(new uint8_t[wanted]);
    larger.data = buffer.get();
    larger.capacity = wanted;
    larger.owner = std::move(buffer);
  }
  if (used > 0) std::memcpy(larger.data, data, used);
  *this = std::move(larger);
}

void RecordBatch::MakeRoom(size_t bytes) {
  if (size_ + bytes <= buffer_.capacity) return;
  CloseLine();
  buffer_.grow(size_, size_ + bytes);
}

void RecordBatch::Write(const void* bytes, size_t size) {
  if (!line_.is_open()) line_.Open(buffer_.data, size_);
  line_.Write(bytes, size);
}

void RecordBatch::CloseLine() {
  if (line_.is_open()) line_.Close();
}

void RecordBatch::Count(size_t key_bytes, size_t data_bytes, uint32_t crc) {
  const size_t bytes = EncodedRecordSize(key_bytes, data_bytes);
  uint8_t stored[kCrcBegin];
  StoreLittle(stored, crc);
  crc_ = codec::Crc32cCombine(codec::Crc32c(stored, kCrcBegin, crc_), crc, bytes - kCrcBegin);
  size_ += bytes;
  ++count_;
  payload_bytes_ += key_bytes + data_bytes;
}

uint8_t* RecordBatch::Begin(std::string_view key, size_t data_bytes_max) {
  CHECK(key.size() <= UINT16_MAX);
  CHECK(data_bytes_max <= UINT32_MAX);
  const size_t bytes_max = EncodedRecordSize(key.size(), data_bytes_max);
  MakeRoom(bytes_max);
  if (buffer_.pooled && bytes_max <= kScratchBytes) {
    begun_ = ThreadScratch();
  } else {
    CloseLine();
    begun_ = buffer_.data + size_;
  }
  begun_key_ = key.size();
  StoreHead(key, 0, begun_);
  return begun_ + kRecordHeaderBytes + key.size();
}

void RecordBatch::End(size_t data_bytes) {
  const size_t bytes = EncodedRecordSize(begun_key_, data_bytes);
  DCHECK(begun_ != nullptr && size_ + bytes <= buffer_.capacity);
  StoreLittle(begun_ + kDataAt, static_cast<uint32_t>(data_bytes));
  const uint32_t crc = codec::Crc32c(begun_ + kCrcBegin, bytes - kCrcBegin);
  StoreLittle(begun_ + kCrcAt, crc);
  if (begun_ != buffer_.data + size_) Write(begun_, bytes);
  Count(begun_key_, data_bytes, crc);
  begun_ = nullptr;
}

void RecordBatch::Abandon() { begun_ = nullptr; }

void RecordBatch::Add(std::string_view key, std::string_view data) {
  MakeRoom(EncodedRecordSize(key.size(), data.size()));
  if (!buffer_.pooled || key.size() > kHeadKeyMax) {
    uint8_t* at = Begin(key, data.size());
    if (!data.empty()) std::memcpy(at, data.data(), data.size());
    return End(data.size());
  }
  // The checksum is made of the data where it comes from, which was read a moment ago.
  CHECK(data.size() <= UINT32_MAX);
  uint8_t head[kRecordHeaderBytes + kHeadKeyMax];
  const size_t head_bytes = kRecordHeaderBytes + key.size();
  StoreHead(key, data.size(), head);
  uint32_t crc = codec::Crc32c(head + kCrcBegin, head_bytes - kCrcBegin);
  crc = codec::Crc32c(data.data(), data.size(), crc);
  StoreLittle(head + kCrcAt, crc);
  Write(head, head_bytes);
  Write(data.data(), data.size());
  Count(key.size(), data.size(), crc);
}

Slice RecordBatch::Take() {
  CloseLine();
  Slice taken(std::move(buffer_.owner), buffer_.data, size_);
  buffer_ = RawBuffer();
  size_ = 0;
  crc_ = 0;
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
