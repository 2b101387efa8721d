#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "dataplane/storage/log.h"

namespace millrace::testing {

// A Lane in memory, for tests of what stands above lanes: what is accepted is committed by a posted
// callback. Lives on its executor, as a lane does.
class FakeLane final : public storage::Lane {
 public:
  FakeLane(Executor& executor, const Clock& clock) : executor_(executor), clock_(clock) {}

  void OpenExtent(storage::ExtentId id, bool encrypted, UniqueFunction<void(Status)> done) override;
  void Seal(storage::ExtentId id, UniqueFunction<void(Result<uint64_t>)> done) override;
  void Drop(storage::ExtentId id, UniqueFunction<void(Status)> done) override;
  void Trim(storage::ExtentId id, WallMs horizon_ms) override;
  void AppendRecords(storage::Append append,
                     UniqueFunction<void(Result<storage::AppendResult>)> done) override;
  void Read(storage::ExtentId id, uint64_t from_index, size_t bytes_max,
            UniqueFunction<void(Result<storage::ReadResult>)> done) override;
  Result<uint64_t> IndexAtTime(storage::ExtentId id, WallMs ms) const override;
  std::optional<storage::ExtentInfo> Info(storage::ExtentId id) const override;
  std::vector<storage::ExtentInfo> Extents() const override;
  void SetCommitListener(
      std::function<void(const storage::ExtentId&, const storage::Chunk&)> fn) override {
    on_commit_ = std::move(fn);
  }
  void SetFencedListener(std::function<void(const Status&)> fn) override {
    on_fenced_ = std::move(fn);
  }
  Stats stats() const override { return stats_; }
  void Close(UniqueFunction<void()> done) override { executor_.Post(std::move(done)); }

  // Every call that changes something fails with this while it is set.
  void FailWith(Status status) { failure_ = std::move(status); }
  // Appends fail with this while it is set.
  void FailAppendsWith(Status status) { append_failure_ = std::move(status); }
  // Reads answer by a posted callback, as if from a disk.
  void ReadSlowly(bool slowly) { read_slowly_ = slowly; }
  // Times are found as if no list of chunks were in memory: at the first record kept.
  void FindTimesEarly(bool early) { find_times_early_ = early; }
  int reads() const { return reads_; }

 private:
  struct Extent {
    storage::ExtentInfo info;
    std::vector<storage::Chunk> chunks;
  };
  Result<storage::ReadResult> ReadNow(storage::ExtentId id, uint64_t from_index,
                                      size_t bytes_max) const;
  void Commit(storage::ExtentId id, storage::Chunk chunk);

  Executor& executor_;
  const Clock& clock_;
  std::map<storage::ExtentId, Extent> extents_;
  std::map<storage::ExtentId, uint64_t> accepted_;  // one past the last accepted record
  std::function<void(const storage::ExtentId&, const storage::Chunk&)> on_commit_;
  std::function<void(const Status&)> on_fenced_;
  Status failure_;
  Status append_failure_;
  bool read_slowly_ = false;
  bool find_times_early_ = false;
  int reads_ = 0;
  Stats stats_;
};

// A Log of FakeLanes, one an io thread.
class FakeLog final : public storage::Log {
 public:
  FakeLog(IoThreads& io, const Clock& clock);
  size_t lane_count() const override { return lanes_.size(); }
  FakeLane& lane(size_t i) override { return *lanes_[i]; }
  IoExecutor& lane_executor(size_t i) override { return io_.at(i); }
  size_t LaneOf(uint64_t stream, uint32_t shard) const override {
    return (stream + shard) % lanes_.size();
  }
  void Close() override {}

 private:
  IoThreads& io_;
  std::vector<std::unique_ptr<FakeLane>> lanes_;
};

}  // namespace millrace::testing
