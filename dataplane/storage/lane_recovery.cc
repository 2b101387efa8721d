#include "dataplane/storage/lane_recovery.h"

#include <algorithm>
#include <map>

#include "common/base/random.h"
#include "common/codec/crc32.h"
#include "common/log/log.h"
#include "dataplane/storage/little_endian.h"

namespace millrace::storage {
namespace {

// log.id: the id and its checksum.
constexpr size_t kLogIdBytes = 12;

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

void LaneRecovery::Run(Disk& disk, Done done) {
  std::shared_ptr<LaneRecovery> self(new LaneRecovery(disk, std::move(done)));
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
    index_sizes_.push_back(it != indexes.end() ? it->second : 0);
    if (it != indexes.end()) indexes.erase(it);
  }
  for (const auto& [number, size] : indexes) {
    disk_.Remove(IndexFileName(number), [](const Status& status) { status.IgnoreError(); });
  }
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
  while (index_at_ < segments_.size() && !segments_[index_at_].has_index_file) {
    to_scan_.push_back(index_at_++);
  }
  if (index_at_ == segments_.size()) return ScanNext();
  size_t i = index_at_++;
  disk_.Read(IndexFileName(segments_[i].number), 0, index_sizes_[i],
             [self = shared_from_this(), i](const Result<Slice>& bytes) {
               FoundSegment& segment = self->segments_[i];
               if (bytes.ok()) {
                 auto index = ParseSegmentIndex(bytes->view());
                 segment.indexed = index.ok() && index->segment == segment.number &&
                                   (!self->log_id_ || index->log_id == *self->log_id_);
                 if (segment.indexed) {
                   self->log_id_ = index->log_id;
                   segment.index = std::move(index).value();
                 }
               }
               if (!segment.indexed) {
                 log::Warning("segment index is damaged", {{"segment", segment.number}});
                 self->to_scan_.push_back(i);
               }
               self->ReadIndexes();
             });
}

void LaneRecovery::ScanNext() {
  if (to_scan_.empty()) return Scanned();
  scanning_ = to_scan_.back();
  to_scan_.pop_back();
  FoundSegment& segment = segments_[scanning_];
  scan_ = std::make_unique<SegmentScan>(segment.number, segment.size, log_id_);
  ScanStep();
}

void LaneRecovery::ScanStep() {
  auto want = scan_->next();
  if (!want) {
    log_id_ = scan_->log_id();
    segments_[scanning_].blocks = std::move(scan_->blocks());
    return ScanNext();
  }
  disk_.Read(SegmentFileName(scan_->segment()), want->offset, want->bytes,
             [self = shared_from_this()](const Result<Slice>& data) {
               if (!data.ok()) return self->Fail(data.status().WithContext("reading a segment"));
               self->scan_->Feed(*data);
               self->ScanStep();
             });
}

void LaneRecovery::Scanned() {
  // The newest table may be torn, and the one before it in a segment that its index spoke for.
  if (auto i = SegmentToScanToo(segments_)) {
    segments_[*i].indexed = false;
    segments_[*i].index = SegmentContents();
    to_scan_.push_back(*i);
    return ScanNext();
  }
  recovered_.log = ReplayLog(std::move(segments_));
  recovered_.log_id = log_id_ ? *log_id_ : SecureRandom64();
  done_(std::move(recovered_));
}

}  // namespace millrace::storage
