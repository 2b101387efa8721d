#include "common/kube/lease.h"

#include <algorithm>
#include <condition_variable>
#include <thread>

#include "common/kube/lease_trouble.h"
#include "common/kube/watch.h"
#include "common/log/log.h"

namespace millrace::kube {
namespace {

using json::Value;
using std::chrono::milliseconds;

constexpr milliseconds kTryAgain(200);
// Without a watch.
constexpr milliseconds kLookAgain(500);

// A renewal that hangs must not outlast the deadline, which is more than twice `renew_every`.
ClientOptions QuickOptions(const Client& client, const LeaseOptions& lease) {
  ClientOptions options = client.options();
  options.connect_time_max = lease.renew_deadline / 4;
  options.request_time_max = lease.renew_deadline * 2 / 5;
  options.retry_time_max = milliseconds(0);
  options.idle_connections_max = 1;
  return options;
}

WatchOptions ScopeOf(const LeaseOptions& lease) {
  WatchOptions options;
  options.scope.ns = lease.name.ns;
  options.scope.field_selector = "metadata.name=" + lease.name.name;
  options.backoff_max = lease.duration;
  return options;
}

}  // namespace

struct LeaderElection::Impl final : WatchSink {
  Impl(Client& watch_client, Clock& clock_in, LeaseOptions lease, Callbacks calls)
      : clock(clock_in),
        options(std::move(lease)),
        callbacks(std::move(calls)),
        client(watch_client.access(), QuickOptions(watch_client, options)),
        watch(watch_client, types::Lease(), *this, ScopeOf(options)),
        trouble(options.name),
        thread([this] { Run(); }) {}

  // WatchSink.
  void OnHealth(const Status& health) override {
    std::lock_guard lock(mu);
    if (watching == health.ok()) return;  // no reason to look before the time
    watching = health.ok();
    changed.notify_all();
  }
  void OnRelistBegin() override {}
  void OnRelistEnd(const std::string&) override {
    std::lock_guard lock(mu);
    listed = true;
    changed.notify_all();
  }
  void OnEvent(EventType type, Value object) override {
    Observe(type == EventType::kDeleted ? Value() : std::move(object));
  }

  // What a read or the watch shows; older than what we know already is nothing new.
  void Observe(Value object) {
    std::lock_guard lock(mu);
    const std::string version = ResourceVersionOf(object);
    const bool is_same = version == ResourceVersionOf(seen);
    if (!object.is_null() && (is_same || !IsAtLeast(version, ResourceVersionOf(seen)))) return;
    seen = std::move(object);
    seen_at = clock.Now();
    changed.notify_all();
  }

  static const std::string& HolderOf(const Value& lease) {
    return lease.At("spec", "holderIdentity").AsString();
  }

  Value Document(const Value& before, const std::string& holder) {
    Value lease = before;
    lease["metadata"].Set("name", options.name.name);
    lease["metadata"].Set("namespace", options.name.ns);
    Value& spec = lease["spec"];
    const std::string now = MicroTime(clock.WallNow());
    if (HolderOf(before) != holder && !holder.empty()) {
      const int64_t transitions = before.At("spec", "leaseTransitions").AsInt();
      spec.Set("leaseTransitions", before.is_null() ? int64_t{0} : transitions + 1);
      spec.Set("acquireTime", now);
    }
    const auto seconds = std::chrono::ceil<std::chrono::seconds>(options.duration).count();
    spec.Set("leaseDurationSeconds", static_cast<int64_t>(seconds));
    spec.Set("holderIdentity", holder);
    spec.Set("renewTime", now);
    return lease;
  }

  Value Seen() {
    std::lock_guard lock(mu);
    return seen;
  }

  // Makes `holder` the holder by compare-and-set on what was last seen.
  Status Write(const std::string& holder) {
    Value before = Seen();
    Value wanted = Document(before, holder);
    Result<Value> written = before.is_null() ? client.Create(types::Lease(), std::move(wanted))
                                             : client.Update(types::Lease(), std::move(wanted));
    if (written.ok()) {
      Observe(std::move(*written));
      return OkStatus();
    }
    const Code code = written.status().code();
    if (code == Code::kConflict || code == Code::kResourceInUse || code == Code::kNotFound)
      Reread().IgnoreError();
    return written.status();
  }

  // The watch may be behind, or broken.
  Status Reread() {
    Result<Value> now = client.Get(types::Lease(), options.name);
    if (!now.ok() && now.status().code() != Code::kNotFound) return now.status();
    Observe(now.ok() ? std::move(*now) : Value());
    return OkStatus();
  }

