#pragma once

#include <memory>
#include <string>

#include "common/kube/events.h"
#include "operator/engine/led_controller.h"
#include "operator/stream_user/access_keys.h"

namespace millrace::op {

struct StreamUserReconcilerOptions {
  std::vector<std::string> namespaces;  // to watch; empty: every one
  std::string account = "000000000000";
  UserEndpoint endpoint;
};

// Gives every StreamUser a Secret with a key pair, and every StreamPool a Secret with all users'
// keys and permissions, which its pods mount and read again when it changes; pods are touched then,
// so that their kubelets look at once. A pool whose users are not all known keeps the keys it has.
// Owned by main: Watch fills the caches, Start begins to act, Stop (or the destructor) waits.
class StreamUserReconciler {
 public:
  StreamUserReconciler(kube::Client& client, Clock& clock, kube::EventRecorder& events,
                       StreamUserReconcilerOptions options);
  ~StreamUserReconciler();
  void Watch();
  void Start();
  void Stop();
  bool HasSynced() const;
  // For what it says of itself.
  LedController& queue();

 private:
  class Impl;
  const std::unique_ptr<Impl> impl_;
};

}  // namespace millrace::op
