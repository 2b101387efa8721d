#include "dataplane/delivery/engine/pipeline.h"

#include <algorithm>

namespace millrace::delivery {

namespace {

// One receipt for several: what happens to it happens to all of them.
std::shared_ptr<Receipt> Combined(const std::vector<std::shared_ptr<Receipt>>& receipts) {
  return std::make_shared<Receipt>([receipts](bool delivered) {
    if (delivered) return;
    for (const auto& receipt : receipts) receipt->Fail();
  });
}

// There is nothing behind the error output and the backup: what they refuse stays in the source.
Outlet::Refused GiveUp() {
  return [](std::vector<FailedRecord>, const std::vector<std::shared_ptr<Receipt>>& receipts) {
    for (const auto& receipt : receipts) receipt->Fail();
  };
}

}  // namespace

Pipeline::Pipeline(PipelineParts parts, Clock& clock)
    : table_(std::move(parts.table)),
      make_processors_(std::move(parts.make_processors)),
      clock_(clock) {
  error_output_ =
      std::make_unique<Outlet>(std::move(parts.error_options), std::move(parts.error_parcels),
                               std::move(parts.error_output), GiveUp(), clock);
  if (parts.backup)
    backup_ =
        std::make_unique<Outlet>(std::move(parts.backup_options), std::move(parts.backup_parcels),
                                 std::move(parts.backup), GiveUp(), clock);
  destination_ = std::make_unique<Outlet>(
      std::move(parts.destination_options), std::move(parts.destination_parcels),
      std::move(parts.destination),
      [this](std::vector<FailedRecord> failed,
             const std::vector<std::shared_ptr<Receipt>>& receipts) {
        Refuse(failed, Combined(receipts), {});
      },
      clock);
}

Pipeline::~Pipeline() { Stop(); }

std::vector<std::unique_ptr<Processor>> Pipeline::MakeProcessors() const {
  return make_processors_();
}

void Pipeline::KeepSource(const Batch& batch, const std::stop_token& stop) {
  records_in_ += batch.records.size();
  for (const Record& record : batch.records) bytes_in_ += record.data.size();
  if (backup_ && !batch.records.empty()) backup_->Add(batch.records, "", batch.receipt, stop);
}

void Pipeline::Deliver(Batch batch, const std::stop_token& stop) {
  if (!batch.failed.empty()) Refuse(batch.failed, batch.receipt, stop);
  if (batch.records.empty()) return;
  const std::vector<Record> left_over = destination_->Add(batch.records, "", batch.receipt, stop);
  if (left_over.empty()) return;
  std::vector<FailedRecord> failed;
  for (const Record& record : left_over)
    failed.push_back(
        {record,
         {.output_type = "activePartitionExceeded",
          .code = "DynamicPartitioning.ActivePartitionsLimitExceeded",
          .message = "there are as many active partitions as activePartitionsMax allows",
          .last_attempt_ms = clock_.WallNow()}});
  Refuse(failed, batch.receipt, stop);
}

void Pipeline::Refuse(const std::vector<FailedRecord>& failed,
                      const std::shared_ptr<Receipt>& receipt, const std::stop_token& stop) {
  for (const FailedRecord& each : failed) {
    const std::string line = ErrorLine(each, table_);
    Record record = each.record;
    record.data = line;
    record.query_keys.clear();
    record.function_keys.clear();
    error_output_->Add({record}, each.failure.output_type, receipt, stop);
  }
}

bool Pipeline::Drain(Duration limit) {
  // The destination first, since what it refuses goes to the error output.
  const MonoTime until = clock_.Now() + limit;
  auto left = [&] { return std::max(until - clock_.Now(), Duration(0)); };
  const bool delivered = destination_->Drain(left());
  const bool backed_up = !backup_ || backup_->Drain(left());
  return error_output_->Drain(left()) && delivered && backed_up;
}

void Pipeline::Stop() {
  // Nobody must wait for room in an outlet that nobody empties: all are told, the destination last,
  // whose senders may be handing records over.
  error_output_->Stop();
  if (backup_) backup_->Stop();
  destination_->Stop();
}

}  // namespace millrace::delivery
