#include "tests/sim/extent_model.h"

#include <algorithm>

#include "tests/sim/record_source.h"

namespace millrace::sim {

using storage::Chunk;
using storage::ExtentInfo;
using storage::ReadResult;

std::string ExtentModel::Text(const std::string& what) const {
  return "extent " + std::to_string(id_.stream) + "/" + std::to_string(id_.shard) + "/" +
         std::to_string(id_.epoch) + ": " + what;
}

uint64_t ExtentModel::Submit(uint32_t count, uint32_t bytes_max, uint64_t lane_order) {
  ModelAppend append;
  append.number = appends_++;
  append.count = count;
  append.bytes_max = bytes_max;
  append.lane_order = lane_order;
  submitted_.push_back(append);
  return append.number;
}

Problem ExtentModel::Acknowledged(uint64_t append, const storage::AppendResult& result) {
  if (submitted_.empty() || submitted_.front().number != append) {
    return Text("append " + std::to_string(append) + " was acknowledged out of order");
  }
  ModelAppend& front = submitted_.front();
  if (result.first_index != end_index_) {
    return Text("acknowledged at index " + std::to_string(result.first_index) + ", expected " +
                std::to_string(end_index_));
  }
  if (result.arrival_ms < last_arrival_ms_) return Text("arrival times go back");
  if (front.arrival_known && front.arrival_ms != result.arrival_ms) {
    return Text("a reader saw another arrival time than the append got");
  }
  // Of an extent that is being dropped nobody is told any more.
  if (!drop_submitted() && listened_end_ < end_index_ + front.count) {
    return Text("acknowledged before the commit listener was told");
  }
  front.first_index = result.first_index;
  front.arrival_ms = result.arrival_ms;
  front.arrival_known = true;
  end_index_ += front.count;
  last_arrival_ms_ = result.arrival_ms;
  committed_.push_back(front);
  submitted_.pop_front();
  return std::nullopt;
}

void ExtentModel::Refused(uint64_t append) {
  std::erase_if(submitted_, [&](const ModelAppend& a) { return a.number == append; });
}

Problem ExtentModel::Sealed(uint64_t end) {
  --seals_under_way_;
  if (end != end_index_) {
    return Text("sealed at " + std::to_string(end) + ", but its end is " +
                std::to_string(end_index_));
  }
  sealed_ = true;
  return std::nullopt;
}

Problem ExtentModel::Trimmed(WallMs horizon_ms, const ExtentInfo& info) {
  auto it = std::partition_point(committed_.begin(), committed_.end(),
                                 [&](const ModelAppend& a) { return a.arrival_ms < horizon_ms; });
  uint64_t first = it == committed_.end() ? end_index_ : it->first_index;
  uint64_t expected = std::max(begin_index_, first);
  if (info.begin_index > expected && !MayBeLost(expected, info.begin_index)) {
    return Text("trimmed to " + std::to_string(info.begin_index) + ", past " +
                std::to_string(expected) + " that is not old enough");
  }
  // What is lost has no arrival time to be judged by.
  if (info.begin_index < expected && !damaged()) {
    return Text("begins at " + std::to_string(info.begin_index) + " after a trim to " +
                std::to_string(expected));
  }
  begin_index_ = info.begin_index;
  trimmed_index_ = std::max(trimmed_index_, begin_index_);
  return std::nullopt;
}

ModelAppend* ExtentModel::AppendAt(uint64_t index) {
  if (index < end_index_) {
    auto it = std::partition_point(committed_.begin(), committed_.end(), [&](const ModelAppend& a) {
      return a.first_index + a.count <= index;
    });
    return it == committed_.end() || it->first_index > index ? nullptr : &*it;
  }
  uint64_t next = end_index_;
  for (ModelAppend& append : submitted_) {
    append.first_index = next;
    next += append.count;
    if (index < next) return &append;
  }
  return nullptr;
}

bool ExtentModel::MayBeLost(uint64_t begin, uint64_t end) const {
  while (begin < end) {
    uint64_t covered = begin;
    for (const DamagedRange& range : damaged_) {
      if (range.begin <= begin && begin < range.end) covered = std::max(covered, range.end);
    }
    if (covered == begin) return false;
    begin = covered;
  }
  return true;
}

Problem ExtentModel::CheckChunk(const Chunk& chunk, WallMs* last_arrival_ms) {
  if (chunk.arrival_ms < *last_arrival_ms) return Text("arrival times of chunks go back");
  *last_arrival_ms = chunk.arrival_ms;
  storage::RecordReader reader(chunk.records);
  uint64_t index = chunk.first_index;
  const uint64_t end = chunk.first_index + chunk.count;
  while (auto record = reader.Next(false)) {
    if (index == end) return Text("a chunk holds more records than it says");
    ModelAppend* append = AppendAt(index);
    if (append == nullptr) return Text("record " + std::to_string(index) + " was never sent");
    if (append->arrival_known && append->arrival_ms != chunk.arrival_ms) {
      return Text("record " + std::to_string(index) + " has another arrival time than it got");
    }
    append->arrival_ms = chunk.arrival_ms;
    append->arrival_known = true;
    RecordName name{id_, append->number, static_cast<uint32_t>(index - append->first_index),
                    append->bytes_max};
    if (!RecordSource::Matches(name, *record)) {
      return Text("record " + std::to_string(index) + " has other bytes than were sent");
    }
    ++index;
  }
  if (reader.corrupt() || index != end) {
    return Text("the chunk at " + std::to_string(chunk.first_index) + " does not hold together");
  }
  seen_end_ = std::max(seen_end_, end);
  return std::nullopt;
}

Problem ExtentModel::Read(uint64_t from, const ReadResult& result) {
  uint64_t next = std::max(from, begin_index_);
  uint64_t skipped = 0;
  WallMs last_arrival = 0;
  bool first = true;
  for (const Chunk& chunk : result.chunks) {
    const uint64_t end = chunk.first_index + chunk.count;
    if (chunk.count == 0 || end <= next) return Text("a chunk that was not asked for");
    if (chunk.first_index < next && !first) return Text("chunks overlap");
    if (chunk.first_index > next) {
      if (!MayBeLost(next, chunk.first_index)) {
        return Text("records " + std::to_string(next) + " to " + std::to_string(chunk.first_index) +
                    " are missing");
      }
      skipped += chunk.first_index - next;
    }
    if (Problem problem = CheckChunk(chunk, &last_arrival)) return problem;
    next = end;
    first = false;
  }
  if (result.next_index > next) {
    // A seal that is not answered yet may have moved the end.
    if (!MayBeLost(next, result.next_index)) {
      return Text("reading from " + std::to_string(from) + " passes over records " +
                  std::to_string(next) + " to " + std::to_string(result.next_index));
    }
    skipped += result.next_index - next;
  }
  if (result.next_index < next && from <= end_index_) return Text("next_index goes back");
  if (result.chunks.empty() && next < end_index_ && result.next_index <= next) {
    return Text("nothing is read at " + std::to_string(next) + ", the end is " +
                std::to_string(end_index_));
  }
  if (skipped != result.skipped_lost) {
    return Text(std::to_string(skipped) + " records are missing but " +
                std::to_string(result.skipped_lost) + " are reported");
  }
  records_lost_ += skipped;
  if (result.end_of_extent && (!seal_submitted() || result.next_index < end_index_)) {
    return Text("an end that is none");
  }
  if (sealed_ && result.next_index == end_index_ && !result.end_of_extent) {
    return Text("the end of a sealed extent is not told");
  }
  return std::nullopt;
}

Problem ExtentModel::Committed(const Chunk& chunk) {
  if (chunk.first_index != listened_end_) {
    return Text("the commit listener got " + std::to_string(chunk.first_index) + " after " +
                std::to_string(listened_end_));
  }
  listened_end_ = chunk.first_index + chunk.count;
  WallMs last_arrival = last_arrival_ms_;
  return CheckChunk(chunk, &last_arrival);
}

Problem ExtentModel::IndexAtTime(WallMs ms, uint64_t index) const {
  if (damaged()) return std::nullopt;
  auto it = std::partition_point(committed_.begin(), committed_.end(),
                                 [&](const ModelAppend& a) { return a.arrival_ms < ms; });
  uint64_t first = it == committed_.end() ? end_index_ : it->first_index;
  uint64_t expected = std::max(first, begin_index_);
  if (index == expected) return std::nullopt;
  return Text("time " + std::to_string(ms) + " is at " + std::to_string(index) + ", expected " +
              std::to_string(expected));
}

Problem ExtentModel::ResolveUnanswered(uint64_t recovered_end, Unanswered* orders) {
  while (!submitted_.empty() && end_index_ < recovered_end) {
    ModelAppend& append = submitted_.front();
    if (end_index_ + append.count > recovered_end) {
      return Text("a part of an append survived: the end is " + std::to_string(recovered_end));
    }
    append.first_index = end_index_;
    end_index_ += append.count;
    orders->there.push_back(append.lane_order);
    committed_.push_back(append);
    submitted_.pop_front();
  }
  if (end_index_ < recovered_end) return Text("more records than were sent");
  for (const ModelAppend& append : submitted_) orders->gone.push_back(append.lane_order);
  submitted_.clear();
  return std::nullopt;
}

Problem ExtentModel::Recovered(const std::optional<ExtentInfo>& info, Unanswered* orders) {
  if (!info.has_value()) {
    if (opened_ && !drop_submitted() && !control_damaged_) return Text("is gone");
    dropped_ = true;
    return std::nullopt;
  }
  if (dropped_ && !control_damaged_) return Text("was dropped and is back");
  drops_under_way_ = 0;
  dropped_ = false;
  opened_ = true;
  const uint64_t least = std::max(end_index_, seen_end_);
  if (info->end_index < least) {
    if (!MayBeLost(info->end_index, end_index_)) {
      return Text("ends at " + std::to_string(info->end_index) + ", but up to " +
                  std::to_string(least) + " was acknowledged or read");
    }
    indexes_reused_ += end_index_ - info->end_index;
    while (!committed_.empty() && committed_.back().first_index >= info->end_index) {
      committed_.pop_back();
    }
    end_index_ = info->end_index;
    submitted_.clear();
  }
  if (Problem problem = ResolveUnanswered(info->end_index, orders)) return problem;
  if (sealed_ && !info->sealed && !control_damaged_) return Text("was sealed and is open");
  if (info->sealed && !seal_submitted()) return Text("is sealed, but nobody did");
  sealed_ = info->sealed;
  seals_under_way_ = 0;
  if (info->encrypted != encrypted_ && !control_damaged_) return Text("changed its encryption");
  if (info->begin_index > trimmed_index_ && !damaged()) {
    return Text("begins at " + std::to_string(info->begin_index) + ", but was trimmed to " +
                std::to_string(trimmed_index_) + " at most");
  }
  begin_index_ = info->begin_index;
  seen_end_ = std::max(end_index_, begin_index_);
  listened_end_ = end_index_;
  return std::nullopt;
}

}  // namespace millrace::sim
