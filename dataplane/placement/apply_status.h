#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <vector>

#include "common/async/executor.h"
#include "common/json/value.h"

namespace millrace::shard {

// What this process says of one stream to the operator.
struct StreamStatus {
  std::string name;
  uint64_t applied_version = 0;
  bool dropped = false;
  uint64_t lost_records = 0;
  std::string error;  // why a newer version is not applied, "" for none
  struct Sealed {
    uint32_t shard = 0;
    uint64_t epoch = 0;
    uint64_t end_index = 0;
    bool operator==(const Sealed&) const = default;
  };
  std::vector<Sealed> sealed;
  // This pod's by the map, without all that was acknowledged in them; `end_index` of what is here.
  std::vector<Sealed> missing;
  // Here, while the map does not say on which volume.
  struct Unbound {
    uint32_t shard = 0;
    uint64_t epoch = 0;
    bool operator==(const Unbound&) const = default;
  };
  std::vector<Unbound> unbound;
  bool operator==(const StreamStatus&) const = default;
};

struct LogStatus {
  bool full = false;
  std::string full_reason;  // what is short of what, "" while it is not full
  bool fenced = false;
  uint64_t file_bytes = 0;
  uint64_t live_bytes = 0;
};

// What not every version and not every process can.
struct Abilities {
  bool peer_tls = false;     // speaks TLS with other pods
  bool stream_keys = false;  // wraps data keys by a stream's own key
  // The names of those that are here now. Any thread.
  std::function<std::vector<std::string>()> stream_key_names{};
};

// The answer of GET /internal/v1/status and those who wait for it to change. `sequence` rises with
// every change of a stream's status, not with the figures of the log. Any thread.
class ApplyStatus {
 public:
  explicit ApplyStatus(std::string incarnation) : incarnation_(std::move(incarnation)) {}

  void Set(uint64_t uid, StreamStatus status);
  void Forget(uint64_t uid);
  void SetLog(const LogStatus& log);
  // Which volume the log is on; before anybody asks.
  void SetVolume(std::string id);
  void SetAbilities(const Abilities& abilities);
  uint64_t sequence() const;
  // Everything; or, for a reader who has everything up to `after`, what has changed since
  // (`changesOnly`, with the uids that are `gone`) as far back as that is known.
  json::Value ToValue(uint64_t after = 0) const;
  // Posts `fn` to `executor` when the sequence is greater than `after`; at once where it is. The
  // caller bounds its own wait; `fn` must stand being late.
  void WhenAfter(uint64_t after, Executor& executor, UniqueFunction<void()> fn);

 private:
  struct Waiter {
    uint64_t after;
    Executor* executor;
    UniqueFunction<void()> fn;
  };
  struct Entry {
    StreamStatus status;
    uint64_t changed_at = 0;  // the sequence with which it is told
  };
  struct Gone {
    uint64_t changed_at;
    uint64_t uid;
  };
  static constexpr size_t kGoneMax = 10'000;

  void Changed(std::unique_lock<std::mutex> lock);

  const std::string incarnation_;
  mutable std::mutex mu_;
  // Guarded by mu_.
  uint64_t sequence_ = 1;
  std::map<uint64_t, Entry> streams_;
  std::deque<Gone> gone_;
  uint64_t gone_known_after_ = 0;  // who has less than this needs everything
  LogStatus log_;
  std::string volume_;
  Abilities abilities_;
  std::vector<Waiter> waiters_;
};

}  // namespace millrace::shard
