#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "common/async/io_threads.h"
#include "common/base/status.h"
#include "common/http_server/http_server.h"
#include "common/metrics/metrics.h"

namespace millrace::admin {

struct AdminServerOptions {
  std::string listen = "127.0.0.1:0";
  // "" where the process serves, else why it does not (yet), for whoever reads /readyz. Called on
  // an executor: must not block.
  std::function<std::string()> not_ready;
  // Brings gauges up to date before the page of metrics is made; may be empty. As above.
  std::function<void()> before_metrics;
  // The JSON of a page of the process's own, "" where there is none of that path. As above.
  std::function<std::string(std::string_view path)> page{};
};

// The port that kubelet and Prometheus ask: /healthz (the process runs), /readyz, /metrics. Made in
// main; Stop (or the destructor) waits for the calls under way. What `not_ready` looks at outlives
// it.
class AdminServer {
 public:
  AdminServer(IoThreads& io, metrics::Registry& registry, AdminServerOptions options);
  ~AdminServer() { Stop(); }
  // Returns the port.
  Result<uint16_t> Start() { return server_.Listen(options_.listen); }
  void Stop() { server_.Stop(); }

 private:
  net::HttpResponse Answer(const net::HttpRequest& request);

  metrics::Registry& registry_;
  const AdminServerOptions options_;
  net::HttpServer server_;
};

}  // namespace millrace::admin
