// Durable appends through one lane on this machine's disk: what a write costs, by size and by the
// number of extents. Prints a table; compare with performance.md 2.1.
//   lane_bench [FOLDER] [SECONDS]
#include <sys/resource.h>

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

using Seconds = std::chrono::duration<double>;

double CpuSeconds() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  auto s = [](const timeval& t) {
    return static_cast<double>(t.tv_sec) + 1e-6 * static_cast<double>(t.tv_usec);
  };
  return s(usage.ru_utime) + s(usage.ru_stime);
}

struct Case {
  const char* name;
  size_t record_bytes;
  size_t records_per_append;
  size_t outstanding;
  uint32_t extents;
  bool encrypted;
};

class PlainKeys final : public KeyWrapper {
 public:
  Result<std::string> Wrap(std::string_view key) const override { return std::string(key); }
  Result<std::string> Unwrap(std::string_view key) const override { return std::string(key); }
};

// Keeps `outstanding` appends waiting for as long as it runs. On the lane's executor.
class Load {
 public:
  Load(Lane& lane, const Case& c, double seconds, std::promise<void>& over)
      : lane_(lane), case_(c), seconds_(seconds), over_(over) {
    data_.assign(c.record_bytes, 'd');
    RecordBatch batch = Encode();
    bytes_ = batch.encoded_bytes();
    // What it costs to make an append is not the lane's.
    auto calls = static_cast<size_t>(2e8 / static_cast<double>(bytes_ + 100));
    double cpu = CpuSeconds();
    for (size_t i = 0; i < calls; ++i) Encode().Take();
    encode_cpu_ = (CpuSeconds() - cpu) / static_cast<double>(calls);
    latencies_.reserve(1 << 20);
  }

  void Start() {
    started_ = Clock();
    cpu_ = CpuSeconds();
    writes_ = lane_.stats().durable_writes;
    for (size_t i = 0; i < case_.outstanding; ++i) AppendOne();
  }

  void Print() {
    double elapsed = Seconds(ended_ - started_).count();
    auto appends = static_cast<double>(latencies_.size());
    double cpu = cpu_end_ - cpu_ - appends * encode_cpu_;
    double bytes = appends * static_cast<double>(bytes_);
    std::sort(latencies_.begin(), latencies_.end());
    auto at = [&](double q) {
      return latencies_.empty() ? 0.0 : latencies_[static_cast<size_t>(q * (appends - 1))];
    };
    auto writes = static_cast<double>(lane_.stats().durable_writes - writes_);
    std::printf("%-28s %9.0f %8.0f %8.1f %9.2f %9.1f %9.0f %9.0f\n", case_.name, appends / elapsed,
                writes / elapsed, bytes / elapsed / 1e6, 1e6 * cpu / appends, bytes / cpu / 1e6,
                1e6 * at(0.5), 1e6 * at(0.99));
    std::fflush(stdout);
  }

 private:
  static std::chrono::steady_clock::time_point Clock() { return std::chrono::steady_clock::now(); }

  RecordBatch Encode() const {
    RecordBatch batch(case_.records_per_append * EncodedRecordSize(13, data_.size()));
    for (size_t i = 0; i < case_.records_per_append; ++i) batch.Add("partition-key", data_);
    return batch;
  }

  void AppendOne() {
    ++waiting_;
    ExtentId id{1, next_++ % case_.extents, 1 + (case_.encrypted ? 1U : 0U)};
    auto begun = Clock();
    RecordBatch batch = Encode();
    uint32_t count = batch.count();
    lane_.AppendRecords({id, batch.Take(), count},
                        [this, begun, id](const Result<AppendResult>& result) {
                          if (!result.ok()) {
                            std::printf("append failed: %s\n", result.status().ToString().c_str());
                            std::exit(1);
                          }
                          auto now = Clock();
                          latencies_.push_back(Seconds(now - begun).count());
                          // Old data goes, so that segments are recycled as in a log that has
                          // reached its size.
                          if (latencies_.size() % 256 == 0) {
                            for (uint32_t i = 0; i < case_.extents; ++i) {
                              lane_.Trim({1, i, id.epoch}, SystemClock().WallNow() - 200);
                            }
                          }
                          --waiting_;
                          if (Seconds(now - started_).count() < seconds_) {
                            AppendOne();
                          } else if (waiting_ == 0) {
                            ended_ = now;
                            cpu_end_ = CpuSeconds();
                            over_.set_value();
                          }
                        });
  }

