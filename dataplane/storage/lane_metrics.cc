#include "dataplane/storage/lane_metrics.h"

namespace millrace::storage {
namespace {

double Seconds(Duration d) { return std::chrono::duration<double>(d).count(); }

}  // namespace

LaneMetrics::LaneMetrics(metrics::Registry* registry) {
  if (registry == nullptr) return;
  append_ = &registry->GetHistogram("millrace_storage_append_seconds",
                                    "From an append to its acknowledgement.");
  commit_ = &registry->GetHistogram("millrace_storage_commit_seconds", "One durable write.");
  written_bytes_ =
      &registry->GetCounter("millrace_storage_written_bytes", "Bytes written to the log.");
  cache_hits_ = &registry->GetCounter("millrace_storage_cache_hits_reads",
                                      "Reads served from the tail cache.");
  cache_misses_ =
      &registry->GetCounter("millrace_storage_cache_misses_reads", "Reads that went to the disk.");
  corrupt_blocks_ = &registry->GetCounter("millrace_storage_corrupt_blocks",
                                          "Acknowledged blocks or chunks found corrupt.");
  lost_records_ = &registry->GetCounter("millrace_storage_lost_records",
                                        "Acknowledged records lost to corruption.");
  pending_bytes_ =
      &registry->GetGauge("millrace_storage_pending_bytes", "Bytes accepted and not yet durable.");
}

void LaneMetrics::Appended(Duration latency) {
  if (append_ != nullptr) append_->Observe(Seconds(latency));
}

void LaneMetrics::Committed(Duration latency, uint64_t block_bytes) {
  if (commit_ == nullptr) return;
  commit_->Observe(Seconds(latency));
  written_bytes_->Add(static_cast<double>(block_bytes));
}

void LaneMetrics::Read(bool from_cache) {
  if (cache_hits_ != nullptr) (from_cache ? cache_hits_ : cache_misses_)->Add();
}

void LaneMetrics::Corrupt(uint64_t blocks, uint64_t records) {
  if (corrupt_blocks_ == nullptr) return;
  corrupt_blocks_->Add(static_cast<double>(blocks));
  lost_records_->Add(static_cast<double>(records));
}

void LaneMetrics::PendingBytes(int64_t change) {
  if (pending_bytes_ != nullptr) pending_bytes_->Add(static_cast<double>(change));
}

}  // namespace millrace::storage
