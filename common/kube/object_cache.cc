#include "common/kube/object_cache.h"

#include <algorithm>
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

uint64_t HashOf(std::string_view text) { return std::hash<std::string_view>()(text); }

json::Value Parse(std::string_view packed, size_t size, const std::string& dictionary) {
  // We wrote it ourselves.
  Result<json::Value> object =
      json::ParseJson(Unpack(packed, size, dictionary), {128, 20'000'000, 64});
  CHECK(object.ok());
  return std::move(*object);
}

}  // namespace

ObjectCache::ObjectCache(CacheOptions options) : options_(std::move(options)) {}

json::Value ObjectCache::Read(const Entry& entry) const {
  return Parse(entry.packed(), entry.object_size, *packer_.dictionary(entry.dictionary));
}

void ObjectCache::Tell(EventType type, const json::Value& object) const {
  for (const Listener& listener : listeners_) listener(type, object);
}

void ObjectCache::Reindex(const Entry& entry, const json::Value& object, bool is_there) {
  auto change = [&](auto& index, auto key) {
    if (is_there) {
      index.emplace(std::move(key), &entry);
      return;
    }
    const auto [begin, end] = index.equal_range(key);
    const auto at = std::find_if(begin, end, [&](auto& item) { return item.second == &entry; });
    if (at != end) index.erase(at);
  };
  for (const auto& [name, values_of] : options_.indexes) {
    for (const std::string& value : values_of(object)) change(indexes_[name], HashOf(value));
  }
  for (const auto& [name, values_of] : options_.orders) {
    for (const std::string& value : values_of(object)) change(orders_[name], value);
  }
  for (const auto& [name, value_of] : options_.sums) {
    sums_[name] += is_there ? value_of(object) : -value_of(object);
  }
}

ObjectCache::Entries::iterator ObjectCache::Insert(const ObjectName& name) {
  Entry entry;
  entry.ns = &*namespaces_.insert(name.ns).first;
  CHECK(name.name.size() <= UINT16_MAX);  // the API takes 253
  entry.name_size = static_cast<uint16_t>(name.name.size());
  entry.text = texts_.Add(name.name);
  return objects_.insert(std::move(entry)).first;
}

// To where they have no holes between them.
void ObjectCache::MoveTexts() {
  if (!texts_.is_holey()) return;
  TextHeap moved;
  for (const Entry& entry : objects_) entry.text = moved.Add({entry.text, entry.text_size()});
  texts_ = std::move(moved);
}

void ObjectCache::Keep(const Entry& entry, std::string_view object) {
  const TextPacker::Packed packed = packer_.Pack(object);
  const char* text = texts_.Add(entry.name(), packed.bytes);
  texts_.Drop(entry.text_size());
  entry.text = text;
  entry.packed_size = static_cast<uint32_t>(packed.bytes.size());
  entry.object_size = static_cast<uint32_t>(object.size());
  entry.dictionary = static_cast<uint16_t>(packed.dictionary);
  MoveTexts();
}

std::optional<EventType> ObjectCache::Put(const json::Value& object) {
  const ObjectName name = NameOf(object);
  const uint64_t uid = HashOf(UidOf(object));
  const uint64_t version = VersionNumber(ResourceVersionOf(object));
  if (gone_.contains(uid)) return std::nullopt;
  auto at = objects_.find(name);
  const bool is_new = at == objects_.end();
  if (!is_new) at->relist = relist_;
  if (!is_new && version != 0 && at->version >= version) return std::nullopt;
  const bool is_indexed =
      !options_.indexes.empty() || !options_.orders.empty() || !options_.sums.empty();
  if (!is_new && is_indexed) Reindex(*at, Read(*at), false);
  if (is_new) at = Insert(name);
  Keep(*at, json::WriteJson(object));
  at->version = version;
  at->uid = uid;
  at->relist = relist_;
  Reindex(*at, object, true);
  return is_new ? EventType::kAdded : EventType::kModified;
}

json::Value ObjectCache::Take(Entries::iterator at) {
  json::Value last = Read(*at);
  Reindex(*at, last, false);
  texts_.Drop(at->text_size());
  objects_.erase(at);
  MoveTexts();
  return last;
}

