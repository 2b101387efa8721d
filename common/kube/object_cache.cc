#include "common/kube/object_cache.h"

#include <charconv>
#include <functional>

#include "common/log/log.h"

namespace millrace::kube {
namespace {

uint64_t VersionNumber(const std::string& text) {
  uint64_t number = 0;
  std::from_chars(text.data(), text.data() + text.size(), number);
  return number;
}

uint64_t UidHash(const std::string& uid) { return std::hash<std::string>()(uid); }

}  // namespace

ObjectCache::ObjectCache(CacheOptions options) : options_(std::move(options)) {}

json::Value ObjectCache::Read(const CompactText& text) const {
  // We wrote it ourselves.
  Result<json::Value> object = json::ParseJson(dictionary_.Unpack(text), {128, 20'000'000, 64});
  CHECK(object.ok());
  return std::move(*object);
}

void ObjectCache::Tell(EventType type, const json::Value& object) const {
  for (const Listener& listener : listeners_) listener(type, object);
}

void ObjectCache::Reindex(const ObjectName& name, const json::Value& object, bool is_there) {
  for (const auto& [index_name, values_of] : options_.indexes) {
    Index& index = indexes_[index_name];
    for (const std::string& value : values_of(object)) {
      if (is_there) {
        index[value].insert(name);
      } else if (auto it = index.find(value); it != index.end()) {
        it->second.erase(name);
        if (it->second.empty()) index.erase(it);
      }
    }
  }
}

std::optional<EventType> ObjectCache::Put(const json::Value& object) {
  const ObjectName name = NameOf(object);
  const uint64_t uid = UidHash(UidOf(object));
  const uint64_t version = VersionNumber(ResourceVersionOf(object));
  if (gone_.contains(uid)) return std::nullopt;
  auto [at, is_new] = objects_.try_emplace(name);
  Entry& entry = at->second;
  entry.relist = relist_;
  if (!is_new && version != 0 && entry.version >= version) return std::nullopt;
  if (!is_new && !options_.indexes.empty()) Reindex(name, Read(entry.text), false);
  entry.text = dictionary_.Pack(json::WriteJson(object));
  entry.version = version;
  entry.uid = uid;
  Reindex(name, object, true);
  return is_new ? EventType::kAdded : EventType::kModified;
}

json::Value ObjectCache::Take(std::map<ObjectName, Entry>::iterator at) {
  json::Value last = Read(at->second.text);
  Reindex(at->first, last, false);
  objects_.erase(at);
  return last;
}

std::optional<json::Value> ObjectCache::Get(const ObjectName& name) const {
  std::unique_lock lock(mu_);
  auto at = objects_.find(name);
  if (at == objects_.end()) return std::nullopt;
  CompactText text = at->second.text;
  lock.unlock();
  return Read(text);
}

std::vector<CompactText> ObjectCache::Texts(std::string_view ns) const {
  std::vector<CompactText> texts;
  std::lock_guard lock(mu_);
  for (const auto& [name, entry] : objects_) {
    if (ns.empty() || name.ns == ns) texts.push_back(entry.text);
  }
  return texts;
}

std::vector<json::Value> ObjectCache::List(std::string_view ns) const {
  std::vector<json::Value> objects;
  for (const CompactText& text : Texts(ns)) objects.push_back(Read(text));
  return objects;
}

void ObjectCache::ForEach(std::string_view ns,
                          const std::function<void(const json::Value&)>& visit) const {
  for (const CompactText& text : Texts(ns)) visit(Read(text));
}

std::vector<ObjectName> ObjectCache::Names(std::string_view ns) const {
  std::vector<ObjectName> names;
  std::lock_guard lock(mu_);
  for (const auto& [name, entry] : objects_) {
    if (ns.empty() || name.ns == ns) names.push_back(name);
  }
  return names;
}

std::vector<ObjectName> ObjectCache::SelectNames(std::string_view index,
                                                 std::string_view value) const {
  std::lock_guard lock(mu_);
  auto at = indexes_.find(index);
  if (at == indexes_.end()) return {};
  auto names = at->second.find(value);
  if (names == at->second.end()) return {};
  return {names->second.begin(), names->second.end()};
}

std::vector<json::Value> ObjectCache::Select(std::string_view index, std::string_view value) const {
  std::vector<json::Value> objects;
  for (const ObjectName& name : SelectNames(index, value)) {
    if (auto object = Get(name)) objects.push_back(std::move(*object));
  }
  return objects;
}

size_t ObjectCache::size() const {
  std::lock_guard lock(mu_);
  return objects_.size();
}

bool ObjectCache::HasSynced() const {
  std::lock_guard lock(mu_);
  return synced_;
}

bool ObjectCache::WaitSynced(std::chrono::milliseconds time_max) const {
  std::unique_lock lock(mu_);
  return synced_changed_.wait_for(lock, time_max, [this] { return synced_; });
}

std::string ObjectCache::resource_version() const {
  std::lock_guard lock(mu_);
  return resource_version_;
}

Status ObjectCache::health() const {
  std::lock_guard lock(mu_);
  return health_;
}

size_t ObjectCache::bytes() const {
  std::lock_guard lock(mu_);
  size_t bytes = 0;
  for (const auto& [name, entry] : objects_) bytes += entry.text.bytes.size();
  return bytes;
}

void ObjectCache::Wrote(const json::Value& object) {
  json::Value kept = object;
  if (options_.trim) options_.trim(kept);
  std::optional<EventType> change;
  {
    std::lock_guard lock(mu_);
    // The answer to a write may come after the event of what followed it: a version that the watch
    // has passed, of an object that it does not know, was deleted since.
    const bool is_known = objects_.contains(NameOf(kept));
    if (!is_known && synced_ && IsAtLeast(resource_version_, ResourceVersionOf(kept))) return;
    change = Put(kept);
  }
  if (change) Tell(*change, kept);
}

void ObjectCache::Gone(const ObjectName& name, const std::string& uid) {
  std::unique_lock lock(mu_);
  const uint64_t hash = UidHash(uid);
  auto at = objects_.find(name);
  // What the cache does not show any more the watch has told of already.
  if (at == objects_.end() || at->second.uid != hash) return;
  gone_.emplace(hash, name);
  const json::Value last = Take(at);
  lock.unlock();
  Tell(EventType::kDeleted, last);
}

void ObjectCache::OnRelistBegin() {
  std::lock_guard lock(mu_);
  ++relist_;
  relisting_ = true;
}

void ObjectCache::OnRelistEnd(const std::string& resource_version) {
  std::vector<json::Value> vanished;
  {
    std::lock_guard lock(mu_);
    const uint64_t version = VersionNumber(resource_version);
    for (auto at = objects_.begin(); at != objects_.end();) {
      auto next = std::next(at);
      // What we wrote after the list was made is not in it.
      const bool is_newer = version != 0 && at->second.version > version;
      if (at->second.relist != relist_ && !is_newer) vanished.push_back(Take(at));
      at = next;
    }
    gone_.clear();
    resource_version_ = resource_version;
    relisting_ = false;
    synced_ = true;
    synced_changed_.notify_all();
  }
  for (const json::Value& object : vanished) Tell(EventType::kDeleted, object);
}

void ObjectCache::OnEvent(EventType type, json::Value object) {
  if (options_.trim) options_.trim(object);
  std::optional<EventType> change;
  {
    std::lock_guard lock(mu_);
    const std::string version = ResourceVersionOf(object);
    if (type == EventType::kDeleted) {
      const uint64_t uid = UidHash(UidOf(object));
      gone_.erase(uid);
      auto at = objects_.find(NameOf(object));
      if (at != objects_.end() && at->second.uid == uid) {
        Take(at);
        change = type;
      }
    } else {
      change = Put(object);
    }
    if (!relisting_ && IsAtLeast(version, resource_version_)) resource_version_ = version;
  }
  if (change) Tell(*change, object);
}

void ObjectCache::OnBookmark(const std::string& resource_version) {
  std::lock_guard lock(mu_);
  resource_version_ = resource_version;
}

void ObjectCache::OnHealth(const Status& health) {
  std::lock_guard lock(mu_);
  health_ = health;
}

}  // namespace millrace::kube
