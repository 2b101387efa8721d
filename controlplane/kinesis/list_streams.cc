#include <algorithm>

#include "controlplane/kinesis/operations.h"

namespace millrace::controlplane {

using resources::Resource;
using resources::StreamSpec;

namespace {

constexpr int64_t kStreamsPerPageMax = 100;

json::Value Summary(const StreamView& view) {
  json::Value out;
  out.Set("StreamName", view.name);
  out.Set("StreamARN", view.arn);
  out.Set("StreamStatus", view.status);
  out.Set("StreamModeDetails", DescribeModeOf(view));
  WallMs created = resources::ParseTime(view.resource.creation_timestamp).value_or(0);
  out.Set("StreamCreationTimestamp", json::Timestamp{created});
  return out;
}

}  // namespace

Handler ListStreams(KinesisControl& control) {
  return [&control](const aws::RequestContext&, json::Value input) -> Result<json::Value> {
    std::string after = input["ExclusiveStartStreamName"].AsString();
    if (const json::Value& token = input["NextToken"]; !token.is_null()) {
      ASSIGN_OR_RETURN(json::Value position, control.tokens.Read("ListStreams", token.AsString()));
      after = position.AsString();
    }
    int64_t limit = std::min(input["Limit"].AsInt(kStreamsPerPageMax), kStreamsPerPageMax);
    ASSIGN_OR_RETURN(std::vector<StreamView> all, control.catalog.List());
    json::Value names = json::Array{};
    json::Value summaries = json::Array{};
    bool more = false;
    for (const StreamView& view : all) {
      if (!after.empty() && view.name <= after) continue;
      if (view.resource.annotations.contains("millrace.dev/hidden")) continue;
      if (static_cast<int64_t>(names.AsArray().size()) == limit) {
        more = true;
        break;
      }
      names.Append(view.name);
      summaries.Append(Summary(view));
    }
    json::Value out;
    if (more) out.Set("NextToken", control.tokens.Make("ListStreams", names.AsArray().back()));
    out.Set("StreamNames", std::move(names));
    out.Set("HasMoreStreams", more);
    out.Set("StreamSummaries", std::move(summaries));
    return out;
  };
}

}  // namespace millrace::controlplane