  Lane& lane_;
  const Case& case_;
  const double seconds_;
  std::promise<void>& over_;
  std::string data_;
  size_t bytes_ = 0;
  double encode_cpu_ = 0;
  uint32_t next_ = 0;
  size_t waiting_ = 0;
  std::vector<double> latencies_;
  std::chrono::steady_clock::time_point started_;
  std::chrono::steady_clock::time_point ended_;
  double cpu_ = 0;
  double cpu_end_ = 0;
  uint64_t writes_ = 0;
};

const Case kCases[] = {
    {"512 KiB, 1 extent, 4 out", 1024, 500, 4, 1, false},
    {"512 KiB, 1 extent, 16 out", 1024, 500, 16, 1, false},
    {"512 KiB, 1000 extents, 16", 1024, 500, 16, 1000, false},
    {"512 KiB encrypted, 16 out", 1024, 500, 16, 1, true},
    {"1 KiB, 1 extent, 1 out", 1024, 1, 1, 1, false},
    {"1 KiB, 1 extent, 64 out", 1024, 1, 64, 1, false},
    {"1 KiB, 1000 extents, 64 out", 1024, 1, 64, 1000, false},
    {"1 KiB, 1000 extents, 1000", 1024, 1, 1000, 1000, false},
};

class Bench {
 public:
  Bench(std::string folder, double seconds) : folder_(std::move(folder)), seconds_(seconds) {}

  int Run(const char* only) {
    std::filesystem::remove_all(folder_);
    std::filesystem::create_directories(folder_);
    On([this] {
      auto disk = OpenDisk(folder_, io_.at(0));
      if (!disk.ok()) std::exit(1);
      disk_ = std::move(disk).value();
    });
    std::promise<void> open;
    On([&] {
      LaneOptions options;
      options.keys = &keys_;
      Lane::Recover(options, *disk_, SystemClock(), io_.at(0),
                    [&](Result<std::unique_ptr<Lane>> lane) {
                      if (!lane.ok()) std::exit(1);
                      lane_ = std::move(lane).value();
                      open.set_value();
                    });
    });
    open.get_future().get();
    OpenExtents();
    std::printf("%-28s %9s %8s %8s %9s %9s %9s %9s\n", "case", "appends/s", "writes/s", "MB/s",
                "cpu us/op", "MB/cpu s", "p50 us", "p99 us");
    for (const Case& c : kCases) {
      if (only != nullptr && std::string(c.name).find(only) == std::string::npos) continue;
      RunCase(c);
    }
    Close();
    return 0;
  }

 private:
  template <typename F>
  void On(F fn) {
    std::promise<void> done;
    io_.at(0).Post([&] {
      fn();
      done.set_value();
    });
    done.get_future().get();
  }

  void OpenExtents() {
    std::promise<void> opened;
    int left = 1001;
    On([&] {
      auto done = [&](const Status& status) {
        if (!status.ok()) std::exit(1);
        if (--left == 0) opened.set_value();
      };
      for (uint32_t i = 0; i < 1000; ++i) lane_->OpenExtent({1, i, 1}, false, done);
      lane_->OpenExtent({1, 0, 2}, true, done);
    });
    opened.get_future().get();
  }

  void RunCase(const Case& c) {
    std::promise<void> over;
    std::unique_ptr<Load> load;
    On([&] {
      load = std::make_unique<Load>(*lane_, c, seconds_, over);
      load->Start();
    });
    over.get_future().get();
    On([&] {
      load->Print();
      // Old data goes, so that segments are recycled as they would be.
      for (const ExtentInfo& info : lane_->Extents()) {
        lane_->Trim(info.id, SystemClock().WallNow());
      }
    });
    std::this_thread::sleep_for(std::chrono::milliseconds(300));
  }

  void Close() {
    std::promise<void> closed;
    On([&] { lane_->Close([&] { closed.set_value(); }); });
    closed.get_future().get();
    On([&] {
      lane_.reset();
      disk_.reset();
    });
    std::filesystem::remove_all(folder_);
  }

  const std::string folder_;
  const double seconds_;
  PlainKeys keys_;
  IoThreads io_{1, "lane"};
  std::unique_ptr<Disk> disk_;
  std::unique_ptr<Lane> lane_;
};

}  // namespace
}  // namespace millrace::storage

int main(int argc, char** argv) {
  std::string folder = argc > 1 ? argv[1] : "lane_bench.data";
  double seconds = argc > 2 ? std::atof(argv[2]) : 2;
  return millrace::storage::Bench(folder, seconds).Run(argc > 3 ? argv[3] : nullptr);
}
