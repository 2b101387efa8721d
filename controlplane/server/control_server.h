#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "common/async/io_threads.h"
#include "common/async/worker_pool.h"
#include "common/aws/operation.h"
#include "common/http_server/http_server.h"
#include "controlplane/server/resource_api.h"

namespace millrace::controlplane {

// Another service than Kinesis: what its X-Amz-Target begins with, and who answers.
struct ControlService {
  std::string target_prefix;
  std::function<net::HttpResponse(const net::HttpRequest&, aws::RequestContext)> dispatch;
};

struct ControlServerOptions {
  std::string listen = "127.0.0.1:0";
  std::string token;     // what gateways show to be believed
  std::string endpoint;  // the public one, for answers that name it
  std::vector<ControlService> services{};
  bool keeps_secrets = false;  // on one machine: the store holds Secrets, too
  size_t workers = 4;
  size_t waiting_max = 256;
};

// The control plane's HTTP server: AWS control operations and resources, for gateways that have
// verified who is calling (docs/designs/0001). Calls run on worker threads, since the store blocks.
// Owned by main; Stop waits for the calls under way.
class ControlServer {
 public:
  ControlServer(IoThreads& io, ControlServerOptions options, const aws::Dispatcher& dispatcher,
                resources::ResourceStore& store);
  ~ControlServer() { Stop(); }
  // Returns the port.
  Result<uint16_t> Start();
  void Stop();

 private:
  void Take(net::HttpRequest request, std::shared_ptr<net::ResponseWriter> writer);
  net::HttpResponse Answer(const net::HttpRequest& request);

  const ControlServerOptions options_;
  const aws::Dispatcher& dispatcher_;
  ResourceApi resources_;
  WorkerPool workers_;
  net::HttpServer server_;
};

}  // namespace millrace::controlplane