  void Run() {
    std::unique_lock lock(mu);
    while (!stopping) {
      const Duration wait = leading ? Lead(lock) : Follow(lock);
      if (!stopping && wait > Duration::zero()) changed.wait_for(lock, wait);
    }
    if (!leading) return;
    lock.unlock();
    Lose("stopping");
    Status released = Write("");
    if (released.code() == Code::kConflict) released = Write("");
    if (!released.ok()) log::Warning("lease not released", {{"error", released.ToString()}});
  }

  // As a standby; how long nothing is to be done unless something changes.
  Duration Follow(std::unique_lock<std::mutex>& lock) {
    if (!watching) {
      // The watch is refused, or broken: looking does as well.
      lock.unlock();
      const Status looked = Reread();
      lock.lock();
      if (!looked.ok() && !listed) return trouble.Note("read", looked, clock.Now());
      listed = true;
    }
    const Duration look_again = watching ? Duration(options.duration) : Duration(kLookAgain);
    if (!listed) return look_again;
    const std::string holder = HolderOf(seen);
    const bool is_free = seen.is_null() || holder.empty() || holder == options.identity;
    const Duration left = seen_at + options.duration - clock.Now();
    if (!is_free && left > Duration::zero()) {
      trouble.Ended();
      return std::min(left, look_again);
    }
    const MonoTime began = clock.Now();
    lock.unlock();
    Status taken = Write(options.identity);
    lock.lock();
    if (taken.code() == Code::kConflict) return Duration::zero();
    if (!taken.ok()) return trouble.Note("taken", taken, clock.Now());
    trouble.Ended();
    leading = true;
    renewed = began;
    const int64_t transitions = seen.At("spec", "leaseTransitions").AsInt();
    lock.unlock();
    log::Info("leading", {{"lease", options.name.ToString()}, {"transitions", transitions}});
    if (callbacks.on_leading) callbacks.on_leading(transitions);
    lock.lock();
    return Duration::zero();
  }

  // As the leader.
  Duration Lead(std::unique_lock<std::mutex>& lock) {
    if (HolderOf(seen) != options.identity) return Ended(lock, "another holds the lease");
    const MonoTime began = clock.Now();
    if (began - renewed >= options.renew_deadline) return Ended(lock, "not renewed in time");
    const Duration left = renewed + options.renew_every - began;
    if (left > Duration::zero()) return left;
    lock.unlock();
    Status written = Write(options.identity);
    lock.lock();
    if (written.ok()) {
      trouble.Ended();
      renewed = began;
      return options.renew_every;
    }
    if (written.code() == Code::kConflict) return Duration::zero();
    // No more patience than that: the deadline is near.
    return std::min<Duration>(trouble.Note("renewed", written, clock.Now()), kTryAgain);
  }

  Duration Ended(std::unique_lock<std::mutex>& lock, const char* why) {
    lock.unlock();
    Lose(why);
    lock.lock();
    return Duration::zero();
  }

  // Without the lock.
  void Lose(const char* why) {
    {
      std::lock_guard lock(mu);
      leading = false;
    }
    log::Info("no longer leading", {{"lease", options.name.ToString()}, {"why", why}});
    if (callbacks.on_lost) callbacks.on_lost();
  }

  void Stop() {
    {
      std::lock_guard lock(mu);
      stopping = true;
      changed.notify_all();
    }
    if (thread.joinable()) thread.join();
    watch.Stop();
  }

  Clock& clock;
  const LeaseOptions options;
  const Callbacks callbacks;
  Client client;  // for writes, with time-outs of its own
  mutable std::mutex mu;
  std::condition_variable changed;
  // Guarded by mu.
  Value seen;  // the Lease; null where there is none
  MonoTime seen_at{};
  bool listed = false;
  bool watching = true;
  bool leading = false;
  bool stopping = false;
  MonoTime renewed{};  // when the last renewal that held was begun
  Watch watch;
  LeaseTrouble trouble;  // the thread's own
  std::thread thread;
};

LeaderElection::LeaderElection(Client& client, Clock& clock, LeaseOptions options,
                               Callbacks callbacks)
    : impl_(new Impl(client, clock, std::move(options), std::move(callbacks))) {}
LeaderElection::~LeaderElection() { Stop(); }
void LeaderElection::Stop() { impl_->Stop(); }

bool LeaderElection::is_leading() const {
  std::lock_guard lock(impl_->mu);
  return impl_->leading && impl_->clock.Now() - impl_->renewed < impl_->options.duration;
}

Duration LeaderElection::quiet_for() const {
  std::lock_guard lock(impl_->mu);
  return impl_->seen.is_null() ? Duration::zero() : impl_->clock.Now() - impl_->seen_at;
}

std::string LeaderElection::leader() const {
  std::lock_guard lock(impl_->mu);
  return Impl::HolderOf(impl_->seen);
}

}  // namespace millrace::kube
