#pragma once

#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "common/async/io_threads.h"
#include "common/http_server/http_server.h"
#include "common/kube/client.h"

namespace millrace::testing_support {

// A Kubernetes API server in memory, good enough to test clients against: objects of any kind with
// resourceVersions, generations, status, finalizers and preconditions; lists in pages; watches with
// bookmarks and WatchList; and, through Intercept and the switches, its bad days. Everything runs
// on one event loop; public methods may be called from the test's thread.
class FakeKubeApi {
 public:
  using Writer = std::shared_ptr<net::ResponseWriter>;
  // Whether the request has been answered (or is to hang); called on the event loop.
  using Interceptor = std::function<bool(const net::HttpRequest&, const Writer&)>;

  FakeKubeApi();
  ~FakeKubeApi();
  kube::ClusterAccess access() const;

  void Intercept(Interceptor interceptor);
  // Every watch's connection ends without a word.
  void CutWatches();
  // What was before now is forgotten: watches and continue tokens from before get 410.
  void ForgetHistory();
  void SendBookmarks();
  // An event of type ERROR into every watch.
  void SendError(int code, const std::string& message);
  void SetWatchList(bool is_supported);
  // Requests so far whose method and target begin so: "GET /api/v1/pods".
  size_t CountOf(const std::string& prefix) const;
  size_t watch_count() const;

  static void SendStatus(const Writer& writer, int code, const std::string& reason,
                         const std::string& message, std::vector<net::OwnedHeader> headers = {});

 private:
  struct Target;
  struct Watcher {
    std::string collection;
    std::string ns;
    std::string name;  // of a field selector
    Writer writer;
  };
  struct Event {
    uint64_t version;
    std::string collection;
    std::string line;
    kube::ObjectName name;
  };
  using Objects = std::map<kube::ObjectName, json::Value>;

  void Serve(net::HttpRequest request, Writer writer);
  void Get(const Target& target, const Writer& writer);
  void List(const Target& target, const Writer& writer);
  void StartWatch(const Target& target, const Writer& writer);
  void Create(const Target& target, json::Value object, const Writer& writer);
  void Update(const Target& target, const json::Value& object, const Writer& writer);
  void Patch(const Target& target, const json::Value& patch, bool is_apply, const Writer& writer);
  void Delete(const Target& target, const json::Value& options, const Writer& writer);
  // Gives it the next version, keeps it and tells watchers; the answer as well.
  void Keep(const Target& target, const char* event, json::Value object, const Writer& writer,
            int http_status = 200);
  void Announce(const std::string& collection, const char* type, const json::Value& object);
  void OnLoop(std::function<void()> work) const;

  mutable IoThreads io_{1, "fake-api"};
  uint16_t port_ = 0;
  // Event loop only.
  Interceptor interceptor_;
  bool watch_list_ = true;
  uint64_t version_ = 100;
  uint64_t oldest_ = 0;
  std::map<std::string, Objects> collections_;
  std::vector<Event> history_;
  std::vector<Watcher> watchers_;
  std::vector<std::string> requests_;
  std::vector<Writer> hanging_;
  std::unique_ptr<net::HttpServer> server_;
};

}  // namespace millrace::testing_support
