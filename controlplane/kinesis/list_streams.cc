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
    const auto limit =
        static_cast<size_t>(std::min(input["Limit"].AsInt(kStreamsPerPageMax), kStreamsPerPageMax));
    std::vector<StreamView> page;  // and the first of the next
    for (bool is_end = false; !is_end && page.size() <= limit;) {
      const size_t wanted = limit + 1 - page.size();
      ASSIGN_OR_RETURN(std::vector<StreamView> next, control.catalog.ListAfter(after, wanted));
      is_end = next.size() < wanted;
      if (!next.empty()) after = next.back().name;
      for (StreamView& view : next) {
        const bool is_hidden = view.resource.annotations.contains("millrace.dev/hidden");
        if (!is_hidden) page.push_back(std::move(view));
      }
    }
    const bool more = page.size() > limit;
    if (more) page.pop_back();
    json::Value names = json::Array{};
    json::Value summaries = json::Array{};
    for (const StreamView& view : page) {
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
