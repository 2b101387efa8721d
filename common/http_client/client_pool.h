#pragma once

#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "common/http_client/http_client.h"

namespace millrace::net {

// Clients of one endpoint for several threads: each call has a connection to itself, and those that
// are idle are kept for the next. As many as calls at once. Any thread; Stop breaks calls under
// way, and those that come later are Unavailable.
class ClientPool {
 public:
  ClientPool(std::string endpoint, HttpClientOptions options);
  ~ClientPool();
  ClientPool(const ClientPool&) = delete;
  ClientPool& operator=(const ClientPool&) = delete;

  Result<ClientResponse> Send(const ClientRequest& request);
  void Stop();

 private:
  const std::string endpoint_;
  const HttpClientOptions options_;
  std::mutex mu_;
  // Guarded by mu_.
  std::vector<std::unique_ptr<HttpClient>> idle_;
  std::vector<HttpClient*> busy_;
  bool is_stopped_ = false;
};

}  // namespace millrace::net
