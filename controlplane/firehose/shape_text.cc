#include "controlplane/firehose/shape_text.h"

#include <cctype>
#include <charconv>
#include <optional>

#include "common/base/check.h"

namespace millrace::controlplane {
namespace {

using aws::Member;
using aws::Shape;
using aws::Type;

class ShapeParser {
 public:
  explicit ShapeParser(std::string_view text) : text_(text) {}

  Shape Members() {
    Shape shape;
    while (!text_.empty() && text_.front() != '}' && text_.front() != ']') {
      Member member;
      member.name = TakeWord();
      member.required = TakeIf('*');
      CHECK(TakeIf(':'));
      ReadType(member);
      shape.push_back(std::move(member));
      if (!TakeIf(',')) break;
    }
    return shape;
  }
  bool done() const { return text_.empty(); }

 private:
  bool TakeIf(char c) {
    if (text_.empty() || text_.front() != c) return false;
    text_.remove_prefix(1);
    return true;
  }
  std::string_view TakeWord() {
    size_t size = 0;
    while (size < text_.size() &&
           (std::isalnum(static_cast<unsigned char>(text_[size])) || text_[size] == '_')) {
      ++size;
    }
    const std::string_view word = text_.substr(0, size);
    text_.remove_prefix(size);
    return word;
  }
  std::optional<int64_t> TakeNumber() {
    int64_t number = 0;
    const auto [end, error] = std::from_chars(text_.data(), text_.data() + text_.size(), number);
    if (error != std::errc()) return std::nullopt;
    text_.remove_prefix(static_cast<size_t>(end - text_.data()));
    return number;
  }
  void ReadBounds(Member& member) {
    member.min = TakeNumber();
    if (!text_.starts_with("..")) return;
    text_.remove_prefix(2);
    member.max = TakeNumber();
  }
  void ReadType(Member& member) {
    if (TakeIf('{')) {
      member.type = Type::kStructure;
      member.members = Members();
      CHECK(TakeIf('}'));
    } else if (TakeIf('[')) {
      ReadList(member);
    } else if (StartsNumbered('s')) {
      text_.remove_prefix(1);
      ReadBounds(member);
    } else if (StartsNumbered('i')) {
      text_.remove_prefix(1);
      member.type = Type::kInteger;
      ReadBounds(member);
    } else {
      ReadWords(member);
    }
  }
  bool StartsNumbered(char letter) const {
    return text_.size() > 1 && text_[0] == letter &&
           std::isdigit(static_cast<unsigned char>(text_[1]));
  }
  void ReadList(Member& member) {
    member.type = Type::kList;
    Member element;
    element.name = "member";
    if (TakeIf('=')) {
      ReadType(element);
    } else {
      element.type = Type::kStructure;
      element.members = Members();
    }
    CHECK(TakeIf(']'));
    member.members = {std::move(element)};
    ReadBounds(member);
  }
  void ReadWords(Member& member) {
    const std::string_view word = TakeWord();
    CHECK(!word.empty());
    if (word == "bool") {
      member.type = Type::kBoolean;
    } else if (word == "ts") {
      member.type = Type::kTimestamp;
    } else {
      member.one_of = {word};
      while (TakeIf('/')) member.one_of.push_back(TakeWord());
    }
  }

  std::string_view text_;
};

}  // namespace

Shape ParseShape(std::string_view text) {
  ShapeParser parser(text);
  Shape shape = parser.Members();
  CHECK(parser.done());
  return shape;
}

}  // namespace millrace::controlplane
