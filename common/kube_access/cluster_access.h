#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <string>

#include "common/base/status.h"

namespace millrace::kube {

class ExecPlugin;

// What we show the API server of ourselves.
struct Credential {
  std::string token;                   // "": none
  std::string client_certificate_pem;  // "" together with client_key_pem: none
  std::string client_key_pem;
  uint64_t number = 0;  // another one, another number
};

// A bearer token: fixed text, or a file that is read again when it changes (the kubelet rotates a
// pod's token within its hour). Any thread.
class TokenSource {
 public:
  static std::shared_ptr<TokenSource> Fixed(std::string token);
  static std::shared_ptr<TokenSource> File(std::string path);
  // "" where there is none. A file that cannot be read just now leaves the last token standing.
  std::string Token();

 private:
  std::mutex mu_;
  std::string path_;
  // Guarded by mu_.
  std::string token_;
  std::string stamp_;  // inode, size and time of change of the file that was read
};

// Where the API server is, how it proves itself and how we do. A value; copies share the token.
struct ClusterAccess {
  std::string server;                  // "https://10.0.0.1:443"
  std::string ca_pem;                  // "": the system's authorities
  std::string client_certificate_pem;  // "" together with client_key_pem: none
  std::string client_key_pem;
  bool verify_certificate = true;
  std::shared_ptr<TokenSource> token;  // null: none
  std::shared_ptr<ExecPlugin> exec;    // null: none; else what it gives stands for token and
                                       // certificate
  std::string ns = "default";          // the pod's own namespace, or the context's

  // From the service account that the kubelet mounts; kNotFound outside a pod.
  static Result<ClusterAccess> InCluster(
      const std::string& folder = "/var/run/secrets/kubernetes.io/serviceaccount");
  // From a kubeconfig file and one of its contexts ("": the current one). Certificates and keys as
  // data or files (relative to the kubeconfig), tokens and token files, exec plugins (run when
  // first needed); auth-provider plugins, which Kubernetes has dropped, are refused with a message
  // that says what to use instead.
  static Result<ClusterAccess> FromKubeconfig(const std::string& path,
                                              const std::string& context = "");
  // `kubeconfig` where one is named; else the pod's service account; else $KUBECONFIG or
  // ~/.kube/config.
  static Result<ClusterAccess> Detect(const std::string& kubeconfig,
                                      const std::string& context = "");

  // What to show the server now; runs an exec plugin where its last answer has expired.
  Result<Credential> CurrentCredential() const;
  // The server answered 401 to `credential`; whether asking for another may help.
  bool Renew(const Credential& credential) const;
};

}  // namespace millrace::kube
