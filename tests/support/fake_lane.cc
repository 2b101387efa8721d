#include "tests/support/fake_lane.h"

#include <algorithm>

namespace millrace::testing {

using storage::Append;
using storage::AppendResult;
using storage::Chunk;
using storage::ExtentId;
using storage::ExtentInfo;
using storage::ReadResult;

void FakeLane::OpenExtent(ExtentId id, bool encrypted, UniqueFunction<void(Status)> done) {
  if (!failure_.ok()) return done(failure_);
  const auto [it, made] = extents_.try_emplace(id);
  if (made) {
    it->second.info.id = id;
    it->second.info.encrypted = encrypted;
  }
  executor_.Post([done = std::move(done)]() mutable { done(OkStatus()); });
}

void FakeLane::Seal(ExtentId id, UniqueFunction<void(Result<uint64_t>)> done) {
  if (!failure_.ok()) return done(failure_);
  const auto it = extents_.find(id);
  if (it == extents_.end()) return done(NotFound("no such extent"));
  it->second.info.sealed = true;
  executor_.Post(
      [this, id, done = std::move(done)]() mutable { done(extents_.at(id).info.end_index); });
}

void FakeLane::Drop(ExtentId id, UniqueFunction<void(Status)> done) {
  if (!failure_.ok()) return done(failure_);
  extents_.erase(id);
  done(OkStatus());
}

void FakeLane::Trim(ExtentId id, WallMs horizon_ms) {
  const auto it = extents_.find(id);
  if (it == extents_.end()) return;
  auto& chunks = it->second.chunks;
  while (!chunks.empty() && chunks.front().arrival_ms < horizon_ms) {
    it->second.info.begin_index = chunks.front().first_index + chunks.front().count;
    chunks.erase(chunks.begin());
  }
}

void FakeLane::AppendRecords(Append append, UniqueFunction<void(Result<AppendResult>)> done) {
  const auto it = extents_.find(append.extent);
  Status refusal = !failure_.ok() ? failure_ : append_failure_;
  if (refusal.ok() && it == extents_.end()) refusal = NotFound("no such extent");
  if (refusal.ok() && it->second.info.sealed) refusal = Status(Code::kResourceInUse, "sealed");
  if (!refusal.ok()) {
    return executor_.Post([refusal, done = std::move(done)]() mutable { done(refusal); });
  }
  uint64_t& accepted = accepted_[append.extent];
  Chunk chunk{accepted, append.count, std::max(clock_.WallNow(), it->second.info.last_arrival_ms),
              std::move(append.records)};
  accepted += append.count;
  it->second.info.last_arrival_ms = chunk.arrival_ms;
  executor_.Post(
      [this, id = append.extent, chunk = std::move(chunk), done = std::move(done)]() mutable {
        const AppendResult result{chunk.first_index, chunk.arrival_ms};
        Commit(id, std::move(chunk));
        done(result);
      });
}

void FakeLane::Commit(ExtentId id, Chunk chunk) {
  const auto it = extents_.find(id);
  if (it == extents_.end()) return;
  ExtentInfo& info = it->second.info;
  if (info.end_index == 0) info.first_arrival_ms = chunk.arrival_ms;
  info.end_index = chunk.first_index + chunk.count;
  info.bytes += chunk.records.size();
  it->second.chunks.push_back(chunk);
  if (on_commit_) on_commit_(id, chunk);
}

void FakeLane::Read(ExtentId id, uint64_t from_index, size_t bytes_max,
                    UniqueFunction<void(Result<ReadResult>)> done) {
  ++reads_;
  if (!read_slowly_) return done(ReadNow(id, from_index, bytes_max));
  executor_.Post([this, id, from_index, bytes_max, done = std::move(done)]() mutable {
    done(ReadNow(id, from_index, bytes_max));
  });
}

Result<ReadResult> FakeLane::ReadNow(ExtentId id, uint64_t from_index, size_t bytes_max) const {
  const auto it = extents_.find(id);
  if (it == extents_.end()) return NotFound("no such extent");
  ReadResult result;
  result.next_index = std::max(from_index, it->second.info.begin_index);
  size_t bytes = 0;
  for (const Chunk& chunk : it->second.chunks) {
    if (chunk.first_index + chunk.count <= result.next_index) continue;
    if (!result.chunks.empty() && bytes + chunk.records.size() > bytes_max) break;
    bytes += chunk.records.size();
    result.chunks.push_back(chunk);
    result.next_index = chunk.first_index + chunk.count;
  }
  result.end_of_extent = it->second.info.sealed && result.next_index >= it->second.info.end_index;
  return result;
}

Result<uint64_t> FakeLane::IndexAtTime(ExtentId id, WallMs ms) const {
  const auto it = extents_.find(id);
  if (it == extents_.end()) return NotFound("no such extent");
  for (const Chunk& chunk : it->second.chunks) {
    if (chunk.arrival_ms < ms) continue;
    return find_times_early_ ? it->second.info.begin_index : chunk.first_index;
  }
  return it->second.info.end_index;
}

std::optional<ExtentInfo> FakeLane::Info(ExtentId id) const {
  const auto it = extents_.find(id);
  return it == extents_.end() ? std::nullopt : std::optional(it->second.info);
}

std::vector<ExtentInfo> FakeLane::Extents() const {
  std::vector<ExtentInfo> out;
  for (const auto& [id, extent] : extents_) out.push_back(extent.info);
  return out;
}

FakeLog::FakeLog(IoThreads& io, const Clock& clock) : io_(io) {
  for (size_t i = 0; i < io.size(); ++i)
    lanes_.push_back(std::make_unique<FakeLane>(io.at(i), clock));
}

}  // namespace millrace::testing
