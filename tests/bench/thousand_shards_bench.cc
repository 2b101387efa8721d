// One append on each of 1,000 shards until all are durable: through one lane, and as a log of a
// file a shard would do it, a write and an fdatasync each. Both in turn, ROUNDS times; prints JSON.
//   thousand_shards_bench [FOLDER] [ROUNDS]
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <future>
#include <string>
#include <vector>

#include "common/async/io_threads.h"
#include "dataplane/disk/aio_disk.h"
#include "dataplane/format/record_format.h"
#include "dataplane/storage/lane.h"

namespace millrace::storage {
namespace {

constexpr uint32_t kShards = 1000;
constexpr size_t kRecordBytes = 1024;
// Both are measured as they run for good: the lane past its first segment, which was not written
// before as recycled ones were, the files with their space written.
constexpr int kWarmRounds = 80;

void Fail(const std::string& what) {
  std::fprintf(stderr, "thousand_shards_bench: %s\n", what.c_str());
  std::exit(1);
}

double MillisecondsSince(std::chrono::steady_clock::time_point begun) {
  return std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - begun)
      .count();
}

double Median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

// A file a shard, open, its space there already: only the writes and flushes are timed.
class FilePerShard {
 public:
  explicit FilePerShard(const std::string& folder) {
    const std::string space(256 << 10, '\0');
    for (uint32_t i = 0; i < kShards; ++i) {
      const std::string path = folder + "/shard-" + std::to_string(i);
      const int file = ::open(path.c_str(), O_CREAT | O_RDWR | O_CLOEXEC, 0600);
      if (file < 0) Fail("cannot open " + path);
      if (::write(file, space.data(), space.size()) < 0) Fail("cannot write " + path);
      files_.push_back(file);
    }
    ::sync();
  }
  ~FilePerShard() {
    for (int file : files_) ::close(file);
  }
  FilePerShard(const FilePerShard&) = delete;
  FilePerShard& operator=(const FilePerShard&) = delete;

  double RoundMs() {
    const std::string record(kRecordBytes, 'd');
    const auto begun = std::chrono::steady_clock::now();
    for (int file : files_) {
      if (::pwrite(file, record.data(), record.size(), at_) < 0 || ::fdatasync(file) != 0) {
        Fail("a write failed");
      }
    }
    at_ += static_cast<off_t>(record.size());
    return MillisecondsSince(begun);
  }

 private:
  std::vector<int> files_;
  off_t at_ = 0;
};

// One lane with an extent a shard.
class OneLane {
 public:
  explicit OneLane(const std::string& folder) {
    On([&] {
      Result<std::unique_ptr<Disk>> disk = OpenDisk(folder, io_.at(0));
      if (!disk.ok()) Fail(disk.status().ToString());
      disk_ = std::move(disk).value();
    });
    Wait([&](auto done) {
      Lane::Recover(LaneOptions{}, *disk_, SystemClock(), io_.at(0),
                    [this, done](Result<std::unique_ptr<Lane>> lane) {
                      if (!lane.ok()) Fail(lane.status().ToString());
                      lane_ = std::move(lane).value();
                      done();
                    });
    });
    ForEveryShard([this](uint32_t i, auto done) {
      lane_->OpenExtent({1, i, 1}, false, [done](const Status& status) {
        if (!status.ok()) Fail(status.ToString());
        done();
      });
    });
  }
  ~OneLane() {
    Wait([this](auto done) { lane_->Close(done); });
    On([this] {
      lane_.reset();
      disk_.reset();
    });
  }
  OneLane(const OneLane&) = delete;
  OneLane& operator=(const OneLane&) = delete;

  double RoundMs() {
    const std::string data(kRecordBytes, 'd');
    const auto begun = std::chrono::steady_clock::now();
    ForEveryShard([&](uint32_t i, auto done) {
      RecordBatch batch(EncodedRecordSize(1, data.size()));
      batch.Add("k", data);
      lane_->AppendRecords({{1, i, 1}, batch.Take(), 1},
                           [done](const Result<AppendResult>& result) {
                             if (!result.ok()) Fail(result.status().ToString());
                             done();
                           });
    });
    return MillisecondsSince(begun);
  }

 private:
  template <typename Fn>
  void On(Fn fn) {
    Wait([&](auto done) {
      fn();
      done();
    });
  }
  // Runs `start(done)` on the lane's executor and waits for `done`.
  template <typename Start>
  void Wait(Start start) {
    std::promise<void> over;
    io_.at(0).Post([&] { start([&over] { over.set_value(); }); });
    over.get_future().get();
  }
  template <typename Start>
  void ForEveryShard(Start start) {
    uint32_t left = kShards;
    Wait([&](auto over) {
      for (uint32_t i = 0; i < kShards; ++i) {
        start(i, [&left, over] {
          if (--left == 0) over();
        });
      }
    });
  }

  IoThreads io_{1, "lane"};
  std::unique_ptr<Disk> disk_;
  std::unique_ptr<Lane> lane_;
};

int Run(const std::string& folder, int rounds) {
  std::filesystem::remove_all(folder);
  std::filesystem::create_directories(folder + "/lane");
  std::filesystem::create_directories(folder + "/files");
  {
    OneLane lane(folder + "/lane");
    FilePerShard files(folder + "/files");
    for (int i = 0; i < kWarmRounds; ++i) lane.RoundMs();
    std::vector<double> ours;
    std::vector<double> theirs;
    for (int i = 0; i < rounds; ++i) {
      ours.push_back(lane.RoundMs());
      theirs.push_back(files.RoundMs());
    }
    std::printf("{\"laneMs\": %.3f, \"filesMs\": %.3f, \"ratio\": %.1f, \"rounds\": %d}\n",
                Median(ours), Median(theirs), Median(theirs) / Median(ours), rounds);
  }
  std::filesystem::remove_all(folder);
  return 0;
}

}  // namespace
}  // namespace millrace::storage

int main(int argc, char** argv) {
  const std::string folder = argc > 1 ? argv[1] : "thousand_shards_bench.data";
  return millrace::storage::Run(folder, argc > 2 ? std::atoi(argv[2]) : 15);
}
