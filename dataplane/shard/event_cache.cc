#include "dataplane/shard/event_cache.h"

namespace millrace::shard {

const EncodedEvent* EventCache::Find(const Key& key) {
  const auto found = by_key_.find(key);
  if (found == by_key_.end()) return nullptr;
  entries_.splice(entries_.begin(), entries_, found->second);
  return &found->second->event;
}

void EventCache::Put(const Key& key, const EncodedEvent& event) {
  if (event.frame.size() > bytes_max_ || by_key_.contains(key)) return;
  entries_.push_front({key, event});
  by_key_[key] = entries_.begin();
  bytes_ += event.frame.size();
  while (bytes_ > bytes_max_) {
    bytes_ -= entries_.back().event.frame.size();
    by_key_.erase(entries_.back().key);
    entries_.pop_back();
  }
}

}  // namespace millrace::shard
