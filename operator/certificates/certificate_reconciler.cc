#include "operator/certificates/certificate_reconciler.h"

#include <algorithm>

#include "common/log/log.h"
#include "common/resources/conditions.h"
#include "common/resources/stream_pool_resource.h"
#include "operator/engine/touch_pods.h"

namespace millrace::op {

using json::Value;
using resources::ResourceKey;
namespace types = kube::types;

namespace {

constexpr const char* kCondition = "CertificatesIssued";
constexpr const char* kPrefer = "prefer";
constexpr const char* kRequire = "require";

// The only key: what is decided is decided for all pools together.
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

}  // namespace

class CertificateReconciler::Impl {
 public:
  Impl(kube::Client& client, Clock& clock, kube::EventRecorder& events,
       CertificateReconcilerOptions options)
      : client_(client),
        clock_(clock),
        events_(events),
        options_(std::move(options)),
        pools_(client, PoolType(), Scope(options_.namespaces)),
        // One worker: one authority.
        led_("certificate", 1, clock, [this](const ResourceKey&) { return Reconcile(); }) {
    led_.Follow(pools_, [](const Value&) { return std::vector{AllPools()}; });
  }

  void Start() {
    led_.Start();
    led_.Add(AllPools());
  }
  void LookAgain() { led_.Add(AllPools()); }
  LedController& led() { return led_; }

 private:
  // What a certificate is due, a Secret that somebody removed, a pod that has learnt TLS: nobody
  // tells of these.
  static constexpr Duration kLookSoon = std::chrono::seconds(10);
  static constexpr Duration kLookLater = std::chrono::minutes(5);

  Outcome Reconcile() {
    const std::vector<Value> pools = ActivePools();
    if (pools.empty()) return Outcome::Done();
    const Result<Authorities> authorities = Authority();
    const std::optional<bool> all_speak_tls = options_.pods_speak_tls();
    Status first = authorities.status();
    bool all_require = true;
    for (const Value& pool : pools) {
      Status given = authorities.status();
      if (authorities.ok()) given = GiveTo(pool, *authorities, all_speak_tls, all_require);
      const Status told = Tell(pool, given);
      for (const Status& status : {given, told}) {
        if (!status.ok() && first.ok()) first = status.WithContext(kube::NameOf(pool).ToString());
      }
    }
    if (!first.ok()) return Outcome::Failed(first);
    return Outcome::After(all_require ? kLookLater : kLookSoon);
  }

  std::vector<Value> ActivePools() const {
    std::vector<Value> pools = pools_.cache().List();
    std::erase_if(pools, [](const Value& pool) {
      const std::string& policy = pool.At("spec", "managementPolicy").AsString();
      return (!policy.empty() && policy != "Full") || pool.At("metadata").Has("deletionTimestamp");
    });
    return pools;
  }

  // What signs now, as it is kept: nothing is signed by what has not been written down.
  Result<Authorities> Authority() {
    const kube::ObjectName name = AuthoritySecretName(options_.settings);
    const std::string shown = "Secret " + name.ToString();
    const Result<Value> secret = client_.Get(types::Secret(), name);
    if (!secret.ok() && secret.status().code() != Code::kNotFound) {
      return secret.status().WithContext(shown);
    }
    std::optional<Authorities> before;
    if (secret.ok()) {
      before = AuthoritiesIn(*secret);
      if (!before) {
        return InvalidArgument(shown +
                               " has no tls.crt and tls.key: put the authority back, or "
                               "delete the Secret and restart all pods after a new one is made");
      }
    }
    Result<Authorities> plan = PlanAuthorities(before, name.name, options_.rules, clock_.WallNow());
    if (!plan.ok()) return plan.status().WithContext(shown);
    if (before && *before == *plan) return plan;
    RETURN_IF_ERROR(
        Write(AuthoritySecret(options_.settings, *plan), secret.ok() ? &*secret : nullptr)
            .WithContext(shown));
    log::Info("authority of pods' certificates",
              {{"next", plan->next ? "made" : "none"}, {"is_new", !before}});
    return plan;
  }

  Status GiveTo(const Value& pool, const Authorities& authorities,
                const std::optional<bool>& all_speak_tls, bool& all_require) {
    const kube::ObjectName name = kube::NameOf(pool);
    auto mode = [&](const std::string& before) -> std::string {
      if (all_speak_tls) return *all_speak_tls ? kRequire : kPrefer;
      return before.empty() ? kPrefer : before;
    };
    auto none = [](const std::string&) { return std::string(); };
    ASSIGN_OR_RETURN(const PoolCertificate peer,
                     Give(pool, PeerSecretName(name), PeerNames(name), authorities, mode));
    all_require = all_require && peer.mode == kRequire;
    if (!pool.At("spec", "tls", "secretRef", "name").AsString().empty()) return OkStatus();
    const std::vector<std::string> names = ClientNames(options_.settings, name);
    RETURN_IF_ERROR(Give(pool, ClientSecretName(name), names, authorities, none).status());
    return GiveAuthority(pool, TrustBundle(authorities));
  }

