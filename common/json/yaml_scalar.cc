#include "common/json/yaml_scalar.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <optional>

#include "common/json/text.h"

namespace millrace::json {
namespace {

template <size_t N>
bool IsOneOf(std::string_view text, const std::array<std::string_view, N>& words) {
  return std::find(words.begin(), words.end(), text) != words.end();
}

constexpr std::array<std::string_view, 5> kNulls = {"", "~", "null", "Null", "NULL"};
constexpr std::array<std::string_view, 3> kTrues = {"true", "True", "TRUE"};
constexpr std::array<std::string_view, 3> kFalses = {"false", "False", "FALSE"};
constexpr std::array<std::string_view, 6> kNotFinite = {".inf", ".Inf", ".INF",
                                                        ".nan", ".NaN", ".NAN"};
// YAML 1.1's other booleans.
constexpr std::array<std::string_view, 6> kOldBools = {"y", "n", "yes", "no", "on", "off"};

bool IsDigit(char c) { return c >= '0' && c <= '9'; }

std::string_view WithoutSign(std::string_view text) {
  if (!text.empty() && (text[0] == '-' || text[0] == '+')) text.remove_prefix(1);
  return text;
}

// [-+]?[0-9]+ | 0o[0-7]+ | 0x[0-9a-fA-F]+
bool LooksLikeInt(std::string_view text) {
  text = WithoutSign(text);
  return !text.empty() && std::all_of(text.begin(), text.end(), IsDigit);
}

// [-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?
bool LooksLikeFloat(std::string_view text) {
  text = WithoutSign(text);
  size_t i = 0;
  size_t digits = 0;
  for (; i < text.size() && IsDigit(text[i]); ++i) ++digits;
  if (i < text.size() && text[i] == '.') {
    ++i;
    for (; i < text.size() && IsDigit(text[i]); ++i) ++digits;
  }
  if (digits == 0) return false;
  if (i == text.size()) return true;
  if (text[i] != 'e' && text[i] != 'E') return false;
  return LooksLikeInt(text.substr(i + 1));
}

std::optional<Value> ParseInt(std::string_view text, int base) {
  if (!text.empty() && text[0] == '+') text.remove_prefix(1);
  int64_t value = 0;
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, base);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return Value(value);
}

std::optional<Value> ParseBased(std::string_view text) {
  if (text.size() < 3 || text[0] != '0' || text[2] == '-') return std::nullopt;
  if (text[1] == 'x') return ParseInt(text.substr(2), 16);
  if (text[1] == 'o') return ParseInt(text.substr(2), 8);
  return std::nullopt;
}

Result<Value> ParseFloat(std::string_view text) {
  if (text[0] == '+') text.remove_prefix(1);
  double value = 0;
  auto error = std::from_chars(text.data(), text.data() + text.size(), value).ec;
  // Out of range is an overflow, or an underflow, which the library doesn't tell apart from it.
  if (error != std::errc()) return InvalidArgument("YAML: a number is out of range");
  return Value(value);
}

// Line breaks and marks that YAML 1.1 readers and editors treat each in their own way.
bool StartsOddly(std::string_view text) {
  return text.starts_with("\xC2") || text.starts_with("\xE2\x80\xA8") ||
         text.starts_with("\xE2\x80\xA9") || text.starts_with("\xEF\xBB\xBF");
}

bool LooksLikeDate(std::string_view text) {
  return text.size() >= 5 && std::all_of(text.begin(), text.begin() + 4, IsDigit) && text[4] == '-';
}

}  // namespace

Result<Value> ResolvePlainScalar(std::string_view text, const Limits& limits) {
  if (IsOneOf(text, kNulls)) return Value();
  if (IsOneOf(text, kTrues)) return Value(true);
  if (IsOneOf(text, kFalses)) return Value(false);
  if (IsOneOf(WithoutSign(text), kNotFinite)) {
    return InvalidArgument(
        "YAML: infinities and NaN are not numbers here; quote the text if it is one");
  }
  if (auto based = ParseBased(text)) return *based;
  if (!LooksLikeFloat(text)) return Value(text);
  if (text.size() > limits.number_chars_max) {
    return InvalidArgument("YAML: a number is longer than " +
                           std::to_string(limits.number_chars_max) +
                           " characters; quote it if it is text");
  }
  if (LooksLikeInt(text)) {
    if (auto integer = ParseInt(text, 10)) return *integer;
  }
  return ParseFloat(text);
}

bool IsPlainSafe(std::string_view text) {
  if (text.empty() || text.front() == ' ' || text.back() == ' ') return false;
  constexpr std::string_view kIndicators = "-?:,[]{}#&*!|>'\"%@`=.~<+";
  if (kIndicators.find(text.front()) != kIndicators.npos) return false;
  std::string lower(text);
  for (char& c : lower) c = static_cast<char>(c >= 'A' && c <= 'Z' ? c + 32 : c);
  if (IsOneOf(lower, kOldBools) || lower == "null" || lower == "true" || lower == "false")
    return false;
  // Numbers, dates, times (12:30:00) and underscored numbers (1_000) of one schema or another.
  if (IsDigit(text.front())) {
    const bool number_like = text.find_first_not_of("0123456789_:.eExXoOaAbBcCdDfF+-") == text.npos;
    if (number_like || LooksLikeDate(text)) return false;
  }
  if (text.back() == ':' || text.find(": ") != text.npos || text.find(" #") != text.npos)
    return false;
  return IsPrintable(text);
}

bool IsPrintable(std::string_view text) {
  while (!text.empty()) {
    const auto c = static_cast<uint8_t>(text.front());
    const size_t size = Utf8CharSize(text);
    if (size == 0 || c < 0x20 || c == 0x7f || StartsOddly(text)) return false;
    text.remove_prefix(size);
  }
  return true;
}

}  // namespace millrace::json
