#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include "common/base/bytes.h"
#include "dataplane/format/line_writer.h"

namespace millrace::storage {

// One record as it lies in the log, in memory and between pods (docs/formats/record.md),
// little-endian:
//   u32 crc     CRC-32C of everything after it
//   u16 key     length of the partition key in bytes
//   u16 flags   0
//   u32 data    length of the data
//   key, data
// A record carries neither its index nor its arrival time: its chunk does, for all of its records,
// so that whoever decodes a request can encode and checksum records before the log has seen them.
constexpr size_t kRecordHeaderBytes = 12;

constexpr size_t EncodedRecordSize(size_t key_bytes, size_t data_bytes) {
  return kRecordHeaderBytes + key_bytes + data_bytes;
}

struct RecordView {
  std::string_view key;
  std::string_view data;
};

// Encodes records one after another into one buffer. A value; one thread. The data may be written
// by the caller (base64 decoded straight into it), then sealed with its checksum, before the thread
// begins a record of any other batch:
//   uint8_t* at = batch.Begin(key, most_bytes);  n = decode(at);  batch.End(n);
class RecordBatch {
 public:
  explicit RecordBatch(size_t bytes_expected = 0) { buffer_.reserve(bytes_expected); }
  // Room for `data_bytes_max` bytes of data; valid until End.
  uint8_t* Begin(std::string_view key, size_t data_bytes_max);
  // The data has `data_bytes`; computes the checksum.
  void End(size_t data_bytes);
  // Takes the record that was begun back.
  void Abandon();
  void Add(std::string_view key, std::string_view data);

  uint32_t count() const { return count_; }
  // Bytes of keys and data, as the API counts throughput.
  uint64_t payload_bytes() const { return payload_bytes_; }
  size_t encoded_bytes() const { return size_; }
  // The CRC-32C of all that is encoded, made of the records' own.
  uint32_t crc() const { return crc_; }
  // Hands the encoded bytes over; the batch is empty afterwards.
  Slice Take();

 private:
  // Grows without zeroing what the decoder is about to overwrite. Large ones come from the log's
  // pool, laid out so that the log can write them as they are (buffer_pool.h).
  struct RawBuffer {
    RawBuffer() = default;
    RawBuffer(RawBuffer&& other) noexcept
        : owner(std::move(other.owner)),
          data(std::exchange(other.data, nullptr)),
          capacity(std::exchange(other.capacity, 0)),
          pooled(std::exchange(other.pooled, false)) {}
    RawBuffer& operator=(RawBuffer&& other) noexcept {
      owner = std::move(other.owner);
      data = std::exchange(other.data, nullptr);
      capacity = std::exchange(other.capacity, 0);
      pooled = std::exchange(other.pooled, false);
      return *this;
    }
    void reserve(size_t bytes);
    void grow(size_t used, size_t bytes);
    std::shared_ptr<const void> owner;
    uint8_t* data = nullptr;
    size_t capacity = 0;
    bool pooled = false;
  };
  void MakeRoom(size_t bytes);
  void Write(const void* bytes, size_t size);
  void CloseLine();
  void Count(size_t key_bytes, size_t data_bytes, uint32_t crc);

  RawBuffer buffer_;
  LineWriter line_;  // open while what is before size_ may not all be in the buffer yet
  size_t size_ = 0;
  uint8_t* begun_ =
      nullptr;  // the record that was begun: in the buffer or in this thread's scratch
  size_t begun_key_ = 0;
  uint32_t crc_ = 0;
  uint32_t count_ = 0;
  uint64_t payload_bytes_ = 0;
};

// Walks encoded records. Next gives nothing at the end or at a record that does not hold together
// (short, or a wrong checksum): `corrupt()` tells which.
class RecordReader {
 public:
  RecordReader(const uint8_t* data, size_t size) : at_(data), end_(data + size) {}
  explicit RecordReader(const Slice& records) : RecordReader(records.data(), records.size()) {}
  std::optional<RecordView> Next(bool verify_checksum = true);
  bool corrupt() const { return corrupt_; }

 private:
  const uint8_t* at_;
  const uint8_t* end_;
  bool corrupt_ = false;
};

}  // namespace millrace::storage
