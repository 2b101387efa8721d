#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "common/base/unique_function.h"
#include "dataplane/storage/index_loader.h"
#include "dataplane/storage/lane_context.h"
#include "dataplane/storage/segment_set.h"

namespace millrace::storage {

// The read path of a lane: from the tail cache at once, from the disk otherwise. What comes from
// the disk is served only with its checksum (and its tag, where encrypted) verified; what does not
// carry it is marked lost, counted and passed over. Owned by the lane; lives on its executor.
class LaneReader {
 public:
  LaneReader(LaneContext& lane, SegmentSet& segments, IndexLoader& indexes)
      : lane_(lane), segments_(segments), indexes_(indexes) {}

  using Done = UniqueFunction<void(Result<ReadResult>)>;
  void Read(const ExtentId& id, uint64_t from_index, size_t bytes_max, Done done);
  // Marks a chunk whose bytes do not carry their checksum as lost, and counts it.
  void Quarantine(ExtentState& extent, const ChunkRef& chunk);

 private:
  struct Operation;
  using OperationPtr = std::shared_ptr<Operation>;

  // Takes the next step of `op`: finishes it, or reads from the disk what comes next.
  void Step(const OperationPtr& op);
  // Chooses what to read; the span whose chunks have to be listed first, or nothing.
  const ChunkSpan* Plan(const ExtentState& extent, Operation& op);
  static bool AddPiece(const ChunkRef& chunk, Operation& op);
  void Issue(const OperationPtr& op);
  void Arrived(const OperationPtr& op, size_t piece, Result<Slice> data);
  // Appends the verified chunks of the pieces that arrived to the result.
  void Collect(Operation& op);
  Result<Slice> Verify(ExtentState& extent, const ChunkRef& chunk, const Slice& bytes);
  void Finish(Operation& op);

  LaneContext& lane_;
  SegmentSet& segments_;
  IndexLoader& indexes_;
};

}  // namespace millrace::storage
