#include "cli/standalone.h"

#include <filesystem>

#include "cli/documents.h"
#include "common/base/random.h"
#include "common/codec/digest.h"
#include "common/log/log.h"
#include "common/resources/file_store.h"
#include "common/resources/stream_resource.h"
#include "operator/runtime/free_port.h"

namespace millrace::cli {

namespace fs = std::filesystem;
using resources::Resource;
using resources::ResourceKey;

namespace {

constexpr size_t kReconcileWorkers = 2;
// The one pod of the one pool.
constexpr const char* kShardName = "shard-0";
constexpr std::chrono::seconds kServingWithin(60);
// A shard process that ends again and again for so long is not going to stay.
constexpr std::chrono::seconds kGiveUpAfter(8);
constexpr int kGiveUpRestarts = 3;

std::string HexToken() {
  std::string raw = SecureRandomBytes(32);
  return codec::Hex({reinterpret_cast<const uint8_t*>(raw.data()), raw.size()});
}

// millrace-shard stands beside this binary.
std::string ShardProgram() {
  return fs::read_symlink("/proc/self/exe").parent_path() / "millrace-shard";
}

}  // namespace

Result<std::unique_ptr<Standalone>> Standalone::Start(const StandaloneOptions& options) {
  std::unique_ptr<Standalone> made(new Standalone(options));
  RETURN_IF_ERROR(made->StartStore());
  RETURN_IF_ERROR(made->StartControl());
  RETURN_IF_ERROR(made->StartShardProcess());
  RETURN_IF_ERROR(made->StartOperator());
  RETURN_IF_ERROR(made->ApplyFiles());
  RETURN_IF_ERROR(made->WaitUntilServing());
  return made;
}

void Standalone::Stop() {
  if (stopping_.exchange(true)) return;
  if (collector_.joinable()) collector_.join();
  // Before the processes, so that it starts none of them again.
  if (delivery_) delivery_->Stop();
  // Deliveries write their last positions down through the shard process.
  if (runtime_) runtime_->StopGroup("delivery/");
  if (runtime_) runtime_->StopAll();
  watch_.reset();
  if (controller_) controller_->Stop();
  if (fleet_) fleet_->Stop();
  if (control_) control_->Stop();
}

Status Standalone::StartStore() {
  std::error_code error;
  fs::create_directories(options_.data + "/shard-0", error);
  if (error)
    return {Code::kIo, "cannot make the data folder " + options_.data + ": " + error.message()};
  token_ = HexToken();
  ASSIGN_OR_RETURN(store_, resources::FileStore::Open(options_.data + "/store", SystemClock()));
  return OkStatus();
}

Status Standalone::StartControl() {
  io_ = std::make_unique<IoThreads>(1, "up-io");
  controlplane::CatalogOptions catalog_options;
  catalog_options.region = options_.region;
  catalog_options.account = options_.account;
  catalog_ = std::make_unique<controlplane::Catalog>(*store_, catalog_options);
  tokens_ = std::make_unique<controlplane::PageTokens>(SystemClock(), SecureRandomBytes(32));
  kinesis_.reset(new controlplane::KinesisControl{*catalog_, SystemClock(), *tokens_, {}});
  dispatcher_ = std::make_unique<aws::Dispatcher>();
  controlplane::AddKinesisOperations(*kinesis_, *dispatcher_);
  controlplane::ControlServerOptions server_options;
  server_options.token = token_;
  server_options.endpoint = options_.endpoint;
  server_options.keeps_secrets = true;
  server_options.services.push_back(StartFirehose());
  control_ =
      std::make_unique<controlplane::ControlServer>(*io_, server_options, *dispatcher_, *store_);
  ASSIGN_OR_RETURN(control_port_, control_->Start());
  return OkStatus();
}

controlplane::ControlService Standalone::StartFirehose() {
  delivery_catalog_ = std::make_unique<controlplane::DeliveryCatalog>(*store_, catalog_->options());
  firehose_control_.reset(new controlplane::FirehoseControl{
      *delivery_catalog_, *catalog_, SystemClock(), [this](const auto& key, const auto& entries) {
        return op::WriteSecretInStore(*store_, key, entries);
      }});
  firehose_ = std::make_unique<controlplane::FirehoseService>(*firehose_control_);
  return {std::string(controlplane::FirehoseService::kTargetPrefix),
          [this](const net::HttpRequest& request, aws::RequestContext context) {
            return firehose_->Dispatch(request, std::move(context));
          }};
}

Status Standalone::StartShardProcess() {
  ASSIGN_OR_RETURN(uint16_t admin_port, op::FreePort());
  admin_address_ = "127.0.0.1:" + std::to_string(admin_port);
  op::Workload shard;
  shard.name = kShardName;
  shard.program = ShardProgram();
  if (!fs::exists(shard.program))
    return NotFound(shard.program + " is missing; it belongs beside millrace");
  auto flag = [&](const std::string& name, const std::string& value) {
    if (!value.empty()) shard.arguments.push_back("--" + name + "=" + value);
  };
  flag("name", shard.name);
  flag("data", options_.data + "/shard-0");
  flag("store", options_.data + "/store");
  flag("listen", options_.listen);
  flag("tls-listen", options_.tls_listen);
  flag("tls-cert", options_.tls_cert);
  flag("tls-key", options_.tls_key);
  flag("admin-listen", admin_address_);
  flag("control-endpoint", "http://127.0.0.1:" + std::to_string(control_port_));
  flag("auth", options_.auth);
  flag("access-keys", options_.access_keys);
  flag("master-key-file", options_.master_key_file);
  flag("account", options_.account);
  flag("log-level", options_.log_level);
  shard.environment["MILLRACE_INTERNAL_TOKEN"] = token_;
  shard.sockets = options_.sockets;
  runtime_ = std::make_unique<op::ProcessRuntime>();
  return runtime_->Apply(shard);
}

Status Standalone::StartOperator() {
  op::StreamSettings settings;
  settings.region = options_.region;
  settings.account = options_.account;
  settings.endpoint = options_.endpoint;
  settings.enforce_on_demand_limits = options_.enforce_on_demand_limits;
  fleet_ = std::make_unique<op::ShardFleet>(
      SystemClock(), token_, [this](uint64_t uid) { EnqueueUid(uid); }, [this] { EnqueueAll(); });
  reconciler_ = std::make_unique<op::StreamReconciler>(
      *store_, SystemClock(), settings,
      [this](const std::string& pool, uint64_t uid) { return fleet_->Observe(pool, uid); });
  controller_ = std::make_unique<op::Controller>(
      "stream", kReconcileWorkers, SystemClock(),
      [this](const ResourceKey& key) { return reconciler_->Reconcile(key); });
  // From here on the fleet calls back, so what it calls has to be there.
  fleet_->SetPods("default", {{kShardName, "http://" + admin_address_}});
  watch_ = store_->Watch(
      resources::kStreamKind,
      [this](resources::WatchEvent, const Resource& resource) { controller_->Add(resource.key); });
  collector_ = std::thread([this] { CollectLoop(); });
  StandaloneDelivery::Options delivery;
  delivery.data = options_.data;
  delivery.settings.region = options_.region;
  delivery.settings.account = options_.account;
  delivery.settings.endpoint = delivery.settings.source_endpoint = options_.endpoint;
  delivery.settings.internal_token = token_;
  delivery_ = std::make_unique<StandaloneDelivery>(*store_, *runtime_, std::move(delivery));
  return OkStatus();
}

void Standalone::EnqueueUid(uint64_t uid) {
  Result<std::vector<Resource>> all = store_->List(resources::kStreamKind, "");
  if (!all.ok() || stopping_) return;
  for (const Resource& stream : *all) {
    if (controller_ && op::StreamUid(stream) == uid) controller_->Add(stream.key);
  }
}

void Standalone::EnqueueAll() {
  Result<std::vector<Resource>> all = store_->List(resources::kStreamKind, "");
  if (!all.ok() || stopping_) return;
  for (const Resource& stream : *all) {
    if (controller_) controller_->Add(stream.key);
  }
}

void Standalone::CollectLoop() {
  constexpr auto kEvery = std::chrono::seconds(10);
  auto slept = std::chrono::milliseconds(0);
  while (!stopping_) {
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
    slept += std::chrono::milliseconds(100);
    if (slept < kEvery) continue;
    slept = std::chrono::milliseconds(0);
    Status collected = reconciler_->CollectDroppedMaps();
    if (!collected.ok())
      log::Warning("dropped maps not collected", {{"error", collected.ToString()}});
  }
}

Status Standalone::ApplyFiles() {
  for (const std::string& file : options_.files) {
    ASSIGN_OR_RETURN(std::vector<Document> documents, ReadDocuments(file));
    for (const Document& document : documents) {
      Result<Resource> wanted = Resource::Parse(document.value);
      if (!wanted.ok()) return wanted.status().WithContext(document.source);
      if (wanted->key.ns.empty()) wanted->key.ns = "default";
      Result<Resource> before = store_->Get(wanted->kind, wanted->key);
      const Status good =
          controlplane::CheckResource(*wanted, before.ok() ? &*before : nullptr, true);
      if (!good.ok()) return good.WithContext(document.source);
      if (before.ok()) before->spec = wanted->spec;
      if (before.ok()) before->other = wanted->other;
      Result<Resource> applied = before.ok() ? store_->Update(*before) : store_->Create(*wanted);
      if (!applied.ok()) return applied.status().WithContext(document.source);
    }
  }
  return OkStatus();
}

// Ready means: the shard process answers, and every stream that can be is ACTIVE.
Status Standalone::WaitUntilServing() {
  auto began = std::chrono::steady_clock::now();
  while (std::chrono::steady_clock::now() < began + kServingWithin) {
    op::WorkloadState state = runtime_->Observe(kShardName);
    bool long_enough = std::chrono::steady_clock::now() > began + kGiveUpAfter;
    if (state.restarts >= kGiveUpRestarts && long_enough && !fleet_->AnyReady()) {
      return Unavailable("the shard process " + state.last_exit + " " +
                         std::to_string(state.restarts) + " times; its log above says why");
    }
    ASSIGN_OR_RETURN(std::vector<Resource> streams, store_->List(resources::kStreamKind, ""));
    bool all = fleet_->AnyReady();
    for (const Resource& stream : streams) {
      bool waiting =
          stream.status["streamStatus"].AsString() == "CREATING" || stream.status.is_null();
      if (waiting && !stream.deletion_timestamp) all = false;
    }
    if (all && delivery_->IsSettled()) return OkStatus();
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  if (fleet_->AnyReady()) return OkStatus();
  return {Code::kTimeout, "the shard process does not answer after " +
                              std::to_string(kServingWithin.count()) + " s"};
}

}  // namespace millrace::cli
