#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "common/base/clock.h"
#include "common/delivery/delivery_plan.h"
#include "common/delivery/delivery_stream_resource.h"
#include "operator/delivery_stream/delivery_scaling.h"
#include "operator/delivery_stream/delivery_workers.h"

namespace millrace::op {

inline constexpr std::string_view kDeliveryFinalizer = "millrace.dev/delivery";

// How this installation runs, the same for every delivery stream.
struct DeliverySettings {
  std::string region = "us-east-1";
  std::string account = "000000000000";
  std::string endpoint;         // the public one, for status
  std::string source_endpoint;  // where processes reach the Kinesis API
  std::string source_ca;        // PEM, the authorities of an https one; "": the system's
  std::string source_problem;   // why that is not known yet, "" where all is well
  std::string internal_token;
  resources::S3Access s3_default;
  std::string s3_default_problem;  // why there is none, "" where all is well
  std::string folder_root;         // relative folders start here
  int32_t workers_max = 1;         // of one DeliveryStream
  Duration observe_every = std::chrono::seconds(2);
  Duration flush_within = std::chrono::hours(24);  // a deletion waits so long for the destination
};

struct DeliveryInput {
  resources::Resource resource;
  // The hidden Stream of DirectPut or the one of source.stream; none where there is none.
  std::optional<resources::Resource> source;
  std::optional<resources::Resource> destination;  // of a Stream destination
  std::optional<resources::Resource> cursors;      // the stream that positions are kept in
  std::map<std::string, std::map<std::string, std::string>> secrets;
  std::vector<std::string> secrets_missing;
  std::string source_problem;      // of the settings
  std::string s3_default_problem;  // of the settings
  DeliveryObservation observed;
  std::string name_taken_by;  // an older one with the same AWS name, "" for none
  WallMs now = 0;
};

// What to do next, in this order; each part is left out when there is nothing to do. Planning twice
// on the same world changes nothing.
struct DeliverySteps {
  bool update_metadata = false;  // finalizer and version; and come back
  std::optional<resources::Resource> create_source;
  std::optional<resources::Resource> update_source;
  std::optional<resources::Resource> create_cursors;
  std::optional<DeliveryOrders> orders;
  bool stop = false;
  bool delete_source = false;
  bool delete_cursors = false;
  std::optional<json::Value> status;
  bool remove_finalizer = false;
  std::optional<Duration> again;
};

// One thing that can be wrong or right, for a condition.
struct DeliveryVerdict {
  bool value = true;
  std::string reason;
  std::string message;
};

resources::ResourceKey HiddenStreamKey(const resources::Resource& delivery_stream);
// The Stream that PutRecord writes to.
resources::Resource HiddenStream(const resources::Resource& delivery_stream,
                                 const resources::DeliveryStreamSpec& spec);
resources::ResourceKey CursorStreamKey(const resources::Resource& delivery_stream);
// The one-shard Stream that positions and leases are kept in (docs/formats/cursor_log.md).
resources::Resource CursorStream(const resources::Resource& delivery_stream);
std::string DeliveryStreamArn(const DeliverySettings& settings, std::string_view name);

// What keeps the delivery stream from being made, if anything: spec, names, Secrets, the source.
DeliveryVerdict ResolveDelivery(const DeliveryInput& input,
                                const Result<resources::DeliveryStreamSpec>& spec);
ScalingDecision ScaleDelivery(const DeliverySettings& settings, const DeliveryInput& input,
                              const resources::DeliveryStreamSpec& spec);
resources::DeliveryPlan MakeDeliveryPlan(const DeliverySettings& settings,
                                         const DeliveryInput& input,
                                         const resources::DeliveryStreamSpec& spec);
// Pure.
DeliverySteps PlanDelivery(const DeliverySettings& settings, const DeliveryInput& input);
// Whether a deletion has delivered what it had to. Said in the status before processes stop, since
// nobody is left to say it afterwards.
bool IsDrained(const DeliveryInput& input);
// status of the DeliveryStream (delivery_stream_status.cc); pure.
json::Value DeliveryStatus(const DeliverySettings& settings, const DeliveryInput& input,
                           const Result<resources::DeliveryStreamSpec>& spec);

}  // namespace millrace::op
