#include <chrono>
#include <cstdio>

#include "common/resources/resource.h"

namespace millrace::resources {
namespace {

namespace chrono = std::chrono;

// Takes fixed-width decimal fields and single characters off the front of a text.
class Scanner {
 public:
  explicit Scanner(std::string_view text) : text_(text) {}

  bool Digits(size_t count, int& value) {
    if (text_.size() < count) return false;
    value = 0;
    for (size_t i = 0; i < count; ++i) {
      if (text_[i] < '0' || text_[i] > '9') return false;
      value = value * 10 + (text_[i] - '0');
    }
    text_.remove_prefix(count);
    return true;
  }
  // One character out of `choices`; 0 where it is another.
  char One(std::string_view choices) {
    if (text_.empty() || choices.find(text_.front()) == choices.npos) return 0;
    const char c = text_.front();
    text_.remove_prefix(1);
    return c;
  }
  bool done() const { return text_.empty(); }

 private:
  std::string_view text_;
};

struct Fields {
  int year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0;
  int offset_minutes = 0;
  int64_t ms = 0;
};

bool ScanFraction(Scanner& in, int64_t& ms) {
  int digit = 0;
  int64_t scale = 100;
  if (!in.Digits(1, digit)) return false;
  do {
    ms += digit * scale;
    scale /= 10;
  } while (in.Digits(1, digit));
  return true;
}

bool ScanZone(Scanner& in, int& offset_minutes) {
  const char zone = in.One("Zz+-");
  if (zone == 'Z' || zone == 'z') return true;
  int hours = 0;
  int minutes = 0;
  if (zone == 0 || !in.Digits(2, hours) || !in.One(":") || !in.Digits(2, minutes)) return false;
  if (hours > 23 || minutes > 59) return false;
  offset_minutes = (zone == '-' ? -1 : 1) * (hours * 60 + minutes);
  return true;
}

bool Scan(std::string_view text, Fields& f) {
  Scanner in(text);
  if (!in.Digits(4, f.year) || !in.One("-") || !in.Digits(2, f.month) || !in.One("-")) return false;
  if (!in.Digits(2, f.day) || !in.One("Tt") || !in.Digits(2, f.hour) || !in.One(":")) return false;
  if (!in.Digits(2, f.minute) || !in.One(":") || !in.Digits(2, f.second)) return false;
  if (in.One(".") && !ScanFraction(in, f.ms)) return false;
  return ScanZone(in, f.offset_minutes) && in.done();
}

}  // namespace

std::string FormatTime(int64_t wall_ms) {
  const chrono::sys_time<chrono::milliseconds> time{chrono::milliseconds(wall_ms)};
  const auto day = chrono::floor<chrono::days>(time);
  const chrono::year_month_day date(day);
  const chrono::hh_mm_ss clock(chrono::floor<chrono::seconds>(time - day));
  char text[40];
  std::snprintf(text, sizeof text, "%04d-%02u-%02uT%02d:%02d:%02dZ", static_cast<int>(date.year()),
                static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()),
                static_cast<int>(clock.hours().count()), static_cast<int>(clock.minutes().count()),
                static_cast<int>(clock.seconds().count()));
  return text;
}

std::optional<int64_t> ParseTime(std::string_view text) {
  Fields f;
  if (!Scan(text, f)) return std::nullopt;
  const chrono::year_month_day date{chrono::year(f.year),
                                    chrono::month(static_cast<unsigned>(f.month)),
                                    chrono::day(static_cast<unsigned>(f.day))};
  // 60: a leap second.
  if (!date.ok() || f.hour > 23 || f.minute > 59 || f.second > 60) return std::nullopt;
  const auto time = chrono::sys_days(date) + chrono::hours(f.hour) +
                    chrono::minutes(f.minute - f.offset_minutes) + chrono::seconds(f.second);
  return chrono::duration_cast<chrono::milliseconds>(time.time_since_epoch()).count() + f.ms;
}

}  // namespace millrace::resources
