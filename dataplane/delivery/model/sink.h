#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "common/base/clock.h"
#include "common/base/status.h"
#include "dataplane/delivery/model/record.h"

namespace millrace::delivery {

// What is delivered in one go. Object sinks (S3, folder, warehouse) use `name` and `body`; record
// sinks (HTTP endpoint, OpenSearch, Splunk, Kafka, Stream) use `records`. Decided before the first
// try and unchanged by retries, so that a retry overwrites and doubles nothing.
struct Parcel {
  std::string id;  // a UUID: the request id of the HTTP endpoint, the last part of an object's name
  std::string name;  // the object's whole key; "" for record sinks
  std::string body;  // the encoded object; "" for record sinks
  std::string content_type;
  std::string content_encoding;
  std::vector<Record> records;  // valid for the call; empty for object sinks
  size_t record_count = 0;
  WallMs oldest_arrival_ms = 0;
};

// What a destination said of one try.
struct Delivery {
  enum class Verdict {
    kDelivered,  // durable there, or as durable as the destination makes it
    kRetry,      // nothing or a part arrived: try the same parcel again after a while
    kRefused,    // trying again is of no use: `rejected`, or else the whole parcel, goes to backup
  };
  Verdict verdict = Verdict::kDelivered;
  std::string code{};                     // "S3.NoSuchBucket", "HttpEndpoint.DestinationException"
  std::string message{};                  // the destination's own words, cut at 1 KiB
  std::optional<Duration> retry_after{};  // what it asked for
  // Indices of records that are settled one by one (bulk answers): `rejected` go to the backup,
  // `again` make up the next try; both empty means that the verdict is about all.
  struct Item {
    size_t index = 0;
    std::string code{};
    std::string message{};
    std::vector<std::pair<std::string, std::string>> details{};  // as in Failure
  };
  std::vector<Item> rejected{};
  std::vector<size_t> again{};
};

// One destination. Deliver blocks, up to the destination's own time limits; several threads call it
// at once. Never throws, never sleeps to retry: that is the engine's business, so that one policy
// and one metric count for all. Owned by the pipeline; Stop breaks calls under way.
class Sink {
 public:
  virtual ~Sink() = default;
  virtual Delivery Deliver(const Parcel& parcel) = 0;
  // A call without records that tells whether destination and credentials are right (HeadBucket,
  // GET /): for the DestinationReachable condition, in the destination's own words.
  virtual Status Probe() = 0;
  virtual void Stop() = 0;
  // How many parcels it likes in flight at once.
  virtual size_t parallel_max() const { return 4; }
};

}  // namespace millrace::delivery
