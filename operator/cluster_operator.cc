#include "operator/cluster_operator.h"

#include <algorithm>

#include "common/base/heap.h"
#include "common/kube_store/shard_map_slices.h"
#include "common/log/log.h"
#include "common/resources/conditions.h"
#include "common/resources/stream_resource.h"
#include "operator/engine/component.h"
#include "operator/operator_figures.h"
#include "operator/pool/pool_objects.h"
#include "operator/stream/loss_plan.h"
#include "operator/stream/stream_connection.h"

namespace millrace::op {

using resources::Resource;
using resources::ResourceKey;
using resources::ShardMap;
using resources::WatchEvent;

namespace {

constexpr auto kLookForSync = std::chrono::milliseconds(50);
constexpr auto kLookAtKeys = std::chrono::seconds(30);
constexpr auto kLookForKeys = std::chrono::seconds(3);
constexpr auto kCollectEvery = std::chrono::seconds(10);
constexpr auto kTrimEvery = std::chrono::seconds(5);
// A leader is lost with its node, and a pod of ours with it: both within the 3 s that writers wait.
constexpr auto kLeaseTime = std::chrono::milliseconds(2400);
constexpr auto kLeaseRenewEvery = std::chrono::milliseconds(500);
constexpr auto kLeaseRenewDeadline = std::chrono::milliseconds(1700);
// A leader that has missed a renewal may be gone.
constexpr auto kLeaderIsLate = 2 * kLeaseRenewEvery;
constexpr auto kLookAtSilence = std::chrono::milliseconds(100);
// The safety net: what no event has told is found at the latest then.
constexpr auto kResyncEvery = std::chrono::minutes(10);

resources::KubeStoreOptions StoreOptions(const ClusterOperatorOptions& options) {
  resources::KubeStoreOptions store;
  store.namespaces = options.namespaces;
  store.cached_kinds = {std::string(resources::kStreamKind), std::string(resources::kShardMapKind),
                        std::string(resources::kDeliveryStreamKind)};
  // CRDs may be older than we are, and streams are to go on.
  store.optional_kinds = {std::string(resources::kDeliveryStreamKind)};
  return store;
}

PoolReconcilerOptions PoolOptions(const ClusterOperatorOptions& options, const ShardFleet& fleet) {
  PoolReconcilerOptions pools;
  pools.settings = options.pool;
  pools.namespaces = options.namespaces;
  pools.volume_use = [&fleet](const ResourceKey& pool) -> std::optional<VolumeFigures> {
    const std::optional<LogFigures> log = fleet.FullestLog(pool.name);
    if (!log) return std::nullopt;
    return VolumeFigures{log->live_bytes, log->full};
  };
  return pools;
}

StreamUserReconcilerOptions UserOptions(const ClusterOperatorOptions& options) {
  StreamUserReconcilerOptions users;
  users.namespaces = options.namespaces;
  users.account = options.pool.account;
  users.endpoint = {options.stream.endpoint, options.pool.region};
  return users;
}

CertificateReconcilerOptions CertificateOptions(
    const ClusterOperatorOptions& options, std::function<std::optional<bool>()> pods_speak_tls) {
  CertificateReconcilerOptions certificates;
  certificates.settings = {options.pool.release, options.pool.ns, options.client_names};
  certificates.namespaces = options.namespaces;
  certificates.pods_speak_tls = std::move(pods_speak_tls);
  return certificates;
}

ResourceKey KeyOf(const json::Value& object) {
  kube::ObjectName name = kube::NameOf(object);
  return {std::move(name.ns), std::move(name.name)};
}

}  // namespace

ClusterOperator::ClusterOperator(kube::Client& client, Clock& clock, ClusterOperatorOptions options,
                                 std::function<void()> on_lost)
    : client_(client),
      clock_(clock),
      options_(std::move(options)),
      on_lost_(std::move(on_lost)),
      events_(client, clock, "millrace.dev/operator", options_.identity),
      store_(client, StoreOptions(options_)),
      fleet_(
          clock, options_.internal_token, [this](uint64_t uid) { EnqueueStream(uid); },
          [this] {
            gate_.PodsChanged();
            EnqueueSilence();
            EnqueueAllStreams(fleet_.AllOpen() ? Priority::kBacklog : Priority::kChange);
          }),
      gate_(fleet_, [this](const ResourceKey& workload) { workloads_.Add(workload); }),
      workloads_(client, clock, events_, gate_, {options_.namespaces}),
      pools_(client, clock, events_, PoolOptions(options_, fleet_)),
      users_(client, clock, events_, UserOptions(options_)),
      certificates_(client, clock, events_,
                    CertificateOptions(options_, [this] { return PodsSpeakTls(); })),
      stream_keys_(client),
      streams_(
          store_, clock, options_.stream,
          [this](const std::string& pool, uint64_t uid) { return Observe(pool, uid); },
          [this](const Resource& stream, const LossAccepted& loss) { TellLoss(stream, loss); },
          [this](const Resource& stream, const resources::StreamSpec& spec,
                 const ObservedPool& pool) { return GiveKey(stream, spec, pool); }),
      stream_queue_("stream", options_.stream_workers, clock,
                    [this](const ResourceKey& key) { return ReconcileStream(key); }),
      deliveries_(client, clock, store_, workloads_, pools_, options_.delivery),
      silent_(client, clock),
      silence_queue_("silence", 1, clock,
                     [this](const ResourceKey& key) { return ReconcileSilence(key); }) {}

void ClusterOperator::Start() {
  for (LedController* queue : Queues()) {
    if (options_.metrics != nullptr) queue->Measure(*options_.metrics);
  }
  FollowShardMaps();
  FollowPods();
  FollowPools();
  store_.OnChange(resources::kStreamKind, [this](const ResourceKey& key) {
    stream_queue_.Add(key, store_.HasSynced() ? Priority::kChange : Priority::kBacklog);
  });
  deliveries_.Follow();
  store_.Start();
  workloads_.Watch();
  pools_.Watch();
  users_.Watch();
  certificates_.Watch();
  started_ = true;
  house_ = std::thread([this] { KeepHouse(); });
  kube::LeaseOptions lease;
  lease.name = {options_.pool.ns, options_.lease};
  lease.identity = options_.identity;
  lease.duration = kLeaseTime;
  lease.renew_every = kLeaseRenewEvery;
  lease.renew_deadline = kLeaseRenewDeadline;
  election_ = std::make_unique<kube::LeaderElection>(
      client_, clock_, lease,
      kube::LeaderElection::Callbacks{[this](int64_t) { Lead(); }, [this] { StopActing(); }});
  silence_queue_.Start();
  EnqueueSilence();
}

void ClusterOperator::Stop() {
  {
    std::lock_guard lock(mu_);
    if (stopping_) return;
    stopping_ = true;
  }
  stopping_changed_.notify_all();
  silence_queue_.Stop();
  // Ends acting and lets go of the lease.
  if (election_) election_->Stop();
  if (house_.joinable()) house_.join();
  deliveries_.Stop();
  workloads_.Stop();
  pools_.Stop();
  users_.Stop();
  certificates_.Stop();
  store_.Stop();
  fleet_.Stop();
  events_.Stop();
}

bool ClusterOperator::IsReady() const { return Problem().empty(); }

std::string ClusterOperator::Problem() const {
  if (!started_) return "starting";
  if (!store_.HasSynced()) {
    const Status health = store_.Health();
    return health.ok() ? "reading Streams and ShardMaps" : health.ToString();
  }
  if (!workloads_.HasSynced()) return "reading Workloads, pods and volume claims";
  if (!pools_.HasSynced()) return "reading StreamPools";
  if (!users_.HasSynced()) return "reading StreamUsers";
  if (!certificates_.HasSynced()) return "reading StreamPools for their certificates";
  return "";
}

std::vector<LedController*> ClusterOperator::Queues() {
  return {&stream_queue_,         &workloads_.queue(),  &pools_.queue(), &users_.queue(),
          &certificates_.queue(), &deliveries_.queue(), &silence_queue_};
}

void ClusterOperator::PublishFigures() {
  if (options_.metrics != nullptr) SetFigures(Queues(), leading_, *options_.metrics);
}

void ClusterOperator::FollowShardMaps() {
  store_.OnChange(resources::kShardMapKind, [this](WatchEvent event, const json::Value& object) {
    const ResourceKey key = KeyOf(object);
    if (event == WatchEvent::kDeleted) return gate_.MapGone(key);
    Result<Resource> whole = Resource::Parse(object);
    // Large maps are in pieces, which the store joins.
    if (whole.ok() && !resources::SliceNames(*whole).empty()) {
      whole = store_.Get(resources::kShardMapKind, key);
    }
    Result<ShardMap> map = whole.ok() ? ShardMap::Parse(whole->spec) : whole.status();
    if (map.ok()) return gate_.MapChanged(key, *map);
    if (map.status().code() != Code::kNotFound) {
      log::Error("shard map cannot be read",
                 {{"map", key.ToString()}, {"error", map.status().ToString()}});
    }
  });
}

void ClusterOperator::FollowPods() {
  auto publish = [this](kube::EventType, const json::Value&) { PublishPods(); };
  workloads_.pods().cache().AddListener(publish);
  workloads_.workloads().cache().AddListener(publish);
  // A rollout that begins may bring pods that know no TLS.
  workloads_.workloads().cache().AddListener(
      [this](kube::EventType, const json::Value&) { certificates_.LookAgain(); });
}

std::optional<bool> ClusterOperator::PodsSpeakTls() {
  if (!workloads_.HasSynced()) return std::nullopt;
  for (const json::Value& workload : workloads_.workloads().cache().List()) {
    if (!IsOfPool(workload)) continue;
    const std::string& wanted = workload.At("spec", "revision").AsString();
    if (workload.At("status", "stableRevision").AsString() != wanted) return false;
  }
  return fleet_.AllSpeakTls();
}

std::vector<ResourceKey> ClusterOperator::PoolWorkloads() {
  std::vector<ResourceKey> found;
  for (const auto& [ns, cache] : workloads_.workloads().cache().parts()) {
    cache->ForEach("", [&](const json::Value& workload) {
      if (IsOfPool(workload)) found.push_back(KeyOf(workload));
    });
  }
  return found;
}

void ClusterOperator::PublishPods() {
  if (!workloads_.HasSynced()) return;
  auto pods = FleetPodsOf(workloads_.pods().cache().List(), kShardAdminPort);
  for (const ResourceKey& pool : PoolWorkloads()) pods.try_emplace(pool);
  gate_.SetPods(std::move(pods));
}

void ClusterOperator::Lead() {
  log::Info("leading", {{"identity", options_.identity}});
  leading_ = true;
  stream_queue_.Start();
  workloads_.Start();
  pools_.Start();
  users_.Start();
  certificates_.Start();
  deliveries_.Start();
  EnqueueAllStreams(Priority::kBacklog);
}

void ClusterOperator::StopActing() {
  leading_ = false;
  bool stopping = false;
  {
    std::lock_guard lock(mu_);
    stopping = stopping_;
  }
  // Somebody else may lead already, and a call under way could take longer than that is safe.
  if (!stopping) on_lost_();
  stream_queue_.Stop();
  deliveries_.Stop();
  workloads_.Stop();
  pools_.Stop();
  users_.Stop();
  certificates_.Stop();
}

StreamKeyState ClusterOperator::GiveKey(const Resource& stream, const resources::StreamSpec& spec,
                                        const ObservedPool& pool) {
  // One that does not know of such keys would take the master key without a word.
  if (!pool.stream_keys) {
    return {"", Unavailable("encryption.keySecretRef: not every pod of pool " + spec.pool_name +
                            " is there and can use keys of streams; where they are older, set the "
                            "pool's spec.image to this version")};
  }
  Result<std::string> name = stream_keys_.Give(stream.key.ns, spec, pool.ns);
  if (!name.ok()) return {"", name.status()};
  // Extents under a key that a pod does not have yet would not open; whoever writes would wait.
  if (pool.keys && !pool.keys->contains(*name)) {
    return {"", Unavailable("encryption.keySecretRef: not every pod of pool " + spec.pool_name +
                            " has read the key yet")};
  }
  return {*name, OkStatus()};
}

Outcome ClusterOperator::ReconcileStream(const ResourceKey& key) {
  // Before every map has been read a stream that has one looks new, and before the shard processes
  // have answered, one that is served looks away. All streams are added once that is known.
  if (!knows_world_) return Outcome::Done();
  Outcome outcome = streams_.Reconcile(key);
  Result<Resource> stream = store_.Get(resources::kStreamKind, key);
  if (!stream.ok()) {
    ForgetConnection(key);
    return outcome;
  }
  Result<resources::StreamSpec> spec = resources::StreamSpec::Parse(stream->spec);
  if (!spec.ok()) return outcome;
  // One that fails must not keep the other from being tried.
  const Status pool = MakeDefaultPool(spec->pool_name);
  const Status connection = WriteConnection(*stream, *spec);
  for (const Status* status : {&pool, &connection}) {
    if (status->ok()) continue;
    events_.Note(stream->ToValue(), {true, "ReconcileFailed", "Reconciling", status->ToString()});
    return Outcome::Failed(*status);
  }
  // Nobody tells of a Secret that changes.
  const bool comes_back = !outcome.error().ok() || outcome.after();
  if (spec->key_secret_name.empty() || comes_back) return outcome;
  const auto& ready = resources::FindCondition(stream->status, "Ready");
  const bool is_missed = ready["reason"].AsString().starts_with("KeySecret");
  return Outcome::After(is_missed ? kLookForKeys : kLookAtKeys);
}

ObservedPool ClusterOperator::Observe(const std::string& pool, uint64_t uid) {
  ObservedPool observed = fleet_.Observe(pool, uid);
  {
    std::lock_guard lock(mu_);
    const auto given_up = given_up_.find(pool);
    if (given_up != given_up_.end()) observed.volumes_given_up = given_up->second;
  }
  // A pod may lose another volume tomorrow: its name on a pool would be an order without an end.
  for (const PoolPod& pod : observed.pods) observed.volumes_given_up.erase(pod.name);
  return observed;
}

void ClusterOperator::TellLoss(const Resource& stream, const LossAccepted& loss) {
  const std::string records = std::to_string(loss.records) + " records" +
                              (loss.extents_of_unknown_end > 0
                                   ? " and all of " + std::to_string(loss.extents_of_unknown_end) +
                                         " extents whose end was not known"
                                   : "");
  events_.Note(stream.ToValue(), {true, "LossAccepted", "GivingUp",
                                  "given up by request, in " + std::to_string(loss.extents) +
                                      " extents: " + records});
  if (options_.metrics == nullptr) return;
  const metrics::Labels labels{{"stream", stream.key.ToString()}};
  options_.metrics
      ->GetCounter("millrace_operator_lost_extents_total",
                   "Extents of lost volumes that were given up by request.", labels)
      .Add(static_cast<double>(loss.extents));
  options_.metrics
      ->GetCounter("millrace_operator_lost_records_total",
                   "Their records, as far as it was known how many they were.", labels)
      .Add(static_cast<double>(loss.records));
}

void ClusterOperator::FollowPools() {
  pools_.pools().cache().AddListener([this](kube::EventType, const json::Value& pool) {
    const kube::ObjectName name = kube::NameOf(pool);
    const json::Value& annotations = pool.At("metadata", "annotations");
    std::set<std::string> names = LossNames(annotations[kAcceptLossAnnotation].AsString());
    bool is_news = false;
    {
      std::lock_guard lock(mu_);
      std::set<std::string>& known = given_up_[name.name];
      is_news = known != names;
      known = std::move(names);
      if (known.empty()) given_up_.erase(name.name);
    }
    if (is_news) EnqueueAllStreams(Priority::kChange);
  });
}

// A standby does it as well where the leader says nothing: it may be on the node that is cut off.
Outcome ClusterOperator::ReconcileSilence(const ResourceKey& workload) {
  const std::map<std::string, bool> answering = fleet_.Answering(workload.name);
  const ObservedPool pool = fleet_.Observe(workload.name, 0);
  // One that blinks, or a leader that may be late soon, is told by time alone.
  const bool all_open = std::all_of(pool.pods.begin(), pool.pods.end(), [](const PoolPod& pod) {
    return pod.state == PoolPod::State::kOpen;
  });
  if (leading_ || election_->quiet_for() >= kLeaderIsLate) {
    Outcome outcome = silent_.Reconcile(workload.ns, answering);
    if (!outcome.error().ok() || outcome.after()) return outcome;
  }
  return all_open ? Outcome::Done() : Outcome::After(kLookAtSilence);
}

void ClusterOperator::EnqueueSilence() {
  for (const ResourceKey& pool : PoolWorkloads()) silence_queue_.Add(pool);
}

Status ClusterOperator::WriteConnection(const Resource& stream, const resources::StreamSpec& spec) {
  std::optional<json::Value> wanted = StreamConnection(options_.stream, stream, spec);
  if (!wanted) return OkStatus();
  std::string text = json::WriteJson(*wanted);
  {
    std::lock_guard lock(mu_);
    auto written = connections_.find(stream.key);
    if (written != connections_.end() && written->second == text) return OkStatus();
  }
  RETURN_IF_ERROR(client_.Apply(kube::types::ConfigMap(), std::move(*wanted))
                      .status()
                      .WithContext("connectionConfigMapRef"));
  std::lock_guard lock(mu_);
  connections_[stream.key] = std::move(text);
  return OkStatus();
}

void ClusterOperator::ForgetConnection(const ResourceKey& key) {
  std::lock_guard lock(mu_);
  connections_.erase(key);
}

Status ClusterOperator::MakeDefaultPool(const std::string& wanted) {
  if (options_.default_pool.is_null() || !pools_.HasSynced()) return OkStatus();
  const kube::ObjectName name = kube::NameOf(options_.default_pool);
  if (wanted != name.name) return OkStatus();
  if (pools_.pools().cache().Get(name)) return OkStatus();
  Result<json::Value> made = client_.Create(StreamPoolType(), options_.default_pool);
  if (made.ok()) log::Info("default pool made", {{"pool", name.name}});
  // Another leader, or a person, was faster.
  if (made.ok() || made.status().code() == Code::kResourceInUse) return OkStatus();
  return made.status().WithContext("default pool");
}

void ClusterOperator::EnqueueStream(uint64_t uid) {
  for (const ResourceKey& key :
       store_.Keys(resources::kStreamKind, "streamUid", std::to_string(uid))) {
    stream_queue_.Add(key);
  }
}

void ClusterOperator::EnqueueAllStreams(Priority priority) {
  for (const ResourceKey& key : store_.AllKeys(resources::kStreamKind)) {
    stream_queue_.Add(key, priority);
  }
}

void ClusterOperator::KeepHouse() {
  MonoTime collected = clock_.Now();
  MonoTime resynced = clock_.Now();
  MonoTime trimmed = clock_.Now();
  uint64_t work_trimmed = UINT64_MAX;  // reconciles at that time
  bool is_read = false;
  bool known = false;
  std::unique_lock lock(mu_);
  while (!stopping_) {
    stopping_changed_.wait_for(lock, known ? std::chrono::milliseconds(1000) : kLookForSync);
    if (stopping_) return;
    lock.unlock();
    const bool has_all = store_.HasSynced() && workloads_.HasSynced() && pools_.HasSynced();
    if (!is_read && has_all) {
      is_read = true;
      gate_.SetMapsKnown();
      PublishPods();
    }
    if (!known && is_read && fleet_.HasSettled()) {
      known = true;
      knows_world_ = true;
      EnqueueAllStreams(Priority::kBacklog);
      deliveries_.EnqueueAll();
    }
    const MonoTime now = clock_.Now();
    if (known && leading_ && now - collected >= kCollectEvery) {
      collected = now;
      if (!store_.Keys(resources::kShardMapKind, "deleting", "true").empty()) {
        const Status status = streams_.CollectDroppedMaps();
        if (!status.ok())
          log::Warning("dropped maps not collected", {{"error", status.ToString()}});
      }
    }
    // Lists and a backlog leave a heap of free memory behind, and then nothing happens for hours.
    const bool is_calm = known && stream_queue_.queue_depth() == 0;
    if (is_calm && now - trimmed >= kTrimEvery && stream_queue_.reconciles() != work_trimmed) {
      trimmed = now;
      work_trimmed = stream_queue_.reconciles();
      TrimMemory();
    }
    if (known && now - resynced >= kResyncEvery) {
      resynced = now;
      {
        // What somebody else has changed in them is repaired.
        std::lock_guard forget(mu_);
        connections_.clear();
      }
      EnqueueAllStreams(Priority::kBacklog);
    }
    lock.lock();
  }
}

}  // namespace millrace::op
