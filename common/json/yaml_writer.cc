#include "common/json/text.h"
#include "common/json/value.h"
#include "common/json/yaml_scalar.h"

namespace millrace::json {
namespace {

bool IsBlock(const Value& value) { return !value.AsArray().empty() || !value.AsObject().empty(); }

// Whether `text` can be a literal block (|): some lines, and nothing that a reader could take for
// indentation or lose at the end.
bool IsLiteralSafe(std::string_view text) {
  if (text.find('\n') == text.npos || text.front() == '\n' || text.ends_with("\n\n")) return false;
  while (!text.empty()) {
    const std::string_view line = text.substr(0, text.find('\n'));
    if (line.starts_with(' ') || line.ends_with(' ') || !IsPrintable(line)) return false;
    text.remove_prefix(std::min(text.size(), line.size() + 1));
  }
  return true;
}

// Block style as kubectl prints it: two spaces a level, a list at the column of the name it belongs
// to.
class Writer {
 public:
  void WriteDocument(const Value& value) {
    if (IsBlock(value)) {
      WriteBlock(value, 0, false);
    } else {
      out_ += Inline(value) + "\n";
    }
  }
  std::string Take() { return std::move(out_); }

 private:
  // `started`: the first line's indentation stands there already ("- ").
  void WriteBlock(const Value& value, size_t indent, bool started) {
    if (value.is_array()) {
      for (const Value& item : value.AsArray()) {
        Pad(indent, started);
        out_ += "- ";
        started = false;
        if (IsBlock(item)) {
          WriteBlock(item, indent + 2, true);
        } else {
          WriteScalarLine(item, indent);
        }
      }
      return;
    }
    for (const Member& member : value.AsObject()) {
      Pad(indent, started);
      started = false;
      WriteMember(member, indent);
    }
  }

  void WriteMember(const Member& member, size_t indent) {
    const std::string name = ScalarText(member.first);
    constexpr size_t kSimpleNameMax = 1000;  // YAML's own limit is 1024
    if (name.size() <= kSimpleNameMax) {
      out_ += name + ":";
    } else {
      out_ += "? " + name + "\n";
      Pad(indent, false);
      out_ += ":";
    }
    if (IsBlock(member.second)) {
      out_ += '\n';
      WriteBlock(member.second, member.second.is_array() ? indent : indent + 2, false);
    } else {
      out_ += ' ';
      WriteScalarLine(member.second, indent);
    }
  }

  void WriteScalarLine(const Value& value, size_t indent) {
    const std::string& text = value.AsString();
    if (text.empty() || !IsLiteralSafe(text)) {
      out_ += Inline(value) + "\n";
      return;
    }
    out_ += text.ends_with('\n') ? "|\n" : "|-\n";
    for (std::string_view rest = text; !rest.empty();) {
      const std::string_view line = rest.substr(0, rest.find('\n'));
      if (!line.empty()) Pad(indent + 2, false);
      out_.append(line).append("\n");
      rest.remove_prefix(std::min(rest.size(), line.size() + 1));
    }
  }

  static std::string ScalarText(const std::string& text) {
    if (IsPlainSafe(text)) return text;
    std::string quoted;
    AppendJsonString(quoted, text);
    return quoted;
  }

  static std::string Inline(const Value& value) {
    return value.is_string() ? ScalarText(value.AsString()) : WriteJson(value);
  }

  void Pad(size_t indent, bool started) {
    if (!started) out_.append(indent, ' ');
  }

  std::string out_;
};

}  // namespace

std::string WriteYaml(const Value& value) {
  Writer writer;
  writer.WriteDocument(value);
  return writer.Take();
}

}  // namespace millrace::json
