#include <nlohmann/json.hpp>

#include "common/json/tree_builder.h"
#include "common/json/value.h"

namespace millrace::json {
namespace {

using Library = nlohmann::json;

size_t DigitCount(uint64_t value) {
  size_t digits = 1;
  for (; value >= 10; value /= 10) ++digits;
  return digits;
}

// Takes the library's events; the first failure ends the parse and stays in status().
class SaxHandler final : public Library::json_sax_t {
 public:
  explicit SaxHandler(const Limits& limits) : limits_(limits), builder_(limits) {}

  bool null() override { return Keep(builder_.Add(Value())); }
  bool boolean(bool value) override { return Keep(builder_.Add(value)); }
  bool number_integer(int64_t value) override {
    const auto bits = static_cast<uint64_t>(value);
    return CheckNumber(value < 0 ? 1 + DigitCount(0 - bits) : DigitCount(bits)) &&
           Keep(builder_.Add(value));
  }
  bool number_unsigned(uint64_t value) override {
    if (!CheckNumber(DigitCount(value))) return false;
    if (value > INT64_MAX) return Keep(builder_.Add(static_cast<double>(value)));
    return Keep(builder_.Add(value));
  }
  bool number_float(double value, const std::string& text) override {
    return CheckNumber(text.size()) && Keep(builder_.Add(value));
  }
  bool string(std::string& value) override { return Keep(builder_.Add(std::move(value))); }
  bool binary(Library::binary_t&) override { return Keep(Internal("JSON has no binary values")); }
  bool start_object(size_t) override { return Keep(builder_.BeginObject()); }
  bool key(std::string& name) override { return Keep(builder_.Key(std::move(name))); }
  bool end_object() override { return Keep(builder_.End()); }
  bool start_array(size_t) override { return Keep(builder_.BeginArray()); }
  bool end_array() override { return Keep(builder_.End()); }

  bool parse_error(size_t, const std::string&, const Library::exception& error) override {
    // "[json.exception.parse_error.101] parse error at line 1, column 2: ...; last read: '...'".
    // What was read stays out of the message: it may be a secret.
    std::string_view text = error.what();
    if (size_t begin = text.find("] "); begin != text.npos) text.remove_prefix(begin + 2);
    text = text.substr(0, text.find("; last read"));
    return Keep(InvalidArgument("JSON: " + std::string(text)));
  }

  const Status& status() const { return status_; }
  Value Take() { return builder_.Take(); }

 private:
  bool CheckNumber(size_t chars) {
    if (chars <= limits_.number_chars_max) return true;
    return Keep(InvalidArgument("a number is longer than " +
                                std::to_string(limits_.number_chars_max) + " characters"));
  }
  bool Keep(Status status) {
    if (status.ok()) return true;
    status_ = std::move(status);
    return false;
  }

  const Limits limits_;
  TreeBuilder builder_;
  Status status_;
};

}  // namespace

Result<Value> ParseJson(std::string_view text, const Limits& limits) {
  SaxHandler handler(limits);
  try {
    bool parsed = Library::sax_parse(text.begin(), text.end(), &handler);
    if (!handler.status().ok()) return handler.status();
    if (!parsed) return InvalidArgument("JSON: not a complete value");
  } catch (const std::exception& error) {
    return InvalidArgument(std::string("JSON: ") + error.what());
  }
  return handler.Take();
}

}  // namespace millrace::json
