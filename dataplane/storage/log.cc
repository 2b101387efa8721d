#include "dataplane/storage/log.h"

#include <algorithm>
#include <charconv>
#include <cstdio>
#include <filesystem>
#include <latch>
#include <unordered_map>

#include "common/base/check.h"
#include "common/log/log.h"
#include "dataplane/disk/aio_disk.h"
#include "dataplane/disk/folder_lock.h"

namespace millrace::storage {
namespace {

constexpr std::string_view kLanePrefix = "lane-";
constexpr size_t kLanesMax = 1000;
// That a volume has room for, at least, unless that makes segments smaller than they may be.
constexpr uint64_t kSegmentsALane = 8;

std::string LaneFolder(const std::string& folder, size_t lane) {
  char name[16];
  std::snprintf(name, sizeof name, "lane-%03zu", lane);
  return folder + "/" + name;
}

// One more than the highest lane there is a folder for.
Result<size_t> LanesOnDisk(const std::string& folder) {
  size_t lanes = 0;
  std::error_code error;
  for (std::filesystem::directory_iterator it(folder, error), end; !error && it != end;
       it.increment(error)) {
    const std::string name = it->path().filename();
    if (!name.starts_with(kLanePrefix)) continue;
    size_t number = 0;
    const char* begin = name.data() + kLanePrefix.size();
    auto [stop, bad] = std::from_chars(begin, name.data() + name.size(), number);
    if (bad == std::errc() && stop == name.data() + name.size() && number < kLanesMax) {
      lanes = std::max(lanes, number + 1);
    }
  }
  if (error) return ErrnoStatus(error.value(), "list " + folder);
  return lanes;
}

struct ShardKey {
  uint64_t stream = 0;
  uint32_t shard = 0;
  bool operator==(const ShardKey&) const = default;
};
struct ShardKeyHash {
  size_t operator()(const ShardKey& key) const {
    return ExtentIdHash()({key.stream, key.shard, 0}) * 0xff51afd7ed558ccdULL >> 20;
  }
};

class LogImpl final : public Log {
 public:
  LogImpl(LogOptions options, IoThreads& io, Clock& clock, size_t lanes, size_t lanes_for_new)
      : options_(std::move(options)), io_(io), clock_(clock), lanes_(lanes), new_(lanes_for_new) {}
  ~LogImpl() override { Close(); }

  Status Start(std::unique_ptr<FolderLock> lock);

  size_t lane_count() const override { return lanes_.size(); }
  Lane& lane(size_t i) override { return *lanes_[i].lane; }
  IoExecutor& lane_executor(size_t i) override { return io_.at(i % io_.size()); }
  size_t LaneOf(uint64_t stream, uint32_t shard) const override;
  void Close() override;

 private:
  // Touched on the lane's executor, but for Start's and Close's own waiting.
  struct PerLane {
    std::unique_ptr<Disk> disk;
    std::unique_ptr<Lane> lane;
    Status failure;
    std::vector<ExtentInfo> found;
  };

  void Recover(size_t i, std::latch& done);
  void Recovered(size_t i, Result<std::unique_ptr<Lane>> lane);
  void CloseLane(size_t i, std::latch& done);
  void Discard(size_t i, std::latch& done);
  void RememberPlaces();

