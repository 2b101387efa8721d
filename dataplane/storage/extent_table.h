#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "common/base/bytes.h"
#include "common/base/status.h"
#include "dataplane/format/block_format.h"
#include "dataplane/format/chunk_cipher.h"
#include "dataplane/format/extent.h"
#include "dataplane/format/extent_index.h"

namespace millrace::storage {

// All that a lane knows of one extent. "Logged" is the state as of the last block that was built,
// durable or not; "durable" the state as of the last acknowledged one. Work under way shares it, so
// that it outlives its place in the table; on the lane's executor only.
struct ExtentState {
  ExtentId id;
  bool encrypted = false;
  std::string wrapped_key;
  std::unique_ptr<ChunkCipher> cipher;  // none where its key could not be unwrapped

  // Accepted.
  bool sealing = false;  // takes no more appends
  bool dropped = false;  // forgotten by the table; work accepted before still refers to it

  // Logged.
  bool logged = false;  // its open entry is
  bool logged_sealed = false;
  uint64_t next_index = 0;
  uint64_t logged_begin = 0;  // by a trim entry; a table may rot
  WallMs last_arrival_ms = 0;

  // Durable.
  bool durable = false;
  bool sealed = false;
  uint64_t begin_index = 0;
  uint64_t end_index = 0;
  WallMs horizon_ms = INT64_MIN;  // what arrived before is trimmed, once its chunks are listed
  ExtentIndex chunks;
  uint64_t live_bytes = 0;
  uint64_t lost_records = 0;

  // The writer's, while it builds a block: the chunk of this extent in it.
  uint64_t building_lsn = 0;
  size_t building_chunk = 0;
};

// Lets chunks that arrived before `horizon_ms` go, as far as they are listed in memory; the horizon
// is kept for those that are not.
void TrimBefore(ExtentState& extent, WallMs horizon_ms, const ExtentIndex::OnDead& on_dead);

// The extents of a lane, in memory: what a change means for the disk is the caller's to log. Owned
// by the lane's context; lives on the lane's executor.
class ExtentTable {
 public:
  using Ptr = std::shared_ptr<ExtentState>;

  // Nothing where there is none.
  ExtentState* Find(const ExtentId& id) const;
  Ptr FindShared(const ExtentId& id) const;
  Ptr Add(const ExtentId& id);
  void Erase(const ExtentId& id);
  size_t size() const { return extents_.size(); }
  const std::unordered_map<ExtentId, Ptr, ExtentIdHash>& all() const { return extents_; }

  // Forgets it for everyone but those who make its drop durable.
  void BeginDrop(const Ptr& extent);
  // The one whose drop began last, while that is not durable.
  Ptr FindDropping(const ExtentId& id) const;
  void EndDrop(const Ptr& extent);
  // The drop failed: it is there again, unless it was made anew meanwhile.
  void UndoDrop(const Ptr& extent);
  // Those that are there on the disk: all, and those being dropped, in the order of their ids.
  std::vector<Ptr> OnDisk() const;

 private:
  std::unordered_map<ExtentId, Ptr, ExtentIdHash> extents_;
  std::vector<Ptr> dropping_;
};

// One extent in a table entry's payload (docs/formats/extent.md).
struct TableRow {
  ExtentId id;
  bool sealed = false;
  bool encrypted = false;
  uint64_t begin_index = 0;
  uint64_t end_index = 0;
  WallMs last_arrival_ms = 0;
  std::string wrapped_key;
};

constexpr size_t kTableRowBytes = 52;
void AppendTableRow(const TableRow& row, std::string* out);
// kCorrupt where the bytes are no rows.
Result<std::vector<TableRow>> ParseTableRows(std::string_view payload);

}  // namespace millrace::storage
