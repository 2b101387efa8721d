#include "operator/engine/scoped_cache.h"

#include <algorithm>

namespace millrace::op {

using kube::ObjectCache;

namespace {

template <typename T>
void Append(std::vector<T>& all, std::vector<T> more) {
  std::move(more.begin(), more.end(), std::back_inserter(all));
}

}  // namespace

ScopedCache::ScopedCache(const std::vector<std::string>& namespaces,
                         const kube::CacheOptions& options) {
  if (namespaces.empty()) parts_[""] = std::make_unique<ObjectCache>(options);
  for (const std::string& ns : namespaces) parts_[ns] = std::make_unique<ObjectCache>(options);
}

void ScopedCache::AddListener(const ObjectCache::Listener& listener) {
  for (const auto& [ns, part] : parts_) part->AddListener(listener);
}

ObjectCache& ScopedCache::Of(std::string_view ns) {
  const auto all = parts_.find("");
  if (all != parts_.end()) return *all->second;
  const auto part = parts_.find(ns);
  return part == parts_.end() ? nowhere_ : *part->second;
}

const ObjectCache& ScopedCache::Of(std::string_view ns) const {
  return const_cast<ScopedCache*>(this)->Of(ns);
}

std::vector<json::Value> ScopedCache::List() const {
  std::vector<json::Value> objects;
  for (const auto& [ns, part] : parts_) Append(objects, part->List());
  return objects;
}

std::vector<kube::ObjectName> ScopedCache::Names() const {
  std::vector<kube::ObjectName> names;
  for (const auto& [ns, part] : parts_) Append(names, part->Names());
  return names;
}

std::vector<json::Value> ScopedCache::Select(std::string_view index, std::string_view value) const {
  std::vector<json::Value> objects;
  for (const auto& [ns, part] : parts_) Append(objects, part->Select(index, value));
  return objects;
}

size_t ScopedCache::size() const {
  size_t size = 0;
  for (const auto& [ns, part] : parts_) size += part->size();
  return size;
}

bool ScopedCache::HasSynced() const {
  return std::all_of(parts_.begin(), parts_.end(),
                     [](const auto& part) { return part.second->HasSynced(); });
}

bool ScopedCache::WaitSynced(std::chrono::milliseconds time_max) const {
  return std::all_of(parts_.begin(), parts_.end(),
                     [&](const auto& part) { return part.second->WaitSynced(time_max); });
}

}  // namespace millrace::op
