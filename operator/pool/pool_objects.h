#pragma once

#include <map>
#include <string>

#include "common/kube/object.h"
#include "common/resources/stream_pool_resource.h"
#include "operator/pool/pool_settings.h"

namespace millrace::op {

// One pool and what its objects are made of. Builders are pure; the same input gives the same
// object, so that applying it again changes nothing.
struct PoolInput {
  PoolSettings settings;
  json::Value pool;  // the StreamPool
  resources::StreamPoolSpec spec;
  std::string image;        // the one in use, never ""
  std::string volume_size;  // spec.storage.size, or more where autoExpand has decided so
};

const kube::ResourceType& StreamPoolType();
const kube::ResourceType& PoolWorkloadType();

std::map<std::string, std::string> PoolLabels(const std::string& pool);

// Made of what people ask for and of nothing else, so that another release of the operator gives
// the same and restarts nothing.
std::string PoolRevision(const PoolInput& input);
json::Value PoolPodTemplate(const PoolInput& input);  // pool_pods.cc
json::Value PoolWorkload(const PoolInput& input);

// Every pod has a name under this one, ready or not: <pod>.<pool>.<namespace>.svc.
json::Value PoolHeadlessService(const PoolInput& input);
// One address for clients of this pool; the chart makes another one for the default pool.
json::Value PoolClientService(const PoolInput& input);
json::Value PoolDisruptionBudget(const PoolInput& input);
json::Value PoolNetworkPolicy(const PoolInput& input);
// What clients need to know, for their environment.
json::Value PoolConfigMap(const PoolInput& input);
std::string PoolEndpoint(const PoolInput& input);

// Secrets. `master_key` wraps the keys of encrypted streams: made once, never changed, and without
// an owner, since data outlives its pool.
std::string KeysSecretName(const std::string& pool);
json::Value PoolKeysSecret(const PoolInput& input, const std::string& master_key);
// The internal token where the pool is in another namespace than the release.
json::Value PoolTokenSecret(const PoolInput& input);
// The Secrets that its pods name for their images: the spec's, else the installation's.
const std::vector<std::string>& PoolPullSecrets(const PoolInput& input);
// The keys of all StreamUsers, as shard pods read them (streamuser_reconciler).
std::string AccessKeysSecretName(const std::string& pool);

}  // namespace millrace::op
