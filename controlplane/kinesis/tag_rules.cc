#include "controlplane/kinesis/tag_rules.h"

namespace millrace::controlplane {
namespace {

constexpr size_t kTagsMax = 50;

}  // namespace

Status MergeTags(const json::Value& added, Tags& tags) {
  for (const auto& [key, value] : added.AsObject()) {
    if (key.starts_with("aws:")) {
      return InvalidArgument("Tag keys that begin with aws: are reserved: " + key);
    }
    tags[key] = value.AsString();
  }
  if (tags.size() > kTagsMax) {
    return {Code::kInvalidArgument, "Failed to add tags: a resource cannot have more than " +
                                        std::to_string(kTagsMax) + " tags."};
  }
  return OkStatus();
}

void RemoveTags(const json::Value& keys, Tags& tags) {
  for (const json::Value& key : keys.AsArray()) tags.erase(key.AsString());
}

json::Value TagList(const Tags& tags) {
  json::Value list = json::Array{};
  for (const auto& [key, value] : tags) {
    json::Value tag;
    tag.Set("Key", key);
    tag.Set("Value", value);
    list.Append(std::move(tag));
  }
  return list;
}

}  // namespace millrace::controlplane
