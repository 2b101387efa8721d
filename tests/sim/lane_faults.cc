#include <algorithm>

#include "dataplane/format/block_format.h"
#include "dataplane/format/segment_index.h"
#include "tests/sim/lane_world.h"

namespace millrace::sim {

namespace {

constexpr uint64_t kRotOneIn = 300;
constexpr uint64_t kRotMax = 12;  // of one run
// Small records fill a block each and leave little of it live: only the cleaner gets that room
// back.
constexpr uint64_t kLiveFractionDivisor = 8;
constexpr auto kDiskChangesMean = std::chrono::seconds(2);

}  // namespace

void LaneWorld::MaybeFault() {
  if (settings_.faults.full_disk && clock_.Now() >= disk_changes_at_) {
    if (disk_full_) {
      FreeDisk();
    } else {
      FillDisk();
    }
  }
  if (settings_.faults.rot && random_.OneIn(kRotOneIn)) Rot();
}

// Somebody else's files take the volume up, but for a little.
void LaneWorld::FillDisk() {
  ++report_.full;
  disk_full_ = true;
  disk_.options().capacity_bytes =
      disk_.used_bytes() + random_.Below(3 * settings_.lane.segment_bytes);
  disk_changes_at_ = clock_.Now() + Around(kDiskChangesMean);
}

void LaneWorld::FreeDisk() {
  disk_full_ = false;
  disk_.options().capacity_bytes = settings_.disk.capacity_bytes;
  space_since_ = clock_.Now();
  disk_changes_at_ = clock_.Now() + 4 * Around(kDiskChangesMean);
}

// A log that may have only so many bytes makes room by itself once most of what it holds is trimmed
// or dropped, whatever it was through before.
MonoTime LaneWorld::RoomSince() {
  const uint64_t bytes_max = std::min(settings_.lane.bytes_max, settings_.disk.capacity_bytes);
  if (disk_full_ || lane_->stats().live_bytes > bytes_max / kLiveFractionDivisor) {
    space_since_ = clock_.Now();
  }
  return space_since_;
}

void LaneWorld::Rot() {
  if (report_.rotten >= kRotMax) return;
  if (random_.OneIn(3)) {
    RotIndex();
  } else {
    RotBlock();
  }
}

// The index of a segment can always be made again from the segment: nothing may be lost.
void LaneWorld::RotIndex() {
  std::vector<std::string> names;
  for (const std::string& name : disk_.FileNames()) {
    if (storage::ParseFileName(name).kind == storage::FileKind::kIndex) names.push_back(name);
  }
  if (names.empty()) return;
  const std::string& name = names[random_.Below(names.size())];
  const std::string bytes = disk_.Contents(name);
  if (bytes.empty()) return;
  ++report_.rotten;
  disk_.FlipBit(name, random_.Below(bytes.size()), static_cast<int>(random_.Below(8)));
}

void LaneWorld::RotBlock() {
  auto range = disk_.PickSettledWrite(random_);
  if (!range.has_value()) return;
  const std::string bytes = disk_.Contents(range->name).substr(range->offset, range->size);
  DamageModels(bytes);
  ++report_.rotten;
  disk_.FlipBit(range->name, range->offset + random_.Below(range->size),
                static_cast<int>(random_.Below(8)));
}

// Whatever the block speaks of may be lost, and nothing else.
void LaneWorld::DamageModels(const std::string& bytes) {
  auto block = storage::ParseBlock(reinterpret_cast<const uint8_t*>(bytes.data()), bytes.size());
  if (!block.has_value()) return;
  for (const storage::BlockEntry& entry : block->entries) {
    if (entry.kind == storage::EntryKind::kTable) {
      for (auto& [id, model] : models_) model->DamageControl();
      continue;
    }
    ExtentModel* model = Model(entry.extent);
    if (model == nullptr) continue;
    if (entry.kind == storage::EntryKind::kRecords) {
      model->Damage(entry.first_index, entry.first_index + entry.count);
    } else {
      model->DamageControl();
    }
  }
}

}  // namespace millrace::sim
