#include "dataplane/placement/stream_metrics.h"

#include <algorithm>

namespace millrace::shard {
namespace {

std::string SeriesName(std::string_view name) {
  return std::string("millrace_kinesis_").append(name);
}

}  // namespace

StreamMetricsBook::StreamMetricsBook(metrics::Registry& registry, std::string stream)
    : registry_(registry), name_(std::move(stream)) {
  StreamMetrics& m = stream_metrics_;
  m.incoming_bytes = Count("incoming_bytes_total", "Bytes of keys and data accepted");
  m.incoming_records = Count("incoming_records_total", "Records accepted");
  m.write_throttled =
      Count("write_provisioned_throughput_exceeded_total", "Records refused for their rate");
  m.read_throttled = Count("read_provisioned_throughput_exceeded_total",
                           "GetRecords calls refused for their rate");

  m.put_record_bytes = Count("put_record_bytes_total", "Bytes accepted by PutRecord");
  m.put_record_success = Count("put_record_success_total", "PutRecord calls that succeeded");
  m.put_record_latency =
      Latency("put_record_latency_seconds", "From a whole PutRecord request to its answer");

  m.put_records_bytes = Count("put_records_bytes_total", "Bytes accepted by PutRecords");
  m.put_records_success =
      Count("put_records_success_total", "PutRecords calls in which a record succeeded");
  m.put_records_total_records =
      Count("put_records_total_records_total", "Records in PutRecords calls");
  m.put_records_successful_records =
      Count("put_records_successful_records_total", "Records that PutRecords calls wrote");
  m.put_records_failed_records =
      Count("put_records_failed_records_total", "Records of PutRecords calls that failed inside");
  m.put_records_throttled_records = Count("put_records_throttled_records_total",
                                          "Records of PutRecords calls refused for their rate");
  m.put_records_latency =
      Latency("put_records_latency_seconds", "From a whole PutRecords request to its answer");

  m.get_records_bytes =
      Count("get_records_bytes_total", "Bytes of keys and data that GetRecords gave");
  m.get_records_records = Count("get_records_records_total", "Records that GetRecords gave");
  m.get_records_success = Count("get_records_success_total", "GetRecords calls that succeeded");
  m.get_records_iterator_age_ms =
      Level("get_records_iterator_age_milliseconds",
            "Age of the last record of the last GetRecords call, 0 at the tip");
  m.get_records_latency =
      Latency("get_records_latency_seconds", "From a whole GetRecords request to its answer");
}

StreamMetricsBook::~StreamMetricsBook() {
  if (abandoned_) return;
  const metrics::Labels alone = WithStream({});
  for (const char* name : series_) registry_.Remove(SeriesName(name), alone);
  for (const auto& [name, labels] : more_) registry_.Remove(SeriesName(name), WithStream(labels));
}

const ConsumerMetrics& StreamMetricsBook::Consumer(const std::string& name) {
  std::lock_guard lock(mu_);
  const auto [it, made] = consumers_.try_emplace(name);
  if (made) {
    const metrics::Labels of{{"consumer", name}};
    ConsumerMetrics& m = it->second;
    m.success =
        Count("subscribe_to_shard_success_total", "SubscribeToShard calls that succeeded", of);
    m.rate_exceeded = Count("subscribe_to_shard_rate_exceeded_total",
                            "SubscribeToShard calls within 5 s of another", of);
    m.event_bytes =
        Count("subscribe_to_shard_event_bytes_total", "Bytes of keys and data in events", of);
    m.event_records = Count("subscribe_to_shard_event_records_total", "Records in events", of);
    m.event_success = Count("subscribe_to_shard_event_success_total", "Events sent", of);
    m.event_millis_behind = Level("subscribe_to_shard_event_millis_behind_latest",
                                  "MillisBehindLatest of the last event", of);
  }
  return it->second;
}

ShardMetrics StreamMetricsBook::Shard(const std::string& shard_id,
                                      const std::vector<std::string>& names) {
  const auto asked = [&](std::string_view name) {
    return std::any_of(names.begin(), names.end(),
                       [&](const std::string& n) { return n == "ALL" || n == name; });
  };
  const metrics::Labels of{{"shard", shard_id}};
  std::lock_guard lock(mu_);
  ShardMetrics m;
  if (asked("IncomingBytes"))
    m.incoming_bytes = Count("shard_incoming_bytes_total", "Bytes accepted", of);
  if (asked("IncomingRecords"))
    m.incoming_records = Count("shard_incoming_records_total", "Records accepted", of);
  if (asked("OutgoingBytes"))
    m.outgoing_bytes = Count("shard_outgoing_bytes_total", "Bytes read", of);
  if (asked("OutgoingRecords"))
    m.outgoing_records = Count("shard_outgoing_records_total", "Records read", of);
  if (asked("WriteProvisionedThroughputExceeded")) {
    m.write_throttled = Count("shard_write_provisioned_throughput_exceeded_total",
                              "Records refused for their rate", of);
  }
  if (asked("ReadProvisionedThroughputExceeded")) {
    m.read_throttled = Count("shard_read_provisioned_throughput_exceeded_total",
                             "Reads refused for their rate", of);
  }
  if (asked("IteratorAgeMilliseconds")) {
    m.iterator_age_ms =
        Level("shard_iterator_age_milliseconds", "Age of the last record read, 0 at the tip", of);
  }
  return m;
}

metrics::Labels StreamMetricsBook::Remember(const char* name, metrics::Labels more) {
  if (more.empty()) {
    series_.push_back(name);
  } else {
    more_.emplace(name, more);
  }
  return WithStream(std::move(more));
}

metrics::Labels StreamMetricsBook::WithStream(metrics::Labels more) const {
  more.emplace("stream", name_);
  return more;
}

metrics::Counter* StreamMetricsBook::Count(const char* name, const char* help,
                                           metrics::Labels more) {
  return &registry_.GetCounter(SeriesName(name), help, Remember(name, std::move(more)));
}

metrics::Gauge* StreamMetricsBook::Level(const char* name, const char* help, metrics::Labels more) {
  return &registry_.GetGauge(SeriesName(name), help, Remember(name, std::move(more)));
}

metrics::Histogram* StreamMetricsBook::Latency(const char* name, const char* help) {
  return &registry_.GetHistogram(SeriesName(name), help, Remember(name, {}));
}

std::shared_ptr<StreamMetricsBook> StreamMetricsBooks::Open(const std::string& stream) {
  std::lock_guard lock(mu_);
  Entry& entry = books_[stream];
  if (std::shared_ptr<StreamMetricsBook> book = entry.book.lock()) return book;
  const uint64_t number = ++opened_;
  std::shared_ptr<StreamMetricsBook> book(
      new StreamMetricsBook(registry_, stream),
      [this, number](StreamMetricsBook* b) { Close(b, number); });
  entry = {number, book};
  return book;
}

void StreamMetricsBooks::Close(StreamMetricsBook* book, uint64_t number) {
  std::lock_guard lock(mu_);
  const auto it = books_.find(book->name());
  if (it != books_.end() && it->second.number == number) {
    books_.erase(it);
  } else {
    book->Abandon();
  }
  delete book;
}

}  // namespace millrace::shard
