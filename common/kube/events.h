#pragma once

#include <condition_variable>
#include <deque>
#include <map>
#include <mutex>
#include <string>
#include <thread>

#include "common/base/clock.h"
#include "common/kube/client.h"

namespace millrace::kube {

struct EventNote {
  bool is_warning = false;
  std::string reason;  // "PodReplaced"
  std::string action;  // "Replacing"
  std::string note;    // for a person
};

// Writes events.k8s.io/v1 Events about objects. Never blocks and never fails its caller: a bounded
// queue and one thread; what does not fit is dropped and counted in the log. The same note about
// the same object within six minutes becomes a series. Any thread; owned by main.
class EventRecorder {
 public:
  EventRecorder(Client& client, Clock& clock, std::string controller, std::string instance);
  ~EventRecorder();
  // `object` needs apiVersion, kind and metadata.
  void Note(const json::Value& object, EventNote note);
  // Writes what is queued, for a second at most, then ends.
  void Stop();

 private:
  struct Pending {
    json::Value regarding;
    EventNote note;
  };
  struct Series {
    std::string event_name;
    int64_t count = 1;
    MonoTime last{};
  };
  void Run();
  void Write(const Pending& pending);
  json::Value Document(const Pending& pending, const std::string& name) const;

  static constexpr size_t kQueueMax = 1'000;
  static constexpr size_t kSeriesMax = 4'096;

  Client& client_;
  Clock& clock_;
  const std::string controller_;
  const std::string instance_;
  std::mutex mu_;
  std::condition_variable changed_;
  // Guarded by mu_.
  std::deque<Pending> queue_;
  bool stopping_ = false;
  size_t dropped_ = 0;
  std::map<std::string, Series> series_;  // writer thread only
  std::thread thread_;
};

}  // namespace millrace::kube
