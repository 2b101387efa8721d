#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/clock.h"
#include "common/base/status.h"

namespace millrace::delivery {

// A time zone of the IANA database, or UTC. A value; any thread; the database is read once a
// process.
class TimeZone {
 public:
  TimeZone() = default;  // UTC
  // "Europe/Berlin", "UTC", "" (UTC). InvalidArgument for a name that the database does not have.
  static Result<TimeZone> Find(std::string_view name);
  // Seconds east of UTC at that moment, and the zone's abbreviation then ("CEST").
  struct Offset {
    int64_t seconds = 0;
    std::string abbreviation = "UTC";
  };
  Offset At(WallMs when) const;
  const std::string& name() const { return name_; }

 private:
  const void* zone_ = nullptr;  // date::time_zone, which lives as long as the process
  std::string name_ = "UTC";
};

// The parts of java.time.format.DateTimeFormatter's patterns that name objects: letters G u y M L d
// D Y w e E a H K k h m s S A n N V z O X x Z, text in single quotes, and every other character as
// it is. English names, weeks that begin on Sunday with the week of January 1st, as Java has them
// for Locale.US. A value; any thread.
class TimePattern {
 public:
  // InvalidArgument names the letter that is no field, or the quote that is not closed.
  static Result<TimePattern> Parse(std::string_view pattern);
  std::string Format(WallMs when, const TimeZone& zone) const;

 private:
  struct Part {
    char letter = 0;  // 0: `text`
    int count = 0;
    std::string text{};
  };
  std::vector<Part> parts_;
};

}  // namespace millrace::delivery
