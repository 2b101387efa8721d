#include "operator/stream_user/stream_user_reconciler.h"

#include <algorithm>
#include <map>
#include <optional>

#include "common/codec/digest.h"
#include "common/json/text.h"
#include "common/log/log.h"
#include "common/resources/conditions.h"
#include "operator/engine/led_controller.h"
#include "operator/engine/touch_pods.h"

namespace millrace::op {

using json::Value;
using resources::ResourceKey;
using resources::StreamUserSpec;
namespace types = kube::types;

namespace {

// The key under which pools get their files, once and again.
const ResourceKey& AllPools() {
  static const auto* const key = new ResourceKey{"", ""};
  return *key;
}

const kube::ResourceType& PoolType() {
  static const auto* const type =
      new kube::ResourceType(kube::MillraceType("StreamPool", "streampools"));
  return *type;
}

InformerOptions Scope(const std::vector<std::string>& namespaces) {
  InformerOptions options;
  options.namespaces = namespaces;
  return options;
}

std::string Fingerprint(const std::string& text) {
  const codec::Sha256Digest digest = codec::Sha256(text);
  return json::Base64(std::string_view(reinterpret_cast<const char*>(digest.data()), 12));
}

Value PoolSecret(const Value& pool, const std::string& file) {
  Value out;
  out.Set("apiVersion", "v1");
  out.Set("kind", "Secret");
  Value& metadata = out["metadata"];
  metadata.Set("name", kube::NameOf(pool).name + "-access-keys");
  metadata.Set("namespace", kube::NameOf(pool).ns);
  metadata["labels"].Set("app.kubernetes.io/part-of", "millrace");
  metadata.Set("ownerReferences", json::Array{kube::ControllerReference(PoolType(), pool)});
  out.Set("type", "Opaque");
  out["data"].Set("keys.yaml", json::Base64(file));
  return out;
}

}  // namespace

class StreamUserReconciler::Impl {
 public:
  Impl(kube::Client& client, Clock& clock, kube::EventRecorder& events,
       StreamUserReconcilerOptions options)
      : client_(client),
        clock_(clock),
        events_(events),
        options_(std::move(options)),
        users_(client, StreamUserType(), Scope(options_.namespaces)),
        pools_(client, PoolType(), Scope(options_.namespaces)),
        // One worker: what it knows of users needs no lock.
        led_("stream user", 1, clock, [this](const ResourceKey& key) { return Reconcile(key); }) {
    led_.Follow(users_);
    led_.Follow(pools_, [](const Value&) { return std::vector{AllPools()}; });
  }

  void Start() {
    led_.Start();
    led_.Add(AllPools());
  }
  LedController& led() { return led_; }

 private:
  Outcome Reconcile(const ResourceKey& key) {
    if (key == AllPools()) return GiveToPools();
    std::optional<Value> user = users_.cache().Get({key.ns, key.name});
    const bool is_leaving = !user || user->At("metadata").Has("deletionTimestamp");
    if (is_leaving) {
      if (entries_.erase(key) > 0) led_.Add(AllPools());
      return Outcome::Done();
    }
    Result<StreamUserSpec> spec = StreamUserSpec::Parse((*user)["spec"]);
    if (!spec.ok()) {
      // His keys stay as they were; only what is known to be wanted is taken away.
      entries_.try_emplace(key);
      return WriteStatus(*user, "InvalidSpec", spec.status().message());
    }
    return GiveKeys(key, *user, *spec);
  }

  Outcome GiveKeys(const ResourceKey& key, const Value& user, const StreamUserSpec& spec) {
    const WallMs now = clock_.WallNow();
    const kube::ObjectName name = kube::NameOf(UserSecret(user, {}, options_.endpoint));
    const Result<Value> secret = client_.Get(types::Secret(), name);
    if (!secret.ok() && secret.status().code() != Code::kNotFound) {
      return Outcome::Failed(secret.status().WithContext("Secret " + name.ToString()));
    }
    if (secret.ok() && !IsSecretOf(*secret, user)) {
      entries_.try_emplace(key);
      return WriteStatus(user, "SecretTaken",
                         "Secret " + name.name +
                             " is not this user's: remove it, or make the user "
                             "anew with another spec.secretName");
    }
    const std::optional<UserKeys> before = secret.ok() ? KeysIn(*secret) : std::nullopt;
    const UserKeys keys = PlanKeys(spec, before, now, NewKeyPair);
    if (before != keys) {
      if (Status written = WriteSecret(user, keys, secret); !written.ok()) {
        entries_.try_emplace(key);
        return Outcome::Failed(written.WithContext("Secret " + name.ToString()));
      }
    }
    std::optional<UserEntry>& entry = entries_[key];
    const UserEntry next{key.name, keys, spec.permissions};
    if (entry != next) {
      entry = next;
      led_.Add(AllPools());
    }
    const Outcome told = WriteStatus(user, "KeysPublished", "", &keys);
    if (!told.error().ok() || !keys.previous) return told;
    return Outcome::After(std::chrono::milliseconds(keys.previous_until_ms - now + 1));
  }

