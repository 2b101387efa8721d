#pragma once

#include <chrono>
#include <condition_variable>
#include <functional>
#include <map>
#include <memory_resource>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "common/kube/compact_text.h"
#include "common/kube/text_heap.h"
#include "common/kube/watch.h"

namespace millrace::kube {

// What a cache keeps and by what it can be asked.
struct CacheOptions {
  using ValuesOf = std::function<std::vector<std::string>(const json::Value&)>;
  // Takes away what nobody reads; managedFields are gone already. Empty: keeps all.
  std::function<void(json::Value& object)> trim;
  // Values under which an object is found by Select(index name, value).
  std::map<std::string, ValuesOf, std::less<>> indexes;
  // The same by SelectAfter, in the order of their values; takes twice the room of an index.
  std::map<std::string, ValuesOf, std::less<>> orders;
  // What Sum(name) adds up over all objects.
  std::map<std::string, std::function<int64_t(const json::Value&)>, std::less<>> sums;
};

// Every object of a kind as a watch last told it, kept as compressed text and taken apart when it
// is read: about 250 bytes an object with all that finds it, and 40 for each index. Writers put
// their answers into it as well (Wrote, Gone), so that nobody reads older than he wrote. The sink
// of one Watch; any thread reads.
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
  // One at a time, for kinds with many; each as it is when its turn comes.
  void ForEach(std::string_view ns, const std::function<void(const json::Value&)>& visit) const;
  std::vector<ObjectName> Names(std::string_view ns = {}) const;
  std::vector<json::Value> Select(std::string_view index, std::string_view value) const;
  std::vector<ObjectName> SelectNames(std::string_view index, std::string_view value) const;
  // The first `count` with values greater than `after`, by those: of an order, not of an index.
  std::vector<json::Value> SelectAfter(std::string_view order, std::string_view after,
                                       size_t count) const;
  int64_t Sum(std::string_view name) const;
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
  // Bytes held for the objects' texts, with their names.
  size_t bytes() const;

  void OnRelistBegin() override;
  void OnRelistEnd(const std::string& resource_version) override;
  void OnEvent(EventType type, json::Value object) override;
  void OnBookmark(const std::string& resource_version) override;
  void OnHealth(const Status& health) override;

 private:
  // Many of these, with their texts, are most of a process's memory.
  struct Entry {
    const std::string* ns = nullptr;     // in namespaces_
    mutable const char* text = nullptr;  // in texts_: the name, always the same; the packed object
    mutable uint64_t version = 0;        // resourceVersion as a number
    mutable uint64_t uid = 0;            // a hash of it
    mutable uint32_t packed_size = 0;
    mutable uint32_t object_size = 0;
    mutable uint32_t relist = 0;  // the last relist that told of it
    uint16_t name_size = 0;
    mutable uint16_t dictionary = 0;  // in packer_

    std::string_view name() const { return {text, name_size}; }
    std::string_view packed() const { return {text + name_size, packed_size}; }
    size_t text_size() const { return name_size + packed_size; }
    ObjectName full_name() const { return {*ns, std::string(name())}; }
  };
  using NameView = std::pair<std::string_view, std::string_view>;  // namespace and name
  struct ByName {
    using is_transparent = void;
    static NameView Of(const Entry& entry) { return {*entry.ns, entry.name()}; }
    static NameView Of(const NameView& name) { return name; }
    static NameView Of(const ObjectName& name) { return {name.ns, name.name}; }
    bool operator()(const auto& a, const auto& b) const { return Of(a) < Of(b); }
  };
  using Entries = std::pmr::set<Entry, ByName>;
  // By a hash of the value, so that what is found is looked at once more.
  using Index = std::pmr::unordered_multimap<uint64_t, const Entry*>;
  using Order = std::pmr::multimap<std::string, const Entry*, std::less<>>;

  // All with mu_ held. What changed, if anything did.
  std::optional<EventType> Put(const json::Value& object);
  Entries::iterator Insert(const ObjectName& name);
  void Keep(const Entry& entry, std::string_view object);
  void MoveTexts();
  json::Value Take(Entries::iterator at);
  json::Value Read(const Entry& entry) const;
  void Reindex(const Entry& entry, const json::Value& object, bool is_there);
  // Without it.
  void Tell(EventType type, const json::Value& object) const;
  template <typename Visit>
  void ForEachOf(std::string_view index, std::string_view value, Visit visit) const;

  const CacheOptions options_;
  std::vector<Listener> listeners_;
  mutable std::mutex mu_;
  mutable std::condition_variable synced_changed_;
  // Guarded by mu_.
  TextPacker packer_;
  std::set<std::string, std::less<>> namespaces_;
  // Left alone, a pool has up to as much room again as it needs.
  static constexpr size_t kBlocksOfAChunk = 512;
  // What is kept stands apart from the much larger documents that it was read from, so that these
  // leave whole pages behind.
  TextHeap texts_;
  std::pmr::unsynchronized_pool_resource memory_{
      {.max_blocks_per_chunk = kBlocksOfAChunk, .largest_required_pool_block = 0}};
  Entries objects_{&memory_};
  std::pmr::map<std::string, Index, std::less<>> indexes_{&memory_};
  std::pmr::map<std::string, Order, std::less<>> orders_{&memory_};
  std::map<std::string, int64_t, std::less<>> sums_;
  std::map<uint64_t, ObjectName> gone_;  // by uid, until the watch has told so
  std::string resource_version_;
  Status health_;
  uint32_t relist_ = 0;
  bool relisting_ = false;
  bool synced_ = false;
};

}  // namespace millrace::kube
