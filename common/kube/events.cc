#include "common/kube/events.h"

#include "common/base/random.h"
#include "common/log/log.h"

namespace millrace::kube {
namespace {

using json::Value;

constexpr auto kSeriesWithin = std::chrono::minutes(6);
constexpr size_t kNoteMax = 1'000;  // the API's limit is 1 kB

std::string KeyOf(const Value& regarding, const EventNote& note) {
  return regarding["uid"].AsString() + "/" + regarding["name"].AsString() + "/" + note.reason +
         "/" + note.note;
}

}  // namespace

EventRecorder::EventRecorder(Client& client, Clock& clock, std::string controller,
                             std::string instance)
    : client_(client),
      clock_(clock),
      controller_(std::move(controller)),
      instance_(std::move(instance)),
      thread_([this] { Run(); }) {}

EventRecorder::~EventRecorder() { Stop(); }

void EventRecorder::Note(const Value& object, EventNote note) {
  Value regarding;
  regarding.Set("apiVersion", object["apiVersion"]);
  regarding.Set("kind", object["kind"]);
  for (std::string_view member : {"name", "namespace", "uid", "resourceVersion"}) {
    const Value& value = object["metadata"][member];
    if (!value.is_null()) regarding.Set(member, value);
  }
  if (note.note.size() > kNoteMax) note.note.resize(kNoteMax);
  std::lock_guard lock(mu_);
  if (stopping_ || queue_.size() >= kQueueMax) {
    ++dropped_;
    return;
  }
  queue_.push_back({std::move(regarding), std::move(note)});
  changed_.notify_one();
}

void EventRecorder::Stop() {
  {
    std::lock_guard lock(mu_);
    stopping_ = true;
    changed_.notify_all();
  }
  if (thread_.joinable()) thread_.join();
}

void EventRecorder::Run() {
  constexpr auto kLastWrites = std::chrono::seconds(1);
  std::optional<MonoTime> give_up;
  std::unique_lock lock(mu_);
  while (true) {
    changed_.wait(lock, [this] { return stopping_ || !queue_.empty(); });
    if (stopping_ && !give_up) give_up = clock_.Now() + kLastWrites;
    if (queue_.empty() || (give_up && clock_.Now() >= *give_up)) break;
    Pending pending = std::move(queue_.front());
    queue_.pop_front();
    lock.unlock();
    Write(pending);
    lock.lock();
  }
  if (dropped_ > 0) log::Warning("events dropped", {{"count", dropped_}});
}

Value EventRecorder::Document(const Pending& pending, const std::string& name) const {
  const std::string& ns = pending.regarding["namespace"].AsString();
  Value event;
  event["metadata"].Set("name", name);
  event["metadata"].Set("namespace", ns.empty() ? "default" : ns);
  event.Set("eventTime", MicroTime(clock_.WallNow()));
  event.Set("reportingController", controller_);
  event.Set("reportingInstance", instance_);
  event.Set("regarding", pending.regarding);
  event.Set("type", pending.note.is_warning ? "Warning" : "Normal");
  event.Set("reason", pending.note.reason);
  event.Set("action", pending.note.action.empty() ? pending.note.reason : pending.note.action);
  event.Set("note", pending.note.note);
  return event;
}

void EventRecorder::Write(const Pending& pending) {
  const std::string key = KeyOf(pending.regarding, pending.note);
  const MonoTime now = clock_.Now();
  auto known = series_.find(key);
  if (known != series_.end() && now - known->second.last < kSeriesWithin) {
    Series& series = known->second;
    series.last = now;
    Value patch;
    patch["series"].Set("count", ++series.count);
    patch["series"].Set("lastObservedTime", MicroTime(clock_.WallNow()));
    const std::string& ns = pending.regarding["namespace"].AsString();
    const ObjectName name{ns.empty() ? "default" : ns, series.event_name};
    if (client_.MergePatch(types::Event(), name, patch).ok()) return;
  }
  // Full of old ones: what is lost is only that they are series.
  if (series_.size() >= kSeriesMax) series_.clear();
  const std::string name = pending.regarding["name"].AsString() + "." + NewUuid().substr(0, 13);
  series_[key] = {name, 1, now};
  Result<Value> written = client_.Create(types::Event(), Document(pending, name));
  if (!written.ok()) log::Debug("event not written", {{"error", written.status().ToString()}});
}

}  // namespace millrace::kube
