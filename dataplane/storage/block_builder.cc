#include "dataplane/storage/block_builder.h"

#include <algorithm>
#include <cstring>

#include "common/codec/crc32.h"

namespace millrace::storage {
namespace {

constexpr size_t kInPlaceBytes = 96 * kKiB;

size_t OnDiskBytes(const WorkItem& item) {
  bool seals = item.is_append() && item.extent->encrypted;
  return item.payload.size() + (seals ? ChunkCipher::kOverheadBytes : 0);
}

// One piece as it is, or several copied together.
Slice Joined(const std::vector<Slice>& pieces) {
  if (pieces.size() == 1) return pieces[0];
  std::string all;
  for (const Slice& piece : pieces) all.append(piece.view());
  return Slice::FromString(std::move(all));
}

}  // namespace

void WorkItem::Fail(const Status& status) {
  status.IgnoreError();
  if (appended) {
    appended(status);
  } else if (done) {
    done(status);
  }
}

size_t BlockPlan::block_bytes() const {
  if (in_place) return kBlockHeadroom + RoundUpToDisk(parts[0].bytes);
  size_t payload = 0;
  for (const Part& part : parts) payload += part.bytes;
  return BlockBytes(parts.size(), payload);
}

void BlockBuilder::FindPlace(WorkItem* item) {
  // Smaller ones are better off in a block with others.
  if (item->payload.size() < kInPlaceBytes || item->extent->encrypted) return;
  if (item->payload.owner().use_count() != 1) return;
  auto buffer = BufferPool::Of(item->payload);
  if (buffer == nullptr || item->payload.data() != buffer->data + kBlockHeadroom) return;
  if (kBlockHeadroom + RoundUpToDisk(item->payload.size()) > buffer->capacity) return;
  item->in_place = std::move(buffer);
}

size_t BlockBuilder::ItemBytes(const WorkItem& item) {
  if (item.in_place) return kBlockHeadroom + item.payload.size();
  if (item.kind == EntryKind::kTrim) return kBlockEntryBytes * item.trims.size();
  return kBlockEntryBytes + OnDiskBytes(item);
}

BlockPlan BlockBuilder::Plan(std::vector<WorkItem> items, Lsn lsn, WallMs now) {
  BlockPlan plan;
  plan.items = std::move(items);
  if (plan.items.size() == 1) plan.in_place = std::move(plan.items[0].in_place);
  for (WorkItem& item : plan.items) {
    if (item.is_append()) {
      PlanAppend(item, lsn, now, &plan);
    } else if (item.move) {
      PlanMove(item, &plan);
    } else if (item.kind == EntryKind::kTrim) {
      PlanTrims(item, &plan);
    } else {
      PlanControl(item, now, &plan);
    }
  }
  return plan;
}

void BlockBuilder::PlanAppend(WorkItem& item, Lsn lsn, WallMs now, BlockPlan* plan) {
  ExtentState& extent = *item.extent;
  if (extent.building_lsn != lsn) {
    extent.building_lsn = lsn;
    extent.building_chunk = plan->parts.size();
    // The clock may jump back; arrival never does.
    extent.last_arrival_ms = std::max(extent.last_arrival_ms, now);
    BlockEntry entry;
    entry.kind = EntryKind::kRecords;
    entry.flags = extent.encrypted ? kEntryEncrypted : 0;
    entry.extent = extent.id;
    entry.first_index = extent.next_index;
    entry.arrival_ms = extent.last_arrival_ms;
    plan->entries.push_back(entry);
    BlockPlan::Part part;
    part.extent = item.extent;
    part.chunk = true;
    part.bytes = extent.encrypted ? ChunkCipher::kOverheadBytes : 0;
    part.crc = 0;
    plan->parts.push_back(std::move(part));
  }
  BlockEntry& entry = plan->entries[extent.building_chunk];
  BlockPlan::Part& part = plan->parts[extent.building_chunk];
  item.first_index = extent.next_index;
  item.arrival_ms = entry.arrival_ms;
  extent.next_index += item.count;
  entry.count += item.count;
  part.bytes += item.payload.size();
  if (part.crc && item.crc) {
    part.crc = codec::Crc32cCombine(*part.crc, *item.crc, item.payload.size());
  } else {
    part.crc.reset();
  }
  part.pieces.push_back(std::move(item.payload));
}

void BlockBuilder::PlanMove(const WorkItem& item, BlockPlan* plan) {
  // Dropped since it was read: an entry for it would bring the extent back.
  if (item.extent->dropped) return;
  BlockEntry entry;
  entry.kind = EntryKind::kRecords;
  entry.flags = static_cast<uint8_t>(kEntryMoved | (item.from.encrypted ? kEntryEncrypted : 0));
  entry.extent = item.extent->id;
  entry.first_index = item.from.first_index;
  entry.arrival_ms = item.from.arrival_ms;
  entry.count = item.from.count;
  plan->entries.push_back(entry);
  BlockPlan::Part part;
  part.pieces.push_back(item.payload);
  part.bytes = item.payload.size();
  part.extent = item.extent;
  part.chunk = true;
  part.move = true;
  part.from = item.from;
  plan->parts.push_back(std::move(part));
}

void BlockBuilder::PlanControl(WorkItem& item, WallMs now, BlockPlan* plan) {
  ExtentState& extent = *item.extent;
  BlockEntry entry;
  entry.kind = item.kind;
  entry.flags = extent.encrypted ? kEntryEncrypted : 0;
  entry.extent = extent.id;
  entry.arrival_ms = now;
  BlockPlan::Part part;
  if (item.kind == EntryKind::kOpen) {
    extent.logged = true;
    part.bytes = item.payload.size();
    part.pieces.push_back(item.payload);
  } else if (item.kind == EntryKind::kSeal) {
    extent.logged_sealed = true;
    entry.first_index = extent.next_index;
    item.first_index = extent.next_index;
  } else {
    CHECK(item.kind == EntryKind::kDrop);
    extent.logged = false;
  }
  plan->entries.push_back(entry);
  plan->parts.push_back(std::move(part));
}

void BlockBuilder::PlanTrims(const WorkItem& item, BlockPlan* plan) {
  for (const auto& extent : item.trims) {
    // An entry after its drop would bring it back. One whose drop was only asked for is still
    // there.
    if (!extent->logged) continue;
    extent->logged_begin = extent->begin_index;
    BlockEntry entry;
    entry.kind = EntryKind::kTrim;
    entry.extent = extent->id;
    entry.first_index = extent->begin_index;
    plan->entries.push_back(entry);
    plan->parts.emplace_back();
  }
}

BlockPlan BlockBuilder::PlanTable(std::string rows, uint32_t part_number, uint32_t parts) {
  BlockPlan plan;
  BlockEntry entry;
  entry.kind = EntryKind::kTable;
  entry.first_index = part_number;
  entry.count = parts;
  plan.entries.push_back(entry);
  BlockPlan::Part part;
  part.bytes = rows.size();
  part.pieces.push_back(Slice::FromString(std::move(rows)));
  plan.parts.push_back(std::move(part));
  return plan;
}

BuiltBlock BlockBuilder::Fill(BlockPlan plan, const BlockHeader& header,
                              const std::shared_ptr<BlockBuffer>& buffer) {
  BuiltBlock built;
  built.items = std::move(plan.items);
  built.entries = std::move(plan.entries);
  built.chunks.reserve(plan.parts.size());
  size_t at = PayloadBegin(built.entries.size());
  if (plan.in_place) {
    std::memset(buffer->data + at, 0, kBlockHeadroom - at);
    at = kBlockHeadroom;
  }
  for (size_t i = 0; i < plan.parts.size(); ++i) {
    BlockEntry& entry = built.entries[i];
    entry.payload_offset = static_cast<uint32_t>(at);
    entry.payload_bytes = static_cast<uint32_t>(plan.parts[i].bytes);
    FillPayload(plan, i, header, buffer, &entry, &built);
    at += plan.parts[i].bytes;
  }
  SealBlock(header, built.entries, buffer->data);
  return built;
}

void BlockBuilder::FillPayload(BlockPlan& plan, size_t index, const BlockHeader& header,
                               const std::shared_ptr<BlockBuffer>& buffer, BlockEntry* entry,
                               BuiltBlock* built) {
  BlockPlan::Part& part = plan.parts[index];
  uint8_t* out = buffer->data + entry->payload_offset;
  Slice plain(buffer, out, part.bytes);
  const bool encrypts = part.chunk && !part.move && part.extent->encrypted;
  if (encrypts) {
    plain = Joined(part.pieces);
    built->plain_bytes += plain.size();
    part.extent->cipher->Seal({entry->extent, entry->first_index, entry->count, entry->arrival_ms},
                              header.lsn, static_cast<uint32_t>(index), plain.view(), out);
  } else if (!plan.in_place) {
    uint8_t* to = out;
    for (const Slice& piece : part.pieces) {
      if (!piece.empty()) std::memcpy(to, piece.data(), piece.size());
      to += piece.size();
    }
  }
  const bool known = part.crc.has_value() && !encrypts;
  entry->payload_crc = known ? part.crc.value() : codec::Crc32c(out, part.bytes);
  DCHECK(entry->payload_crc == codec::Crc32c(out, part.bytes));
  if (part.chunk) {
    built->chunks.push_back(
        {std::move(part.extent), index, std::move(plain), part.move, part.from});
  }
}

}  // namespace millrace::storage
