#include "common/kube/watch.h"

#include <algorithm>

#include "common/log/log.h"

namespace millrace::kube {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

// A stream that ends sooner was not worth opening: the next one waits.
constexpr milliseconds kStreamTimeMin(1'000);

// Objects of a page take ten times the room of what a sink keeps of them.
constexpr int kPageMax = 100;

bool IsInitialEventsEnd(const json::Value& bookmark) {
  return bookmark.At("metadata", "annotations", "k8s.io/initial-events-end").AsString() == "true";
}

}  // namespace

Watch::Watch(Client& client, ResourceType type, WatchSink& sink, WatchOptions options)
    : client_(client),
      type_(std::move(type)),
      sink_(sink),
      options_(std::move(options)),
      watch_list_(options_.watch_list),
      random_(SecureRandom64()),
      thread_([this] { Run(); }) {}

void Watch::Stop() {
  {
    std::lock_guard lock(mu_);
    stopping_ = true;
  }
  wake_.notify_all();
  cancellation_.Cancel();
  if (thread_.joinable()) thread_.join();
}

void Watch::Run() {
  while (!cancellation_.is_cancelled()) {
    Status step = Step();
    if (cancellation_.is_cancelled()) return;
    if (step.ok()) continue;
    const bool expired = step.code() == Code::kExpiredToken;
    if (expired) resource_version_.clear();
    // An idle connection that is cut is no news; the next stream says more.
    const bool idle = step.code() == Code::kTimeout && !resource_version_.empty();
    if (!expired && !idle) {
      sink_.OnHealth(step);
      log::Debug("watch failed", {{"kind", type_.kind}, {"error", step.ToString()}});
    }
    if (failures_++ > 0 || !(expired || idle)) Pause();
  }
}

Status Watch::Step() {
  if (resource_version_.empty()) return Relist();
  const auto began = steady_clock::now();
  RETURN_IF_ERROR(Stream(false));
  if (steady_clock::now() - began < kStreamTimeMin) {
    ++failures_;
    Pause();
  } else {
    failures_ = 0;
  }
  return OkStatus();
}

Status Watch::Relist() {
  if (!watch_list_) return RelistByPages();
  Status streamed = Stream(true);
  const bool is_refused = streamed.code() == Code::kUnavailable ||
                          streamed.code() == Code::kValidation ||
                          streamed.code() == Code::kInternal || streamed.ok();
  if (!initial_events_ || !is_refused || cancellation_.is_cancelled()) return streamed;
  // The server may not be able to (an old etcd, or none: the stream opens and then brings an
  // ERROR), or may be away; which of them it is a plain list shows.
  RETURN_IF_ERROR(RelistByPages());
  watch_list_ = false;
  log::Debug("WatchList is not served, lists instead",
             {{"kind", type_.kind}, {"answer", streamed.ToString()}});
  return OkStatus();
}

Status Watch::RelistByPages() {
  std::string token;
  ListOptions scope = options_.scope;
  scope.limit = std::min(scope.limit, kPageMax);
  sink_.OnRelistBegin();
  while (!cancellation_.is_cancelled()) {
    ASSIGN_OR_RETURN(ListPage page, client_.List(type_, scope, token));
    for (json::Value& item : page.items) sink_.OnEvent(EventType::kAdded, std::move(item));
    token = page.continue_token;
    if (!token.empty()) continue;
    resource_version_ = page.resource_version;
    sink_.OnRelistEnd(resource_version_);
    sink_.OnHealth(OkStatus());
    break;
  }
  return OkStatus();
}

Status Watch::Stream(bool initial_events) {
  WatchRequest request;
  request.scope = options_.scope;
  request.resource_version = resource_version_;
  request.idle_time_max = options_.idle_time_max;
  request.send_initial_events = initial_events;
  // Streams that began together shall not end together.
  const auto spread = static_cast<uint64_t>(std::max<int64_t>(options_.server_time_max.count(), 1));
  request.server_time_max = options_.server_time_max + std::chrono::seconds(random_.Below(spread));
  if (!initial_events) request.on_open = [this] { sink_.OnHealth(OkStatus()); };
  initial_events_ = initial_events;
  if (initial_events) sink_.OnRelistBegin();
  return client_.WatchStream(type_, request, cancellation_,
                             [this](std::string_view event_type, json::Value object) {
                               return Take(event_type, std::move(object));
                             });
}

Status Watch::Take(std::string_view event_type, json::Value object) {
  if (cancellation_.is_cancelled()) return OkStatus();
  const std::string version = ResourceVersionOf(object);
  if (event_type == "BOOKMARK") {
    const bool is_end = initial_events_ && IsInitialEventsEnd(object);
    if (initial_events_ && !is_end) return OkStatus();
    resource_version_ = version;
    failures_ = 0;
    if (is_end) {
      initial_events_ = false;
      sink_.OnRelistEnd(version);
      sink_.OnHealth(OkStatus());
    } else {
      sink_.OnBookmark(version);
    }
    return OkStatus();
  }
  EventType type = EventType::kAdded;
  if (event_type == "MODIFIED") {
    type = EventType::kModified;
  } else if (event_type == "DELETED") {
    type = EventType::kDeleted;
  } else if (event_type != "ADDED") {
    return Unavailable("a watch event of unknown type " + std::string(event_type));
  }
  sink_.OnEvent(type, std::move(object));
  if (!initial_events_) {
    resource_version_ = version;
    failures_ = 0;
  }
  return OkStatus();
}

void Watch::Pause() {
  auto delay = options_.backoff_first;
  for (int i = 1; i < failures_ && delay < options_.backoff_max; ++i) delay *= 2;
  delay = std::min(delay, options_.backoff_max);
  // Between half of it and all of it.
  const auto half = static_cast<uint64_t>(delay.count() / 2);
  delay = milliseconds(half + random_.Below(half + 1));
  std::unique_lock lock(mu_);
  wake_.wait_for(lock, delay, [this] { return stopping_; });
}

}  // namespace millrace::kube
