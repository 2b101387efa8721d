#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <string>
#include <thread>

#include "common/base/random.h"
#include "common/kube/client.h"

namespace millrace::kube {

enum class EventType { kAdded, kModified, kDeleted };

// Who follows a kind. Called on the watch's thread only, never concurrently; must not block for
// long, since the server drops watchers that lag.
class WatchSink {
 public:
  virtual ~WatchSink() = default;
  // What comes as kAdded until OnRelistEnd is everything there is; what a sink holds besides is
  // gone. A relist that breaks off is begun again.
  virtual void OnRelistBegin() = 0;
  virtual void OnRelistEnd(const std::string& resource_version) = 0;
  virtual void OnEvent(EventType type, json::Value object) = 0;
  // Everything up to `resource_version` has been told.
  virtual void OnBookmark(const std::string& /*resource_version*/) {}
  // The server does not answer, or refuses; the watch goes on trying. OkStatus: all is well again.
  virtual void OnHealth(const Status& /*health*/) {}
};

struct WatchOptions {
  ListOptions scope;
  // WatchList (one stream instead of pages) where the server can; turned off by itself where the
  // server cannot.
  bool watch_list = true;
  std::chrono::seconds server_time_max{300};
  std::chrono::milliseconds idle_time_max{90'000};
  std::chrono::milliseconds backoff_first{50};
  std::chrono::milliseconds backoff_max{30'000};
};

// Follows every object of a kind for as long as it lives, on a thread of its own: lists (or
// WatchList), then watches from the list's resourceVersion with bookmarks; resumes where a stream
// ended, since its end says nothing; lists again only when the server has forgotten the version
// (410). A dead connection is noticed within idle_time_max. Failures are tried again with jittered
// back-off, without end. Owned by whoever made it, who keeps client and sink alive until Stop.
class Watch {
 public:
  Watch(Client& client, ResourceType type, WatchSink& sink, WatchOptions options = {});
  ~Watch() { Stop(); }
  // No call of the sink runs after it returned.
  void Stop();
  // Whether WatchList serves this watch; for tests and support bundles.
  bool uses_watch_list() const { return watch_list_; }

 private:
  void Run();
  // One list or one stream; OK where it ended as it should.
  Status Step();
  Status Relist();
  Status RelistByPages();
  Status Stream(bool initial_events);
  Status Take(std::string_view event_type, json::Value object);
  void Pause();

  Client& client_;
  const ResourceType type_;
  WatchSink& sink_;
  const WatchOptions options_;
  Client::Cancellation cancellation_;
  std::mutex mu_;
  std::condition_variable wake_;
  bool stopping_ = false;  // guarded by mu_
  std::atomic<bool> watch_list_;
  // Watch thread only.
  std::string resource_version_;  // "": list first
  bool initial_events_ = false;   // within the first part of a WatchList stream
  int failures_ = 0;
  Random random_;
  std::thread thread_;
};

}  // namespace millrace::kube
