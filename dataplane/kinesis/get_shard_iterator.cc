#include "dataplane/kinesis/operations.h"
#include "dataplane/kinesis/stream_lookup.h"

namespace millrace::kinesis {

using shard::Position;
using shard::ShardRef;
using shard::StartPoint;
using shard::StreamPtr;

namespace {

// The question, kept while the lane is asked.
struct IteratorCall {
  DataPlane& plane;
  CallPtr call;
  json::Value input;
  ShardRef at;

  StartInput start() const {
    return {"GetShardIterator", input["ShardIteratorType"].AsString(),
            input["StartingSequenceNumber"], input["Timestamp"]};
  }
  void Answer(const Result<Position>& position) const {
    if (!position.ok()) {
      const bool foreign = position.status().code() == Code::kInvalidArgument;
      return call->Fail(foreign ? ForeignSequenceNumber(start(), at) : position.status());
    }
    if (input["DryRun"].AsBool()) return call->Fail(DryRunSucceeded());
    const std::string token =
        plane.tokens.Issue({at.stream->uid(), at.shard->index(), *position, plane.clock.WallNow()});
    call->Ok(json::Object{{"ShardIterator", token}});
  }
};

Result<ShardRef> FindRef(const DataPlane& plane, const Call& call, const json::Value& input) {
  ASSIGN_OR_RETURN(const StreamPtr stream,
                   FindStream(plane, *plane.placement.table(), call, input["StreamName"].AsString(),
                              input["StreamARN"].AsString()));
  return FindShard(stream, input["ShardId"].AsString());
}

}  // namespace

void GetShardIterator(DataPlane& plane, const CallPtr& call) {
  std::optional<json::Value> input = ReadInput(*call);
  if (!input) return;
  const Result<ShardRef> at = FindRef(plane, *call, *input);
  if (!at.ok()) return call->Fail(at.status());
  auto state =
      std::make_shared<const IteratorCall>(IteratorCall{plane, call, std::move(*input), *at});
  const Result<StartPoint> start = ReadStart(state->start(), *at, plane.clock.WallNow());
  if (!start.ok()) return call->Fail(start.status());
  const size_t lane = at->shard->lane;
  RunOn(plane.log.lane_executor(lane), [state, lane, start = *start] {
    ResolveStart(SourceOf(state->plane, lane), state->at, start,
                 [state](const Result<Position>& position) {
                   RunOn(state->call->executor(), [state, position] { state->Answer(position); });
                 });
  });
}

}  // namespace millrace::kinesis
