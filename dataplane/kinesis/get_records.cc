#include <algorithm>

#include "common/aws/arn.h"
#include "dataplane/kinesis/operations.h"
#include "dataplane/kinesis/permissions.h"
#include "dataplane/kinesis/record_encoder.h"
#include "dataplane/kinesis/stream_lookup.h"

namespace millrace::kinesis {

using aws::Protocol;
using shard::ChainRead;
using shard::IteratorClaims;
using shard::ShardRef;

namespace {

constexpr int64_t kRecordsMax = 10'000;
constexpr uint64_t kBytesMax = 10 * kMiB;

// What stands behind the records in an answer.
struct Trailer {
  std::string next_iterator;  // "" at the end of the shard
  int64_t millis_behind = 0;
  json::Value children;  // null but at the end of the shard
};

std::string EncodeTrailer(Protocol protocol, const Trailer& trailer) {
  std::string out;
  if (protocol == Protocol::kJson) {
    if (!trailer.next_iterator.empty())
      out += ",\"NextShardIterator\":\"" + trailer.next_iterator + "\"";
    out += ",\"MillisBehindLatest\":" + std::to_string(trailer.millis_behind);
    if (!trailer.children.is_null()) out += ",\"ChildShards\":" + json::WriteJson(trailer.children);
    return out + "}";
  }
  if (!trailer.next_iterator.empty()) {
    aws::AppendCborText(out, "NextShardIterator");
    aws::AppendCborText(out, trailer.next_iterator);
  }
  aws::AppendCborText(out, "MillisBehindLatest");
  aws::AppendCborHead(out, 0, static_cast<uint64_t>(trailer.millis_behind));
  if (!trailer.children.is_null()) {
    aws::AppendCborText(out, "ChildShards");
    out += aws::EncodeBody(protocol, trailer.children);
  }
  return out;
}

void AppendHead(Protocol protocol, const Trailer& trailer, OutputBuffer& out) {
  if (protocol == Protocol::kJson) return out.Append("{\"Records\":");
  std::string head;
  const uint64_t members =
      2 + (trailer.next_iterator.empty() ? 0 : 1) + (trailer.children.is_null() ? 0 : 1);
  aws::AppendCborHead(head, 5, members);
  aws::AppendCborText(head, "Records");
  out.Append(head);
}

// The question, kept while the lane reads.
struct ReadCall {
  DataPlane& plane;
  CallPtr call;
  ShardRef at;
  uint32_t records_max;

