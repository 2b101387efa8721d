#include "operator/pool/pool_reconciler.h"

#include <mutex>
#include <set>

#include "common/base/random.h"
#include "common/log/log.h"
#include "operator/engine/applier.h"
#include "operator/engine/led_controller.h"
#include "operator/pool/pool_accounts.h"
#include "operator/pool/pool_plan.h"
#include "operator/pool/pull_secrets.h"

namespace millrace::op {

using json::Value;
using resources::ResourceKey;
namespace types = kube::types;

namespace {

constexpr Duration kLookAgain = std::chrono::seconds(60);

InformerOptions Scope(const std::vector<std::string>& namespaces, std::string label_selector) {
  InformerOptions options;
  options.namespaces = namespaces;
  options.watch.scope.label_selector = std::move(label_selector);
  return options;
}

std::string HexKey() {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string out;
  for (const char c : SecureRandomBytes(32)) {
    out.push_back(kDigits[static_cast<uint8_t>(c) >> 4]);
    out.push_back(kDigits[static_cast<uint8_t>(c) & 15]);
  }
  return out;
}

}  // namespace

class PoolReconciler::Impl {
 public:
  Impl(kube::Client& client, Clock& clock, kube::EventRecorder& events,
       PoolReconcilerOptions options)
      : client_(client),
        clock_(clock),
        events_(events),
        options_(std::move(options)),
        applier_(client),
        accounts_(client, options_.settings),
        pull_secrets_(client, options_.settings),
        pools_(client, StreamPoolType(), Scope(options_.namespaces, "")),
        workloads_(client, PoolWorkloadType(), Scope(options_.namespaces, "millrace.dev/pool")),
        services_(client, types::Service(), Scope(options_.namespaces, "millrace.dev/pool")),
        budgets_(client, types::PodDisruptionBudget(),
                 Scope(options_.namespaces, "millrace.dev/pool")),
        policies_(client, types::NetworkPolicy(), Scope(options_.namespaces, "millrace.dev/pool")),
        config_maps_(client, types::ConfigMap(), Scope(options_.namespaces, "millrace.dev/pool")),
        led_("pool", options_.workers, clock,
             [this](const ResourceKey& key) { return Reconcile(key); }) {
    led_.Follow(pools_);
    for (Informer* made : {&workloads_, &services_, &budgets_, &policies_, &config_maps_}) {
      led_.Follow(*made, [](const Value& object) { return ControllerKeys(object, "StreamPool"); });
    }
  }

  LedController& led() { return led_; }
  Informer& pools() { return pools_; }

 private:
  Outcome Reconcile(const ResourceKey& key) {
    std::optional<Value> pool = pools_.cache().Get({key.ns, key.name});
    // What it owned goes with it.
    if (!pool) {
      for (const ResourceKey& namesake : Namesakes(key)) led_.Add(namesake);
      const Status bound = BindAccounts();
      return bound.ok() ? Outcome::Done() : Outcome::Failed(bound);
    }
    PoolWorld world;
    for (const ResourceKey& namesake : Namesakes(key)) {
      if (HasTheName(namesake, *pool)) world.name_taken_in = namesake.ns;
    }
    world.settings = options_.settings;
    world.pool = std::move(*pool);
    world.workload = workloads_.cache().Get({key.ns, key.name}).value_or(Value());
    if (options_.volume_use) world.volumes = options_.volume_use(key);
    world.now = clock_.WallNow();
    const PoolPlan plan = PlanPool(world);
    // A decision is written down before it is acted on.
    if (plan.expanded_bytes) {
      if (Status written = WriteStatus(world, plan, OkStatus()); !written.ok()) {
        return Outcome::Failed(written);
      }
      Note(world.pool, false, "VolumesExpanded",
           "to " + plan.input.volume_size + ": " + plan.expand_message);
    }
    // Before its pods.
    Status failure = plan.acts ? GivePullSecrets(world, plan.input) : OkStatus();
    const Status applied = plan.acts ? ApplyAll(world, plan.input) : OkStatus();
    if (failure.ok()) failure = applied;
    if (!failure.ok()) Note(world.pool, true, "Failed", failure.message());
    world.workload = workloads_.cache().Get({key.ns, key.name}).value_or(Value());
    const Status written = WriteStatus(world, plan, failure);
    if (!failure.ok()) return Outcome::Failed(failure);
    if (!written.ok()) return Outcome::Failed(written);
    // Nobody tells of either when it changes.
    const bool looks_again = plan.input.spec.auto_expand || !PoolPullSecrets(plan.input).empty();
    return plan.acts && looks_again ? Outcome::After(kLookAgain) : Outcome::Done();
  }

  Status GivePullSecrets(PoolWorld& world, const PoolInput& input) {
    ASSIGN_OR_RETURN(world.missing_pull_secrets,
                     pull_secrets_.Give(kube::NameOf(world.pool).ns, PoolPullSecrets(input)));
    return OkStatus();
  }

  // Of other namespaces.
  std::vector<ResourceKey> Namesakes(const ResourceKey& key) const {
    std::vector<ResourceKey> found;
    for (const kube::ObjectName& name : pools_.cache().Names()) {
      if (name.name == key.name && name.ns != key.ns) found.push_back({name.ns, name.name});
    }
    return found;
  }

