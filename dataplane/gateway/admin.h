#pragma once

#include <atomic>
#include <memory>
#include <string>

#include "common/http_server/http_server.h"
#include "common/metrics/metrics.h"
#include "dataplane/placement/apply_status.h"

namespace millrace::gateway {

// The admin port: GET /healthz, /readyz, /metrics for whoever reaches it (loopback), and
// /internal/v1/status for the operator, which shows the token. Made in main; Take runs on
// connections' executors, the setters on any thread.
class Admin {
 public:
  Admin(const metrics::Registry& registry, shard::ApplyStatus& status, std::string token)
      : registry_(registry), status_(status), token_(std::move(token)) {}
  void Take(const net::HttpRequest& request, const std::shared_ptr<net::ResponseWriter>& writer);
  // Saved maps are applied and the port is open.
  void SetReady(bool ready) { ready_ = ready; }
  // The log acknowledges nothing any more.
  void SetFenced() { fenced_ = true; }

 private:
  void Status(const net::HttpRequest& request, const std::shared_ptr<net::ResponseWriter>& writer);

  const metrics::Registry& registry_;
  shard::ApplyStatus& status_;
  const std::string token_;
  std::atomic<bool> ready_{false};
  std::atomic<bool> fenced_{false};
};

}  // namespace millrace::gateway
