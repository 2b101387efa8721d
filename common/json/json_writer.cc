#include "common/base/check.h"
#include "common/json/text.h"
#include "common/json/value.h"

namespace millrace::json {
namespace {

class Writer {
 public:
  explicit Writer(bool pretty) : pretty_(pretty) {}

  void Write(const Value& value) {
    if (value.is_object()) {
      WriteObject(value.AsObject());
    } else if (value.is_array()) {
      WriteArray(value.AsArray());
    } else {
      WriteScalar(value);
    }
  }

  std::string Take() { return std::move(out_); }

 private:
  void WriteScalar(const Value& value) {
    if (value.is_string()) {
      AppendJsonString(out_, value.AsString());
    } else if (value.is_int()) {
      out_ += std::to_string(value.AsInt());
    } else if (value.is_double()) {
      out_ += DoubleText(value.AsDouble());
    } else if (value.is_bool()) {
      out_ += value.AsBool() ? "true" : "false";
    } else if (value.is_blob()) {
      out_ += '"';
      out_ += Base64(value.AsBlob());
      out_ += '"';
    } else if (value.is_timestamp()) {
      out_ += SecondsText(value.AsTimestampMs());
    } else {
      out_ += "null";
    }
  }

  void WriteObject(const Object& object) {
    Open('{');
    for (size_t i = 0; i < object.size(); ++i) {
      Separate(i);
      AppendJsonString(out_, object[i].first);
      out_ += pretty_ ? ": " : ":";
      Write(object[i].second);
    }
    Close('}', object.empty());
  }

  void WriteArray(const Array& array) {
    Open('[');
    for (size_t i = 0; i < array.size(); ++i) {
      Separate(i);
      Write(array[i]);
    }
    Close(']', array.empty());
  }

  void Open(char bracket) {
    out_ += bracket;
    ++depth_;
  }
  void Close(char bracket, bool empty) {
    --depth_;
    if (!empty) NewLine();
    out_ += bracket;
  }
  void Separate(size_t index) {
    if (index > 0) out_ += ',';
    NewLine();
  }
  void NewLine() {
    if (!pretty_) return;
    out_ += '\n';
    out_.append(2 * depth_, ' ');
  }

  const bool pretty_;
  size_t depth_ = 0;
  std::string out_;
};

void AppendEscape(std::string& out, char c) {
  constexpr char kHex[] = "0123456789abcdef";
  switch (c) {
    case '"':
      out += "\\\"";
      break;
    case '\\':
      out += "\\\\";
      break;
    case '\b':
      out += "\\b";
      break;
    case '\f':
      out += "\\f";
      break;
    case '\n':
      out += "\\n";
      break;
    case '\r':
      out += "\\r";
      break;
    case '\t':
      out += "\\t";
      break;
    default:
      out += "\\u00";
      out += kHex[static_cast<uint8_t>(c) >> 4];
      out += kHex[static_cast<uint8_t>(c) & 15];
  }
}

}  // namespace

void AppendJsonString(std::string& out, std::string_view s) {
  out += '"';
  size_t clean = 0;  // s[clean, i) goes out as it is
  for (size_t i = 0; i < s.size();) {
    const char c = s[i];
    const bool ascii = static_cast<uint8_t>(c) < 0x80;
    if (ascii && c != '"' && c != '\\' && static_cast<uint8_t>(c) >= 0x20 && c != 0x7f) {
      ++i;
      continue;
    }
    const size_t size = ascii ? 1 : Utf8CharSize(s.substr(i));
    if (!ascii && size > 0) {
      i += size;
      continue;
    }
    out.append(s, clean, i - clean);
    // What is no character must not make the whole text invalid for its reader.
    if (ascii) {
      AppendEscape(out, c);
    } else {
      out += "\\ufffd";
    }
    clean = ++i;
  }
  out.append(s, clean, s.size() - clean);
  out += '"';
}

std::string WriteJson(const Value& value) {
  Writer writer(false);
  writer.Write(value);
  return writer.Take();
}

std::string WriteJsonPretty(const Value& value) {
  Writer writer(true);
  writer.Write(value);
  return writer.Take() + "\n";
}

}  // namespace millrace::json