std::optional<json::Value> ObjectCache::Get(const ObjectName& name) const {
  std::unique_lock lock(mu_);
  const auto at = objects_.find(name);
  if (at == objects_.end()) return std::nullopt;
  const std::string packed(at->packed());
  const size_t size = at->object_size;
  const auto dictionary = packer_.dictionary(at->dictionary);
  lock.unlock();
  return Parse(packed, size, *dictionary);
}

std::vector<json::Value> ObjectCache::List(std::string_view ns) const {
  std::vector<json::Value> objects;
  for (const ObjectName& name : Names(ns)) {
    if (auto object = Get(name)) objects.push_back(std::move(*object));
  }
  return objects;
}

void ObjectCache::ForEach(std::string_view ns,
                          const std::function<void(const json::Value&)>& visit) const {
  for (const ObjectName& name : Names(ns)) {
    if (const auto object = Get(name)) visit(*object);
  }
}

std::vector<ObjectName> ObjectCache::Names(std::string_view ns) const {
  std::vector<ObjectName> names;
  std::lock_guard lock(mu_);
  const auto begin = ns.empty() ? objects_.begin() : objects_.lower_bound(NameView{ns, ""});
  for (auto at = begin; at != objects_.end() && (ns.empty() || *at->ns == ns); ++at) {
    names.push_back(at->full_name());
  }
  return names;
}

template <typename Visit>
void ObjectCache::ForEachOf(std::string_view index, std::string_view value, Visit visit) const {
  std::lock_guard lock(mu_);
  const auto at = indexes_.find(index);
  if (at == indexes_.end()) return;
  const auto& values_of = options_.indexes.find(index)->second;
  const auto [begin, end] = at->second.equal_range(HashOf(value));
  for (auto item = begin; item != end; ++item) {
    json::Value object = Read(*item->second);
    const std::vector<std::string> values = values_of(object);
    if (std::find(values.begin(), values.end(), value) != values.end()) visit(std::move(object));
  }
}

std::vector<ObjectName> ObjectCache::SelectNames(std::string_view index,
                                                 std::string_view value) const {
  std::vector<ObjectName> names;
  ForEachOf(index, value, [&](const json::Value& object) { names.push_back(NameOf(object)); });
  std::sort(names.begin(), names.end());
  return names;
}

std::vector<json::Value> ObjectCache::Select(std::string_view index, std::string_view value) const {
  std::vector<json::Value> objects;
  ForEachOf(index, value, [&](json::Value object) { objects.push_back(std::move(object)); });
  std::sort(objects.begin(), objects.end(),
            [](const auto& a, const auto& b) { return NameOf(a) < NameOf(b); });
  return objects;
}

std::vector<json::Value> ObjectCache::SelectAfter(std::string_view order, std::string_view after,
                                                  size_t count) const {
  std::vector<json::Value> objects;
  std::lock_guard lock(mu_);
  const auto ordered = orders_.find(order);
  if (ordered == orders_.end()) return objects;
  auto at = ordered->second.upper_bound(after);
  for (; at != ordered->second.end() && objects.size() < count; ++at) {
    objects.push_back(Read(*at->second));
  }
  return objects;
}

int64_t ObjectCache::Sum(std::string_view name) const {
  std::lock_guard lock(mu_);
  const auto at = sums_.find(name);
  return at == sums_.end() ? 0 : at->second;
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
  return texts_.held();
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
  const uint64_t hash = HashOf(uid);
  auto at = objects_.find(name);
  // What the cache does not show any more the watch has told of already.
  if (at == objects_.end() || at->uid != hash) return;
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
      const auto next = std::next(at);
      // What we wrote after the list was made is not in it.
      const bool is_newer = version != 0 && at->version > version;
      if (at->relist != relist_ && !is_newer) vanished.push_back(Take(at));
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
      const uint64_t uid = HashOf(UidOf(object));
      gone_.erase(uid);
      auto at = objects_.find(NameOf(object));
      if (at != objects_.end() && at->uid == uid) {
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
  health_.IgnoreError();  // kept for who asks
}

}  // namespace millrace::kube
