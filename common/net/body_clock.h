#pragma once

#include "common/net/server_context.h"

namespace millrace::net {

// Watches that a body keeps coming: in each window of `body_grace` at least the minimal rate, and
// when the pool runs low enough to be through in 16 s. A value of the session that receives it.
class BodyClock {
 public:
  // `memory` is what the body holds of the pool.
  void Start(MonoTime now) {
    since_ = now;
    received_ = 0;
  }
  bool IsTooSlow(MonoTime now, size_t received, size_t memory, const ServerContext& context);

 private:
  MonoTime since_{};
  size_t received_ = 0;  // when the window began
};

}  // namespace millrace::net
