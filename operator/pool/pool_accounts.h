#pragma once

#include <mutex>
#include <set>
#include <string>

#include "operator/engine/applier.h"
#include "operator/pool/pool_settings.h"

namespace millrace::op {

// The service accounts of shard pods outside the release's namespace: a ServiceAccount beside the
// pools, and its place among the subjects of the ClusterRoleBinding that the chart has made for
// them. Does nothing where the chart makes them all (settings.account_binding is ""). Any thread;
// calls block.
class PoolAccounts {
 public:
  PoolAccounts(kube::Client& client, const PoolSettings& settings)
      : client_(client), settings_(settings), applier_(client) {}

  // The account of `ns`, which has a pool.
  Status Ensure(const std::string& ns);
  // These namespaces have pools, and no others.
  Status Bind(std::set<std::string> namespaces);

 private:
  kube::Client& client_;
  const PoolSettings& settings_;
  Applier applier_;
  std::mutex mu_;
  std::set<std::string> bound_;  // as last written; guarded by mu_
  bool known_ = false;           // guarded by mu_
};

std::string ShardAccountName(const PoolSettings& settings);

}  // namespace millrace::op
