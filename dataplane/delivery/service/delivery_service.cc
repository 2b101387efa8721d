#include "dataplane/delivery/service/delivery_service.h"

#include <algorithm>
#include <fstream>
#include <sstream>

#include "common/base/random.h"
#include "common/log/log.h"
#include "dataplane/client/http_stream.h"
#include "dataplane/client/log_cursors.h"

namespace millrace::delivery {

namespace {

using resources::DeliveryContact;
using resources::DeliveryPlan;
using resources::DeliveryReport;

constexpr std::chrono::seconds kStopWithin(5);
constexpr std::chrono::seconds kProbeAgain(30);

Result<std::string> ReadFile(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  if (!in) return ErrnoStatus(errno, "open " + path);
  std::stringstream out;
  out << in.rdbuf();
  return out.str();
}

client::StreamAddress AddressOf(const resources::StreamAccess& access, std::string stream) {
  return {.endpoint = access.endpoint,
          .stream_name = std::move(stream),
          .region = access.region,
          .internal_token = access.internal_token,
          .access_key_id = access.access_key_id,
          .secret_access_key = access.secret_access_key,
          .ca_pem = access.ca_pem};
}

Result<client::ReadFrom> StartOf(const DeliveryPlan& plan) {
  using Kind = client::ReadFrom::Kind;
  const auto& source = plan.spec.source;
  if (source.type == "DirectPut" || source.starting_position == "TRIM_HORIZON")
    return client::ReadFrom{.kind = Kind::kOldest};
  if (source.starting_position == "LATEST") {
    // Records count from the moment that the delivery stream was made, whoever starts when.
    if (plan.created_at_ms > 0)
      return client::ReadFrom{.kind = Kind::kTime, .time_ms = plan.created_at_ms};
    return client::ReadFrom{.kind = Kind::kLatest};
  }
  const auto time = resources::ParseTime(source.starting_timestamp);
  if (!time) return InvalidArgument("spec.source.startingTimestamp is no time");
  return client::ReadFrom{.kind = Kind::kTime, .time_ms = *time};
}

// "S3.NoSuchBucket: The bucket…" in its two parts.
void SayFailing(std::string_view error, DeliveryContact& contact) {
  contact.state = "Failing";
  const size_t colon = error.find(": ");
  contact.code = error.substr(0, colon);
  contact.message = colon == std::string_view::npos ? error : error.substr(colon + 2);
}

}  // namespace

struct DeliveryService::Running {
  DeliveryPlan plan;
  std::unique_ptr<Pipeline> pipeline;
  std::unique_ptr<client::Cursors> cursors;
  std::unique_ptr<Worker> worker;  // null while paused
  // What the last probes said; guarded by the service's mu_.
  std::string destination_error;
  std::string error_output_error;
  bool is_destination_probed = false;
  bool is_error_output_probed = false;
};

DeliveryService::DeliveryService(DeliveryOptions options, metrics::Registry& registry, Clock& clock)
    : options_(std::move(options)),
      worker_name_(options_.name + "/" + NewUuid()),
      registry_(registry),
      clock_(clock) {}

DeliveryService::~DeliveryService() { Stop(); }

void DeliveryService::Stop() {
  if (running_ && running_->worker) running_->worker->Stop(kStopWithin);
  std::lock_guard lock(mu_);
  running_.reset();
}

void DeliveryService::Refresh() {
  auto text = ReadFile(options_.plan_path);
  if (!text.ok()) {
    // What is in force stays so; a plan that was refused is looked at again when it is back.
    if (!running_) {
      plan_text_.clear();
      Note(text.status());
    }
  } else if (*text != plan_text_) {
    plan_text_ = *text;
    Note(Take(*text));
  }
  ProbePlaces();
}

void DeliveryService::Note(const Status& taken) {
  const std::string error = taken.ok() ? std::string() : taken.message();
  std::lock_guard lock(mu_);
  if (!error.empty() && error != plan_error_)
    log::Error("a plan is not in force", {{"error", taken.ToString()}});
  plan_error_ = error;
}

Status DeliveryService::Take(const std::string& text) {
  ASSIGN_OR_RETURN(DeliveryPlan plan, DeliveryPlan::Parse(text));
  ASSIGN_OR_RETURN(PipelineParts parts, BuildPipeline(plan, options_.build, clock_));
  RETURN_IF_ERROR(StartOf(plan).status());
  if (plan.spec.source.type == "Kafka")
    return {Code::kUnsupported, "source Kafka is not offered yet"};
  // The old one's records are delivered as they were meant to be before the new one begins.
  if (running_ && running_->worker) running_->worker->Stop(kStopWithin);
  std::unique_ptr<Running> next = Make(plan, std::move(parts));
  log::Info("a plan is in force", {{"deliveryStream", plan.delivery_stream_name},
                                   {"generation", plan.generation},
                                   {"state", plan.state}});
  probed_ = {};
  std::lock_guard lock(mu_);
  running_ = std::move(next);
  return OkStatus();
}

std::unique_ptr<DeliveryService::Running> DeliveryService::Make(const DeliveryPlan& plan,
                                                                PipelineParts parts) {
  auto out = std::make_unique<Running>();
  out->plan = plan;
  out->pipeline = std::make_unique<Pipeline>(std::move(parts), clock_);
  const auto address = AddressOf(plan.source, plan.cursor_stream);
  out->cursors = client::MakeLogCursors(client::MakeHttpStreamReader(address, clock_),
                                        client::MakeHttpStreamWriter(address, clock_), clock_);
  if (plan.state == "Paused") return out;
  WorkerOptions options;
  options.name = worker_name_;
  options.table = plan.cursor_table;
  options.start = *StartOf(plan);
  out->worker = std::make_unique<Worker>(
      options, *out->cursors,
      [source = AddressOf(plan.source, plan.source.stream_name), &clock = clock_] {
        return client::MakeHttpStreamReader(source, clock);
      },
      *out->pipeline, clock_);
  return out;
}

void DeliveryService::ProbePlaces() {
  if (!running_ || (probed_ != MonoTime() && clock_.Now() - probed_ < kProbeAgain)) return;
  probed_ = clock_.Now();
  const Status destination = running_->pipeline->destination().Probe();
  const Status error_output = running_->pipeline->error_output().Probe();
  std::lock_guard lock(mu_);
  running_->is_destination_probed = running_->is_error_output_probed = true;
  running_->destination_error = destination.ok() ? "" : destination.message();
  running_->error_output_error = error_output.ok() ? "" : error_output.message();
}

std::string DeliveryService::NotReady() const {
  std::lock_guard lock(mu_);
  return running_ ? "" : plan_error_;
}

DeliveryReport DeliveryService::Report() const {
  std::lock_guard lock(mu_);
  DeliveryReport report;
  report.plan_error = plan_error_;
  if (!running_) return report;
  const DeliveryPlan& plan = running_->plan;
  report.uid = plan.uid;
  report.generation = plan.generation;
  report.version_id = plan.version_id;
  report.state = plan.state;
  Pipeline& pipeline = *running_->pipeline;
  const OutletFigures destination = pipeline.destination().Figures();
  const OutletFigures errors = pipeline.error_output().Figures();
  report.records_read = static_cast<int64_t>(pipeline.records_in());
  report.records_delivered = static_cast<int64_t>(destination.delivered_records);
  report.bytes_delivered = static_cast<int64_t>(destination.delivered_bytes);
  report.records_failed = static_cast<int64_t>(errors.delivered_records);
  report.partitions = static_cast<int64_t>(destination.open_partitions);
  auto oldest = [&](WallMs arrival) {
    if (arrival > 0 &&
        (report.oldest_undelivered_ms == 0 || arrival < report.oldest_undelivered_ms))
      report.oldest_undelivered_ms = arrival;
  };
  oldest(destination.oldest_arrival_ms);
  oldest(errors.oldest_arrival_ms);
  bool is_behind = false;
  if (running_->worker) {
    const auto shards = running_->worker->Shards();
    report.shards = static_cast<int64_t>(shards.size());
    report.source.state = "Ok";
    if (!running_->worker->error().empty()) SayFailing(running_->worker->error(), report.source);
    for (const ShardState& shard : shards) {
      if (shard.behind_ms > 0) oldest(clock_.WallNow() - shard.behind_ms);
      is_behind = is_behind || shard.behind_ms > 0;
      if (!shard.error.empty()) SayFailing(shard.error, report.source);
    }
  }
  report.drained = plan.state == "Flushing" && !is_behind && report.oldest_undelivered_ms == 0 &&
                   report.source.state == "Ok" && report.shards > 0;
  auto contact = [](const OutletFigures& figures, bool is_probed, const std::string& error,
                    DeliveryContact& out) {
    if (figures.is_failing)
      SayFailing(figures.last_error, out);
    else if (!error.empty())
      SayFailing(error, out);
    else if (figures.delivered_parcels > 0 || is_probed)
      out.state = "Ok";
  };
  contact(destination, running_->is_destination_probed, running_->destination_error,
          report.destination);
  contact(errors, running_->is_error_output_probed, running_->error_output_error, report.backup);
  return report;
}

void DeliveryService::UpdateMetrics() {
  const DeliveryReport report = Report();
  const double age = report.oldest_undelivered_ms == 0
                         ? 0
                         : static_cast<double>(std::max<int64_t>(
                               0, clock_.WallNow() - report.oldest_undelivered_ms)) /
                               1'000;
  auto set = [&](const std::string& name, const std::string& help, double value) {
    registry_.GetGauge("millrace_delivery_" + name, help).Set(value);
  };
  set("data_freshness_seconds", "Age of the oldest record that is not delivered (DataFreshness).",
      age);
  set("read_records", "Records read from the source since the plan was taken up.",
      static_cast<double>(report.records_read));
  set("delivered_records", "Records delivered (DeliveryTo*.Records).",
      static_cast<double>(report.records_delivered));
  set("delivered_bytes", "Bytes of records delivered (DeliveryTo*.Bytes).",
      static_cast<double>(report.bytes_delivered));
  set("failed_records", "Records in the error output.", static_cast<double>(report.records_failed));
  set("active_partitions", "Partitions with a buffer (PartitionCount).",
      static_cast<double>(report.partitions));
  set("leased_shards", "Shards that this replica delivers.", static_cast<double>(report.shards));
  set("destination_up", "1 where the last try succeeded (DeliveryTo*.Success).",
      report.destination.state == "Failing" ? 0 : 1);
}

}  // namespace millrace::delivery
