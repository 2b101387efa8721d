#include "dataplane/delivery/engine/outlet.h"

#include <algorithm>

#include "common/log/log.h"
#include "dataplane/delivery/engine/retry_policy.h"

namespace millrace::delivery {

namespace {

// How long a feed waits for room before it looks again, and how long a sender does where nothing is
// due: both are woken earlier by what they wait for.
constexpr std::chrono::milliseconds kLookAgain(200);
constexpr size_t kErrorTextMax = 1024;

size_t DataBytes(const std::vector<Record>& records) {
  size_t bytes = 0;
  for (const Record& record : records) bytes += record.data.size();
  return bytes;
}

std::string ErrorText(const Delivery& delivery) {
  return (delivery.code + ": " + delivery.message).substr(0, kErrorTextMax);
}

}  // namespace

// A bundle at a sender.
struct Outlet::Job {
  Bundle bundle;
  std::vector<Record> records;   // that are not settled yet
  size_t unencodable_bytes = 0;  // of records that the format refused
  Parcel parcel;
  MonoTime first_try{};
  int attempts = 0;
};

Outlet::Outlet(OutletOptions options, std::unique_ptr<ParcelMaker> maker,
               std::unique_ptr<Sink> sink, Refused on_refused, Clock& clock)
    : options_(std::move(options)),
      maker_(std::move(maker)),
      sink_(std::move(sink)),
      on_refused_(std::move(on_refused)),
      clock_(clock),
      buffers_(options_.buffers) {
  for (size_t i = 0; i < std::max<size_t>(1, sink_->parallel_max()); ++i)
    senders_.emplace_back([this] { Send(); });
}

Outlet::~Outlet() { Stop(); }

void Outlet::Stop() {
  {
    std::lock_guard lock(mu_);
    if (is_stopping_) return;
    is_stopping_ = true;
  }
  changed_.notify_all();
  sink_->Stop();
  for (std::thread& sender : senders_) sender.join();
  std::lock_guard lock(mu_);
  while (auto bundle = buffers_.Take(clock_.Now(), true)) bundle->Fail();
}

std::vector<Record> Outlet::Add(const std::vector<Record>& records,
                                std::string_view error_output_type,
                                const std::shared_ptr<Receipt>& receipt,
                                const std::stop_token& stop) {
  std::vector<Record> left_over;
  const MonoTime now = clock_.Now();
  std::unique_lock lock(mu_);
  for (const Record& record : records) {
    if (buffers_.is_full()) {
      const Status spilled = buffers_.Spill();
      if (!spilled.ok())
        log::Warning("delivery buffers can't be spilled; the source waits",
                     {{"outlet", options_.name}, {"error", spilled.ToString()}});
      changed_.notify_all();
      while (buffers_.is_full() && !is_stopping_ && !stop.stop_requested())
        changed_.wait_for(lock, kLookAgain);
    }
    if (is_stopping_ || stop.stop_requested()) {
      receipt->Fail();
      return {};
    }
    if (!buffers_.Add(record, error_output_type, receipt, now)) left_over.push_back(record);
  }
  lock.unlock();
  changed_.notify_one();
  return left_over;
}

bool Outlet::Drain(Duration limit) {
  const auto until = std::chrono::steady_clock::now() + limit;
  std::unique_lock lock(mu_);
  is_draining_ = true;
  changed_.notify_all();
  auto is_done = [&] { return is_stopping_ || (buffers_.is_empty() && under_way_.empty()); };
  while (!is_done() && std::chrono::steady_clock::now() < until)
    changed_.wait_for(lock, std::min<Duration>(limit, kLookAgain));
  is_draining_ = false;
  return buffers_.is_empty() && under_way_.empty();
}

void Outlet::Send() {
  std::unique_lock lock(mu_);
  while (!is_stopping_) {
    const MonoTime now = clock_.Now();
    std::optional<Bundle> bundle = buffers_.Take(now, is_draining_);
    if (!bundle) {
      const auto due = buffers_.NextDue();
      const Duration wait =
          due ? std::clamp<Duration>(*due - now, Duration(0), kLookAgain) : Duration(kLookAgain);
      changed_.wait_for(lock, std::max<Duration>(wait, std::chrono::milliseconds(1)));
      continue;
    }
    const auto mark = under_way_.insert(bundle->records.oldest_arrival_ms());
    lock.unlock();
    Deliver(std::move(*bundle));
    lock.lock();
    under_way_.erase(mark);
    changed_.notify_all();
  }
}

void Outlet::Deliver(Bundle bundle) {
  Job job{.bundle = std::move(bundle), .records = {}, .parcel = {}, .first_try = clock_.Now()};
  auto records = job.bundle.records.Records();
  if (!records.ok()) {
    // The spill file is damaged: the source still has the records.
    log::Error("buffered records are read again from their source",
               {{"outlet", options_.name}, {"error", records.status().ToString()}});
    job.bundle.Fail();
    return;
  }
  job.records = std::move(*records);
  std::vector<FailedRecord> failed;
  auto parcel = maker_->Make(job.bundle, job.records, failed);
  if (!parcel.ok()) {
    GiveUp(job, {.verdict = Delivery::Verdict::kRefused,
                 .code = "Delivery.NotEncodable",
                 .message = parcel.status().message()});
    return;
  }
  for (const FailedRecord& each : failed) job.unencodable_bytes += each.record.data.size();
  if (!failed.empty()) Refuse(job, std::move(failed));
  job.parcel = std::move(*parcel);
  if (job.parcel.record_count == 0) return;
  while (!Try(job)) {
  }
}

bool Outlet::Try(Job& job) {
  Delivery delivery = sink_->Deliver(job.parcel);
  ++job.attempts;
  NoteTry(delivery);
  if (delivery.verdict == Delivery::Verdict::kDelivered && delivery.rejected.empty() &&
      delivery.again.empty()) {
    std::lock_guard lock(mu_);
    figures_.delivered_records += job.parcel.record_count;
    figures_.delivered_bytes += DataBytes(job.records) - job.unencodable_bytes;
    ++figures_.delivered_parcels;
    return true;
  }
  if (!delivery.rejected.empty() || !delivery.again.empty()) {
    Settle(job, delivery);
    if (job.records.empty()) return true;
  } else if (delivery.verdict == Delivery::Verdict::kRefused) {
    GiveUp(job, delivery);
    return true;
  }
  if (IsGivenUp(job.first_try, clock_.Now(), options_.retry_time)) {
    GiveUp(job, delivery);
    return true;
  }
  Random random(SecureRandom64());
  if (Sleep(RetryDelay(job.attempts, delivery.retry_after, random))) return false;
  job.bundle.Fail();
  return true;
}

// Records that were answered one by one: keeps those that are to be tried again.
void Outlet::Settle(Job& job, const Delivery& delivery) {
  std::vector<FailedRecord> failed;
  for (const Delivery::Item& item : delivery.rejected) {
    failed.push_back({job.records[item.index], MakeFailure(job, item.code, item.message)});
    failed.back().failure.details = item.details;
  }
  std::vector<Record> again;
  for (size_t index : delivery.again) again.push_back(job.records[index]);
  const size_t delivered = job.records.size() - failed.size() - again.size();
  size_t delivered_bytes = DataBytes(job.records) - DataBytes(again);
  for (const FailedRecord& each : failed) delivered_bytes -= each.record.data.size();
  {
    std::lock_guard lock(mu_);
    figures_.delivered_records += delivered;
    figures_.delivered_bytes += delivered_bytes;
    if (again.empty()) ++figures_.delivered_parcels;
  }
  if (!failed.empty()) Refuse(job, std::move(failed));
  job.records = std::move(again);
  job.parcel.records = job.records;
  job.parcel.record_count = job.records.size();
}

Failure Outlet::MakeFailure(const Job& job, const std::string& code,
                            const std::string& message) const {
  return {.output_type = options_.failure_type,
          .code = code,
          .message = message.substr(0, kErrorTextMax),
          .attempts = job.attempts,
          .last_attempt_ms = clock_.WallNow()};
}

void Outlet::GiveUp(Job& job, const Delivery& delivery) {
  std::vector<FailedRecord> failed;
  failed.reserve(job.records.size());
  for (const Record& record : job.records)
    failed.push_back({record, MakeFailure(job, delivery.code, delivery.message)});
  Refuse(job, std::move(failed));
}

void Outlet::Refuse(Job& job, std::vector<FailedRecord> failed) {
  {
    std::lock_guard lock(mu_);
    figures_.refused_records += failed.size();
  }
  on_refused_(std::move(failed), job.bundle.receipts);
}

void Outlet::NoteTry(const Delivery& delivery) {
  const bool is_failing = delivery.verdict != Delivery::Verdict::kDelivered;
  std::lock_guard lock(mu_);
  if (is_failing) {
    ++figures_.tries_failed;
    if (!figures_.is_failing)
      log::Warning("a delivery failed",
                   {{"outlet", options_.name}, {"error", ErrorText(delivery)}});
    figures_.last_error = ErrorText(delivery);
  } else if (figures_.is_failing) {
    log::Info("deliveries succeed again", {{"outlet", options_.name}});
  }
  figures_.is_failing = is_failing;
}

bool Outlet::Sleep(Duration time) {
  const MonoTime until = clock_.Now() + time;
  std::unique_lock lock(mu_);
  while (!is_stopping_ && clock_.Now() < until)
    changed_.wait_for(lock, std::min<Duration>(until - clock_.Now(), kLookAgain));
  return !is_stopping_;
}

OutletFigures Outlet::Figures() const {
  std::lock_guard lock(mu_);
  OutletFigures out = figures_;
  out.open_partitions = buffers_.partition_count();
  out.buffered_bytes = buffers_.memory_bytes();
  out.spilled_bytes = buffers_.spilled_bytes();
  out.oldest_arrival_ms = buffers_.OldestArrival();
  if (!under_way_.empty() &&
      (out.oldest_arrival_ms == 0 || *under_way_.begin() < out.oldest_arrival_ms))
    out.oldest_arrival_ms = *under_way_.begin();
  return out;
}

}  // namespace millrace::delivery
