#pragma once

#include <string>
#include <vector>

#include "common/kube/client.h"
#include "operator/pool/pool_settings.h"

namespace millrace::op {

// The Secrets that images of pools' pods are pulled with. Those that the installation names itself
// (settings.image_pull_secrets) are copied beside a pool in another namespace and kept as they are
// in the release's; no other Secret ever is, since whoever may write a pool may not read them. One
// that is there already and not ours is left alone. Any thread; calls block.
class PullSecrets {
 public:
  PullSecrets(kube::Client& client, const PoolSettings& settings)
      : client_(client), settings_(settings) {}
  // For pods in `ns` that name these. Those of them that are not there.
  Result<std::vector<std::string>> Give(const std::string& ns,
                                        const std::vector<std::string>& names);

 private:
  bool IsOurs(const std::string& ns, const std::string& name) const;
  Result<bool> Copy(const kube::ObjectName& to);

  kube::Client& client_;
  const PoolSettings& settings_;
};

}  // namespace millrace::op
