#pragma once

#include <string>

#include "common/base/clock.h"
#include "common/base/status.h"
#include "common/json/value.h"

namespace millrace::resources {

// What one place said last: the source, the destination or the backup.
struct DeliveryContact {
  std::string state = "Unknown";  // Unknown, Ok, Failing
  std::string code;               // of the last failure, such as S3.NoSuchBucket
  std::string message;            // its own words
  WallMs since_ms = 0;            // when `state` began
};

// What a millrace-delivery process says of itself at GET /internal/v1/delivery of its admin port
// (docs/formats/delivery_status.md); the operator makes conditions of it. A value.
struct DeliveryReport {
  std::string uid;  // of the DeliveryStream
  // Of the plan that is in force; the operator knows by it that a change was taken up.
  int64_t generation = 0;
  std::string version_id;
  std::string state = "Running";      // as in the plan
  std::string plan_error;             // why a newer plan is not in force, "" for none
  int64_t oldest_undelivered_ms = 0;  // wall clock; 0: nothing waits
  int64_t records_read = 0;
  int64_t records_delivered = 0;
  int64_t records_failed = 0;  // in the error output
  int64_t records_lost = 0;    // the source dropped them first
  int64_t bytes_delivered = 0;
  int64_t shards = 0;  // leased by this process
  int64_t partitions = 0;
  // Flushing only: every record that the source had when the plan said Flushing is delivered, and
  // its position durable.
  bool drained = false;
  DeliveryContact source;
  DeliveryContact destination;
  DeliveryContact backup;
  std::string notes;  // for people: "MetadataExtraction is interpreted"

  static Result<DeliveryReport> Parse(std::string_view text);
  std::string ToText() const;
};

}  // namespace millrace::resources
