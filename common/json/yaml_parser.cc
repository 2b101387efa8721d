#include <yaml-cpp/anchor.h>
#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/mark.h>
#include <yaml-cpp/parser.h>

#include <algorithm>
#include <map>
#include <sstream>

#include "common/base/check.h"
#include "common/json/text.h"
#include "common/json/tree_builder.h"
#include "common/json/value.h"
#include "common/json/yaml_scalar.h"

namespace millrace::json {
namespace {

// Carries a failure out of the library's callbacks; never leaves this file.
struct Refused {
  Status status;
};

struct Shape {
  size_t tokens = 1;
  size_t depth = 0;
};

Shape Measure(const Value& value) {
  Shape shape;
  auto include = [&](const Value& child) {
    const Shape inner = Measure(child);
    shape.tokens += inner.tokens;
    shape.depth = std::max(shape.depth, inner.depth);
  };
  for (const Value& item : value.AsArray()) include(item);
  for (const Member& member : value.AsObject()) include(member.second);
  if (value.is_array() || value.is_object()) ++shape.depth;
  return shape;
}

// The library gives the escapes \N and \_ as the bare bytes 0x85 and 0xA0 where it should give the
// characters U+0085 and U+00A0. The text it read was valid UTF-8, so no other byte stands alone.
std::string MendEscapes(const std::string& text) {
  std::string out;
  for (std::string_view rest = text; !rest.empty();) {
    const size_t size = Utf8CharSize(rest);
    if (size == 0) out += '\xC2';
    out += rest.substr(0, std::max<size_t>(1, size));
    rest.remove_prefix(std::max<size_t>(1, size));
  }
  return out;
}

constexpr std::string_view kCore = "tag:yaml.org,2002:";

// Turns the library's events into values. An alias is a copy of what its anchor names, and both the
// copy and what is kept for it are paid for in tokens: an alias bomb hits the limit early.
class EventHandler final : public YAML::EventHandler {
 public:
  explicit EventHandler(const Limits& limits) : limits_(limits), builder_(limits) {}

  void OnDocumentStart(const YAML::Mark& mark) override {
    anchors_.clear();
    open_.clear();
    Require(builder_.Count(1), mark);
  }
  void OnDocumentEnd() override {
    if (Value document = builder_.Take(); !document.is_null())
      documents_.push_back(std::move(document));
  }

  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    if (builder_.WantsKey()) Refuse("a member has no name", mark);
    Require(builder_.Add(Value()), mark);
    Remember(anchor, mark);
  }

  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                const std::string& raw) override {
    const std::string text = MendEscapes(raw);
    if (builder_.WantsKey()) {
      if (text == "<<" && tag == "?") Refuse("merge keys (<<) are not supported", mark);
      Require(builder_.Key(text), mark);
      return;
    }
    Require(builder_.Add(Typed(text, tag, mark)), mark);
    Remember(anchor, mark);
  }

  void OnAlias(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    if (builder_.WantsKey()) Refuse("an alias cannot be a name", mark);
    auto named = anchors_.find(anchor);
    if (named == anchors_.end()) Refuse("an alias stands inside what it names", mark);
    const Shape shape = Measure(named->second);
    if (open_.size() + shape.depth > limits_.depth_max) Refuse("an alias nests too deeply", mark);
    Require(builder_.Count(shape.tokens), mark);
    Require(builder_.Add(named->second), mark);
  }

