#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "common/base/random.h"
#include "dataplane/disk/disk.h"
#include "tests/support/sim_executor.h"

namespace millrace::sim {

// How a simulated disk behaves; may be changed while it runs.
struct SimDiskOptions {
  uint64_t capacity_bytes = 1ULL << 40;
  // Every operation takes a random time in this range; one in `slow_one_in` takes up to fifty times
  // the longest.
  Duration latency_min = std::chrono::microseconds(50);
  Duration latency_max = std::chrono::milliseconds(2);
  uint64_t slow_one_in = 200;
  // Operations that fail with kIo, one in so many; 0 means none. A failed one may have had any
  // effect.
  uint64_t write_error_one_in = 0;
  uint64_t read_error_one_in = 0;
  uint64_t folder_error_one_in = 0;  // Create, WriteFile, Rename, Remove, List
  // Writes that are acknowledged and never done. No log survives this: it is there to see that the
  // checker finds the loss.
  uint64_t lie_one_in = 0;
};

// A disk in memory on virtual time, driven by a seed. Writes finish in random order; one that is
// done is durable. Crash() decides for each operation in flight, alone, whether it happened: a
// write may be lost, done, or done in some of its 512-byte sectors; a change of the folder is all
// or nothing.
//
// Lives on the executor; owned by the test, outlives the lane, stays the same over crashes.
// Breaking the contract of Disk (a write that is not aligned, that overlaps one in flight, past the
// end of its file, or whose bytes change before it is done) is a failed CHECK.
class SimDisk final : public storage::Disk {
 public:
  static constexpr size_t kSectorBytes = 512;

  SimDisk(SimDiskOptions options, SimExecutor& executor, uint64_t seed)
      : options_(options), executor_(executor), random_(seed) {}

  void List(UniqueFunction<void(Result<std::vector<FileInfo>>)> done) override;
  void Create(const std::string& name, uint64_t size, UniqueFunction<void(Status)> done) override;
  void Rename(const std::string& from, const std::string& to,
              UniqueFunction<void(Status)> done) override;
  void Remove(const std::string& name, UniqueFunction<void(Status)> done) override;
  void Write(const std::string& name, uint64_t offset, Slice data,
             UniqueFunction<void(Status)> done) override;
  void WriteFile(const std::string& name, Slice data, UniqueFunction<void(Status)> done) override;
  void Read(const std::string& name, uint64_t offset, size_t size,
            UniqueFunction<void(Result<Slice>)> done) override;
  uint64_t FreeBytes() override;

  SimDiskOptions& options() { return options_; }

  // The process and the machine stop: no callback of an operation in flight ever runs. The
  // executor's queue is the caller's to drop, before the objects that its callbacks refer to.
  void Crash();

  // A place in a file.
  struct Range {
    std::string name;
    uint64_t offset = 0;
    uint64_t size = 0;
  };
  // A write that was done when some moment without any write in flight came, after which others
  // began and were done, and are whole: whoever wrote those knew of this one. Bit rot there is
  // damage to acknowledged data that can be told from a crash. Nothing where there is no such
  // write.
  std::optional<Range> PickSettledWrite(Random& random) const;

  // What tests need to look at and to break; no virtual time passes.
  std::vector<std::string> FileNames() const;
  bool Exists(const std::string& name) const { return files_.contains(name); }
  std::string Contents(const std::string& name) const;
  void SetContents(const std::string& name, std::string bytes);
  // The write there counts as broken from now on.
  void FlipBit(const std::string& name, uint64_t offset, int bit);
  size_t writes_in_flight() const { return writes_in_flight_; }
  uint64_t writes_done() const { return writes_done_; }
  uint64_t used_bytes() const { return used_bytes_; }
  uint64_t folder_changes() const { return folder_changes_; }  // done

 private:
  enum class Kind { kList, kCreate, kRename, kRemove, kWrite, kWriteFile, kRead };
  struct Mark {
    uint64_t size = 0;
    uint64_t calm_begun = 0;  // how many calms there had been when it was submitted
    uint64_t calm_done = 0;   // and when it was done
  };
  struct File {
    std::string bytes;
    std::map<uint64_t, Mark> writes;  // by offset, done and whole
    void EraseMarks(uint64_t offset, uint64_t size);
  };
  struct Operation {
    Kind kind{};
    std::string name{};
    std::string to{};
    uint64_t offset = 0;
    uint64_t size = 0;
    uint64_t calm = 0;  // how many calms there had been when it was submitted
    Slice data{};
    uint32_t data_crc = 0;
    std::shared_ptr<File> file{};  // a write stays with its file when that is renamed
    UniqueFunction<void(Status)> done{};
    UniqueFunction<void(Result<Slice>)> read_done{};
    UniqueFunction<void(Result<std::vector<FileInfo>>)> list_done{};
  };

  void Submit(Operation operation);
  Duration Latency();
  void Complete(uint64_t id);
  void CompleteWrite(Operation& operation);
  void CompleteFolder(Operation& operation);
  void CompleteRead(Operation& operation);
  void CompleteList(Operation& operation);
  bool Fails(uint64_t one_in) { return one_in != 0 && random_.OneIn(one_in); }
  void CheckNoOverlap(const Operation& write) const;
  Status ApplyFolder(const Operation& operation);
  void ApplyWhole(const Operation& operation);
  void ApplySomeSectors(const Operation& operation);
  void ResolveWrite(const Operation& operation, uint64_t mood);
  void OverlayWritesInFlight(const std::shared_ptr<File>& file, uint64_t offset,
                             std::string* bytes);
  Status Replace(const std::string& name, std::string bytes);
  void Erase(const std::string& name);

  SimDiskOptions options_;
  SimExecutor& executor_;
  Random random_;
  std::map<std::string, std::shared_ptr<File>> files_;
  std::map<uint64_t, Operation> in_flight_;  // by the order of submission
  uint64_t last_operation_ = 0;
  size_t writes_in_flight_ = 0;
  uint64_t writes_done_ = 0;
  uint64_t folder_changes_ = 0;
  uint64_t used_bytes_ = 0;
  uint64_t calm_ = 0;  // moments without a write in flight so far
};

}  // namespace millrace::sim
