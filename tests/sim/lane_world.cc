#include "tests/sim/lane_world.h"

#include <algorithm>

#include "tests/sim/lane_world_inl.h"

namespace millrace::sim {

using storage::ExtentInfo;
using storage::Lane;

namespace {

constexpr auto kRecoveryTriesMax = 200;
constexpr auto kAnswerTimeMax = std::chrono::seconds(60);
constexpr auto kFenceToRestart = std::chrono::milliseconds(100);

}  // namespace

// Wraps a key so that it can be told from a plain one; secrets are not what is simulated here.
class LaneWorld::TestKeys final : public storage::KeyWrapper {
 public:
  Result<std::string> Wrap(std::string_view key) const override {
    return "wrapped" + std::string(key);
  }
  Result<std::string> Unwrap(std::string_view wrapped) const override {
    if (!wrapped.starts_with("wrapped")) return Corrupt("not a wrapped key");
    return std::string(wrapped.substr(7));
  }
};

LaneWorld::LaneWorld(uint64_t seed, SimSettings settings)
    : settings_(std::move(settings)),
      random_(seed),
      disk_(settings_.disk, executor_, seed ^ 0xd15c),
      keys_(std::make_unique<TestKeys>()),
      current_(settings_.shards) {
  report_.seed = seed;
  settings_.lane.keys = keys_.get();
  if (settings_.faults.lies) disk_.options().lie_one_in = 50;
}

LaneWorld::~LaneWorld() { Forget(); }

void LaneWorld::Fail(const std::string& problem) {
  if (!ok()) return;
  report_.problem = problem + " (at " + std::to_string(clock_.Now().count() / 1'000'000) +
                    " ms, life " + std::to_string(life_) + ")";
}

void LaneWorld::Check(const Problem& problem) {
  if (problem.has_value()) Fail(*problem);
}

Duration LaneWorld::Around(Duration mean) {
  return Duration(random_.Below(2 * static_cast<uint64_t>(mean.count()) + 1));
}

SimReport LaneWorld::Run(Duration virtual_time) {
  while (ok() && clock_.Now() < virtual_time) {
    if (!Recover()) break;
    Live(virtual_time);
    if (!ok()) break;
    const bool close = settings_.close_one_in != 0 && random_.OneIn(settings_.close_one_in);
    if (!close || !Close()) Crash();
  }
  if (ok() && Recover()) Close();
  report_.virtual_time = clock_.Now();
  report_.events = executor_.events();
  report_.trace_hash = executor_.trace_hash();
  for (const auto& [id, model] : models_) {
    report_.records_lost += model->records_lost();
    report_.indexes_reused += model->indexes_reused();
  }
  return report_;
}

void LaneWorld::Live(MonoTime end) {
  life_ends_ = std::min(end, clock_.Now() + Around(settings_.life_mean));
  ScheduleTick();
  uint64_t changes = disk_.folder_changes();
  const auto ends_at_change = [&] {
    if (settings_.crash_at_change_one_in == 0 || disk_.folder_changes() == changes) return false;
    changes = disk_.folder_changes();
    return random_.OneIn(settings_.crash_at_change_one_in);
  };
  RunUntil(ends_at_change, life_ends_);
}

// The machine stops at some point of the recovery too, now and then.
bool LaneWorld::Recover() {
  for (int tries = 0; ok(); ++tries) {
    if (tries > kRecoveryTriesMax) {
      Fail("the log cannot be recovered");
      break;
    }
    // A disk that never answers right is not what is tested here.
    if (tries == 20) disk_.options().read_error_one_in = disk_.options().folder_error_one_in = 0;
    if (TryRecover()) {
      disk_.options().read_error_one_in = settings_.disk.read_error_one_in;
      disk_.options().folder_error_one_in = settings_.disk.folder_error_one_in;
      AdoptRecovered();
      return ok();
    }
  }
  return false;
}

bool LaneWorld::TryRecover() {
  std::optional<Result<std::unique_ptr<Lane>>> result;
  Lane::Recover(settings_.lane, disk_, clock_, executor_,
                [&](Result<std::unique_ptr<Lane>> lane) { result = std::move(lane); });
  const bool interrupt = random_.OneIn(8);
  const Duration patience = interrupt ? Around(20 * settings_.disk.latency_max) : kAnswerTimeMax;
  const bool answered =
      RunUntil([&] { return result.has_value(); }, clock_.Now() + patience) && result.has_value();
  if (!answered) {
    if (!interrupt) Fail("a recovery does not end");
    Crash();
    return false;
  }
  if (result->ok()) {
    lane_ = std::move(*result).value();
    return true;
  }
  const Status status = result->status();
  result.reset();
  Crash();
  const bool expected = (settings_.faults.disk_errors && status.code() == Code::kIo) ||
                        (disk_full_ && status.code() == Code::kNoSpace);
  if (!expected) Fail("recovery failed: " + status.ToString());
  if (status.code() == Code::kNoSpace) FreeDisk();
  return false;
}

void LaneWorld::AdoptRecovered() {
  ++life_;
  fenced_ = closing_ = false;
  waiting_ = 0;
  lane_->SetCommitListener([this](const ExtentId& id, const storage::Chunk& chunk) {
    ExtentModel* model = Model(id);
    if (model == nullptr) return Fail("a commit of an extent that nobody made");
    Check(model->Committed(chunk));
  });
  lane_->SetFencedListener([this](const Status& why) {
    why.IgnoreError();
    if (fenced_) Fail("fenced twice");
    fenced_ = true;
    ++report_.fenced;
    life_ends_ = std::min(life_ends_, clock_.Now() + Around(kFenceToRestart));
  });
  CheckRecoveredStats();
  ExtentModel::Unanswered orders;
  for (ExtentModel* model : live_) {
    const uint64_t reused = model->indexes_reused();
    const bool may_be_gone = model->drop_submitted() || !model->opened();
    if (ok()) Check(model->Recovered(lane_->Info(model->id()), &orders));
    const bool cut = model->indexes_reused() > reused || (model->gone() && !may_be_gone);
    if (cut && lane_->stats().corrupt_blocks == 0) Fail("damage is cut off and not reported");
  }
  ForgetGone();
  for (const ExtentInfo& info : lane_->Extents()) {
    ExtentModel* model = Model(info.id);
    if (model == nullptr) return Fail("an extent that nobody made");
    if (!model->gone()) continue;
    Check(model->Recovered(info, &orders));
    live_.push_back(model);
  }
  if (report_.rotten == 0 && !orders.there.empty() && !orders.gone.empty()) {
    const uint64_t last = *std::max_element(orders.there.begin(), orders.there.end());
    const uint64_t first = *std::min_element(orders.gone.begin(), orders.gone.end());
    if (first < last) Fail("what survived is no prefix of what was asked");
  }
  for (auto& extent : current_) {
    ExtentModel* model = extent ? Model(*extent) : nullptr;
    if (model == nullptr || model->gone() || model->sealed()) extent.reset();
  }
  VerifyAll();
}

// Without damage nothing may look like it: a torn tail is no corruption.
void LaneWorld::CheckRecoveredStats() {
  const Lane::Stats stats = lane_->stats();
  if (report_.rotten == 0 && stats.corrupt_blocks > 0) {
    Fail(std::to_string(stats.corrupt_blocks) + " blocks are called corrupt, but none is");
  }
  if (report_.rotten == 0 && stats.lost_records > 0) {
    Fail(std::to_string(stats.lost_records) + " records are called lost, but none is");
  }
}

void LaneWorld::VerifyAll() {
  const bool read_errors = disk_.options().read_error_one_in != 0;
  disk_.options().read_error_one_in = 0;
  for (ExtentModel* model : live_) {
    if (ok()) VerifyExtent(*model);
  }
  if (read_errors) disk_.options().read_error_one_in = settings_.disk.read_error_one_in;
}

void LaneWorld::VerifyExtent(ExtentModel& model) {
  uint64_t from = model.begin_index();
  while (ok()) {
    std::optional<Result<storage::ReadResult>> result;
    lane_->Read(model.id(), from, size_t{1} << (8 + random_.Below(14)),
                [&](Result<storage::ReadResult> read) { result = std::move(read); });
    if (!RunUntil([&] { return result.has_value(); }, clock_.Now() + kAnswerTimeMax)) {
      return Fail("a read does not end");
    }
    if (result->status().code() == Code::kUnavailable && model.may_have_lost_key()) return;
    if (!result->ok()) return Fail("reading all failed: " + result->status().ToString());
    Check(model.Read(from, **result));
    if ((*result)->next_index <= from) break;
    from = (*result)->next_index;
  }
  if (ok() && from < model.end_index()) {
    Fail("reading ends at " + std::to_string(from) + " before " +
         std::to_string(model.end_index()));
  }
}

void LaneWorld::Crash() {
  ++report_.crashes;
  executor_.Trace("crash");
  Forget();
  disk_.Crash();
  // Bits rot while the machine is down, too.
  if (settings_.faults.rot && random_.OneIn(4)) Rot();
}

void LaneWorld::Forget() {
  lane_.reset();
  executor_.DropAll();
}

// False where it was cut short.
bool LaneWorld::Close() {
  bool closed = false;
  closing_ = true;
  lane_->Close([&] { closed = true; });
  const bool interrupt = random_.OneIn(4);
  const Duration patience = interrupt ? Around(10 * settings_.disk.latency_max) : kAnswerTimeMax;
  if (!RunUntil([&] { return closed; }, clock_.Now() + patience) || !closed) {
    if (!interrupt) Fail("closing does not end");
    return false;
  }
  if (waiting_ > 0) Fail(std::to_string(waiting_) + " calls have no answer after closing");
  ++report_.closes;
  executor_.Trace("close");
  Forget();
  disk_.Crash();  // what the lane still left to the disk is as uncertain as ever
  return true;
}

ExtentModel* LaneWorld::Model(const ExtentId& id) {
  auto it = models_.find(id);
  return it == models_.end() ? nullptr : it->second.get();
}

}  // namespace millrace::sim
