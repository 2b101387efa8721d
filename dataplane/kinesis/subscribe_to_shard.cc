#include "common/aws/arn.h"
#include "dataplane/kinesis/event_encoder.h"
#include "dataplane/kinesis/operations.h"
#include "dataplane/kinesis/response_sink.h"
#include "dataplane/kinesis/stream_lookup.h"

namespace millrace::kinesis {

using shard::FanOut;
using shard::ShardRef;
using shard::StartPoint;
using shard::SubscriptionPtr;

namespace {

constexpr std::string_view kEventStream = "application/vnd.amazon.eventstream";

// The question, kept while the lane is asked.
struct SubscribeCall {
  DataPlane& plane;
  CallPtr call;
  json::Value input;
  ShardRef at;

  StartInput start() const {
    const json::Value& position = input["StartingPosition"];
    return {"SubscribeToShard", position["Type"].AsString(), position["SequenceNumber"],
            position["Timestamp"]};
  }
  FanOut& fan_out() const { return *plane.fan_outs[at.shard->lane]; }
  Executor& lane_executor() const { return plane.log.lane_executor(at.shard->lane); }
};
using StatePtr = std::shared_ptr<const SubscribeCall>;

Result<ShardRef> FindRef(const DataPlane& plane, const Call& call, const json::Value& input) {
  const std::string& arn = input["ConsumerARN"].AsString();
  ASSIGN_OR_RETURN(const aws::ConsumerArn consumer, aws::ParseConsumerArn(arn));
  ASSIGN_OR_RETURN(const shard::StreamPtr stream, FindStream(plane, *plane.placement.table(), call,
                                                             "", consumer.stream.ToString()));
  if (stream->FindConsumer(arn) == nullptr) {
    return NotFound("Consumer " + consumer.name + " with creation timestamp " +
                    std::to_string(consumer.created_s) + " under stream " + stream->name() +
                    ", account " + plane.account + " not found.");
  }
  return FindShard(stream, input["ShardId"].AsString());
}

std::vector<net::OwnedHeader> Headers(const Call& call) {
  net::HttpResponse usual = aws::OkResponse({}, call.protocol, call.request_id);
  for (auto& [name, value] : usual.headers) {
    if (name == "Content-Type") value = kEventStream;
  }
  return std::move(usual.headers);
}

// On the connection's executor: the answer begins.
void Open(const StatePtr& state, const std::shared_ptr<ResponseSink>& sink,
          const SubscriptionPtr& subscription) {
  // Posted, never called: the fan-out may be in the middle of sending.
  const auto on_lane = [state, subscription](void (FanOut::*tell)(const SubscriptionPtr&)) {
    state->lane_executor().Post(
        [state, subscription, tell] { (state->fan_out().*tell)(subscription); });
  };
  sink->Open(
      Headers(*state->call), AwsEventEncoder::InitialResponse(state->call->protocol),
      [on_lane] { on_lane(&FanOut::Drained); }, [on_lane] { on_lane(&FanOut::Remove); });
  on_lane(&FanOut::Run);
}

void Refuse(const StatePtr& state, const Status& status) {
  shard::StreamMetricsBook& book = state->at.stream->metrics();
  const resources::MapConsumer* consumer =
      state->at.stream->FindConsumer(state->input["ConsumerARN"].AsString());
  if (status.code() == Code::kResourceInUse && consumer != nullptr)
    book.Consumer(consumer->name).rate_exceeded->Add();
  const bool foreign = status.code() == Code::kInvalidArgument;
  state->call->Fail(foreign ? ForeignSequenceNumber(state->start(), state->at) : status);
}

// On the lane's executor.
void Subscribe(const StatePtr& state, const StartPoint& start) {
  auto sink = std::make_shared<ResponseSink>(state->call->writer);
  state->fan_out().Subscribe(
      {state->at, state->input["ConsumerARN"].AsString(), state->call->protocol, start, sink},
      [state, sink](const Result<SubscriptionPtr>& subscription) {
        RunOn(state->call->executor(), [state, sink, subscription] {
          if (!subscription.ok()) return Refuse(state, subscription.status());
          (*subscription)->metrics->success->Add();
          Open(state, sink, *subscription);
        });
      });
}

}  // namespace

void SubscribeToShard(DataPlane& plane, const CallPtr& call) {
  std::optional<json::Value> input = ReadInput(*call);
  if (!input) return;
  const Result<ShardRef> at = FindRef(plane, *call, *input);
  if (!at.ok()) return call->Fail(at.status());
  auto state =
      std::make_shared<const SubscribeCall>(SubscribeCall{plane, call, std::move(*input), *at});
  const Result<StartPoint> start = ReadStart(state->start(), *at, plane.clock.WallNow());
  if (!start.ok()) return call->Fail(start.status());
  if (state->input["DryRun"].AsBool()) return call->Fail(DryRunSucceeded());
  RunOn(state->lane_executor(), [state, start = *start] { Subscribe(state, start); });
}

}  // namespace millrace::kinesis
