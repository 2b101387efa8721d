#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <thread>

#include "common/base/clock.h"
#include "common/http_client/http_client.h"
#include "operator/stream/stream_reports.h"

namespace millrace::op {

struct LogFigures {
  int64_t live_bytes = 0;  // what cannot be dropped
  bool full = false;       // takes no writes for lack of room
};

// What a shard process says of its volume (docs/formats/volume.md).
struct VolumeWord {
  std::string id;              // "" of versions that give none
  size_t missing_extents = 0;  // its own by the maps, without all that was acknowledged in them
};

// Follows what one shard process says of itself by long polls of its admin port, on a thread of its
// own. Tells `on_change` the uids of the streams whose entry changed, and `on_ready` that it came
// or went or has got a key of a stream, which concerns all of them. Owned by main; Stop (or the
// destructor) waits for the thread. Reads are safe anywhere.
class ShardStatusClient {
 public:
  ShardStatusClient(std::string endpoint, std::string token, Clock& clock,
                    std::function<void(uint64_t uid)> on_change, std::function<void()> on_ready);
  ~ShardStatusClient() { Stop(); }
  void Stop();

  bool ready() const { return ready_; }
  // Whether it speaks TLS with other pods; nothing before it has said.
  std::optional<bool> peer_tls() const;
  // Whether it said that it wraps data keys by a stream's own key.
  bool stream_keys() const { return stream_keys_; }
  // The names of those that it said are there; nothing where it does not say.
  std::optional<std::set<std::string>> key_names() const;
  bool ever_answered() const { return ever_answered_; }
  // When the process answered last; the client's start before it ever did.
  MonoTime last_answer() const { return last_answer_; }
  std::optional<ObservedStream> Observed(uint64_t uid) const;
  // What it said last of its log; nothing before it did.
  std::optional<LogFigures> log() const;
  // The same of its volume.
  VolumeWord volume() const;

 private:
  void Follow();
  void Take(const json::Value& answer);
  void Lost();

  const std::string endpoint_;
  const std::string token_;
  Clock& clock_;
  const std::function<void(uint64_t)> on_change_;
  const std::function<void()> on_ready_;
  std::atomic<bool> stop_{false};
  std::atomic<bool> ready_{false};
  std::atomic<bool> stream_keys_{false};
  std::atomic<bool> ever_answered_{false};
  std::atomic<MonoTime> last_answer_;
  mutable std::mutex mu_;
  // Guarded by mu_.
  std::optional<LogFigures> log_;
  VolumeWord volume_;
  std::optional<bool> peer_tls_;
  std::optional<std::set<std::string>> key_names_;
  StreamReports streams_;
  int64_t sequence_ = 0;  // follower thread only
  std::unique_ptr<net::HttpClient> client_;
  std::thread thread_;
};

}  // namespace millrace::op
