#pragma once

#include <string>

#include "common/base/clock.h"
#include "common/base/status.h"
#include "common/kube/object.h"

namespace millrace::kube {

// What keeps a process from its Lease: how long to wait before the next try, and a log line that
// says what to do: at once, when the reason changes, and once a minute while it lasts. Owned by an
// election, on its thread.
class LeaseTrouble {
 public:
  explicit LeaseTrouble(ObjectName lease) : lease_(std::move(lease)) {}
  // `doing` is "read", "taken" or "renewed". The wait doubles from try to try: to 1 s where the
  // API server is away, to 10 s where it refuses, which only a person mends.
  Duration Note(const char* doing, const Status& why, MonoTime now);
  void Ended() { *this = LeaseTrouble(lease_); }

 private:
  std::string Advice(const Status& why) const;

  ObjectName lease_;
  Duration wait_{};
  std::string said_;
  MonoTime said_at_{};
};

}  // namespace millrace::kube
