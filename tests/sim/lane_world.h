#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "common/base/random.h"
#include "tests/sim/extent_model.h"
#include "tests/sim/sim_settings.h"
#include "tests/support/sim_clock.h"
#include "tests/support/sim_disk.h"
#include "tests/support/sim_executor.h"

namespace millrace::sim {

// What a run did and how it ended.
struct SimReport {
  uint64_t seed = 0;
  std::string problem;  // empty: none
  MonoTime virtual_time{};
  uint64_t events = 0;
  uint64_t trace_hash = 0;
  uint64_t crashes = 0;
  uint64_t closes = 0;
  uint64_t fenced = 0;
  uint64_t appends = 0;  // acknowledged
  uint64_t refused = 0;
  uint64_t reads = 0;
  uint64_t full = 0;    // times the disk was full
  uint64_t rotten = 0;  // bits flipped
  uint64_t records_lost = 0;
  uint64_t indexes_reused = 0;
};

// One lane on one simulated disk, driven with random work through crashes and recoveries and
// compared with a reference model at every answer and after every recovery. All of it follows from
// the seed and the settings. One thread, no real time; owned by whoever runs it. The first problem
// ends the run.
class LaneWorld {
 public:
  LaneWorld(uint64_t seed, SimSettings settings);
  ~LaneWorld();
  // Lives until that much virtual time has passed or a problem shows.
  SimReport Run(Duration virtual_time);
  const SimReport& report() const { return report_; }

 private:
  using ExtentId = storage::ExtentId;
  class TestKeys;

  // lane_world.cc: lives and what is checked between them.
  void Fail(const std::string& problem);
  void Check(const Problem& problem);
  bool ok() const { return report_.problem.empty(); }
  template <typename Condition>
  bool RunUntil(Condition condition, MonoTime deadline);
  Duration Around(Duration mean);
  void Live(MonoTime end);
  bool Recover();
  bool TryRecover();
  void AdoptRecovered();
  void CheckRecoveredStats();
  void VerifyAll();
  void VerifyExtent(ExtentModel& model);
  void Crash();
  bool Close();
  void Forget();

  // lane_work.cc: what is asked of the lane.
  void Tick();
  void ScheduleTick();
  void AppendSome();
  void AppendOne(ExtentModel& model);
  void AnswerAppend(ExtentModel& model, uint64_t append, Result<storage::AppendResult> result);
  void CheckRefusal(const ExtentModel& model, const Status& status);
  void ReadOne();
  void OpenNext(uint32_t shard);
  void Roll();
  void SealOne(ExtentModel& model);
  void DropOne();
  void TrimAll();
  void AskQuestions();
  void Misuse();
  void JumpClock();

  // lane_faults.cc: what is done to it.
  void MaybeFault();
  void FillDisk();
  void FreeDisk();
  void Rot();
  void RotBlock();
  void RotIndex();
  void DamageModels(const std::string& bytes);
  MonoTime RoomSince();

  ExtentModel* Model(const ExtentId& id);
  ExtentModel* PickOpenExtent();
  ExtentModel* PickExtent();
  void ForgetGone();
  // Counts a call that waits for its answer, and wraps it so that an answer from a dead life shows.
  template <typename F>
  auto Answer(F fn);

  SimReport report_;
  SimSettings settings_;
  Random random_;
  SimClock clock_;
  SimExecutor executor_{clock_};
  SimDisk disk_;
  std::unique_ptr<storage::KeyWrapper> keys_;
  std::unique_ptr<storage::Lane> lane_;

  std::map<ExtentId, std::unique_ptr<ExtentModel>> models_;
  std::vector<ExtentModel*> live_;                // those of models_ that are not known to be gone
  const ExtentModel nobody_{ExtentId(), false};   // stands for an extent that never was
  std::vector<std::optional<ExtentId>> current_;  // by shard: the extent that takes appends
  uint64_t next_epoch_ = 1;
  uint64_t lane_order_ = 0;

  uint64_t life_ = 0;
  bool fenced_ = false;
  bool closing_ = false;
  uint64_t waiting_ = 0;  // calls of this life without an answer, but for reads
  MonoTime life_ends_{};
  bool disk_full_ = false;
  MonoTime disk_changes_at_{};
  MonoTime space_since_{};
};

}  // namespace millrace::sim
