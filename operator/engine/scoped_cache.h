#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "common/kube/object_cache.h"

namespace millrace::op {

// One kind in several namespaces, each in an ObjectCache of its own: who may watch some namespaces
// may not watch all. Asked like a single one. Made by its Informer; any thread.
class ScopedCache {
 public:
  // Empty: one cache of everything there is.
  ScopedCache(const std::vector<std::string>& namespaces, const kube::CacheOptions& options);

  // Before the watches start.
  void AddListener(const kube::ObjectCache::Listener& listener);
  // Of the namespace; of one that is not followed, a cache that stays empty.
  kube::ObjectCache& Of(std::string_view ns);
  const kube::ObjectCache& Of(std::string_view ns) const;
  // By namespace; "" for all.
  const std::map<std::string, std::unique_ptr<kube::ObjectCache>, std::less<>>& parts() const {
    return parts_;
  }

  std::optional<json::Value> Get(const kube::ObjectName& name) const {
    return Of(name.ns).Get(name);
  }
  std::vector<json::Value> List() const;
  std::vector<kube::ObjectName> Names() const;
  std::vector<json::Value> Select(std::string_view index, std::string_view value) const;
  void Wrote(const json::Value& object) { Of(kube::NameOf(object).ns).Wrote(object); }
  size_t size() const;
  bool HasSynced() const;
  bool WaitSynced(std::chrono::milliseconds time_max) const;

 private:
  // Constant after construction.
  std::map<std::string, std::unique_ptr<kube::ObjectCache>, std::less<>> parts_;
  kube::ObjectCache nowhere_;
};

}  // namespace millrace::op
