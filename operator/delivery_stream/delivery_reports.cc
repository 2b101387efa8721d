#include "operator/delivery_stream/delivery_reports.h"

#include <algorithm>

#include "common/http_client/http_client.h"

namespace millrace::op {

using resources::DeliveryContact;
using resources::DeliveryReport;

namespace {

constexpr int kOk = 200;

net::HttpClientOptions Impatient() {
  net::HttpClientOptions options;
  options.connect_time_max = std::chrono::milliseconds(300);
  options.read_time_max = std::chrono::milliseconds(700);
  return options;
}

int Weight(const DeliveryContact& contact) {
  return contact.state == "Failing" ? 2 : contact.state == "Ok" ? 1 : 0;
}

// One that fails is worth a look, whatever the others say.
void Join(const DeliveryContact& other, DeliveryContact& joined) {
  if (Weight(other) > Weight(joined)) joined = other;
}

void Join(const DeliveryReport& other, DeliveryReport& joined) {
  if (other.generation < joined.generation) joined.generation = other.generation;
  if (other.state != joined.state) joined.drained = false;
  joined.drained = joined.drained && other.drained;
  if (joined.plan_error.empty()) joined.plan_error = other.plan_error;
  if (joined.notes.empty()) joined.notes = other.notes;
  const int64_t oldest = other.oldest_undelivered_ms;
  int64_t& oldest_of_all = joined.oldest_undelivered_ms;
  if (oldest != 0 && (oldest_of_all == 0 || oldest < oldest_of_all)) oldest_of_all = oldest;
  for (int64_t DeliveryReport::* count :
       {&DeliveryReport::records_read, &DeliveryReport::records_delivered,
        &DeliveryReport::records_failed, &DeliveryReport::records_lost,
        &DeliveryReport::bytes_delivered, &DeliveryReport::shards, &DeliveryReport::partitions}) {
    joined.*count += other.*count;
  }
  Join(other.source, joined.source);
  Join(other.destination, joined.destination);
  Join(other.backup, joined.backup);
}

}  // namespace

std::optional<DeliveryReport> AskDelivery(const std::string& endpoint) {
  net::HttpClient client(endpoint, Impatient());
  net::ClientRequest request;
  request.method = "GET";
  request.target = "/internal/v1/delivery";
  const Result<net::ClientResponse> answer = client.Send(request);
  if (!answer.ok() || answer->status != kOk) return std::nullopt;
  Result<DeliveryReport> report = DeliveryReport::Parse(answer->body);
  if (!report.ok()) return std::nullopt;
  return *std::move(report);
}

std::optional<DeliveryReport> JoinReports(const std::vector<DeliveryReport>& reports) {
  if (reports.empty()) return std::nullopt;
  DeliveryReport joined = reports[0];
  for (size_t i = 1; i < reports.size(); ++i) Join(reports[i], joined);
  return joined;
}

}  // namespace millrace::op
