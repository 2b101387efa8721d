#pragma once

#include <chrono>
#include <condition_variable>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "common/kube/compact_text.h"
#include "common/kube/watch.h"

namespace millrace::kube {

// What a cache keeps and by what it can be asked.
struct CacheOptions {
  // Takes away what nobody reads; managedFields are gone already. Empty: keeps all.
  std::function<void(json::Value& object)> trim;
  // Values under which an object is found by Select(index name, value).
  std::map<std::string, std::function<std::vector<std::string>(const json::Value&)>, std::less<>>
      indexes;
};

// Every object of a kind as a watch last told it, kept as compressed text (a few hundred bytes an
// object) and taken apart when it is read. Writers put their answers into it as well (Wrote,
// Gone), so that nobody reads older than he wrote. The sink of one Watch; any thread reads.
class ObjectCache final : public WatchSink {
 public:
  // Told of every change after the cache shows it, on the thread that brought it; `object` is the
  // last state of a deleted one. What it is told is what changed here: a relist adds nothing twice.
  using Listener = std::function<void(EventType, const json::Value& object)>;

  explicit ObjectCache(CacheOptions options = {});
  // Before the watch starts.
  void AddListener(Listener listener) { listeners_.push_back(std::move(listener)); }

  std::optional<json::Value> Get(const ObjectName& name) const;
  // In the order of their names; ns "": all. The keys alone cost little.
  std::vector<json::Value> List(std::string_view ns = {}) const;
  // One at a time, for kinds with many.
  void ForEach(std::string_view ns, const std::function<void(const json::Value&)>& visit) const;
  std::vector<ObjectName> Names(std::string_view ns = {}) const;
  std::vector<json::Value> Select(std::string_view index, std::string_view value) const;
  std::vector<ObjectName> SelectNames(std::string_view index, std::string_view value) const;
  size_t size() const;

  // Whether everything has been told once; stays true through later relists.
  bool HasSynced() const;
  bool WaitSynced(std::chrono::milliseconds time_max) const;
  // Everything up to here has been seen; "" before the first list.
  std::string resource_version() const;
  // What the last contact with the server said.
  Status health() const;

  // The answer to a write of ours: seen from now on unless the watch has told newer.
  void Wrote(const json::Value& object);
  // A delete of ours that took effect at once: `uid` is not shown again.
  void Gone(const ObjectName& name, const std::string& uid);
  // Bytes held for objects.
  size_t bytes() const;

  void OnRelistBegin() override;
  void OnRelistEnd(const std::string& resource_version) override;
  void OnEvent(EventType type, json::Value object) override;
  void OnBookmark(const std::string& resource_version) override;
  void OnHealth(const Status& health) override;

 private:
  struct Entry {
    CompactText text;
    uint64_t version = 0;  // resourceVersion as a number
    uint64_t uid = 0;      // a hash of it
    uint64_t relist = 0;   // the last relist that told of it
  };
  using Index = std::map<std::string, std::set<ObjectName>, std::less<>>;

  // All with mu_ held. What changed, if anything did.
  std::optional<EventType> Put(const json::Value& object);
  json::Value Take(std::map<ObjectName, Entry>::iterator at);
  void Reindex(const ObjectName& name, const json::Value& object, bool is_there);
  std::vector<CompactText> Texts(std::string_view ns) const;
  // Without it.
  json::Value Read(const CompactText& text) const;
  void Tell(EventType type, const json::Value& object) const;

  const CacheOptions options_;
  std::vector<Listener> listeners_;
  mutable std::mutex mu_;
  mutable std::condition_variable synced_changed_;
  // Guarded by mu_.
  TextDictionary dictionary_;  // changed by the first object only
  std::map<ObjectName, Entry> objects_;
  std::map<std::string, Index, std::less<>> indexes_;
  std::map<uint64_t, ObjectName> gone_;  // by uid, until the watch has told so
  std::string resource_version_;
  Status health_;
  uint64_t relist_ = 0;
  bool relisting_ = false;
  bool synced_ = false;
};

}  // namespace millrace::kube
