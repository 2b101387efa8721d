#include "common/delivery/field_visitor.h"

#include <utility>

namespace millrace::resources {
namespace {

using json::Value;

class FieldsReader final : public FieldVisitor {
 public:
  FieldsReader(const Value& document, std::string path, Problems& problems)
      : in_(document, std::move(path), problems), problems_(problems) {}

  void Text(std::string_view name, std::string& value, const TextRule& rule) override {
    in_.Text(name, value, rule);
  }
  void RequiredText(std::string_view name, std::string& value, const TextRule& rule) override {
    in_.RequiredText(name, value, rule);
  }
  void OneOf(std::string_view name, std::string& value,
             const std::vector<std::string>& choices) override {
    in_.OneOf(name, value, choices);
  }
  void Int(std::string_view name, int32_t& value, int32_t min, int32_t max) override {
    in_.Int(name, value, min, max);
  }
  void Number(std::string_view name, double& value, double min, double max) override {
    const Value& given = in_.Take(name);
    if (given.is_null()) return;
    const double number = given.AsDouble();
    if (!given.is_number() || !(number >= min && number <= max)) {
      return in_.Add(
          name, "must be a number from " + json::WriteJson(min) + " to " + json::WriteJson(max));
    }
    value = number;
  }
  void Bool(std::string_view name, bool& value) override {
    const Value& given = in_.Take(name);
    if (given.is_null()) return;
    if (!given.is_bool()) return in_.Add(name, "must be true or false");
    value = given.AsBool();
  }
  void Map(std::string_view name, std::map<std::string, std::string>& value, size_t entries_max,
           const TextRule& rule) override {
    in_.Map(name, value, entries_max, rule);
  }
  void Texts(std::string_view name, std::vector<std::string>& value, size_t items_max,
             const TextRule& rule) override {
    for (const Value& item : in_.List(name, items_max)) {
      const size_t chars = item.AsString().size();
      if (!item.is_string() || chars < rule.chars_min || chars > rule.chars_max) {
        in_.Add(name, "its items must be texts of " + std::to_string(rule.chars_min) + " to " +
                          std::to_string(rule.chars_max) + " characters");
      }
      value.push_back(item.AsString());
    }
  }
  void Object(std::string_view name, const Inner& inner) override {
    FieldsReader nested(in_.Object(name), in_.Path(name), problems_);
    inner(nested);
  }
  void RequiredObject(std::string_view name, const Inner& inner) override {
    if (!in_.Has(name)) in_.Add(name, "is needed");
    Object(name, inner);
  }
  void Optional(std::string_view name, bool& present, const Inner& inner) override {
    present = in_.Has(name);
    if (present) return Object(name, inner);
    (void)in_.Take(name);
  }
  void Items(std::string_view name, size_t, size_t items_max,
             const std::function<void(size_t)>& resize,
             const std::function<void(size_t, FieldVisitor&)>& inner) override {
    const json::Array& items = in_.List(name, items_max);
    resize(items.size());
    for (size_t i = 0; i < items.size(); ++i) {
      FieldsReader nested(items[i], in_.Path(name) + "[" + std::to_string(i) + "]", problems_);
      inner(i, nested);
    }
  }
  void Add(std::string_view name, std::string_view what) override { in_.Add(name, what); }

 private:
  FieldReader in_;
  Problems& problems_;
};

class FieldsWriter final : public FieldVisitor {
 public:
  void Text(std::string_view name, std::string& value, const TextRule&) override {
    if (!value.empty()) out_.Set(name, value);
  }
  void RequiredText(std::string_view name, std::string& value, const TextRule&) override {
    out_.Set(name, value);
  }
  void OneOf(std::string_view name, std::string& value, const std::vector<std::string>&) override {
    if (!value.empty()) out_.Set(name, value);
  }
  void Int(std::string_view name, int32_t& value, int32_t, int32_t) override {
    out_.Set(name, value);
  }
  void Number(std::string_view name, double& value, double, double) override {
    out_.Set(name, value);
  }
  void Bool(std::string_view name, bool& value) override { out_.Set(name, value); }
  void Map(std::string_view name, std::map<std::string, std::string>& value, size_t,
           const TextRule&) override {
    for (const auto& [key, text] : value) out_[name].Set(key, text);
  }
  void Texts(std::string_view name, std::vector<std::string>& value, size_t,
             const TextRule&) override {
    for (const std::string& text : value) out_[name].Append(text);
  }
  void Object(std::string_view name, const Inner& inner) override {
    Value nested = WriteFields(inner);
    if (!nested.AsObject().empty()) out_.Set(name, std::move(nested));
  }
  void RequiredObject(std::string_view name, const Inner& inner) override { Object(name, inner); }
  void Optional(std::string_view name, bool& present, const Inner& inner) override {
    if (present) out_.Set(name, WriteFields(inner));
  }
  void Items(std::string_view name, size_t size, size_t, const std::function<void(size_t)>&,
             const std::function<void(size_t, FieldVisitor&)>& inner) override {
    for (size_t i = 0; i < size; ++i) {
      out_[name].Append(WriteFields([&](FieldVisitor& item) { inner(i, item); }));
    }
  }
  void Add(std::string_view, std::string_view) override {}

  Value Take() { return std::move(out_); }

 private:
  Value out_ = json::Object{};
};

}  // namespace

void ReadFields(const Value& document, std::string path, Problems& problems,
                const FieldVisitor::Inner& visit) {
  FieldsReader in(document, std::move(path), problems);
  visit(in);
}

Value WriteFields(const FieldVisitor::Inner& visit) {
  FieldsWriter out;
  visit(out);
  return out.Take();
}

}  // namespace millrace::resources