  const LogOptions options_;
  IoThreads& io_;
  Clock& clock_;
  std::vector<PerLane> lanes_;
  const size_t new_;  // shards that have no extent yet go to the first so many lanes
  std::unordered_map<ShardKey, size_t, ShardKeyHash> places_;  // constant after Start
  std::unique_ptr<FolderLock> lock_;
  bool closed_ = false;
};

Status LogImpl::Start(std::unique_ptr<FolderLock> lock) {
  lock_ = std::move(lock);
  std::latch done(static_cast<std::ptrdiff_t>(lanes_.size()));
  for (size_t i = 0; i < lanes_.size(); ++i) {
    lane_executor(i).Post([this, i, &done] { Recover(i, done); });
  }
  done.wait();
  Status failure;
  for (size_t i = 0; i < lanes_.size(); ++i) {
    if (lanes_[i].failure.ok()) continue;
    failure = lanes_[i].failure.WithContext("recovering " + LaneFolder(options_.folder, i));
    log::Error("a lane cannot be recovered", {{"lane", i}, {"reason", failure.message()}});
  }
  RETURN_IF_ERROR(failure);
  RememberPlaces();
  return OkStatus();
}

void LogImpl::Recover(size_t i, std::latch& done) {
  auto disk = OpenDisk(LaneFolder(options_.folder, i), lane_executor(i));
  if (!disk.ok()) {
    lanes_[i].failure = disk.status();
    return done.count_down();
  }
  lanes_[i].disk = std::move(*disk);
  Lane::Recover(options_.lane, *lanes_[i].disk, clock_, lane_executor(i),
                [this, i, &done](Result<std::unique_ptr<Lane>> lane) {
                  Recovered(i, std::move(lane));
                  done.count_down();
                });
}

void LogImpl::Recovered(size_t i, Result<std::unique_ptr<Lane>> lane) {
  if (!lane.ok()) {
    lanes_[i].failure = lane.status();
    return;
  }
  lanes_[i].lane = std::move(*lane);
  lanes_[i].found = lanes_[i].lane->Extents();
}

// A shard's extents are all in one lane, unless someone moved folders about: then the newest
// decides where it goes on.
void LogImpl::RememberPlaces() {
  std::unordered_map<ShardKey, uint64_t, ShardKeyHash> newest;
  for (size_t i = 0; i < lanes_.size(); ++i) {
    for (const ExtentInfo& extent : lanes_[i].found) {
      const ShardKey key{extent.id.stream, extent.id.shard};
      auto [place, made] = places_.try_emplace(key, i);
      uint64_t& epoch = newest[key];
      if (!made && place->second != i) {
        log::Warning("extents of one shard are in two lanes", {{"stream", extent.id.stream},
                                                               {"shard", extent.id.shard},
                                                               {"lane", place->second},
                                                               {"other_lane", i}});
        if (extent.id.epoch > epoch) place->second = i;
      }
      epoch = std::max(epoch, extent.id.epoch);
    }
    lanes_[i].found = {};
  }
}

size_t LogImpl::LaneOf(uint64_t stream, uint32_t shard) const {
  const ShardKey key{stream, shard};
  auto it = places_.find(key);
  return it != places_.end() ? it->second : ShardKeyHash()(key) % new_;
}

void LogImpl::Close() {
  if (std::exchange(closed_, true)) return;
  std::latch done(static_cast<std::ptrdiff_t>(lanes_.size()));
  for (size_t i = 0; i < lanes_.size(); ++i) {
    lane_executor(i).Post([this, i, &done] { CloseLane(i, done); });
  }
  done.wait();
  lock_.reset();
}

void LogImpl::CloseLane(size_t i, std::latch& done) {
  if (lanes_[i].lane == nullptr) return Discard(i, done);
  lanes_[i].lane->Close([this, i, &done] {
    // Posted, so that the lane is not destroyed from within.
    lane_executor(i).Post([this, i, &done] { Discard(i, done); });
  });
}

void LogImpl::Discard(size_t i, std::latch& done) {
  lanes_[i].lane.reset();
  lanes_[i].disk.reset();
  done.count_down();
}

}  // namespace

uint64_t SegmentBytesFor(uint64_t volume_bytes, size_t lanes, const LaneOptions& lane) {
  const uint64_t share = volume_bytes / (lanes * kSegmentsALane) / kMiB * kMiB;
  return std::min(lane.segment_bytes, std::max(lane.segment_bytes_min, share));
}

Result<std::unique_ptr<Log>> Log::Open(LogOptions options, IoThreads& io, Clock& clock) {
  for (size_t i = 0; i < io.size(); ++i) CHECK(!io.at(i).OnThisExecutor());
  std::error_code error;
  std::filesystem::create_directories(options.folder, error);
  if (error) return ErrnoStatus(error.value(), "make folder " + options.folder);
  ASSIGN_OR_RETURN(auto lock, FolderLock::Acquire(options.folder));
  ASSIGN_OR_RETURN(size_t on_disk, LanesOnDisk(options.folder));
  const size_t wanted = options.lanes != 0 ? options.lanes : io.size();
  if (wanted > kLanesMax) {
    return InvalidArgument("a log has at most " + std::to_string(kLanesMax) + " lanes");
  }
  const size_t lanes = std::max(wanted, on_disk);
  const std::filesystem::space_info volume = std::filesystem::space(options.folder, error);
  if (error) return ErrnoStatus(error.value(), "look at the volume of " + options.folder);
  options.lane.segment_bytes = SegmentBytesFor(volume.capacity, lanes, options.lane);
  auto log = std::make_unique<LogImpl>(std::move(options), io, clock, lanes, wanted);
  RETURN_IF_ERROR(log->Start(std::move(lock)));
  return std::unique_ptr<Log>(std::move(log));
}

}  // namespace millrace::storage
