#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "common/base/bytes.h"
#include "common/base/clock.h"
#include "common/base/status.h"
#include "common/base/unique_function.h"
#include "dataplane/disk/buffer_pool.h"
#include "dataplane/format/block_format.h"
#include "dataplane/storage/extent_table.h"
#include "dataplane/storage/lane.h"

namespace millrace::storage {

// One thing to be made durable: an append, a control entry, or a chunk that the cleaner moves.
struct WorkItem {
  EntryKind kind = EntryKind::kRecords;
  std::shared_ptr<ExtentState> extent;              // none for kTrim
  std::vector<std::shared_ptr<ExtentState>> trims;  // of kTrim: whose begin is to be logged
  Slice payload;
  std::optional<uint32_t> crc;  // of the payload, where it is known
  uint32_t count = 0;
  uint64_t append_bytes = 0;  // of an append's payload, which is let go before the rest
  MonoTime accepted{};
  // Set when the block is built.
  uint64_t first_index = 0;
  WallMs arrival_ms = 0;
  // Moves: what is moved from where.
  bool move = false;
  ChunkRef from;

  UniqueFunction<void(Result<AppendResult>)> appended;  // of appends
  UniqueFunction<void(const Status&)> done;             // of everything else

  // The buffer that an append lies in, where it is the only one to hold it and it can be written as
  // it is, as a block of its own.
  std::shared_ptr<BlockBuffer> in_place;

  bool is_append() const { return kind == EntryKind::kRecords && !move; }
  void Fail(const Status& status);
};

// A chunk of a block that is being written.
struct BuiltChunk {
  std::shared_ptr<ExtentState> extent;
  size_t entry = 0;
  Slice plain;  // what readers get
  bool move = false;
  ChunkRef from;
};

struct BuiltBlock {
  std::vector<WorkItem> items;  // in the order they were accepted
  std::vector<BlockEntry> entries;
  std::vector<BuiltChunk> chunks;
  uint64_t plain_bytes = 0;  // memory held beside the block's buffer
};

// What goes into a block, laid out but not yet copied.
struct BlockPlan {
  std::vector<WorkItem> items;
  std::vector<BlockEntry> entries;
  // For each entry: the payload's pieces, and the chunk if it is one.
  struct Part {
    std::vector<Slice> pieces;
    size_t bytes = 0;             // on disk
    std::optional<uint32_t> crc;  // of the pieces together, where it is known
    std::shared_ptr<ExtentState> extent;
    bool chunk = false;
    bool move = false;
    ChunkRef from;
  };
  std::vector<Part> parts;
  std::shared_ptr<BlockBuffer> in_place;  // the only payload is in its place there
  size_t block_bytes() const;
};

// Turns work into the bytes of a block: appends of one extent that share a block become one chunk,
// indexes and arrival times are given here, in the order of the log. Pure but for the extents'
// logged state; on the lane's executor.
class BlockBuilder {
 public:
  // Sets item->in_place where that can be.
  static void FindPlace(WorkItem* item);
  // The most bytes that `item` adds to a block.
  static size_t ItemBytes(const WorkItem& item);
  // Gives every item its place; updates the logged state of the extents.
  static BlockPlan Plan(std::vector<WorkItem> items, Lsn lsn, WallMs now);
  static BlockPlan PlanTable(std::string rows, uint32_t part, uint32_t parts);
  // Copies the payloads to `buffer`, encrypts what must be, seals the block.
  static BuiltBlock Fill(BlockPlan plan, const BlockHeader& header,
                         const std::shared_ptr<BlockBuffer>& buffer);

 private:
  static void PlanAppend(WorkItem& item, Lsn lsn, WallMs now, BlockPlan* plan);
  static void PlanMove(const WorkItem& item, BlockPlan* plan);
  static void PlanControl(WorkItem& item, WallMs now, BlockPlan* plan);
  static void PlanTrims(const WorkItem& item, BlockPlan* plan);
  static void FillPayload(BlockPlan& plan, size_t index, const BlockHeader& header,
                          const std::shared_ptr<BlockBuffer>& buffer, BlockEntry* entry,
                          BuiltBlock* built);
};

}  // namespace millrace::storage
