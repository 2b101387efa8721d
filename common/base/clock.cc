#include "common/base/clock.h"

namespace millrace {
namespace {

class MachineClock final : public Clock {
 public:
  WallMs WallNow() const override {
    using std::chrono::system_clock;
    return std::chrono::duration_cast<std::chrono::milliseconds>(
               system_clock::now().time_since_epoch())
        .count();
  }
  MonoTime Now() const override { return std::chrono::steady_clock::now().time_since_epoch(); }
};

}  // namespace

Clock& SystemClock() {
  static MachineClock clock;
  return clock;
}

}  // namespace millrace
