#include "dataplane/delivery/engine/record_store.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <type_traits>

#include "common/codec/crc32.h"

namespace millrace::delivery {

namespace {

// What stands before the texts of a record: data, shard, sequence number, partition key.
struct Header {
  uint32_t data_size = 0;
  uint32_t partition_key_size = 0;
  uint32_t sub_sequence_number = 0;
  uint16_t shard_size = 0;
  uint16_t sequence_size = 0;
  WallMs arrival_ms = 0;
};
static_assert(std::is_trivially_copyable_v<Header>);

}  // namespace

void RecordStore::Add(const Record& record) {
  const Origin& origin = record.origin;
  const Header header{.data_size = static_cast<uint32_t>(record.data.size()),
                      .partition_key_size = static_cast<uint32_t>(origin.partition_key.size()),
                      .sub_sequence_number = static_cast<uint32_t>(origin.sub_sequence_number),
                      .shard_size = static_cast<uint16_t>(origin.shard.size()),
                      .sequence_size = static_cast<uint16_t>(origin.sequence_number.size()),
                      .arrival_ms = record.arrival_ms};
  bytes_.append(reinterpret_cast<const char*>(&header), sizeof header);
  bytes_ += record.data;
  bytes_ += origin.shard;
  bytes_ += origin.sequence_number;
  bytes_ += origin.partition_key;
  data_bytes_ += record.data.size();
  oldest_arrival_ms_ =
      count_ == 0 ? record.arrival_ms : std::min(oldest_arrival_ms_, record.arrival_ms);
  ++count_;
}

Result<std::vector<Record>> RecordStore::Records() {
  RETURN_IF_ERROR(ReadBack());
  std::vector<Record> out;
  out.reserve(count_);
  std::string_view left = bytes_;
  auto take = [&](size_t size) {
    const std::string_view text = left.substr(0, size);
    left.remove_prefix(size);
    return text;
  };
  while (!left.empty()) {
    Header header;
    std::memcpy(&header, take(sizeof header).data(), sizeof header);
    Record& record = out.emplace_back();
    record.data = take(header.data_size);
    record.origin.shard = take(header.shard_size);
    record.origin.sequence_number = take(header.sequence_size);
    record.origin.partition_key = take(header.partition_key_size);
    record.origin.sub_sequence_number = header.sub_sequence_number;
    record.arrival_ms = header.arrival_ms;
  }
  return out;
}

Status RecordStore::Spill(const std::string& folder) {
  if (bytes_.empty()) return OkStatus();
  if (!file_) {
    const int fd = open(folder.c_str(), O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    if (fd < 0) return ErrnoStatus(errno, "open a spill file in " + folder);
    file_.reset(fdopen(fd, "w+b"));
    if (!file_) {
      const int error = errno;
      close(fd);
      return ErrnoStatus(error, "fdopen");
    }
  }
  const int fd = fileno(file_.get());
  for (size_t at = 0; at < bytes_.size();) {
    const ssize_t n =
        pwrite(fd, bytes_.data() + at, bytes_.size() - at, static_cast<off_t>(spilled_bytes_ + at));
    // What was written of it is written again by the next call: its place has not moved.
    if (n < 0) return ErrnoStatus(errno, "write a spill file in " + folder);
    at += static_cast<size_t>(n);
  }
  spilled_crc_ = codec::Crc32c(bytes_.data(), bytes_.size(), spilled_crc_);
  spilled_bytes_ += bytes_.size();
  std::string().swap(bytes_);  // an assignment would keep the memory
  return OkStatus();
}

Status RecordStore::ReadBack() {
  if (spilled_bytes_ == 0) return OkStatus();
  std::string whole(spilled_bytes_, '\0');
  for (size_t at = 0; at < whole.size();) {
    const ssize_t n =
        pread(fileno(file_.get()), whole.data() + at, whole.size() - at, static_cast<off_t>(at));
    if (n < 0) return ErrnoStatus(errno, "read a spill file");
    if (n == 0) return Corrupt("a spill file is shorter than what was written to it");
    at += static_cast<size_t>(n);
  }
  if (codec::Crc32c(whole.data(), whole.size()) != spilled_crc_)
    return Corrupt("a spill file does not hold what was written to it");
  bytes_.insert(0, whole);
  spilled_bytes_ = 0;
  spilled_crc_ = 0;
  file_.reset();
  return OkStatus();
}

}  // namespace millrace::delivery
