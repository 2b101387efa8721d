#include "dataplane/storage/segment_reader.h"

#include "dataplane/format/segment_index.h"

namespace millrace::storage {
namespace {

struct Reading {
  Reading(Disk& d, uint64_t segment, uint64_t size, std::optional<uint64_t> log_id)
      : disk(d), scan(segment, size, log_id) {}
  Disk& disk;
  SegmentScan scan;
  UniqueFunction<void(Result<ScannedSegment>)> done;
};

void Step(const std::shared_ptr<Reading>& reading) {
  auto want = reading->scan.next();
  if (!want) {
    return reading->done(ScannedSegment{reading->scan.log_id(), std::move(reading->scan.blocks())});
  }
  reading->disk.Read(SegmentFileName(reading->scan.segment()), want->offset, want->bytes,
                     [reading](const Result<Slice>& data) {
                       if (!data.ok()) {
                         return reading->done(data.status().WithContext("reading a segment"));
                       }
                       reading->scan.Feed(*data);
                       Step(reading);
                     });
}

}  // namespace

void ReadSegment(Disk& disk, uint64_t segment, uint64_t size, std::optional<uint64_t> log_id,
                 UniqueFunction<void(Result<ScannedSegment>)> done) {
  auto reading = std::make_shared<Reading>(disk, segment, size, log_id);
  reading->done = std::move(done);
  Step(reading);
}

}  // namespace millrace::storage
