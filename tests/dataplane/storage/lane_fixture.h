#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "dataplane/format/record_format.h"
#include "dataplane/storage/lane.h"
#include "tests/support/sim_clock.h"
#include "tests/support/sim_disk.h"
#include "tests/support/sim_executor.h"

namespace millrace::storage {

// Wraps keys by turning them over: enough to see that keys are wrapped and needed.
class TestKeyWrapper final : public KeyWrapper {
 public:
  Result<std::string> Wrap(std::string_view key) const override { return Turn(key); }
  Result<std::string> Unwrap(std::string_view wrapped) const override {
    if (wrapped.empty()) return Corrupt("no key");
    return Turn(wrapped);
  }

 private:
  static std::string Turn(std::string_view key) {
    std::string turned(key);
    for (char& c : turned) c = static_cast<char>(~c);
    return turned;
  }
};

// A lane on a simulated disk: every call runs virtual time until it is answered.
class LaneFixture : public testing::Test {
 protected:
  explicit LaneFixture(uint64_t seed = 7)
      : executor(clock), disk(sim::SimDiskOptions(), executor, seed) {
    options.segment_bytes = 256 * kKiB;
    options.segment_bytes_min = 64 * kKiB;
    options.write_bytes_max = 32 * kKiB;
  }
  ~LaneFixture() override { Kill(); }

  static ExtentId Id(uint32_t shard, uint64_t epoch = 1) { return {42, shard, epoch}; }

  void Open() {
    std::optional<Result<std::unique_ptr<Lane>>> opened;
    Lane::Recover(options, disk, clock, executor,
                  [&](Result<std::unique_ptr<Lane>> result) { opened = std::move(result); });
    ASSERT_TRUE(executor.RunUntil([&] { return opened.has_value(); }));
    ASSERT_TRUE(opened->ok()) << opened->status().ToString();
    lane = std::move(*opened).value();
    lane->SetFencedListener([this](const Status& why) {
      why.IgnoreError();
      ++fenced;
    });
  }
  // The process dies; what is in flight may or may not happen.
  void Kill() {
    disk.Crash();
    lane.reset();
    executor.DropAll();
  }
  void Reopen() {
    Kill();
    Open();
  }
  void CloseAndReopen() {
    bool closed = false;
    lane->Close([&] { closed = true; });
    ASSERT_TRUE(executor.RunUntil([&] { return closed; }));
    lane.reset();
    Open();
  }
  // Lets background work and the watermark come to rest.
  void Settle() { executor.RunFor(std::chrono::milliseconds(200)); }

  Status OpenExtent(ExtentId id, bool encrypted = false) {
    std::optional<Status> done;
    lane->OpenExtent(id, encrypted, [&](const Status& status) { done = status; });
    EXPECT_TRUE(executor.RunUntil([&] { return done.has_value(); }));
    return *done;
  }
  Result<uint64_t> Seal(ExtentId id) {
    std::optional<Result<uint64_t>> done;
    lane->Seal(id, [&](Result<uint64_t> result) { done = std::move(result); });
    EXPECT_TRUE(executor.RunUntil([&] { return done.has_value(); }));
    return *done;
  }
  Status Drop(ExtentId id) {
    std::optional<Status> done;
    lane->Drop(id, [&](const Status& status) { done = status; });
    EXPECT_TRUE(executor.RunUntil([&] { return done.has_value(); }));
    return *done;
  }
  // One append of records with these data.
  Result<AppendResult> Put(ExtentId id, const std::vector<std::string>& data) {
    std::optional<Result<AppendResult>> done;
    lane->AppendRecords(MakeAppend(id, data),
                        [&](Result<AppendResult> result) { done = std::move(result); });
    EXPECT_TRUE(executor.RunUntil([&] { return done.has_value(); }));
    return *done;
  }
  static Append MakeAppend(ExtentId id, const std::vector<std::string>& data) {
    RecordBatch batch;
    for (const std::string& d : data) batch.Add("key", d);
    uint32_t count = batch.count();
    uint32_t crc = batch.crc();
    return {id, batch.Take(), count, crc};
  }
  Result<ReadResult> Read(ExtentId id, uint64_t from, size_t bytes = 1 << 20) {
    std::optional<Result<ReadResult>> done;
    lane->Read(id, from, bytes, [&](Result<ReadResult> result) { done = std::move(result); });
    EXPECT_TRUE(executor.RunUntil([&] { return done.has_value(); }));
    return *done;
  }
  // The data of every record there is from `from` on, each as "index:data".
  std::vector<std::string> ReadAll(ExtentId id, uint64_t from = 0, size_t bytes = 1 << 20) {
    std::vector<std::string> all;
    skipped = 0;
    for (;;) {
      auto result = Read(id, from, bytes);
      EXPECT_TRUE(result.ok()) << result.status().ToString();
      if (!result.ok()) return all;
      skipped += result->skipped_lost;
      for (const Chunk& chunk : result->chunks) {
        RecordReader reader(chunk.records);
        uint64_t index = chunk.first_index;
        while (auto record = reader.Next()) {
          if (index >= from) all.push_back(std::to_string(index) + ":" + std::string(record->data));
          ++index;
        }
        EXPECT_FALSE(reader.corrupt());
        EXPECT_EQ(index, chunk.first_index + chunk.count);
      }
      if (result->next_index <= from) return all;
      from = result->next_index;
    }
  }
  std::string OnlySegment() const {
    for (const std::string& name : disk.FileNames()) {
      if (name.starts_with("seg-") && name.ends_with(".wal")) return name;
    }
    return "";
  }

  TestKeyWrapper keys;
  sim::SimClock clock;
  sim::SimExecutor executor;
  sim::SimDisk disk;
  LaneOptions options;
  std::unique_ptr<Lane> lane;
  int fenced = 0;
  uint64_t skipped = 0;
};

}  // namespace millrace::storage
