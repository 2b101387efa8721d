#include "dataplane/delivery/prefix/time_pattern.h"

#include <date/date.h>
#include <date/tz.h>

#include <array>
#include <cstdlib>
#include <stdexcept>

namespace millrace::delivery {

namespace {

constexpr std::string_view kLetters = "GuyMLdDYweEaHKkhmsSAnNVzOXxZ";
constexpr int kCountMax = 9;
constexpr std::array<std::string_view, 12> kMonths = {
    "January", "February", "March",     "April",   "May",      "June",
    "July",    "August",   "September", "October", "November", "December"};
constexpr std::array<std::string_view, 7> kDays = {"Sunday",   "Monday", "Tuesday", "Wednesday",
                                                   "Thursday", "Friday", "Saturday"};

// One moment, taken apart as its zone sees it.
struct Fields {
  date::year_month_day day{};
  unsigned weekday = 0;  // 0: Sunday
  int day_of_year = 1;   // from 1
  int64_t nano_of_day = 0;
  TimeZone::Offset offset{};
};

Fields Split(WallMs when, const TimeZone& zone) {
  Fields out;
  out.offset = zone.At(when);
  const std::chrono::milliseconds local{when + out.offset.seconds * 1'000};
  const auto days = date::floor<date::days>(date::sys_time<std::chrono::milliseconds>(local));
  out.day = date::year_month_day(days);
  out.weekday = date::weekday(days).c_encoding();
  out.day_of_year =
      static_cast<int>((days - date::sys_days(out.day.year() / date::January / 1)).count()) + 1;
  out.nano_of_day = (local - days.time_since_epoch()).count() * 1'000'000;
  return out;
}

std::string Padded(int64_t value, int width) {
  std::string digits = std::to_string(std::llabs(value));
  if (static_cast<int>(digits.size()) < width)
    digits.insert(0, static_cast<size_t>(width) - digits.size(), '0');
  return value < 0 ? "-" + digits : digits;
}

std::string Year(int64_t year, int count) {
  return count == 2 ? Padded(((year % 100) + 100) % 100, 2) : Padded(year, count);
}

// "MMM": three letters, "MMMM": all, "MMMMM": one.
std::string Name(std::string_view name, int count) {
  if (count == 4) return std::string(name);
  return std::string(name.substr(0, count == 5 ? 1 : 3));
}

struct Week {
  int64_t year = 0;
  int week = 0;
};
// Weeks begin on Sunday; the first one of a year is that of January 1st, so the last days of
// December may be in the next year's.
Week WeekOf(const Fields& at) {
  const int year = static_cast<int>(at.day.year());
  const int weekday = static_cast<int>(at.weekday);
  const int days_left = (date::year(year).is_leap() ? 366 : 365) - at.day_of_year;
  if (weekday + days_left < 6) return {year + 1, 1};
  const int first_weekday = (weekday - (at.day_of_year - 1) % 7 + 7) % 7;
  return {year, (at.day_of_year - 1 + first_weekday) / 7 + 1};
}

// "+0130", with `colon` "+01:30"; `count` 1 leaves out minutes that are nought.
std::string Offset(int64_t seconds, bool colon, bool minutes) {
  std::string out = seconds < 0 ? "-" : "+";
  const int64_t all = std::llabs(seconds) / 60;
  out += Padded(all / 60, 2);
  if (minutes || all % 60 != 0) {
    if (colon) out += ':';
    out += Padded(all % 60, 2);
  }
  return out;
}

std::string OffsetField(char letter, int count, int64_t seconds) {
  if (letter == 'X' && seconds == 0) return "Z";
  if (letter == 'O') {
    if (seconds == 0) return "GMT";
    if (count > 1) return "GMT" + Offset(seconds, true, true);
    // "GMT-4", "GMT+5:30"
    std::string text = Offset(seconds, true, false);
    if (text[1] == '0') text.erase(1, 1);
    return "GMT" + text;
  }
  if (letter == 'Z') {
    if (count == 5) return seconds == 0 ? "Z" : Offset(seconds, true, true);
    if (count == 4) return seconds == 0 ? "GMT" : "GMT" + Offset(seconds, true, true);
    return Offset(seconds, false, true);
  }
  return Offset(seconds, count == 3 || count == 5, count > 1);
}

std::string TextField(char letter, int count, const Fields& at, const TimeZone& zone) {
  switch (letter) {
    case 'G':
      return count == 4 ? "Anno Domini" : count == 5 ? "A" : "AD";
    case 'M':
    case 'L': {
      const unsigned month = static_cast<unsigned>(at.day.month());
      return count < 3 ? Padded(month, count) : Name(kMonths[month - 1], count);
    }
    case 'e':
      if (count < 3) return Padded(at.weekday + 1, count);
      [[fallthrough]];
    case 'E':
      return Name(kDays[at.weekday], count);
    case 'a':
      return at.nano_of_day < 43'200'000'000'000 ? "AM" : "PM";
    case 'V':
      return zone.name();
    case 'z':
      return at.offset.abbreviation;
    default:
      return OffsetField(letter, count, at.offset.seconds);
  }
}

std::string Field(char letter, int count, const Fields& at, const TimeZone& zone) {
  const int64_t second_of_day = at.nano_of_day / 1'000'000'000;
  const int64_t hour = second_of_day / 3'600;
  const int64_t nano = at.nano_of_day % 1'000'000'000;
  switch (letter) {
    case 'u':
    case 'y':
      return Year(static_cast<int>(at.day.year()), count);
    case 'Y':
      return Year(WeekOf(at).year, count);
    case 'w':
      return Padded(WeekOf(at).week, count);
    case 'd':
      return Padded(static_cast<unsigned>(at.day.day()), count);
    case 'D':
      return Padded(at.day_of_year, count);
    case 'H':
      return Padded(hour, count);
    case 'k':
      return Padded(hour == 0 ? 24 : hour, count);
    case 'K':
      return Padded(hour % 12, count);
    case 'h':
      return Padded(hour % 12 == 0 ? 12 : hour % 12, count);
    case 'm':
      return Padded(second_of_day / 60 % 60, count);
    case 's':
      return Padded(second_of_day % 60, count);
    case 'S':
      return Padded(nano, 9).substr(0, static_cast<size_t>(count));
    case 'n':
      return Padded(nano, count);
    case 'A':
      return Padded(at.nano_of_day / 1'000'000, count);
    case 'N':
      return Padded(at.nano_of_day, count);
    default:
      return TextField(letter, count, at, zone);
  }
}

}  // namespace

Result<TimeZone> TimeZone::Find(std::string_view name) {
  TimeZone out;
  if (name.empty() || name == "UTC") return out;
  try {
    out.zone_ = date::locate_zone(std::string(name));
  } catch (const std::runtime_error&) {
    return InvalidArgument("there is no time zone '" + std::string(name) +
                           "': use a name of the IANA database, such as Europe/Berlin");
  }
  out.name_ = name;
  return out;
}

TimeZone::Offset TimeZone::At(WallMs when) const {
  if (!zone_) return {};
  const auto seconds = date::floor<std::chrono::seconds>(
      date::sys_time<std::chrono::milliseconds>(std::chrono::milliseconds(when)));
  const auto info = static_cast<const date::time_zone*>(zone_)->get_info(seconds);
  return {info.offset.count(), info.abbrev};
}

Result<TimePattern> TimePattern::Parse(std::string_view pattern) {
  TimePattern out;
  auto literal = [&](std::string_view text) {
    if (out.parts_.empty() || out.parts_.back().letter != 0) out.parts_.push_back({});
    out.parts_.back().text += text;
  };
  for (size_t at = 0; at < pattern.size();) {
    const char c = pattern[at];
    if (c == '\'') {
      // Two quotes are one, inside quoted text and out of it.
      if (at + 1 < pattern.size() && pattern[at + 1] == '\'') {
        literal("'");
        at += 2;
        continue;
      }
      std::string text;
      size_t end = at + 1;
      for (;; ++end) {
        if (end >= pattern.size())
          return InvalidArgument("a quote in the time pattern '" + std::string(pattern) +
                                 "' is not closed");
        if (pattern[end] != '\'') {
          text += pattern[end];
        } else if (end + 1 < pattern.size() && pattern[end + 1] == '\'') {
          text += pattern[++end];
        } else {
          break;
        }
      }
      literal(text);
      at = end + 1;
      continue;
    }
    const bool is_letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
    if (!is_letter) {
      if (c == '[' || c == ']' || c == '{' || c == '}' || c == '#')
        return InvalidArgument(std::string("'") + c +
                               "' has a meaning of its own in time patterns: "
                               "put it into single quotes");
      literal(pattern.substr(at++, 1));
      continue;
    }
    if (kLetters.find(c) == std::string_view::npos)
      return InvalidArgument(std::string("'") + c +
                             "' is no field of a time pattern; text goes into "
                             "single quotes");
    size_t end = at;
    while (end < pattern.size() && pattern[end] == c) ++end;
    const int count = static_cast<int>(end - at);
    if (end - at > kCountMax)
      return InvalidArgument(std::string("too many '") + c + "' in a time pattern");
    out.parts_.push_back({c, count, {}});
    at = end;
  }
  return out;
}

std::string TimePattern::Format(WallMs when, const TimeZone& zone) const {
  const Fields at = Split(when, zone);
  std::string out;
  for (const Part& part : parts_)
    out += part.letter == 0 ? part.text : Field(part.letter, part.count, at, zone);
  return out;
}

}  // namespace millrace::delivery
