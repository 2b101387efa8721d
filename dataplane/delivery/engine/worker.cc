#include "dataplane/delivery/engine/worker.h"

#include <algorithm>
#include <optional>

#include "common/log/log.h"

namespace millrace::delivery {

namespace {

// Where the moment of the first worker stands in the table, beside the shards' rows.
constexpr const char* kStartRow = "start";
constexpr std::chrono::seconds kListAgain(5);

}  // namespace

Worker::Worker(WorkerOptions options, client::Cursors& cursors, MakeReader make_reader,
               Pipeline& pipeline, Clock& clock)
    : options_(std::move(options)),
      cursors_(cursors),
      make_reader_(std::move(make_reader)),
      pipeline_(pipeline),
      clock_(clock),
      lister_(make_reader_()) {
  seen_.me = options_.name;
  seen_.lease_time = options_.lease_time;
  thread_ = std::thread([this] { Run(); });
}

Worker::~Worker() { Stop(Duration(0)); }

void Worker::Run() {
  for (;;) {
    const Status status = Tick();
    std::unique_lock lock(mu_);
    if (!status.ok() && error_.empty())
      log::Warning("shards can't be shared",
                   {{"table", options_.table}, {"error", status.ToString()}});
    error_ = status.ok() ? std::string() : status.ToString();
    stopped_.wait_for(lock, options_.tick_time, [&] { return is_stopping_; });
    if (is_stopping_) return;
  }
}

void Worker::Stop(Duration limit) {
  {
    std::lock_guard lock(mu_);
    if (is_stopping_) return;
    is_stopping_ = true;
  }
  stopped_.notify_all();
  thread_.join();
  for (auto& [shard, held] : held_) held.feed->Stop();
  if (!pipeline_.Drain(limit)) pipeline_.Stop();
  for (auto& [shard, held] : held_) Renew(shard, held, true);
  std::lock_guard lock(mu_);
  held_.clear();
}

Status Worker::Tick() {
  const MonoTime now = clock_.Now();
  for (auto& [shard, held] : held_) Renew(shard, held, false);
  DropLost(clock_.Now());
  ASSIGN_OR_RETURN(auto rows, cursors_.List(options_.table));
  RETURN_IF_ERROR(FindStart(rows));
  See(rows, now);
  ASSIGN_OR_RETURN(seen_.shards, ListShards(now));
  seen_.now = now;
  const LeasePlan plan = PlanLeases(seen_);
  for (const std::string& shard : plan.take)
    if (held_.size() < options_.shards_max) Take(shard);
  for (const std::string& shard : plan.forget)
    // A row that stays is forgotten by the next tick.
    cursors_.Remove(options_.table, shard, versions_[shard]).IgnoreError();
  return OkStatus();
}

Status Worker::FindStart(const std::vector<client::Cursor>& rows) {
  if (start_) return OkStatus();
  client::ReadFrom start = options_.start;
  if (start.kind == client::ReadFrom::Kind::kLatest) {
    start.kind = client::ReadFrom::Kind::kTime;
    start.time_ms = clock_.WallNow();
    const auto row = std::find_if(rows.begin(), rows.end(),
                                  [](const auto& each) { return each.key == kStartRow; });
    if (row != rows.end()) {
      start.time_ms = std::strtoll(row->value.c_str(), nullptr, 10);
    } else {
      // Whoever is first decides; the others read it in their next tick.
      ASSIGN_OR_RETURN(uint64_t version, cursors_.CompareAndSet(options_.table, kStartRow,
                                                                std::to_string(start.time_ms), 0));
      (void)version;
    }
  }
  start_ = start;
  return OkStatus();
}

void Worker::See(const std::vector<client::Cursor>& rows, MonoTime now) {
  seen_.leases.clear();
  versions_.clear();
  std::map<std::string, LeaseSeen> seen;
  for (const client::Cursor& row : rows) {
    if (row.key == kStartRow) continue;
    versions_[row.key] = row.version;
    const auto before = seen_.seen.find(row.key);
    const bool is_new = before == seen_.seen.end() || before->second.version != row.version;
    seen[row.key] = is_new ? LeaseSeen{row.version, now} : before->second;
    auto lease = Lease::Parse(row.value);
    if (lease.ok()) {
      seen_.leases[row.key] = std::move(*lease);
    } else {
      log::Error("a lease can't be read; its shard waits",
                 {{"shard", row.key}, {"error", lease.status().ToString()}});
      seen_.leases[row.key].owner = "unreadable";
      seen[row.key].since = now;
    }
  }
  seen_.seen = std::move(seen);
  // A shard that we lost while our name still stands in its row is free for us to take.
  for (auto& [shard, lease] : seen_.leases)
    if (lease.owner == options_.name && !held_.contains(shard) && !lease.is_complete)
      lease.owner.clear();
}

Result<std::vector<client::StreamShard>> Worker::ListShards(MonoTime now) {
  const bool has_ended = std::any_of(
      held_.begin(), held_.end(), [](const auto& each) { return each.second.lease.is_complete; });
  if (shards_.empty() || has_ended || now - listed_ >= kListAgain) {
    ASSIGN_OR_RETURN(shards_, lister_->ListShards());
    listed_ = now;
  }
  return shards_;
}

void Worker::Take(const std::string& shard) {
  Lease lease = seen_.leases.contains(shard) ? seen_.leases[shard] : Lease{};
  lease.owner = options_.name;
  ++lease.counter;
  const uint64_t expected = versions_.contains(shard) ? versions_[shard] : 0;
  auto version = cursors_.CompareAndSet(options_.table, shard, lease.ToText(), expected);
  if (!version.ok()) return;  // somebody was faster, or the next tick tries again
  log::Info("a shard is ours", {{"shard", shard}, {"position", lease.position}});
  Held held{.feed = std::make_unique<ShardFeed>(shard, lease.position, *start_, make_reader_(),
                                                pipeline_, clock_),
            .lease = lease,
            .version = *version,
            .renewed = clock_.Now()};
  std::lock_guard lock(mu_);
  held_.emplace(shard, std::move(held));
}

void Worker::Renew(const std::string& shard, Held& held, bool is_handed_back) {
  Lease lease = held.lease;
  ++lease.counter;
  // Completeness is asked first: a position read before it may be an older one.
  lease.is_complete = held.feed->is_complete();
  lease.position = held.feed->position();
  if (is_handed_back) lease.owner.clear();
  auto version = cursors_.CompareAndSet(options_.table, shard, lease.ToText(), held.version);
  if (version.ok()) {
    held.lease = lease;
    held.version = *version;
    held.renewed = clock_.Now();
  } else if (version.status().code() == Code::kConflict) {
    held.version = 0;  // no longer ours: DropLost
  }
}

void Worker::DropLost(MonoTime now) {
  for (auto at = held_.begin(); at != held_.end();) {
    Held& held = at->second;
    const bool is_lost = held.version == 0 || now - held.renewed >= options_.lease_time;
    if (!is_lost && !held.lease.is_complete) {
      ++at;
      continue;
    }
    if (is_lost) log::Warning("a shard is no longer ours", {{"shard", at->first}});
    held.feed->Stop();
    std::lock_guard lock(mu_);
    at = held_.erase(at);
  }
}

std::vector<ShardState> Worker::Shards() const {
  std::vector<ShardState> out;
  std::lock_guard lock(mu_);
  for (const auto& [shard, held] : held_)
    out.push_back({shard, held.feed->position(), held.feed->behind_ms(), held.feed->records_read(),
                   held.feed->bytes_read(), held.feed->error()});
  return out;
}

std::string Worker::error() const {
  std::lock_guard lock(mu_);
  return error_;
}

}  // namespace millrace::delivery
