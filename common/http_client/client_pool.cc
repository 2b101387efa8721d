#include "common/http_client/client_pool.h"

#include <algorithm>

namespace millrace::net {

ClientPool::ClientPool(std::string endpoint, HttpClientOptions options)
    : endpoint_(std::move(endpoint)), options_(std::move(options)) {}

ClientPool::~ClientPool() { Stop(); }

Result<ClientResponse> ClientPool::Send(const ClientRequest& request) {
  std::unique_ptr<HttpClient> client;
  {
    std::lock_guard lock(mu_);
    if (is_stopped_) return Unavailable("stopping");
    if (!idle_.empty()) {
      client = std::move(idle_.back());
      idle_.pop_back();
    } else {
      client = std::make_unique<HttpClient>(endpoint_, options_);
    }
    busy_.push_back(client.get());
  }
  auto response = client->Send(request);
  std::lock_guard lock(mu_);
  busy_.erase(std::find(busy_.begin(), busy_.end(), client.get()));
  // A connection that failed is not worth keeping.
  if (response.ok() && !is_stopped_) idle_.push_back(std::move(client));
  return response;
}

void ClientPool::Stop() {
  std::lock_guard lock(mu_);
  is_stopped_ = true;
  for (HttpClient* client : busy_) client->Abort();
  idle_.clear();
}

}  // namespace millrace::net
