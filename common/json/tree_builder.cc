#include "common/json/tree_builder.h"

#include <algorithm>
#include <string_view>
#include <utility>

#include "common/base/check.h"

namespace millrace::json {

Status TreeBuilder::Count(size_t tokens) {
  tokens_ += tokens;
  if (tokens_ <= limits_.tokens_max) return OkStatus();
  return InvalidArgument("more than " + std::to_string(limits_.tokens_max) +
                         " values in one document");
}

Status TreeBuilder::Begin(Value empty) {
  if (open_.size() >= limits_.depth_max) {
    return InvalidArgument("nested deeper than " + std::to_string(limits_.depth_max) + " levels");
  }
  RETURN_IF_ERROR(Count(1));
  open_.push_back({std::move(empty), {}, false});
  return OkStatus();
}

Status TreeBuilder::End() {
  CHECK(!open_.empty());
  Value value = std::move(open_.back().value);
  open_.pop_back();
  if (const std::string* twice = FindDuplicate(value.AsObject())) {
    return InvalidArgument("the name '" + twice->substr(0, 100) + "' stands twice in one object");
  }
  Place(std::move(value));
  return OkStatus();
}

Status TreeBuilder::Key(std::string name) {
  CHECK(WantsKey());
  open_.back().key = std::move(name);
  open_.back().has_key = true;
  return Count(1);
}

Status TreeBuilder::Add(Value value) {
  RETURN_IF_ERROR(Count(1));
  Place(std::move(value));
  return OkStatus();
}

void TreeBuilder::Place(Value value) {
  if (open_.empty()) {
    root_ = std::move(value);
    last_ = &root_;
    return;
  }
  Open& parent = open_.back();
  if (parent.value.is_array()) {
    last_ = &parent.value.MutableArray().emplace_back(std::move(value));
    return;
  }
  CHECK(parent.has_key);
  parent.has_key = false;
  last_ =
      &parent.value.MutableObject().emplace_back(std::move(parent.key), std::move(value)).second;
}

const std::string* FindDuplicate(const Object& object) {
  constexpr size_t kFewMembers = 8;
  if (object.size() <= kFewMembers) {
    for (size_t i = 0; i < object.size(); ++i) {
      for (size_t j = 0; j < i; ++j) {
        if (object[i].first == object[j].first) return &object[i].first;
      }
    }
    return nullptr;
  }
  // Sorted, so that an object of 50,000 names costs its sender more than us.
  std::vector<const std::string*> names;
  names.reserve(object.size());
  for (const Member& member : object) names.push_back(&member.first);
  std::sort(names.begin(), names.end(), [](auto* a, auto* b) { return *a < *b; });
  auto twice =
      std::adjacent_find(names.begin(), names.end(), [](auto* a, auto* b) { return *a == *b; });
  return twice == names.end() ? nullptr : *twice;
}

std::string PlaceName(size_t line, size_t column) {
  return "line " + std::to_string(line) + ", column " + std::to_string(column);
}

}  // namespace millrace::json
