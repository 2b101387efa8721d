#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <vector>

#include "dataplane/storage/lane.h"

namespace millrace::sim {

// What is wrong, or nothing.
using Problem = std::optional<std::string>;

// One append as the model knows it.
struct ModelAppend {
  uint64_t number = 0;  // in its extent
  uint32_t count = 0;
  uint32_t bytes_max = 0;
  uint64_t lane_order = 0;  // among all appends to the lane
  uint64_t first_index = 0;
  WallMs arrival_ms = 0;  // once acknowledged, or read
  bool arrival_known = false;
};

// A stretch of indexes whose bytes were damaged on purpose.
struct DamagedRange {
  uint64_t begin = 0;
  uint64_t end = 0;
};

// What one extent must look like, given what was asked of it and what was answered: the reference
// that a lane is compared with. Knows no lane and no disk. One thread.
class ExtentModel {
 public:
  ExtentModel(storage::ExtentId id, bool encrypted) : id_(id), encrypted_(encrypted) {}

  storage::ExtentId id() const { return id_; }
  bool encrypted() const { return encrypted_; }

  // What was asked, in the order of the calls.
  uint64_t Submit(uint32_t count, uint32_t bytes_max, uint64_t lane_order);
  void SubmitSeal() { ++seals_under_way_; }
  void SubmitDrop() { ++drops_under_way_; }

  // What was answered.
  void Opened() { opened_ = true; }
  Problem Acknowledged(uint64_t append, const storage::AppendResult& result);
  // Refused: it must never appear.
  void Refused(uint64_t append);
  Problem Sealed(uint64_t end);
  void SealRefused() { --seals_under_way_; }
  void Dropped() { dropped_ = true; }  // or never made
  void DropRefused() { --drops_under_way_; }
  // After Trim(horizon) returned.
  Problem Trimmed(WallMs horizon_ms, const storage::ExtentInfo& info);

  // What was seen.
  Problem Read(uint64_t from, const storage::ReadResult& result);
  Problem Committed(const storage::Chunk& chunk);
  Problem IndexAtTime(WallMs ms, uint64_t index) const;

  // After a crash and a recovery: what may be, given what is not known. `orders` gets the places in
  // the lane's order of the appends that had no answer yet, by whether they are there.
  struct Unanswered {
    std::vector<uint64_t> there;
    std::vector<uint64_t> gone;
  };
  Problem Recovered(const std::optional<storage::ExtentInfo>& info, Unanswered* orders);

  // Damage to what the disk holds of it.
  void Damage(uint64_t begin, uint64_t end) { damaged_.push_back({begin, end}); }
  void DamageControl() { control_damaged_ = true; }
  // The entry that held its data key may be the damaged one.
  bool may_have_lost_key() const { return encrypted_ && control_damaged_; }
  bool damaged() const { return control_damaged_ || !damaged_.empty(); }

  bool opened() const { return opened_; }
  bool gone() const { return dropped_; }
  bool seal_submitted() const { return seals_under_way_ > 0 || sealed_; }
  bool sealed() const { return sealed_; }
  bool drop_submitted() const { return drops_under_way_ > 0 || dropped_; }
  uint64_t begin_index() const { return begin_index_; }
  uint64_t end_index() const { return end_index_; }
  size_t unanswered() const { return submitted_.size(); }
  uint64_t records_lost() const { return records_lost_; }
  uint64_t indexes_reused() const { return indexes_reused_; }
  WallMs last_arrival_ms() const { return last_arrival_ms_; }

 private:
  Problem CheckChunk(const storage::Chunk& chunk, WallMs* last_arrival_ms);
  ModelAppend* AppendAt(uint64_t index);
  bool MayBeLost(uint64_t begin, uint64_t end) const;
  Problem ResolveUnanswered(uint64_t recovered_end, Unanswered* orders);
  std::string Text(const std::string& what) const;

  const storage::ExtentId id_;
  const bool encrypted_;

  bool opened_ = false;
  bool sealed_ = false;
  bool dropped_ = false;
  int seals_under_way_ = 0;
  int drops_under_way_ = 0;

  uint64_t appends_ = 0;
  std::deque<ModelAppend> committed_;  // acknowledged, by index
  std::deque<ModelAppend> submitted_;  // without an answer, in order
  uint64_t end_index_ = 0;             // of committed_
  uint64_t seen_end_ = 0;              // a reader or listener was shown everything up to here
  uint64_t listened_end_ = 0;
  WallMs last_arrival_ms_ = 0;
  uint64_t begin_index_ = 0;
  uint64_t trimmed_index_ = 0;  // the highest begin there ever was

  std::vector<DamagedRange> damaged_;
  bool control_damaged_ = false;
  uint64_t records_lost_ = 0;
  uint64_t indexes_reused_ = 0;
};

}  // namespace millrace::sim
