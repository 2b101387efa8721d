#pragma once

#include <functional>
#include <memory>
#include <optional>

#include "common/kube/events.h"
#include "operator/certificates/certificate_objects.h"
#include "operator/engine/led_controller.h"

namespace millrace::op {

struct CertificateReconcilerOptions {
  CertificateSettings settings;
  CertificateRules rules = CertificateRules::Default();
  std::vector<std::string> namespaces;  // to watch; empty: every one
  // Whether every pod speaks TLS with the others and none that might not is about to come; nothing
  // while that is not known, which changes nothing.
  std::function<std::optional<bool>()> pods_speak_tls;
};

// Gives every pool a certificate for its pods among each other, and one for clients where the pool
// names none, all signed by an authority of this release; renews them long before they end. Pods
// read the files again, so nothing restarts. As long as a pod may know no TLS, all are told to let
// clear text in ("prefer"); then it is refused ("require"). Secrets that are not ours are left
// alone, and the pool's condition CertificatesIssued says so. Owned by main.
class CertificateReconciler {
 public:
  CertificateReconciler(kube::Client& client, Clock& clock, kube::EventRecorder& events,
                        CertificateReconcilerOptions options);
  ~CertificateReconciler();
  void Watch();
  void Start();
  void Stop();
  // Something that pods_speak_tls tells of may have changed.
  void LookAgain();
  bool HasSynced() const;
  // For what it says of itself.
  LedController& queue();

 private:
  class Impl;
  const std::unique_ptr<Impl> impl_;
};

}  // namespace millrace::op
