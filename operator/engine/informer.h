#pragma once

#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "operator/engine/controller.h"
#include "operator/engine/scoped_cache.h"

namespace millrace::op {

struct InformerOptions {
  std::vector<std::string> namespaces;  // each by a watch of its own; empty: all by one
  kube::WatchOptions watch;             // its scope's namespace does not count
  kube::CacheOptions cache;
};

// A kind as the operator sees it: a cache that watches keep up to date. Made in main; who is to
// hear of changes adds a listener to the cache before Start, and lives until Stop returned
// (LedController does). Reads are safe anywhere.
class Informer {
 public:
  Informer(kube::Client& client, kube::ResourceType type, InformerOptions options = {});
  ~Informer() { Stop(); }
  void Start();
  void Stop();

  bool HasSynced() const { return cache_.HasSynced(); }
  ScopedCache& cache() { return cache_; }
  const ScopedCache& cache() const { return cache_; }
  const kube::ResourceType& type() const { return type_; }

 private:
  kube::Client& client_;
  const kube::ResourceType type_;
  const kube::WatchOptions watch_options_;
  ScopedCache cache_;
  std::vector<std::unique_ptr<kube::Watch>> watches_;
};

// The keys of the objects that control `object` (metadata.ownerReferences, controller: true) and
// are of `kind`, in its namespace.
std::vector<resources::ResourceKey> ControllerKeys(const json::Value& object,
                                                   std::string_view kind);

// Keeps a reconcile from acting on a cache that has not passed the last write of the one before:
// that is how operators make two pods or delete two. A reconcile notes its writes, and the next one
// of that key asks first. Any thread.
class WriteGuard {
 public:
  // A write of `key`'s reconcile answered `object` (Create, Update, Apply, Delete under way).
  void Wrote(const resources::ResourceKey& key, const kube::ObjectCache& cache,
             const json::Value& object);
  // A delete that took effect at once.
  void Deleted(const resources::ResourceKey& key, const kube::ObjectCache& cache,
               const json::Value& object);
  // Whether the caches show every write noted for `key`; then those are forgotten. A reconcile that
  // must wait returns Outcome::After(kLookAgain): the event of the write usually comes first.
  bool CaughtUp(const resources::ResourceKey& key);
  static constexpr Duration kLookAgain = std::chrono::milliseconds(20);

 private:
  struct Expectation {
    const kube::ObjectCache* cache;
    kube::ObjectName name;
    std::string uid;
    std::string resource_version;  // "": gone
  };
  static bool Holds(const Expectation& expectation);

  std::mutex mu_;
  std::map<resources::ResourceKey, std::vector<Expectation>> waiting_;  // guarded by mu_
};

}  // namespace millrace::op
