#pragma once

#include <functional>
#include <vector>

#include "dataplane/kinesis/call.h"

namespace millrace::gateway {

// Verifies signatures for the connections of one executor. Requests that became whole in one turn
// of its loop are hashed together, side by side in vector lanes: that halves what SigV4 costs.
// Lives on that executor.
class AuthQueue {
 public:
  // `serve` takes calls whose identity is verified; the others are answered here.
  AuthQueue(Executor& executor, const aws::SigV4Verifier& verifier,
            std::function<void(const kinesis::CallPtr&)> serve)
      : executor_(executor), verifier_(verifier), serve_(std::move(serve)) {}
  void Add(kinesis::CallPtr call);

 private:
  void Drain();

  Executor& executor_;
  const aws::SigV4Verifier& verifier_;
  const std::function<void(const kinesis::CallPtr&)> serve_;
  std::vector<kinesis::CallPtr> waiting_;
  bool scheduled_ = false;
};

}  // namespace millrace::gateway
