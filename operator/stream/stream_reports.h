#pragma once

#include <cstdint>
#include <map>
#include <memory_resource>
#include <optional>
#include <set>
#include <string>
#include <unordered_map>

#include "operator/stream/stream_plan.h"

namespace millrace::op {

// What one shard process has said of each stream, in little room: nearly all of them have nothing
// to say but the version of their map, which takes some 40 bytes instead of 250. Owned by who
// follows the process, under its lock.
class StreamReports {
 public:
  // The volume that the process is on, and that what it says from now on is about. What it has said
  // before stays what it was.
  void SetVolume(const std::string& volume);
  std::optional<ObservedStream> Find(uint64_t uid) const;
  // Whether it is news.
  bool Keep(uint64_t uid, ObservedStream stream);
  void Forget(uint64_t uid);
  void ForgetAllBut(const std::set<uint64_t>& uids);

 private:
  static constexpr size_t kBlocksOfAChunk = 512;  // a pool's room grows by no more
  // Apart from the reports that it was read from, which are much larger.
  std::pmr::unsynchronized_pool_resource memory_{
      {.max_blocks_per_chunk = kBlocksOfAChunk, .largest_required_pool_block = 0}};
  // A stream stands in one of these.
  std::pmr::unordered_map<uint64_t, uint64_t> versions_{&memory_};  // of `volume_`
  std::map<uint64_t, ObservedStream> others_;
  std::string volume_;
};

}  // namespace millrace::op
