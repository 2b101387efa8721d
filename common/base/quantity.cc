#include "common/base/quantity.h"

#include <array>
#include <utility>

namespace millrace {
namespace {

constexpr std::array<std::pair<std::string_view, int64_t>, 11> kUnits = {{
    {"", 1},
    {"k", 1'000},
    {"M", 1'000'000},
    {"G", 1'000'000'000},
    {"T", 1'000'000'000'000},
    {"P", 1'000'000'000'000'000},
    {"Ki", int64_t{1} << 10},
    {"Mi", int64_t{1} << 20},
    {"Gi", int64_t{1} << 30},
    {"Ti", int64_t{1} << 40},
    {"Pi", int64_t{1} << 50},
}};

bool IsDigit(char c) { return c >= '0' && c <= '9'; }

// Digits, a point and digits; what stands after them stays in `text`. `digits` is the number
// without its point, which stands `scale` (a power of ten) before its end.
bool TakeNumber(std::string_view& text, __int128& digits, __int128& scale) {
  constexpr size_t kDigitsMax = 18;
  size_t count = 0;
  bool after_point = false;
  digits = 0;
  scale = 1;
  size_t i = 0;
  for (; i < text.size() && (IsDigit(text[i]) || (text[i] == '.' && !after_point && i > 0)); ++i) {
    if (text[i] == '.') {
      after_point = true;
      continue;
    }
    if (++count > kDigitsMax) return false;
    digits = digits * 10 + (text[i] - '0');
    if (after_point) scale *= 10;
  }
  if (count == 0 || text[i - 1] == '.') return false;
  text.remove_prefix(i);
  return true;
}

std::optional<int64_t> Scaled(__int128 digits, __int128 scale, int64_t unit) {
  const __int128 value = (digits * unit + scale - 1) / scale;
  if (value > INT64_MAX) return std::nullopt;
  return static_cast<int64_t>(value);
}

}  // namespace

std::optional<int64_t> ParseQuantity(std::string_view text) {
  __int128 digits = 0;
  __int128 scale = 1;
  if (!TakeNumber(text, digits, scale)) return std::nullopt;
  for (const auto& [suffix, unit] : kUnits) {
    if (text == suffix) return Scaled(digits, scale, unit);
  }
  return std::nullopt;
}

std::optional<int64_t> ParseMilli(std::string_view text) {
  __int128 digits = 0;
  __int128 scale = 1;
  if (!TakeNumber(text, digits, scale)) return std::nullopt;
  if (text == "m") return Scaled(digits, scale, 1);
  return text.empty() ? Scaled(digits, scale, 1000) : std::nullopt;
}

std::string FormatQuantity(int64_t bytes) {
  std::string_view best;
  int64_t best_unit = 1;
  for (const auto& [suffix, unit] : kUnits) {
    const bool is_binary = suffix.size() == 2;
    if (is_binary && bytes != 0 && bytes % unit == 0 && unit > best_unit) {
      best = suffix;
      best_unit = unit;
    }
  }
  return std::to_string(bytes / best_unit) + std::string(best);
}

}  // namespace millrace