  // Whole, and only over what was read: a key that somebody else changed at the same time is
  // neither lost nor mixed with ours.
  Status WriteSecret(const Value& user, const UserKeys& keys, const Result<Value>& before) {
    Value next = UserSecret(user, keys, options_.endpoint);
    if (before.ok()) {
      next["metadata"].Set("resourceVersion", kube::ResourceVersionOf(*before));
      RETURN_IF_ERROR(client_.Update(types::Secret(), next).status());
    } else {
      RETURN_IF_ERROR(client_.Create(types::Secret(), next).status());
    }
    events_.Note(user,
                 {false, "KeysMade", "Rotating",
                  "access key " + keys.current.id + " is in Secret " + kube::NameOf(next).name});
    return OkStatus();
  }

  Outcome WriteStatus(const Value& user, std::string_view reason, std::string_view message,
                      const UserKeys* keys = nullptr) {
    Value status = user["status"].is_object() ? user["status"] : Value(json::Object{});
    const int64_t generation = user.At("metadata", "generation").AsInt();
    status.Set("observedGeneration", generation);
    if (keys) {
      status.Set("secretName", kube::NameOf(UserSecret(user, *keys, options_.endpoint)).name);
      status.Set("accessKeyId", keys->current.id);
      status.Set("rotation", int64_t{keys->rotation});
    }
    resources::SetCondition(status, "Ready", keys != nullptr, reason, message, generation,
                            clock_.WallNow());
    if (status == user["status"]) return Outcome::Done();
    Value next = user;
    next.Set("status", std::move(status));
    const Result<Value> done = client_.UpdateStatus(StreamUserType(), std::move(next));
    if (!done.ok()) return Outcome::Failed(done.status());
    users_.cache().Wrote(*done);
    return Outcome::Done();
  }

  Outcome GiveToPools() {
    constexpr Duration kLookAgain = std::chrono::minutes(5);
    constexpr Duration kUsersPause = std::chrono::milliseconds(200);
    std::vector<UserEntry> users;
    for (const kube::ObjectName& name : users_.cache().Names()) {
      const auto known = entries_.find({name.ns, name.name});
      // A file without him would lock him out.
      if (known == entries_.end()) return Outcome::After(kUsersPause);
      if (known->second) users.push_back(*known->second);
    }
    const std::string file = AccessKeyFile(users, options_.account, clock_.WallNow());
    Status first;
    for (const Value& pool : pools_.cache().List()) {
      if (pool.At("spec", "authentication").AsString() == "None") continue;
      Status given = GiveTo(pool, file);
      if (!given.ok() && first.ok()) first = given.WithContext(kube::NameOf(pool).ToString());
    }
    // Nobody tells of a Secret that somebody removed.
    return first.ok() ? Outcome::After(kLookAgain) : Outcome::Failed(first);
  }

  Status GiveTo(const Value& pool, const std::string& file) {
    const Value wanted = PoolSecret(pool, file);
    const Result<Value> there = client_.Get(types::Secret(), kube::NameOf(wanted));
    if (!there.ok() && there.status().code() != Code::kNotFound) return there.status();
    if (there.ok() && there->At("data", "keys.yaml") == wanted.At("data", "keys.yaml")) {
      return OkStatus();
    }
    RETURN_IF_ERROR(client_.Apply(types::Secret(), wanted).status());
    log::Info("access keys given to pool", {{"pool", kube::NameOf(pool).ToString()}});
    TouchPods(client_, kube::NameOf(pool), "millrace.dev/access-keys", Fingerprint(file));
    return OkStatus();
  }

  kube::Client& client_;
  Clock& clock_;
  kube::EventRecorder& events_;
  const StreamUserReconcilerOptions options_;
  Informer users_;
  Informer pools_;
  // Worker thread only. A user who is known to have no keys of ours has no value.
  std::map<ResourceKey, std::optional<UserEntry>> entries_;
  LedController led_;  // after what it follows and uses
};

StreamUserReconciler::StreamUserReconciler(kube::Client& client, Clock& clock,
                                           kube::EventRecorder& events,
                                           StreamUserReconcilerOptions options)
    : impl_(std::make_unique<Impl>(client, clock, events, std::move(options))) {}
StreamUserReconciler::~StreamUserReconciler() { Stop(); }
void StreamUserReconciler::Watch() { impl_->led().Watch(); }
void StreamUserReconciler::Start() { impl_->Start(); }
void StreamUserReconciler::Stop() { impl_->led().Stop(); }
bool StreamUserReconciler::HasSynced() const { return impl_->led().HasSynced(); }
LedController& StreamUserReconciler::queue() { return impl_->led(); }

}  // namespace millrace::op
