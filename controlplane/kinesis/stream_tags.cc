#include <algorithm>

#include "controlplane/kinesis/operations.h"
#include "controlplane/kinesis/tag_rules.h"

namespace millrace::controlplane {

using resources::Resource;
using resources::StreamSpec;

namespace {

constexpr int64_t kTagsPerPageMax = 50;

}  // namespace

Handler AddTagsToStream(KinesisControl& control) {
  return [&control](const aws::RequestContext&, json::Value input) -> Result<json::Value> {
    ASSIGN_OR_RETURN(StreamView view, control.catalog.FindFor(input));
    RETURN_IF_ERROR(control.catalog.ChangeAndWait(
        view, [&](Resource&, StreamSpec& spec) { return MergeTags(input["Tags"], spec.tags); }));
    return json::Value(json::Object{});
  };
}

Handler RemoveTagsFromStream(KinesisControl& control) {
  return [&control](const aws::RequestContext&, json::Value input) -> Result<json::Value> {
    ASSIGN_OR_RETURN(StreamView view, control.catalog.FindFor(input));
    RETURN_IF_ERROR(control.catalog.ChangeAndWait(view, [&](Resource&, StreamSpec& spec) {
      RemoveTags(input["TagKeys"], spec.tags);
      return OkStatus();
    }));
    return json::Value(json::Object{});
  };
}

Handler ListTagsForStream(KinesisControl& control) {
  return [&control](const aws::RequestContext&, json::Value input) -> Result<json::Value> {
    ASSIGN_OR_RETURN(StreamView view, control.catalog.FindFor(input));
    int64_t limit = std::min(input["Limit"].AsInt(kTagsPerPageMax), kTagsPerPageMax);
    auto it = view.spec.tags.begin();
    if (const json::Value& start = input["ExclusiveStartTagKey"]; !start.is_null()) {
      it = view.spec.tags.upper_bound(start.AsString());
    }
    Tags page;
    for (; it != view.spec.tags.end() && static_cast<int64_t>(page.size()) < limit; ++it)
      page.insert(*it);
    json::Value out;
    out.Set("Tags", TagList(page));
    out.Set("HasMoreTags", it != view.spec.tags.end());
    return out;
  };
}

}  // namespace millrace::controlplane
