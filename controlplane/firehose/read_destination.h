#pragma once

#include <map>
#include <string>

#include "common/delivery/delivery_stream_resource.h"
#include "common/json/value.h"

namespace millrace::controlplane {

// What a request's destination gives besides the spec.
struct DestinationExtras {
  std::map<std::string, std::string> secrets;  // for the delivery stream's own Secret
  json::Value shown;                           // the API's members, for Describe; no secrets
};

// The one destination of a request; `suffix` is Configuration or Update.
struct RequestedDestination {
  std::string_view type;    // of the resource
  std::string_view member;  // "HttpEndpointDestination", without suffix
  const json::Value* config = nullptr;
};
// kInvalidArgument where there is none, or several, or one that is not offered.
Result<RequestedDestination> FindDestination(const json::Value& input, std::string_view suffix);

// Takes the members that are there into `spec`, whose others stay: so an update merges. Another
// type than the spec's begins anew. `secret_name`: of the delivery stream's own Secret. Pure.
Status TakeDestination(const RequestedDestination& requested, const std::string& secret_name,
                       resources::DeliveryStreamSpec& spec, DestinationExtras& extras);

// Members of `over` over those of `base`, at every depth.
json::Value MergeMembers(json::Value base, const json::Value& over);

}  // namespace millrace::controlplane