  void OnSequenceStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                       YAML::EmitterStyle::value) override {
    Open(mark, tag, "seq", anchor);
    Require(builder_.BeginArray(), mark);
  }
  void OnMapStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                  YAML::EmitterStyle::value) override {
    Open(mark, tag, "map", anchor);
    Require(builder_.BeginObject(), mark);
  }
  void OnSequenceEnd() override { Close(); }
  void OnMapEnd() override { Close(); }

  std::vector<Value> TakeDocuments() { return std::move(documents_); }

 private:
  struct OpenNode {
    YAML::anchor_t anchor;
    YAML::Mark mark;
  };

  [[noreturn]] static void Refuse(std::string_view why, const YAML::Mark& mark) {
    throw Refused{InvalidArgument("YAML: " + Place(mark) + ": " + std::string(why))};
  }
  static void Require(const Status& status, const YAML::Mark& mark) {
    if (!status.ok()) Refuse(status.message(), mark);
  }
  static std::string Place(const YAML::Mark& mark) {
    return PlaceName(static_cast<size_t>(mark.line) + 1, static_cast<size_t>(mark.column) + 1);
  }

  Value Typed(const std::string& text, const std::string& tag, const YAML::Mark& mark) {
    if (tag == "!" || tag == std::string(kCore) + "str") return Value(text);
    const bool core = tag.starts_with(kCore);
    const std::string_view type = std::string_view(tag).substr(core ? kCore.size() : 0);
    if (tag != "?" &&
        !(core && (type == "int" || type == "float" || type == "bool" || type == "null"))) {
      Refuse("the tag '" + tag.substr(0, 100) + "' is not supported", mark);
    }
    Result<Value> value = ResolvePlainScalar(text, limits_);
    Require(value.status(), mark);
    const bool fits =
        tag == "?" || (type == "int" && value->is_int()) || (type == "null" && value->is_null()) ||
        (type == "bool" && value->is_bool()) || (type == "float" && value->is_number());
    if (!fits) Refuse("the value is no " + std::string(type), mark);
    if (type == "float") return Value(value->AsDouble());
    return *std::move(value);
  }

  void Open(const YAML::Mark& mark, const std::string& tag, std::string_view type,
            YAML::anchor_t anchor) {
    if (builder_.WantsKey()) Refuse("a name must be a scalar", mark);
    if (tag != "?" && tag != "!" && tag != std::string(kCore) + std::string(type)) {
      Refuse("the tag '" + tag.substr(0, 100) + "' is not supported", mark);
    }
    open_.push_back({anchor, mark});
  }

  void Close() {
    CHECK(!open_.empty());
    const OpenNode node = open_.back();
    open_.pop_back();
    Require(builder_.End(), node.mark);
    Remember(node.anchor, node.mark);
  }

  void Remember(YAML::anchor_t anchor, const YAML::Mark& mark) {
    if (anchor == YAML::NullAnchor) return;
    Require(builder_.Count(Measure(builder_.Last()).tokens), mark);
    anchors_[anchor] = builder_.Last();
  }

  const Limits limits_;
  TreeBuilder builder_;
  std::vector<OpenNode> open_;
  std::map<YAML::anchor_t, Value> anchors_;
  std::vector<Value> documents_;
};

// The library takes other encodings too, and reads 0x04 as the end of the text.
Status CheckCharacters(std::string_view text) {
  size_t line = 1;
  size_t column = 1;
  while (!text.empty()) {
    const char c = text.front();
    const size_t size = Utf8CharSize(text);
    if (size == 0) return InvalidArgument("YAML: " + PlaceName(line, column) + ": not valid UTF-8");
    const bool space = c == '\t' || c == '\n' || c == '\r';
    if (static_cast<uint8_t>(c) < 0x80 && (static_cast<uint8_t>(c) < 0x20 || c == 0x7f) && !space) {
      return InvalidArgument("YAML: " + PlaceName(line, column) + ": a control character");
    }
    ++column;
    if (c == '\n') {
      ++line;
      column = 1;
    }
    text.remove_prefix(size);
  }
  return OkStatus();
}

}  // namespace

Result<std::vector<Value>> ParseYaml(std::string_view text, const Limits& limits) {
  RETURN_IF_ERROR(CheckCharacters(text));
  EventHandler handler(limits);
  try {
    std::istringstream stream{std::string(text)};
    YAML::Parser parser(stream);
    while (parser.HandleNextDocument(handler)) {
    }
  } catch (const Refused& refused) {
    return refused.status;
  } catch (const YAML::Exception& error) {
    const bool placed = !error.mark.is_null();
    return InvalidArgument("YAML: " +
                           (placed ? PlaceName(static_cast<size_t>(error.mark.line) + 1,
                                               static_cast<size_t>(error.mark.column) + 1) +
                                         ": "
                                   : std::string()) +
                           error.msg);
  } catch (const std::exception& error) {
    return InvalidArgument(std::string("YAML: ") + error.what());
  }
  return handler.TakeDocuments();
}

}  // namespace millrace::json