  // One Secret of a pool as it is to be now.
  Result<PoolCertificate> Give(const Value& pool, const kube::ObjectName& name,
                               const std::vector<std::string>& names,
                               const Authorities& authorities,
                               const std::function<std::string(const std::string&)>& mode_of) {
    const std::string shown = "Secret " + name.ToString();
    const Result<Value> secret = client_.Get(types::Secret(), name);
    if (!secret.ok() && secret.status().code() != Code::kNotFound) {
      return secret.status().WithContext(shown);
    }
    std::optional<PoolCertificate> before;
    if (secret.ok()) {
      if (!IsOurSecret(*secret)) {
        return Status(Code::kResourceInUse,
                      shown + " is not the operator's: remove it, or give the pool another name");
      }
      before = PoolCertificateIn(*secret);
    }
    const std::optional<pki::Identity> had =
        before ? std::optional(before->identity) : std::nullopt;
    PoolCertificate next;
    ASSIGN_OR_RETURN(next.identity, PlanCertificate(had, authorities, kube::NameOf(pool).ToString(),
                                                    names, options_.rules, clock_.WallNow()));
    next.authority = TrustBundle(authorities);
    next.mode = mode_of(before ? before->mode : "");
    if (before && *before == next) return next;
    RETURN_IF_ERROR(Write(PoolCertificateSecret(pool, name, next), secret.ok() ? &*secret : nullptr)
                        .WithContext(shown));
    if (!had || *had != next.identity) {
      events_.Note(pool, {false, "CertificateIssued", "Issuing", "in " + shown});
    }
    log::Info("certificate given to pool", {{"secret", name.ToString()},
                                            {"is_new", !had || *had != next.identity},
                                            {"mode", next.mode}});
    if (before) {
      TouchPods(client_, kube::NameOf(pool), "millrace.dev/certificates",
                resources::FormatTime(clock_.WallNow()));
    }
    return next;
  }

  Status GiveAuthority(const Value& pool, const std::string& bundle) {
    const Value wanted = AuthorityConfigMap(pool, bundle);
    const Result<Value> there = client_.Get(types::ConfigMap(), kube::NameOf(wanted));
    if (!there.ok() && there.status().code() != Code::kNotFound) return there.status();
    if (there.ok() && there->At("data", "ca.crt") == wanted.At("data", "ca.crt")) return OkStatus();
    return client_.Apply(types::ConfigMap(), wanted).status();
  }

  // Whole, and only over what was read.
  Status Write(Value next, const Value* before) {
    if (before == nullptr) return client_.Create(types::Secret(), next).status();
    next["metadata"].Set("resourceVersion", kube::ResourceVersionOf(*before));
    return client_.Update(types::Secret(), next).status();
  }

  Status Tell(const Value& pool, const Status& given) {
    Value status = pool["status"].is_object() ? pool["status"] : Value(json::Object{});
    const char* const reason = given.ok()                               ? "Issued"
                               : given.code() == Code::kResourceInUse   ? "SecretTaken"
                               : given.code() == Code::kInvalidArgument ? "AuthorityInvalid"
                                                                        : "Failed";
    resources::SetCondition(status, kCondition, given.ok(), reason, given.message(),
                            pool.At("metadata", "generation").AsInt(), clock_.WallNow());
    if (status == pool["status"]) return OkStatus();
    if (!given.ok()) events_.Note(pool, {true, reason, "Issuing", given.message()});
    Value next = pool;
    next.Set("status", std::move(status));
    ASSIGN_OR_RETURN(const Value done, client_.UpdateStatus(PoolType(), std::move(next)));
    pools_.cache().Wrote(done);
    return OkStatus();
  }

  kube::Client& client_;
  Clock& clock_;
  kube::EventRecorder& events_;
  const CertificateReconcilerOptions options_;
  Informer pools_;
  LedController led_;  // after what it follows and uses
};

CertificateReconciler::CertificateReconciler(kube::Client& client, Clock& clock,
                                             kube::EventRecorder& events,
                                             CertificateReconcilerOptions options)
    : impl_(std::make_unique<Impl>(client, clock, events, std::move(options))) {}
CertificateReconciler::~CertificateReconciler() { Stop(); }
void CertificateReconciler::Watch() { impl_->led().Watch(); }
void CertificateReconciler::Start() { impl_->Start(); }
void CertificateReconciler::Stop() { impl_->led().Stop(); }
void CertificateReconciler::LookAgain() { impl_->LookAgain(); }
bool CertificateReconciler::HasSynced() const { return impl_->led().HasSynced(); }
LedController& CertificateReconciler::queue() { return impl_->led(); }

}  // namespace millrace::op
