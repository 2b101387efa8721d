#pragma once

#include <atomic>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "cli/standalone_delivery.h"
#include "common/async/io_threads.h"
#include "common/aws/operation.h"
#include "common/resources/store.h"
#include "controlplane/catalog/catalog.h"
#include "controlplane/firehose/firehose_service.h"
#include "controlplane/kinesis/operations.h"
#include "controlplane/server/control_server.h"
#include "operator/engine/controller.h"
#include "operator/runtime/process_runtime.h"
#include "operator/stream/shard_fleet.h"
#include "operator/stream/stream_reconciler.h"

namespace millrace::cli {

struct StandaloneOptions {
  std::string data;
  std::string listen;
  std::string endpoint;
  std::string tls_listen;
  std::string tls_cert;
  std::string tls_key;
  std::string auth;
  std::string access_keys;
  std::string master_key_file;
  std::string region;
  std::string account;
  bool enforce_on_demand_limits = false;
  std::string log_level;
  std::vector<std::string> files;
  // Open listening sockets for the shard process, which `listen` and `tls_listen` name as it gets
  // them ("fd:3"); they outlive the Standalone.
  std::vector<int> sockets{};
};

// Operator, control plane and a shard process on one machine (docs/designs/0001): the only place
// where the planes meet. Owned by `millrace up`.
class Standalone {
 public:
  // Everything runs and serves, and the resources of `files` are applied, when this returns.
  static Result<std::unique_ptr<Standalone>> Start(const StandaloneOptions& options);
  ~Standalone() { Stop(); }
  // Stops the shard process, then the rest; waits.
  void Stop();

 private:
  explicit Standalone(const StandaloneOptions& options) : options_(options) {}
  Status StartStore();
  Status StartControl();
  controlplane::ControlService StartFirehose();
  Status StartOperator();
  Status StartShardProcess();
  Status WaitUntilServing();
  Status ApplyFiles();
  void EnqueueUid(uint64_t uid);
  void EnqueueAll();
  void CollectLoop();

  const StandaloneOptions options_;
  std::string token_;
  std::string admin_address_;
  uint16_t control_port_ = 0;
  std::atomic<bool> stopping_{false};

  // In the order of their making; torn down the other way round.
  std::unique_ptr<IoThreads> io_;
  std::unique_ptr<resources::ResourceStore> store_;
  std::unique_ptr<controlplane::Catalog> catalog_;
  std::unique_ptr<controlplane::PageTokens> tokens_;
  std::unique_ptr<controlplane::KinesisControl> kinesis_;
  std::unique_ptr<aws::Dispatcher> dispatcher_;
  std::unique_ptr<controlplane::DeliveryCatalog> delivery_catalog_;
  std::unique_ptr<controlplane::FirehoseControl> firehose_control_;
  std::unique_ptr<controlplane::FirehoseService> firehose_;
  std::unique_ptr<controlplane::ControlServer> control_;
  std::unique_ptr<op::ProcessRuntime> runtime_;
  std::unique_ptr<op::ShardFleet> fleet_;
  std::unique_ptr<op::StreamReconciler> reconciler_;
  std::unique_ptr<op::Controller> controller_;
  std::unique_ptr<resources::WatchHandle> watch_;
  std::thread collector_;
  std::unique_ptr<StandaloneDelivery> delivery_;
};

}  // namespace millrace::cli
