#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "common/metrics/metrics.h"

namespace millrace::shard {

// Handles of one stream's series, named after CloudWatch's (reference/aws-api.md A.6):
// IncomingBytes is millrace_kinesis_incoming_bytes_total{stream}, PutRecords.Latency is
// millrace_kinesis_put_records_latency_seconds{stream}. Made by StreamMetricsBook; any thread.
struct StreamMetrics {
  metrics::Counter* incoming_bytes;
  metrics::Counter* incoming_records;
  metrics::Counter* write_throttled;
  metrics::Counter* read_throttled;

  metrics::Counter* put_record_bytes;
  metrics::Counter* put_record_success;
  metrics::Histogram* put_record_latency;

  metrics::Counter* put_records_bytes;
  metrics::Counter* put_records_success;
  metrics::Counter* put_records_total_records;
  metrics::Counter* put_records_successful_records;
  metrics::Counter* put_records_failed_records;
  metrics::Counter* put_records_throttled_records;
  metrics::Histogram* put_records_latency;

  metrics::Counter* get_records_bytes;
  metrics::Counter* get_records_records;
  metrics::Counter* get_records_success;
  metrics::Gauge* get_records_iterator_age_ms;
  metrics::Histogram* get_records_latency;
};

// The series of one consumer (SubscribeToShard.*, SubscribeToShardEvent.*).
struct ConsumerMetrics {
  metrics::Counter* success;
  metrics::Counter* rate_exceeded;
  metrics::Counter* event_bytes;
  metrics::Counter* event_records;
  metrics::Counter* event_success;
  metrics::Gauge* event_millis_behind;
};

// Shard-level series, asked for by enhanced monitoring; null where not asked for.
struct ShardMetrics {
  metrics::Counter* incoming_bytes = nullptr;
  metrics::Counter* incoming_records = nullptr;
  metrics::Counter* outgoing_bytes = nullptr;
  metrics::Counter* outgoing_records = nullptr;
  metrics::Counter* write_throttled = nullptr;
  metrics::Counter* read_throttled = nullptr;
  metrics::Gauge* iterator_age_ms = nullptr;
};

// All series of one stream name. Two incarnations of a name share it, as they share the label; the
// series are forgotten when the last holder lets go, so a handle is good as long as this is held.
// Any thread.
class StreamMetricsBook {
 public:
  StreamMetricsBook(metrics::Registry& registry, std::string stream);
  ~StreamMetricsBook();
  StreamMetricsBook(const StreamMetricsBook&) = delete;

  const StreamMetrics& stream() const { return stream_metrics_; }
  const ConsumerMetrics& Consumer(const std::string& name);
  // Those of `names` ("ALL" is every one).
  ShardMetrics Shard(const std::string& shard_id, const std::vector<std::string>& names);
  const std::string& name() const { return name_; }
  // Another book has taken the series over: they stay.
  void Abandon() { abandoned_ = true; }

 private:
  metrics::Counter* Count(const char* name, const char* help, metrics::Labels more = {});
  metrics::Gauge* Level(const char* name, const char* help, metrics::Labels more = {});
  metrics::Histogram* Latency(const char* name, const char* help);
  metrics::Labels Remember(const char* name, metrics::Labels more);
  metrics::Labels WithStream(metrics::Labels more) const;

  metrics::Registry& registry_;
  const std::string name_;
  bool abandoned_ = false;
  StreamMetrics stream_metrics_{};
  std::mutex mu_;
  // Guarded by mu_.
  std::map<std::string, ConsumerMetrics> consumers_;
  // To forget, each by itself: a look among those of all other streams would take as long as
  // there are streams. Names are literals.
  std::vector<const char*> series_;                              // with the stream's label alone
  std::set<std::pair<std::string_view, metrics::Labels>> more_;  // with others beside it
};

// Hands out one book a stream name. Lives as long as the process's registry; any thread.
class StreamMetricsBooks {
 public:
  explicit StreamMetricsBooks(metrics::Registry& registry) : registry_(registry) {}
  std::shared_ptr<StreamMetricsBook> Open(const std::string& stream);

 private:
  metrics::Registry& registry_;
  std::mutex mu_;
  struct Entry {
    uint64_t number = 0;  // tells a book from the one that replaced it
    std::weak_ptr<StreamMetricsBook> book;
  };
  void Close(StreamMetricsBook* book, uint64_t number);

  // Guarded by mu_.
  uint64_t opened_ = 0;
  std::map<std::string, Entry> books_;
};

}  // namespace millrace::shard
