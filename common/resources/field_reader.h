#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/status.h"
#include "common/json/value.h"

namespace millrace::resources {

// Everything that is wrong with one document, so that a user mends it in one go.
class Problems {
 public:
  // "spec.shardCount: must be a whole number"
  void Add(std::string_view path, std::string_view what);
  bool empty() const { return text_.empty(); }
  // Ok, or InvalidArgument with the problems separated by "; ".
  Status ToStatus() const;

 private:
  std::string text_;
};

// Reads the fields of one object of a spec by the rules of its schema: a field that is there
// replaces the default that stands in its target; what is wrong goes to `problems` with the field's
// path, as does every field that nobody read, when the reader is destroyed. A null counts as
// absent. Lives on the stack of one parse; object, problems and targets outlive it.
class FieldReader {
 public:
  FieldReader(const json::Value& object, std::string path, Problems& problems);
  ~FieldReader();
  FieldReader(const FieldReader&) = delete;

  struct TextRule {
    size_t chars_min = 1;
    size_t chars_max = 253;
    bool is_stream_name = false;  // [a-zA-Z0-9_.-]+, as AWS has it
    bool is_json = false;         // an object in JSON text
  };

  bool Has(std::string_view name) const { return !object_[name].is_null(); }
  void Text(std::string_view name, std::string& target, const TextRule& rule);
  void RequiredText(std::string_view name, std::string& target, const TextRule& rule);
  void OneOf(std::string_view name, std::string& target, const std::vector<std::string>& choices);
  void Int(std::string_view name, int32_t& target, int32_t min, int32_t max);
  void Int(std::string_view name, std::optional<int32_t>& target, int32_t min, int32_t max);
  void Int(std::string_view name, std::optional<int64_t>& target, int64_t min, int64_t max);
  // A number of bytes as text, such as 10Gi.
  void Quantity(std::string_view name, std::string& target);
  void RequiredQuantity(std::string_view name, std::string& target);
  // The same where a whole number does, too, as in a pod's resources; `is_cpu` takes 500m.
  void PodQuantity(std::string_view name, std::string& target, bool is_cpu);
  void Map(std::string_view name, std::map<std::string, std::string>& target, size_t entries_max,
           const TextRule& rule);
  // The items of a list, at most `items_max`; empty where it is absent or no list.
  const json::Array& List(std::string_view name, size_t items_max);
  // A nested object to give a FieldReader of its own; null where it is absent.
  const json::Value& Object(std::string_view name);
  // The member as it is, or null; the caller judges it.
  const json::Value& Take(std::string_view name);
  std::string Path(std::string_view name) const { return path_ + "." + std::string(name); }
  void Add(std::string_view name, std::string_view what) { problems_.Add(Path(name), what); }

 private:
  bool CheckText(std::string_view path, const json::Value& value, const TextRule& rule);

  const json::Value& object_;
  const std::string path_;
  Problems& problems_;
  std::vector<std::string> known_;
};

}  // namespace millrace::resources