  void Answer(const Result<ChainRead>& read) const;
  void CountMetrics(const EncodedRecords& encoded, int64_t millis_behind) const;
};

void RefuseRead(const CallPtr& call, const ShardRef& at) {
  at.stream->metrics().stream().read_throttled->Add();
  if (at.shard->metrics.read_throttled != nullptr) at.shard->metrics.read_throttled->Add();
  call->Fail(RateExceeded(*at.stream, *at.shard));
}

// For a reader who got nothing and is not at the tip: as long as there has been an extent after the
// one that it waits for.
int64_t MillisWaiting(const ShardRef& at, shard::Position next, WallMs now) {
  for (const resources::MapExtent& extent : at.shard->chain()) {
    if (extent.epoch > next.epoch)
      return std::max<int64_t>(1, now - static_cast<WallMs>(extent.epoch) * 1000);
  }
  return 1;
}

void ReadCall::Answer(const Result<ChainRead>& read) const {
  if (!read.ok() && read.status().code() == Code::kThrottled) return RefuseRead(call, at);
  if (!read.ok()) return call->Fail(read.status());
  const Protocol protocol = call->protocol;
  OutputBuffer records(EncodedSizeHint(protocol, read->runs, kBytesMax));
  const EncodedRecords encoded = EncodeRecords(
      protocol, at, read->runs, {}, {.records_max = records_max, .bytes_max = kBytesMax}, records);
  Trailer trailer;
  const WallMs now = plane.clock.WallNow();
  if (encoded.records > 0) {
    trailer.millis_behind = MillisBehind(encoded, read->at_tip, now);
  } else if (!read->at_tip) {
    trailer.millis_behind = MillisWaiting(at, read->next, now);
  }
  // Clients take "no next iterator" and "children" only together.
  const bool end = read->end_of_shard && !encoded.cut && !at.shard->children.empty();
  if (end) {
    trailer.children = ChildShards(at);
  } else {
    const shard::Position next = encoded.cut ? encoded.next : read->next;
    trailer.next_iterator = plane.tokens.Issue({at.stream->uid(), at.shard->index(), next, now});
  }
  if (at.stream->map().enforce_shard_limits && !read->elsewhere && !call->is_internal) {
    at.shard->state->limits.ChargeRead(encoded.bytes, encoded.cut && encoded.records < records_max,
                                       plane.clock.Now());
  }
  CountMetrics(encoded, trailer.millis_behind);
  OutputBuffer head(64);
  AppendHead(protocol, trailer, head);
  net::HttpResponse response = aws::OkResponse(head.Take(), protocol, call->request_id);
  response.body.push_back(records.Take());
  response.body.push_back(Slice::FromString(EncodeTrailer(protocol, trailer)));
  call->writer->Send(std::move(response));
}

void ReadCall::CountMetrics(const EncodedRecords& encoded, int64_t millis_behind) const {
  const shard::StreamMetrics& m = at.stream->metrics().stream();
  m.get_records_success->Add();
  m.get_records_bytes->Add(static_cast<double>(encoded.bytes));
  m.get_records_records->Add(encoded.records);
  m.get_records_iterator_age_ms->Set(static_cast<double>(millis_behind));
  m.get_records_latency->Observe(
      std::chrono::duration<double>(plane.clock.Now() - call->started).count());
  const shard::ShardMetrics& s = at.shard->metrics;
  if (s.outgoing_bytes != nullptr) s.outgoing_bytes->Add(static_cast<double>(encoded.bytes));
  if (s.outgoing_records != nullptr) s.outgoing_records->Add(encoded.records);
  if (s.iterator_age_ms != nullptr) s.iterator_age_ms->Set(static_cast<double>(millis_behind));
}

Result<ShardRef> FindRef(const DataPlane& plane, const IteratorClaims& claims,
                         const std::string& arn) {
  const shard::StreamPtr stream = plane.placement.table()->ByUid(claims.stream_uid);
  const shard::ShardView* shard = stream == nullptr ? nullptr : stream->Find(claims.shard);
  if (shard == nullptr) {
    return NotFound("Shard " + resources::ShardIdName(claims.shard) + " in stream " +
                    (stream == nullptr ? "of this iterator" : stream->name()) + " under account " +
                    plane.account + " does not exist");
  }
  RETURN_IF_ERROR(CheckPool(plane, *stream));
  if (!arn.empty()) {
    ASSIGN_OR_RETURN(const aws::StreamArn named, aws::ParseStreamArn(arn));
    if (named.name != stream->name() || named.account != stream->account()) {
      return InvalidArgument("ShardIterator is not of the stream that StreamARN " + arn +
                             " names.");
    }
  }
  return ShardRef{stream, shard};
}

// What may be read for that many records: no more than they can be, so that asking for few of a
// long backlog does not fetch ten mebibytes.
size_t BytesToRead(const ShardRef& at, uint32_t records_max) {
  const uint64_t record_max = static_cast<uint64_t>(at.stream->map().max_record_kib) * kKiB;
  return static_cast<size_t>(std::min<uint64_t>(kBytesMax, record_max * records_max));
}

// Whose limits apply is the owner of the extent that is read: it asks for itself.
bool MayBeRead(const ShardRef& at, shard::Position from, MonoTime now) {
  if (!at.stream->map().enforce_shard_limits) return true;
  const auto& chain = at.shard->chain();
  const auto extent = std::find_if(chain.begin(), chain.end(),
                                   [&](const auto& e) { return e.epoch >= from.epoch; });
  if (extent != chain.end() && at.stream->IsElsewhere(*extent)) return true;
  return at.shard->state->limits.AdmitRead(now);
}

}  // namespace

void GetRecords(DataPlane& plane, const CallPtr& call) {
  const std::optional<json::Value> input = ReadInput(*call);
  if (!input) return;
  const Result<IteratorClaims> claims =
      plane.tokens.Read((*input)["ShardIterator"].AsString(), plane.clock.WallNow());
  if (!claims.ok()) return call->Fail(claims.status());
  const Result<ShardRef> at = FindRef(plane, *claims, (*input)["StreamARN"].AsString());
  if (!at.ok()) return call->Fail(at.status());
  if (const Status no = CheckPermission(call->identity, call->operation, at->stream->name());
      !no.ok()) {
    return call->Fail(no);
  }
  if ((*input)["DryRun"].AsBool()) return call->Fail(DryRunSucceeded());
  const shard::ShardView& shard = *at->shard;
  if (!call->is_internal && !MayBeRead(*at, claims->position, plane.clock.Now()))
    return RefuseRead(call, *at);
  const auto records_max = static_cast<uint32_t>((*input)["Limit"].AsInt(kRecordsMax));
  if (!call->writer->HasRoomFor(BytesToRead(*at, records_max))) {
    return call->Fail(Unavailable("Too many answers wait for their clients."));
  }
  auto state = std::make_shared<const ReadCall>(ReadCall{plane, call, *at, records_max});
  RunOn(plane.log.lane_executor(shard.lane), [state, from = claims->position] {
    ReadChain(SourceOf(state->plane, state->at.shard->lane), state->at, from,
              {.bytes_max = BytesToRead(state->at, state->records_max),
               .records_max = state->records_max},
              [state](Result<ChainRead> read) {
                RunOn(state->call->executor(),
                      [state, read = std::move(read)] { state->Answer(read); });
              });
  });
}

}  // namespace millrace::kinesis
