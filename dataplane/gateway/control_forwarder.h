#pragma once

#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "common/async/worker_pool.h"
#include "common/http_client/http_client.h"
#include "dataplane/kinesis/call.h"

namespace millrace::gateway {

struct ControlForwarderOptions {
  std::string endpoint;  // "http://127.0.0.1:port"; "" where there is no control plane
  std::string token;     // shown to it, never logged
  size_t workers = 4;
  size_t waiting_max = 256;
};

// Sends calls that are not the data plane's to the control plane, on threads of its own, and its
// answers back. Where it does not answer, or too many calls wait, the caller gets
// ServiceUnavailable, which SDKs retry. Made in main; any executor forwards; Stop waits for the
// calls under way.
class ControlForwarder {
 public:
  explicit ControlForwarder(ControlForwarderOptions options);
  ~ControlForwarder() { Stop(); }
  void Forward(const kinesis::CallPtr& call);
  void Stop();

 private:
  net::ClientRequest RequestFor(const kinesis::Call& call) const;
  Result<net::ClientResponse> Send(const net::ClientRequest& request);

  const ControlForwarderOptions options_;
  std::mutex mu_;
  std::vector<std::unique_ptr<net::HttpClient>> idle_;  // guarded by mu_; one a worker at most
  WorkerPool workers_;
};

}  // namespace millrace::gateway
