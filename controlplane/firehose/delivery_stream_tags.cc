#include <algorithm>

#include "controlplane/firehose/operations.h"

namespace millrace::controlplane {

using json::Value;
using resources::DeliveryStreamSpec;
using resources::Resource;

namespace {

constexpr size_t kTagsMax = 50;
constexpr int64_t kTagsPerPage = 50;

}  // namespace

Status MergeDeliveryTags(const Value& added, std::map<std::string, std::string>& tags) {
  for (const Value& tag : added.AsArray()) {
    const std::string& key = tag["Key"].AsString();
    if (key.starts_with("aws:")) {
      return InvalidArgument("Tag keys that begin with aws: are reserved: " + key);
    }
    tags[key] = tag["Value"].AsString();
  }
  if (tags.size() <= kTagsMax) return OkStatus();
  return {Code::kLimitExceeded,
          "A delivery stream cannot have more than " + std::to_string(kTagsMax) + " tags."};
}

aws::OperationHandler TagDeliveryStream(FirehoseControl& control) {
  return [&control](const aws::RequestContext&, const Value& input) -> Result<Value> {
    ASSIGN_OR_RETURN(const DeliveryView view,
                     control.deliveries.Find(input["DeliveryStreamName"].AsString()));
    RETURN_IF_ERROR(control.deliveries.Change(view, [&](Resource&, DeliveryStreamSpec& spec) {
      return MergeDeliveryTags(input["Tags"], spec.tags);
    }));
    return Value(json::Object{});
  };
}

aws::OperationHandler UntagDeliveryStream(FirehoseControl& control) {
  return [&control](const aws::RequestContext&, const Value& input) -> Result<Value> {
    ASSIGN_OR_RETURN(const DeliveryView view,
                     control.deliveries.Find(input["DeliveryStreamName"].AsString()));
    RETURN_IF_ERROR(control.deliveries.Change(view, [&](Resource&, DeliveryStreamSpec& spec) {
      for (const Value& key : input["TagKeys"].AsArray()) spec.tags.erase(key.AsString());
      return OkStatus();
    }));
    return Value(json::Object{});
  };
}

aws::OperationHandler ListTagsForDeliveryStream(FirehoseControl& control) {
  return [&control](const aws::RequestContext&, const Value& input) -> Result<Value> {
    ASSIGN_OR_RETURN(const DeliveryView view,
                     control.deliveries.Find(input["DeliveryStreamName"].AsString()));
    const int64_t limit = std::min(input["Limit"].AsInt(kTagsPerPage), kTagsPerPage);
    const std::string& after = input["ExclusiveStartTagKey"].AsString();
    auto it = after.empty() ? view.spec.tags.begin() : view.spec.tags.upper_bound(after);
    Value tags = json::Array{};
    for (; it != view.spec.tags.end() && static_cast<int64_t>(tags.AsArray().size()) < limit;
         ++it) {
      tags.Append(json::Object{{"Key", it->first}, {"Value", it->second}});
    }
    Value out;
    out.Set("Tags", std::move(tags));
    out.Set("HasMoreTags", it != view.spec.tags.end());
    return out;
  };
}

}  // namespace millrace::controlplane
