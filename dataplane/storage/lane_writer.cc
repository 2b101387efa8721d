#include "dataplane/storage/lane_writer.h"

#include <algorithm>

#include "common/log/log.h"
#include "dataplane/format/segment_scan.h"

namespace millrace::storage {
namespace {

// With a write in flight, the next one waits for it unless so much is queued: small appends gather
// into few writes, large ones keep the disk busy.
constexpr uint64_t kEagerBytes = 64 * kKiB;
constexpr auto kWatermarkPause = std::chrono::milliseconds(20);
constexpr size_t kItemsPerBlockMax = 16384;
constexpr size_t kTrimsPerItem = 1024;

// Of the active segment, while none is prepared: appends leave this much to the cleaner and to
// control entries, the cleaner leaves something to control entries, and what makes room comes last.
constexpr uint64_t kAppendReserveDivisor = 8;
constexpr uint64_t kControlReserveDivisor = 16;
constexpr uint64_t kControlReserveMin = 256 * kKiB;

Status Fenced() { return {Code::kFenced, "the log is fenced"}; }

}  // namespace

LaneWriter::LaneWriter(LaneContext& lane, SegmentSet& segments, Start start,
                       std::function<void(const Status&)> on_fenced)
    : lane_(lane),
      segments_(segments),
      start_(start),
      on_fenced_(std::move(on_fenced)),
      buffers_(BufferPool::Shared()),
      next_lsn_(FirstLsnOf(start.incarnation)),
      committed_lsn_(start.prior_end_lsn) {}

LaneWriter::~LaneWriter() {
  if (watermark_armed_) lane_.executor.Cancel(watermark_timer_);
}

void LaneWriter::AddPending(int64_t bytes) {
  pending_bytes_ += static_cast<uint64_t>(bytes);
  lane_.metrics.PendingBytes(bytes);
}

void LaneWriter::Submit(WorkItem item) {
  if (fenced_) return item.Fail(Fenced());
  if (lane_.metrics.enabled()) item.accepted = lane_.clock.Now();
  if (item.move) {
    moves_.push_back(std::move(item));
  } else {
    if (item.is_append()) {
      BlockBuilder::FindPlace(&item);
      item.append_bytes = item.payload.size();
      AddPending(static_cast<int64_t>(item.append_bytes));
    }
    queued_bytes_ += item.payload.size();
    queue_.push_back(std::move(item));
  }
  SchedulePump();
}

void LaneWriter::LogBegins(std::function<void(bool logged)> done) {
  struct Outstanding {
    size_t items = 0;
    bool failed = false;
    std::function<void(bool)> done;
  };
  // One that is being dropped is there until that is durable.
  std::vector<std::shared_ptr<ExtentState>> stale;
  for (const ExtentTable::Ptr& extent : lane_.extents.OnDisk()) {
    if (extent->logged && extent->logged_begin != extent->begin_index) stale.push_back(extent);
  }
  if (stale.empty()) return done(true);
  auto outstanding = std::make_shared<Outstanding>();
  outstanding->items = (stale.size() + kTrimsPerItem - 1) / kTrimsPerItem;
  outstanding->done = std::move(done);
  for (size_t i = 0; i < stale.size(); i += kTrimsPerItem) {
    WorkItem item;
    item.kind = EntryKind::kTrim;
    item.trims.assign(
        stale.begin() + static_cast<ptrdiff_t>(i),
        stale.begin() + static_cast<ptrdiff_t>(std::min(i + kTrimsPerItem, stale.size())));
    item.done = [outstanding](const Status& status) {
      outstanding->failed |= !status.ok();
      if (--outstanding->items == 0) outstanding->done(!outstanding->failed);
    };
    Submit(std::move(item));
  }
}

void LaneWriter::SchedulePump() {
  // Once per turn of the executor: what arrives in the same turn shares a block.
  if (pump_scheduled_) return;
  pump_scheduled_ = true;
  lane_.executor.Post(lane_.Guard([this] {
    pump_scheduled_ = false;
    Pump();
  }));
}

bool LaneWriter::MayWrite() const {
  if (fenced_) return false;
  if (in_flight_.empty()) return true;
  // The first block of an incarnation is durable before any other is begun, so that no lsn, and no
  // nonce made of one, is ever used twice.
  if (!incarnation_durable_ || in_flight_.size() >= lane_.options.writes_in_flight_max)
    return false;
  return need_table_ || queued_bytes_ >= kEagerBytes;
}

void LaneWriter::Pump() {
  while (MayWrite()) {
    if (BuildNext() != Built::kBlock) break;
  }
  CheckDrained();
}

LaneWriter::Built LaneWriter::BuildNext() {
  if (need_table_) return BuildTable();
  if (!queue_.empty() || !moves_.empty()) return BuildWork();
  if (watermark_wanted_) return BuildWatermark();
  return Built::kNothing;
}

LaneWriter::Built LaneWriter::BuildTable() {
  if (table_parts_.empty()) {
    std::vector<TableRow> rows = TableRows();
    size_t bytes = 0;
    size_t part_bytes = 0;
    for (const TableRow& row : rows) {
      size_t row_bytes = kTableRowBytes + row.wrapped_key.size();
      if (table_parts_.empty() || part_bytes + row_bytes > lane_.options.write_bytes_max) {
        table_parts_.emplace_back();
        part_bytes = 0;
      }
      AppendTableRow(row, &table_parts_.back());
      part_bytes += row_bytes;
    }
    if (table_parts_.empty()) table_parts_.emplace_back();
    for (const std::string& part : table_parts_) bytes += BlockBytes(1, part.size());
    Segment* active = segments_.active();
    if (active == nullptr || active->write_offset + bytes > active->size) {
      table_parts_.clear();
      return OnNoRoom();
    }
    table_part_count_ = static_cast<uint32_t>(table_parts_.size());
  }
  auto part = table_part_count_ - static_cast<uint32_t>(table_parts_.size());
  bool last = table_parts_.size() == 1;
  BlockPlan plan =
      BlockBuilder::PlanTable(std::move(table_parts_.front()), part, table_part_count_);
  table_parts_.pop_front();
  if (last) need_table_ = false;
  Write(std::move(plan), last);
  return Built::kBlock;
}

std::vector<TableRow> LaneWriter::TableRows() {
  std::vector<TableRow> rows;
  for (const ExtentTable::Ptr& extent : lane_.extents.OnDisk()) {
    if (!extent->logged) continue;
    rows.push_back({extent->id, extent->logged_sealed, extent->encrypted, extent->begin_index,
                    extent->next_index, extent->last_arrival_ms, extent->wrapped_key});
  }
  return rows;
}

// Of what is left to control entries the half is for what makes room, one trim an extent, twice.
uint64_t LaneWriter::ControlReserve(const Segment& active) const {
  const uint64_t trims = lane_.extents.size() * kBlockEntryBytes;
  return std::min(active.size / kControlReserveDivisor, std::max(kControlReserveMin, 4 * trims));
}

uint64_t LaneWriter::Allowance(const WorkItem& item) const {
  const Segment* active = const_cast<SegmentSet&>(segments_).active();
  if (active == nullptr) return 0;
  uint64_t left = active->size - active->write_offset;
  if (segments_.next_ready()) return left;
  const uint64_t control = ControlReserve(*active);
  uint64_t reserve = 0;
  if (item.move) {
    reserve = control;
  } else if (item.kind == EntryKind::kRecords) {
    reserve = active->size / kAppendReserveDivisor;
  } else if (item.kind == EntryKind::kOpen || item.kind == EntryKind::kSeal) {
    reserve = control / 2;
  }
  return left > reserve ? left - reserve : 0;
}

uint64_t LaneWriter::move_allowance() const {
  WorkItem move;
  move.move = true;
  return Allowance(move);
}

bool LaneWriter::TakeWork(std::vector<WorkItem>* items) {
  size_t bytes = kBlockHeaderBytes;
  size_t bytes_max = lane_.options.write_bytes_max;
  auto take = [&](std::deque<WorkItem>& from, size_t limit) {
    while (!from.empty() && items->size() < kItemsPerBlockMax) {
      WorkItem& item = from.front();
      size_t with = bytes + BlockBuilder::ItemBytes(item);
      // One that is written in its place is a block by itself.
      if (!items->empty() && (with > limit || item.in_place || items->back().in_place)) return true;
      if (RoundUpToDisk(with) > Allowance(item)) return false;
      bytes = with;
      if (!item.move) queued_bytes_ -= item.payload.size();
      items->push_back(std::move(item));
      from.pop_front();
    }
    return true;
  };
  bool room = take(queue_, bytes_max);
  // Moves never make appends wait for a longer block than half of what one may be.
  if (room) room = take(moves_, bytes_max / 2);
  return room;
}

LaneWriter::Built LaneWriter::BuildWork() {
  std::vector<WorkItem> items;
  TakeWork(&items);
  if (items.empty()) return OnNoRoom();
  Write(BlockBuilder::Plan(std::move(items), next_lsn_, lane_.clock.WallNow()), false);
  return Built::kBlock;
}

LaneWriter::Built LaneWriter::BuildWatermark() {
  WorkItem none;
  // Like a trim where it makes room.
  if (segments_.WaitsForWatermark()) none.kind = EntryKind::kTrim;
  if (Allowance(none) < kDiskAlignment) {
    if (!segments_.next_ready()) {
      watermark_wanted_ = false;
      return Built::kNothing;
    }
    return OnNoRoom();
  }
  watermark_wanted_ = false;
  Write(BlockPlan(), false);
  return Built::kBlock;
}

LaneWriter::Built LaneWriter::OnNoRoom() {
  if (segments_.next_ready()) {
    segments_.Advance();
    need_table_ = true;
    return BuildTable();
  }
  if (!segments_.out_of_space()) {
    segments_.NeedNext();
    if (!segments_.out_of_space()) return Built::kStalled;
  }
  EnterFull();
  // What is left did not fit in the reserve either, or nothing does before there is a table.
  while (!queue_.empty() && (need_table_ || !Fits(queue_.front()))) {
    WorkItem item = std::move(queue_.front());
    queue_.pop_front();
    queued_bytes_ -= item.payload.size();
    item.Fail(NoSpace());
  }
  if (queue_.empty() && !moves_.empty() && (need_table_ || !Fits(moves_.front()))) {
    auto moves = std::exchange(moves_, {});
    for (WorkItem& item : moves) item.Fail(NoSpace());
  }
  return need_table_ || (queue_.empty() && moves_.empty()) ? Built::kStalled : BuildWork();
}

Status LaneWriter::NoSpace() const {
  return {Code::kNoSpace, "the log is full: " + segments_.shortage()};
}

bool LaneWriter::Fits(const WorkItem& item) const {
  return BlockBytes(0, BlockBuilder::ItemBytes(item)) <= Allowance(item);
}

void LaneWriter::EnterFull() {
  full_ = true;
  std::deque<WorkItem> keep;
  std::vector<WorkItem> refused;
  for (WorkItem& item : queue_) {
    if (item.is_append()) {
      AddPending(-static_cast<int64_t>(item.payload.size()));
      queued_bytes_ -= item.payload.size();
      refused.push_back(std::move(item));
    } else {
      keep.push_back(std::move(item));
    }
  }
  queue_ = std::move(keep);
  for (WorkItem& item : refused) item.Fail(NoSpace());
}

void LaneWriter::OnSegmentsChanged() {
  if (segments_.next_ready()) full_ = false;
  SchedulePump();
}

void LaneWriter::Write(BlockPlan plan, bool last_table_part) {
  size_t bytes = plan.block_bytes();
  Segment* active = segments_.active();
  auto block = std::make_unique<InFlight>();
  block->lsn = next_lsn_++;
  block->segment = active;
  block->watermark = committed_lsn_;
  block->last_table_part = last_table_part;
  block->buffer = plan.in_place ? plan.in_place : buffers_.Get(bytes);
  BlockHeader header;
  header.log_id = lane_.log_id;
  header.segment = active->number;
  header.lsn = block->lsn;
  header.committed_lsn = committed_lsn_;
  header.prior_end_lsn = start_.prior_end_lsn;
  header.block_bytes = static_cast<uint32_t>(bytes);
  block->block = BlockBuilder::Fill(std::move(plan), header, block->buffer);
  block->offset = segments_.TakeForBlock(bytes);
  if (lane_.metrics.enabled()) block->submitted = lane_.clock.Now();
  InFlight* raw = block.get();
  in_flight_.push_back(std::move(block));
  lane_.disk.Write(
      SegmentFileName(active->number), raw->offset, Slice(raw->buffer, raw->buffer->data, bytes),
      lane_.Guard([this, raw, bytes](const Status& status) { OnWritten(raw, bytes, status); }));
}

void LaneWriter::OnWritten(InFlight* written, size_t bytes, const Status& status) {
  // Fencing let go of everything that was in flight.
  if (fenced_) {
    status.IgnoreError();
    return;
  }
  if (!status.ok()) return Fence(status.WithContext("writing the log"));
  written->durable = true;
  ++lane_.stats.durable_writes;
  if (lane_.metrics.enabled()) {
    lane_.metrics.Committed(lane_.clock.Now() - written->submitted, bytes);
  }
  while (!fenced_ && !in_flight_.empty() && in_flight_.front()->durable) {
    std::unique_ptr<InFlight> block = std::move(in_flight_.front());
    in_flight_.pop_front();
    Acknowledge(*block);
  }
  Pump();
}

void LaneWriter::Acknowledge(InFlight& block) {
  incarnation_durable_ = true;
  committed_lsn_ = block.lsn;
  written_watermark_ = block.watermark;
  if (!block.block.entries.empty()) data_lsn_ = block.lsn;
  if (block.last_table_part) segments_.TableDurable(*block.segment);
  AcknowledgeChunks(block);
  segments_.BlockAcknowledged(*block.segment, block.lsn, block.watermark);
  FinishItems(block);
  last_acknowledged_ = lane_.clock.Now();
  ArmWatermark();
}

void LaneWriter::AcknowledgeChunks(InFlight& block) {
  Segment& segment = *block.segment;
  std::vector<TailCache::Entry> cached;
  cached.reserve(block.block.chunks.size());
  for (BuiltChunk& chunk : block.block.chunks) {
    const BlockEntry& entry = block.block.entries[chunk.entry];
    ExtentState& extent = *chunk.extent;
    ChunkRef ref = RefOf(entry, segment.number);
    ref.offset += static_cast<uint32_t>(block.offset);
    if (chunk.move) {
      if (!extent.chunks.Move(chunk.from, ref.segment, ref.offset)) continue;
      segments_.AddLive(ref.segment, ref.bytes);
      segments_.SubLive(chunk.from.segment, ref.bytes);
      continue;
    }
    extent.chunks.Append(ref);
    extent.end_index = ref.end_index();
    extent.live_bytes += ref.bytes;
    segments_.AddLive(ref.segment, ref.bytes);
    lane_.stats.appended_records += ref.count;
    if (extent.dropped) continue;
    cached.push_back({extent.id, {ref.first_index, ref.count, ref.arrival_ms, chunk.plain}});
  }
  if (on_commit_) {
    for (const TailCache::Entry& entry : cached) on_commit_(entry.extent, entry.chunk);
  }
  lane_.cache.Add(std::move(cached), block.buffer->capacity + block.block.plain_bytes);
}

void LaneWriter::FinishItems(InFlight& block) {
  MonoTime now{};
  if (lane_.metrics.enabled()) now = lane_.clock.Now();
  int64_t bytes = 0;
  for (const WorkItem& item : block.block.items) bytes += static_cast<int64_t>(item.append_bytes);
  if (bytes > 0) AddPending(-bytes);
  for (WorkItem& item : block.block.items) {
    if (item.is_append()) {
      if (lane_.metrics.enabled()) lane_.metrics.Appended(now - item.accepted);
      if (item.appended) item.appended(AppendResult{item.first_index, item.arrival_ms});
    } else if (item.done) {
      item.done(OkStatus());
    }
  }
}

void LaneWriter::ArmWatermark() {
  if (watermark_armed_ || written_watermark_ >= data_lsn_) return;
  watermark_armed_ = true;
  watermark_timer_ = lane_.executor.RunAfter(kWatermarkPause, lane_.Guard([this] {
    watermark_armed_ = false;
    if (fenced_ || written_watermark_ >= data_lsn_) return;
    if (idle() && lane_.clock.Now() - last_acknowledged_ >= kWatermarkPause) {
      watermark_wanted_ = true;
      Pump();
    } else {
      ArmWatermark();
    }
  }));
}

void LaneWriter::Fence(const Status& why) {
  why.IgnoreError();  // told below, unless an earlier failure was
  if (fenced_) return;
  fenced_ = true;
  lane_.stats.fenced = true;
  log::Error("log is fenced", {{"error", why.ToString()}});
  auto in_flight = std::move(in_flight_);
  auto queue = std::move(queue_);
  auto moves = std::move(moves_);
  in_flight_.clear();
  queue_.clear();
  moves_.clear();
  queued_bytes_ = 0;
  AddPending(-static_cast<int64_t>(pending_bytes_));
  for (auto& block : in_flight) {
    for (WorkItem& item : block->block.items) item.Fail(Fenced());
  }
  for (WorkItem& item : queue) item.Fail(Fenced());
  for (WorkItem& item : moves) item.Fail(Fenced());
  on_fenced_(why);
  CheckDrained();
}

void LaneWriter::Drain(std::function<void()> done) {
  drained_ = std::move(done);
  auto moves = std::move(moves_);
  moves_.clear();
  for (WorkItem& item : moves) item.Fail(Status(Code::kUnavailable, "the log closes"));
  SchedulePump();
}

void LaneWriter::CheckDrained() {
  if (!drained_) return;
  if (!fenced_) {
    if (!idle()) return;
    if (written_watermark_ < data_lsn_ && segments_.active() != nullptr) {
      watermark_wanted_ = true;
      Built built = BuildWatermark();
      if (built != Built::kNothing) return;
    }
  }
  lane_.executor.Post(std::exchange(drained_, nullptr));
}

}  // namespace millrace::storage
