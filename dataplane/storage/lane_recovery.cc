#include "dataplane/storage/lane_recovery.h"

#include <algorithm>
#include <map>

#include "common/base/random.h"
#include "common/codec/crc32.h"
#include "common/log/log.h"
#include "dataplane/format/little_endian.h"

namespace millrace::storage {
namespace {

// log.id: the id and its checksum.
constexpr size_t kLogIdBytes = 12;
// Holds the directory of most indexes; a larger one takes a second read.
constexpr size_t kDirectoryGuessBytes = 64 * kKiB;

std::string EncodeLogId(uint64_t id) {
  std::string bytes(kLogIdBytes, '\0');
  auto* p = reinterpret_cast<uint8_t*>(bytes.data());
  StoreLittle(p, id);
  StoreLittle(p + 8, codec::Crc32c(p, 8));
  return bytes;
}

std::optional<uint64_t> ParseLogId(const Slice& bytes) {
  if (bytes.size() != kLogIdBytes) return std::nullopt;
  if (codec::Crc32c(bytes.data(), 8) != LoadLittle<uint32_t>(bytes.data() + 8)) return std::nullopt;
  return LoadLittle<uint64_t>(bytes.data());
}

}  // namespace

void LaneRecovery::Run(Disk& disk, uint64_t list_bytes_max, Done done) {
  std::shared_ptr<LaneRecovery> self(new LaneRecovery(disk, list_bytes_max, std::move(done)));
  disk.List([self](Result<std::vector<Disk::FileInfo>> files) {
    if (!files.ok()) return self->Fail(files.status().WithContext("listing the log's files"));
    self->Listed(*files);
  });
}

void LaneRecovery::Fail(const Status& status) { done_(status); }

void LaneRecovery::Listed(const std::vector<Disk::FileInfo>& files) {
  std::map<uint64_t, uint64_t> indexes;
  for (const Disk::FileInfo& file : files) {
    ParsedName name = ParseFileName(file.name);
    recovered_.next_number = std::max(recovered_.next_number, name.number + 1);
    if (name.kind == FileKind::kSegment) {
      FoundSegment segment;
      segment.number = name.number;
      segment.size = file.size;
      segments_.push_back(std::move(segment));
    } else if (name.kind == FileKind::kIndex) {
      indexes[name.number] = file.size;
    } else if (name.kind == FileKind::kFree) {
      recovered_.free_files.push_back(file);
    } else if (file.name == kLogIdFileName) {
      has_log_id_file_ = true;
    }
  }
  std::sort(segments_.begin(), segments_.end(),
            [](const FoundSegment& a, const FoundSegment& b) { return a.number < b.number; });
  for (FoundSegment& segment : segments_) {
    auto it = indexes.find(segment.number);
    segment.has_index_file = it != indexes.end();
    segment.index_bytes = it != indexes.end() ? it->second : 0;
    if (it != indexes.end()) indexes.erase(it);
  }
  for (const auto& [number, size] : indexes) {
    disk_.Remove(IndexFileName(number), [](const Status& status) { status.IgnoreError(); });
  }
  indexes_left_ = segments_.size();
  ReadLogId();
}

void LaneRecovery::ReadLogId() {
  if (!has_log_id_file_) return segments_.empty() ? MakeLogId() : ReadIndexes();
  disk_.Read(std::string(kLogIdFileName), 0, kLogIdBytes,
             [self = shared_from_this()](const Result<Slice>& bytes) {
               if (!bytes.ok())
                 return self->Fail(bytes.status().WithContext("reading the log's id"));
               self->log_id_ = ParseLogId(*bytes);
               self->ReadIndexes();
             });
}

void LaneRecovery::MakeLogId() {
  log_id_ = SecureRandom64();
  disk_.WriteFile(std::string(kLogIdFileName), Slice::FromString(EncodeLogId(*log_id_)),
                  [self = shared_from_this()](const Status& status) {
                    if (!status.ok()) return self->Fail(status.WithContext("making the log's id"));
                    self->ReadIndexes();
                  });
}

void LaneRecovery::ReadIndexes() {
  while (indexes_left_ > 0 && !segments_[indexes_left_ - 1].has_index_file) {
    to_scan_.push_back(--indexes_left_);
  }
  if (indexes_left_ == 0) return ScanNext();
  size_t i = --indexes_left_;
  uint64_t size = segments_[i].index_bytes;
  if (size <= list_bytes_left_) {
    list_bytes_left_ -= size;
    return ReadIndex(i, size);
  }
  list_bytes_left_ = 0;
  ReadIndex(i, kDirectoryGuessBytes);
}

void LaneRecovery::ReadIndex(size_t i, size_t bytes) {
  disk_.Read(
      IndexFileName(segments_[i].number), 0, bytes,
      [self = shared_from_this(), i](const Result<Slice>& data) { self->IndexRead(i, data); });
}

void LaneRecovery::IndexRead(size_t i, const Result<Slice>& data) {
  FoundSegment& segment = segments_[i];
  if (data.ok()) {
    size_t bytes = DirectoryBytes(data->view());
    if (bytes > data->size() && bytes <= segments_[i].index_bytes) return ReadIndex(i, bytes);
    auto directory = ParseDirectory(data->view());
    segment.indexed = directory.ok() && directory->segment == segment.number &&
                      (!log_id_ || directory->log_id == *log_id_) &&
                      DirectoryFits(*directory, segment.size, segment.index_bytes);
    if (segment.indexed) {
      log_id_ = directory->log_id;
      segment.directory = std::move(directory).value();
      if (data->size() == segments_[i].index_bytes) ReadLists(data->view(), &segment);
    }
  }
  if (!segment.indexed) {
    log::Warning("segment index is damaged", {{"segment", segment.number}});
    to_scan_.push_back(i);
  }
  ReadIndexes();
}

void LaneRecovery::ReadLists(std::string_view file, FoundSegment* segment) {
  for (const IndexRow& row : segment->directory.rows) {
    uint64_t bytes = uint64_t{row.chunks} * kIndexChunkBytes;
    bool inside = row.offset <= file.size() && bytes <= file.size() - row.offset;
    auto chunks = ParseRun(inside ? file.substr(row.offset, bytes) : "", segment->number,
                           row.encrypted, row.crc);
    // One that is damaged is made again when it is needed.
    bool good = chunks.ok() && ChunksFit(row, *chunks, segment->size);
    segment->lists.push_back(good ? std::move(chunks).value() : std::vector<ChunkRef>());
  }
}

void LaneRecovery::ScanNext() {
  if (to_scan_.empty()) return Scanned();
  size_t i = to_scan_.back();
  to_scan_.pop_back();
  ReadSegment(disk_, segments_[i].number, segments_[i].size, log_id_,
              [self = shared_from_this(), i](Result<ScannedSegment> scanned) {
                if (!scanned.ok()) return self->Fail(scanned.status());
                self->log_id_ = scanned->log_id;
                self->segments_[i].blocks = std::move(scanned->blocks);
                self->ScanNext();
              });
}

void LaneRecovery::Scanned() {
  // The newest table may be torn, and the one before it in a segment that its index spoke for.
  if (auto i = SegmentToScanToo(segments_)) {
    segments_[*i].indexed = false;
    segments_[*i].directory = SegmentDirectory();
    to_scan_.push_back(*i);
    return ScanNext();
  }
  recovered_.log = ReplayLog(std::move(segments_));
  recovered_.log_id = log_id_ ? *log_id_ : SecureRandom64();
  done_(std::move(recovered_));
}

}  // namespace millrace::storage
