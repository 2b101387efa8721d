#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/json/value.h"
#include "common/resources/field_reader.h"

namespace millrace::resources {

// The fields of one object, named once for both ways: a reader fills the struct from a document and
// reports what breaks a rule, a writer makes the document. So the two can't differ. Lives on the
// stack of one parse or one rendering; the fields outlive it.
class FieldVisitor {
 public:
  using TextRule = FieldReader::TextRule;
  using Inner = std::function<void(FieldVisitor&)>;

  virtual ~FieldVisitor() = default;
  virtual void Text(std::string_view name, std::string& value, const TextRule& rule) = 0;
  virtual void RequiredText(std::string_view name, std::string& value, const TextRule& rule) = 0;
  virtual void OneOf(std::string_view name, std::string& value,
                     const std::vector<std::string>& choices) = 0;
  virtual void Int(std::string_view name, int32_t& value, int32_t min, int32_t max) = 0;
  virtual void Number(std::string_view name, double& value, double min, double max) = 0;
  virtual void Bool(std::string_view name, bool& value) = 0;
  virtual void Map(std::string_view name, std::map<std::string, std::string>& value,
                   size_t entries_max, const TextRule& rule) = 0;
  virtual void Texts(std::string_view name, std::vector<std::string>& value, size_t items_max,
                     const TextRule& rule) = 0;
  // A nested object whose fields all have defaults: visited whether it is there or not.
  virtual void Object(std::string_view name, const Inner& inner) = 0;
  // A nested object that must be there.
  virtual void RequiredObject(std::string_view name, const Inner& inner) = 0;
  // A nested object that may be absent. `present` says so when writing and learns it when reading,
  // before `inner` runs.
  virtual void Optional(std::string_view name, bool& present, const Inner& inner) = 0;
  // `size` items when writing; a reader calls `resize` and then `inner` for each item.
  virtual void Items(std::string_view name, size_t size, size_t items_max,
                     const std::function<void(size_t)>& resize,
                     const std::function<void(size_t, FieldVisitor&)>& inner) = 0;
  // A rule across fields: said by the reader, nothing to the writer.
  virtual void Add(std::string_view name, std::string_view what) = 0;

  template <typename T>
  void Optional(std::string_view name, std::optional<T>& value, void (*visit)(FieldVisitor&, T&)) {
    bool present = value.has_value();
    Optional(name, present, [&](FieldVisitor& inner) {
      if (!value) value.emplace();
      visit(inner, *value);
    });
  }
  template <typename T>
  void Items(std::string_view name, std::vector<T>& items, size_t items_max,
             void (*visit)(FieldVisitor&, T&)) {
    Items(
        name, items.size(), items_max, [&](size_t count) { items.resize(count); },
        [&](size_t i, FieldVisitor& inner) { visit(inner, items[i]); });
  }
};

// Fills what `visit` names from `document`, whose path is `path` ("spec"); unknown members are
// problems, too.
void ReadFields(const json::Value& document, std::string path, Problems& problems,
                const FieldVisitor::Inner& visit);
// Every field, defaults too, except empty texts, maps and lists and absent objects.
json::Value WriteFields(const FieldVisitor::Inner& visit);

}  // namespace millrace::resources
