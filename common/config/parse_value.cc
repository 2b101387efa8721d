#include <algorithm>
#include <array>
#include <charconv>
#include <limits>

#include "common/config/setting.h"

namespace millrace::config {
namespace {

struct Unit {
  std::string_view suffix;
  uint64_t bytes;
};

constexpr uint64_t kThousand = 1000;
constexpr std::array<Unit, 10> kUnits = {{{"", 1},
                                          {"Ki", 1ULL << 10},
                                          {"Mi", 1ULL << 20},
                                          {"Gi", 1ULL << 30},
                                          {"Ti", 1ULL << 40},
                                          {"k", kThousand},
                                          {"K", kThousand},
                                          {"M", kThousand* kThousand},
                                          {"G", kThousand* kThousand* kThousand},
                                          {"T", kThousand* kThousand* kThousand* kThousand}}};

}  // namespace

Result<int64_t> ParseInt(std::string_view text) {
  int64_t value = 0;
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) {
    return InvalidArgument("'" + std::string(text) + "' is not a whole number");
  }
  return value;
}

Result<bool> ParseBool(std::string_view text) {
  if (text == "true" || text == "1" || text == "yes" || text == "on") return true;
  if (text == "false" || text == "0" || text == "no" || text == "off") return false;
  return InvalidArgument("'" + std::string(text) + "' is neither true nor false");
}

Result<uint64_t> ParseSize(std::string_view text) {
  const Status wrong =
      InvalidArgument("'" + std::string(text) + "' is not a size such as 1048576, 64Mi or 10G");
  uint64_t number = 0;
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc()) return wrong;
  std::string_view suffix = text.substr(static_cast<size_t>(end - text.data()));
  if (suffix.ends_with('B')) suffix.remove_suffix(1);
  auto unit =
      std::find_if(kUnits.begin(), kUnits.end(), [&](const Unit& u) { return u.suffix == suffix; });
  if (unit == kUnits.end() || number > std::numeric_limits<uint64_t>::max() / unit->bytes)
    return wrong;
  wrong.IgnoreError();
  return number * unit->bytes;
}

std::string SizeText(uint64_t bytes) {
  const Unit* best = &kUnits[0];
  for (size_t i = 1; i <= 4; ++i) {
    if (bytes != 0 && bytes % kUnits[i].bytes == 0) best = &kUnits[i];
  }
  return std::to_string(bytes / best->bytes) + std::string(best->suffix);
}

}  // namespace millrace::config
