#pragma once

#include <list>
#include <map>
#include <optional>
#include <tuple>

#include "dataplane/shard/event_encoder.h"

namespace millrace::shard {

// The events encoded last, so that consumers at one position share one encoding also when one is a
// little slower than the other. Bounded by bytes, the least recently used goes first. Lives on the
// lane's executor; owned by its FanOut.
class EventCache {
 public:
  struct Key {
    uint64_t stream = 0;
    uint32_t shard = 0;
    aws::Protocol protocol = aws::Protocol::kJson;
    Position from;
    auto operator<=>(const Key&) const = default;
  };

  explicit EventCache(size_t bytes_max) : bytes_max_(bytes_max) {}
  // nullptr where it is not kept; good until the next Put.
  const EncodedEvent* Find(const Key& key);
  void Put(const Key& key, const EncodedEvent& event);
  size_t bytes() const { return bytes_; }

 private:
  struct Entry {
    Key key;
    EncodedEvent event;
  };
  const size_t bytes_max_;
  size_t bytes_ = 0;
  std::list<Entry> entries_;  // most recently used first
  std::map<Key, std::list<Entry>::iterator> by_key_;
};

}  // namespace millrace::shard