  // Whoever has been made keeps the name; of two of whom that is true, or of neither, the older.
  bool HasTheName(const ResourceKey& other, const Value& pool) const {
    const std::optional<Value> there = pools_.cache().Get({other.ns, other.name});
    if (!there) return false;
    const bool is_made = workloads_.cache().Get(kube::NameOf(pool)).has_value();
    const bool is_other_made = workloads_.cache().Get({other.ns, other.name}).has_value();
    if (is_made != is_other_made) return is_other_made;
    auto age = [](const Value& of) {
      return std::pair(of.At("metadata", "creationTimestamp").AsString(), kube::NameOf(of).ns);
    };
    return age(*there) < age(pool);
  }

  Status BindAccounts() {
    std::set<std::string> namespaces;
    for (kube::ObjectName& name : pools_.cache().Names()) namespaces.insert(std::move(name.ns));
    return accounts_.Bind(std::move(namespaces));
  }

  // Each of them, also where one fails; the first failure.
  Status ApplyAll(const PoolWorld& world, const PoolInput& input) {
    Status first;
    auto note = [&first](Status status) {
      if (!status.ok() && first.ok()) first = std::move(status);
    };
    note(EnsureKeys(input));
    note(accounts_.Ensure(kube::NameOf(world.pool).ns));
    note(BindAccounts());
    if (kube::NameOf(world.pool).ns != input.settings.ns &&
        !input.settings.internal_token_secret.empty()) {
      note(applier_.Apply(types::Secret(), PoolTokenSecret(input), Applier::kUnwatched).status());
    }
    note(ApplyTo(services_, PoolHeadlessService(input)));
    note(ApplyTo(services_, PoolClientService(input)));
    note(ApplyTo(budgets_, PoolDisruptionBudget(input)));
    note(ApplyTo(policies_, PoolNetworkPolicy(input)));
    note(ApplyTo(config_maps_, PoolConfigMap(input)));
    note(ApplyTo(workloads_, PoolWorkload(input)));
    return first;
  }

  Status ApplyTo(Informer& informer, const Value& wanted) {
    const auto live = informer.cache().Get(kube::NameOf(wanted));
    ASSIGN_OR_RETURN(const Value done,
                     applier_.Apply(informer.type(), wanted, live ? &*live : nullptr));
    if (!done.is_null()) informer.cache().Wrote(done);
    return OkStatus();
  }

  // Made once; whatever is in it stays, since data is encrypted with it.
  Status EnsureKeys(const PoolInput& input) {
    const std::string& uid = kube::UidOf(input.pool);
    {
      std::lock_guard lock(mu_);
      if (with_keys_.contains(uid)) return OkStatus();
    }
    const auto made = client_.Create(types::Secret(), PoolKeysSecret(input, HexKey()));
    if (!made.ok() && made.status().code() != Code::kResourceInUse) {
      return made.status().WithContext("Secret " + KeysSecretName(kube::NameOf(input.pool).name));
    }
    std::lock_guard lock(mu_);
    with_keys_.insert(uid);
    return OkStatus();
  }

  Status WriteStatus(PoolWorld& world, const PoolPlan& plan, const Status& failure) {
    Value status = PoolStatus(world, plan, failure);
    if (status == world.pool["status"]) return OkStatus();
    Value next = world.pool;
    next.Set("status", std::move(status));
    ASSIGN_OR_RETURN(world.pool, client_.UpdateStatus(StreamPoolType(), std::move(next)));
    pools_.cache().Wrote(world.pool);
    return OkStatus();
  }

  void Note(const Value& pool, bool is_warning, std::string reason, std::string note) {
    log::Info("pool",
              {{"pool", kube::NameOf(pool).ToString()}, {"reason", reason}, {"note", note}});
    events_.Note(pool, {is_warning, std::move(reason), "Reconciling", std::move(note)});
  }

  kube::Client& client_;
  Clock& clock_;
  kube::EventRecorder& events_;
  const PoolReconcilerOptions options_;
  Applier applier_;
  PoolAccounts accounts_;
  PullSecrets pull_secrets_;
  Informer pools_;
  Informer workloads_;
  Informer services_;
  Informer budgets_;
  Informer policies_;
  Informer config_maps_;
  std::mutex mu_;
  std::set<std::string> with_keys_;  // uids of pools whose Secret of keys is there; guarded by mu_
  LedController led_;                // after what it follows and uses
};

PoolReconciler::PoolReconciler(kube::Client& client, Clock& clock, kube::EventRecorder& events,
                               PoolReconcilerOptions options)
    : impl_(std::make_unique<Impl>(client, clock, events, std::move(options))) {}
PoolReconciler::~PoolReconciler() { Stop(); }
void PoolReconciler::Watch() { impl_->led().Watch(); }
void PoolReconciler::Start() { impl_->led().Start(); }
void PoolReconciler::Stop() { impl_->led().Stop(); }
bool PoolReconciler::HasSynced() const { return impl_->led().HasSynced(); }
void PoolReconciler::Add(const ResourceKey& pool) { impl_->led().Add(pool); }
LedController& PoolReconciler::queue() { return impl_->led(); }
Informer& PoolReconciler::pools() { return impl_->pools(); }

}  // namespace millrace::op
