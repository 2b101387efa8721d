#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "common/base/status.h"
#include "common/json/value.h"
#include "common/kube_access/cluster_access.h"
#include "common/kube_access/run_program.h"

namespace millrace::kube {

// Credentials that a program gives out: the ExecCredential protocol of client-go
// (client.authentication.k8s.io/v1 and v1beta1), by which EKS, GKE, AKS and most OIDC log-ins work.
// Shared by copies of a ClusterAccess; any thread. A call may block for as long as the program
// takes, a minute at most (five where it may ask a person something).
class ExecPlugin {
 public:
  // `exec` of a kubeconfig's user; `cluster` as the kubeconfig has it, `ca_pem` what it trusts.
  // Relative commands with a slash are relative to `folder`.
  static Result<std::shared_ptr<ExecPlugin>> FromKubeconfig(const json::Value& exec,
                                                            const json::Value& cluster,
                                                            const std::string& ca_pem,
                                                            const std::string& folder);
  // The last one while it holds, else the program is run. Its standard error is in the failure.
  Result<Credential> Get();
  // The API server did not take it: the next Get runs the program, unless one has since.
  void Refuse(const Credential& credential);

  void set_time_max(std::chrono::milliseconds time_max) { program_.time_max = time_max; }

 private:
  Result<Credential> Run();
  Result<Credential> Read(const std::string& output);

  // Constant after construction.
  Program program_;
  std::string api_version_;
  std::string install_hint_;

  std::mutex mu_;
  // Guarded by mu_.
  std::optional<Credential> last_;
  std::optional<std::chrono::system_clock::time_point> expires_;
  uint64_t runs_ = 0;
};

}  // namespace millrace::kube
