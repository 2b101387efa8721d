#include <condition_variable>
#include <mutex>

#include "common/kube/client.h"
#include "common/kube/transport.h"

namespace millrace::kube {

struct Client::Cancellation::State {
  std::mutex mu;
  std::condition_variable ended;
  // Guarded by mu.
  bool is_cancelled = false;
  net::HttpClient* connection = nullptr;  // of the stream in progress
};

Client::Cancellation::Cancellation() : state_(std::make_unique<State>()) {}
Client::Cancellation::~Cancellation() = default;

void Client::Cancellation::Cancel() {
  std::unique_lock lock(state_->mu);
  state_->is_cancelled = true;
  while (state_->connection != nullptr) {
    // Again and again, since a request that is about to begin is not broken by it.
    state_->connection->Abort();
    state_->ended.wait_for(lock, std::chrono::milliseconds(10));
  }
}

bool Client::Cancellation::is_cancelled() const {
  std::lock_guard lock(state_->mu);
  return state_->is_cancelled;
}

namespace {

using Handler = std::function<Status(std::string_view, json::Value)>;

// Cuts the stream into lines, one event each, in whatever pieces it arrives.
class LineReader {
 public:
  LineReader(const ResourceType& type, const Handler& on_event)
      : type_(type), on_event_(on_event) {}

  Status Take(std::string_view piece) {
    while (!piece.empty()) {
      const size_t end = piece.find('\n');
      rest_.append(piece.substr(0, end));
      if (rest_.size() > kLineMax) return Unavailable("a watch event is larger than 32 MiB");
      if (end == piece.npos) break;
      piece.remove_prefix(end + 1);
      std::string line;
      line.swap(rest_);
      RETURN_IF_ERROR(Line(line));
    }
    return OkStatus();
  }

 private:
  static constexpr size_t kLineMax = 32 * 1024 * 1024;

  Status Line(const std::string& line) {
    if (line.empty() || line == "\r") return OkStatus();
    Result<json::Value> event = ParseDocument(line);
    if (!event.ok())
      return Unavailable("a watch event does not parse: " + event.status().message());
    const std::string event_type = (*event)["type"].AsString();
    json::Value object = std::move((*event)["object"]);
    if (event_type == "ERROR") {
      return ToStatus(static_cast<int>(object["code"].AsInt(500)), object, line);
    }
    if (object["metadata"].is_object()) object["metadata"].Remove("managedFields");
    if (object["kind"].is_null()) object.Set("kind", type_.kind);
    return on_event_(event_type, std::move(object));
  }

  const ResourceType& type_;
  const Handler& on_event_;
  std::string rest_;
};

std::string WatchTarget(const ResourceType& type, const WatchRequest& request) {
  std::string target = type.Path(request.scope.ns) + "?watch=true&allowWatchBookmarks=true";
  target += "&timeoutSeconds=" + std::to_string(request.server_time_max.count());
  auto add = [&](const char* name, const std::string& value) {
    if (!value.empty()) target.append("&").append(name).append("=").append(QueryEncode(value));
  };
  add("labelSelector", request.scope.label_selector);
  add("fieldSelector", request.scope.field_selector);
  add("resourceVersion", request.resource_version);
  if (request.send_initial_events) {
    target += "&sendInitialEvents=true&resourceVersionMatch=NotOlderThan";
  }
  return target;
}

}  // namespace

Status Client::WatchStream(const ResourceType& type, const WatchRequest& request,
                           Cancellation& cancellation, const Handler& on_event) {
  Call call{"watch", type.kind, "GET", WatchTarget(type, request)};
  Transport& transport = *transport_;
  ASSIGN_OR_RETURN(const Credential credential, access().CurrentCredential());
  auto connection = transport.Connect(request.idle_time_max, credential);
  Cancellation::State& state = *cancellation.state_;
  {
    std::lock_guard lock(state.mu);
    if (state.is_cancelled) return OkStatus();
    state.connection = connection.get();
  }
  LineReader lines(type, on_event);
  Status outcome;
  const auto began = std::chrono::steady_clock::now();
  Result<net::ClientResponse> response = connection->Stream(
      transport.ToRequest(call, credential),
      [&](std::string_view piece) {
        if (cancellation.is_cancelled()) return false;
        outcome = lines.Take(piece);
        return outcome.ok();
      },
      request.on_open);
  transport.Count(call, response.ok() ? response->status : 0,
                  std::chrono::steady_clock::now() - began);
  {
    std::lock_guard lock(state.mu);
    state.connection = nullptr;
    state.ended.notify_all();
    if (state.is_cancelled) return OkStatus();
  }
  if (!outcome.ok()) return outcome;
  if (!response.ok()) return response.status();
  if (response->status == 200) return OkStatus();
  if (response->status == 401) access().Renew(credential);  // for the next watch
  Result<json::Value> body = ParseDocument(response->body);
  return ToStatus(response->status, body.ok() ? *body : json::Value(), response->body);
}

}  // namespace millrace::kube
