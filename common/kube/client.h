#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/status.h"
#include "common/json/value.h"
#include "common/kube/object.h"
#include "common/kube_access/cluster_access.h"
#include "common/metrics/metrics.h"

namespace millrace::kube {

class Transport;

struct ClientOptions {
  std::string field_manager = "millrace";
  std::string user_agent = "millrace";
  std::chrono::milliseconds connect_time_max{3'000};
  std::chrono::milliseconds request_time_max{30'000};
  // How long 429 and 503 with Retry-After are obeyed before a call gives up with kThrottled.
  std::chrono::milliseconds retry_time_max{30'000};
  size_t idle_connections_max = 4;
  metrics::Registry* metrics = nullptr;  // calls by verb, kind and code, and their latency
};

struct ListOptions {
  std::string ns;  // "": every namespace
  std::string label_selector;
  std::string field_selector;
  int limit = 500;  // of a page
};
struct ListPage {
  std::vector<json::Value> items;
  std::string resource_version;  // of the list; where a watch goes on from
  std::string continue_token;    // "": this was the last page
};

enum class Propagation { kDefault, kBackground, kForeground, kOrphan };
struct DeleteOptions {
  std::string uid;               // "": whichever there is
  std::string resource_version;  // "": however it looks now
  Propagation propagation = Propagation::kDefault;
  std::optional<int> grace_seconds;
};

struct WatchRequest {
  ListOptions scope;
  std::string resource_version;
  std::chrono::seconds server_time_max{300};        // when the server is to end the stream
  std::chrono::milliseconds idle_time_max{90'000};  // bookmarks come each minute or so
  bool send_initial_events = false;                 // WatchList
  std::function<void()> on_open{};                  // the server has accepted the watch
};

// The Kubernetes API over HTTPS. Objects are opaque JSON, so that members we do not know survive;
// only metadata.managedFields is left out of what is read (the server keeps them on a PUT without).
// Any thread; calls block, so never from an Executor. A few kept-alive connections are shared;
// there is no rate limit on our side: the server's priority and fairness decides, and its
// Retry-After is obeyed. Reads are tried again once where a kept-alive connection turns out broken;
// writes are not, so kUnavailable and kTimeout of a write mean "perhaps".
//
// Failures carry the API's message and these codes: 404 of an object kNotFound, of a kind (its CRD
// is not there: nothing to conclude about objects) kUnsupported, 409 AlreadyExists kResourceInUse,
// 409 kConflict, 410 kExpiredToken, 422 and 400 kValidation, 401 and 403 kAccessDenied, 429
// kThrottled, 5xx and no connection kUnavailable, too slow kTimeout.
class Client {
 public:
  explicit Client(ClusterAccess access, ClientOptions options = {});
  ~Client();
  Client(const Client&) = delete;

  Result<json::Value> Get(const ResourceType& type, const ObjectName& name);
  // One page; `continue_token` from the page before. kExpiredToken: start over.
  Result<ListPage> List(const ResourceType& type, const ListOptions& options,
                        const std::string& continue_token);
  // All pages, started over when the token expires on the way.
  Result<ListPage> ListAll(const ResourceType& type, const ListOptions& options = {});

  // apiVersion and kind are filled in where they are missing, here and below.
  Result<json::Value> Create(const ResourceType& type, json::Value object);
  // Compare-and-set where the object carries a resourceVersion: kConflict when it has moved on.
  Result<json::Value> Update(const ResourceType& type, json::Value object);
  Result<json::Value> UpdateStatus(const ResourceType& type, json::Value object);
  // Server-side apply by our field manager. `force` takes over fields that others manage.
  Result<json::Value> Apply(const ResourceType& type, json::Value object, bool force = true);
  Result<json::Value> ApplyStatus(const ResourceType& type, json::Value object, bool force = true);
  // JSON merge patch, of a subresource where one is named.
  Result<json::Value> MergePatch(const ResourceType& type, const ObjectName& name,
                                 const json::Value& patch, std::string_view subresource = {});
  // POST to a subresource ("eviction" of a pod, "token" of a service account).
  Result<json::Value> CreateSubresource(const ResourceType& type, const ObjectName& name,
                                        std::string_view subresource, const json::Value& body);
  // spec.replicas and status.replicas through /scale.
  Result<json::Value> GetScale(const ResourceType& type, const ObjectName& name);
  Result<json::Value> SetScale(const ResourceType& type, const ObjectName& name, int replicas);
  // The object as it is now where it waits for finalizers or a grace period, else the API's
  // Status. kNotFound where there is none; kConflict where a precondition does not hold.
  Result<json::Value> Delete(const ResourceType& type, const ObjectName& name,
                             const DeleteOptions& options = {});

  // A watch in progress: Cancel, from any thread, ends WatchStream soon; it stays cancelled.
  class Cancellation {
   public:
    Cancellation();
    ~Cancellation();
    void Cancel();
    bool is_cancelled() const;

   private:
    friend class Client;
    struct State;
    std::unique_ptr<State> state_;
  };
  // Reads one watch stream on a connection of its own and hands over each line's type and object,
  // until the server ends it (OK), it fails, or it is cancelled (OK). `on_event` may refuse to go
  // on by a failure, which is then returned. In-stream ERROR events are returned as failures.
  Status WatchStream(
      const ResourceType& type, const WatchRequest& request, Cancellation& cancellation,
      const std::function<Status(std::string_view event_type, json::Value object)>& on_event);

  // Any GET ("/version", "/apis/millrace.dev/v1alpha1").
  Result<json::Value> GetPath(const std::string& path);
  // Any GET whose answer is plain text ("/api/v1/namespaces/ns/pods/name/log?tailLines=10").
  Result<std::string> GetText(const std::string& path);
  // Whether the server offers the kind now (its CRD is installed).
  Result<bool> Serves(const ResourceType& type);

  const ClusterAccess& access() const;
  const ClientOptions& options() const;

 private:
  const std::unique_ptr<Transport> transport_;
};

}  // namespace millrace::kube
