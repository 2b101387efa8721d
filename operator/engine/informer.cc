#include "operator/engine/informer.h"

namespace millrace::op {

using resources::ResourceKey;

Informer::Informer(kube::Client& client, kube::ResourceType type, InformerOptions options)
    : client_(client),
      type_(std::move(type)),
      watch_options_(std::move(options.watch)),
      cache_(options.namespaces, options.cache) {}

void Informer::Start() {
  for (const auto& [ns, part] : cache_.parts()) {
    kube::WatchOptions scoped = watch_options_;
    scoped.scope.ns = ns;
    watches_.push_back(std::make_unique<kube::Watch>(client_, type_, *part, std::move(scoped)));
  }
}

void Informer::Stop() {
  for (const auto& watch : watches_) watch->Stop();
}

std::vector<ResourceKey> ControllerKeys(const json::Value& object, std::string_view kind) {
  std::vector<ResourceKey> keys;
  for (const json::Value& owner : object.At("metadata", "ownerReferences").AsArray()) {
    if (owner["controller"].AsBool() && owner["kind"].AsString() == kind) {
      keys.push_back({kube::NameOf(object).ns, owner["name"].AsString()});
    }
  }
  return keys;
}

void WriteGuard::Wrote(const ResourceKey& key, const kube::ObjectCache& cache,
                       const json::Value& object) {
  std::lock_guard lock(mu_);
  waiting_[key].push_back(
      {&cache, kube::NameOf(object), kube::UidOf(object), kube::ResourceVersionOf(object)});
}

void WriteGuard::Deleted(const ResourceKey& key, const kube::ObjectCache& cache,
                         const json::Value& object) {
  std::lock_guard lock(mu_);
  waiting_[key].push_back({&cache, kube::NameOf(object), kube::UidOf(object), ""});
}

bool WriteGuard::Holds(const Expectation& expectation) {
  const auto object = expectation.cache->Get(expectation.name);
  if (expectation.resource_version.empty()) {
    return !object || kube::UidOf(*object) != expectation.uid;
  }
  if (kube::IsAtLeast(expectation.cache->resource_version(), expectation.resource_version)) {
    return true;
  }
  return object && kube::IsAtLeast(kube::ResourceVersionOf(*object), expectation.resource_version);
}

bool WriteGuard::CaughtUp(const ResourceKey& key) {
  std::lock_guard lock(mu_);
  auto at = waiting_.find(key);
  if (at == waiting_.end()) return true;
  std::erase_if(at->second, Holds);
  if (!at->second.empty()) return false;
  waiting_.erase(at);
  return true;
}

}  // namespace millrace::op
