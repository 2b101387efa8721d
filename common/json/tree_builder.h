#pragma once

#include <string>
#include <vector>

#include "common/base/status.h"
#include "common/json/value.h"

namespace millrace::json {

// Grows one document from a parser's events, within limits: JSON and YAML both come through here
// and so obey the same ones. Lives as long as one parse, on its thread; useless after a failure.
class TreeBuilder {
 public:
  explicit TreeBuilder(const Limits& limits) : limits_(limits) {}

  Status BeginObject() { return Begin(Object()); }
  Status BeginArray() { return Begin(Array()); }
  // Closes the innermost object or array; refuses an object with two members of one name.
  Status End();
  Status Key(std::string name);
  // A scalar, or a whole subtree that was built before.
  Status Add(Value value);
  // Spends `tokens` of the document's allowance.
  Status Count(size_t tokens);

  // Whether the next scalar is a member's name.
  bool WantsKey() const {
    return !open_.empty() && open_.back().value.is_object() && !open_.back().has_key;
  }
  // The value that was completed last; valid until the next call.
  const Value& Last() const { return *last_; }
  Value Take() { return std::move(root_); }

 private:
  struct Open {
    Value value;
    std::string key;
    bool has_key = false;
  };

  Status Begin(Value empty);
  void Place(Value value);

  const Limits limits_;
  size_t tokens_ = 0;
  std::vector<Open> open_;
  Value root_;
  const Value* last_ = &root_;
};

// The name that stands twice among the members of `object`; nullptr where each is unique.
const std::string* FindDuplicate(const Object& object);

// "line 3, column 14".
std::string PlaceName(size_t line, size_t column);

}  // namespace millrace::json
