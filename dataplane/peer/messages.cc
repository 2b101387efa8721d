#include "dataplane/peer/messages.h"

#include "dataplane/peer/wire.h"

namespace millrace::peer {

namespace {

constexpr uint8_t kFormat = 1;
constexpr size_t kBatchHeadBytes = 4 + 8 + 4 + 4;
constexpr size_t kChunkHeadBytes = 8 + 4 + 8 + 4;
constexpr size_t kOutcomeBytesMin = 1 + 8 + 8 + 4;
constexpr size_t kKnownMapBytes = 16;

// The numbers of codes between pods; they outlive any change of the enumeration.
struct WireCode {
  Code code;
  uint8_t number;
};
constexpr WireCode kCodes[] = {
    {Code::kOk, 0},       {Code::kResourceInUse, 1}, {Code::kThrottled, 2}, {Code::kNoSpace, 3},
    {Code::kConflict, 4}, {Code::kUnavailable, 5},   {Code::kNotFound, 6},  {Code::kInternal, 7},
};

uint8_t NumberOf(Code code) {
  for (const WireCode& known : kCodes) {
    if (known.code == code) return known.number;
  }
  return NumberOf(Code::kInternal);
}

Code CodeOf(uint8_t number) {
  for (const WireCode& known : kCodes) {
    if (known.number == number) return known.code;
  }
  return Code::kInternal;
}

void Write(WireWriter& out, const RequestHead& head) {
  out.Number(kFormat);
  out.Text(head.sender);
  out.Number(head.stream);
  out.Number(head.map_version);
}

void Write(WireWriter& out, const ReplyHead& head) {
  out.Number(kFormat);
  out.Number(NumberOf(head.code));
  out.Text(head.message);
  out.Number(head.incarnation);
  out.Number(head.map_version);
}

void Read(WireReader& in, RequestHead& head) {
  head.sender = in.Text();
  head.stream = in.Number<uint64_t>();
  head.map_version = in.Number<uint64_t>();
}

void Read(WireReader& in, ReplyHead& head) {
  head.code = CodeOf(in.Number<uint8_t>());
  head.message = in.Text();
  head.incarnation = in.Number<uint64_t>();
  head.map_version = in.Number<uint64_t>();
}

// A number of items of at least `bytes_min` each, for which there are bytes.
uint32_t CountIn(WireReader& in, size_t bytes_min) {
  const auto count = in.Number<uint32_t>();
  if (count <= in.left() / bytes_min) return count;
  in.Fail();
  return 0;
}

void Read(WireReader& in, AppendRequest& request) {
  request.channel = in.Number<uint64_t>();
  request.number = in.Number<uint64_t>();
  request.settled_below = in.Number<uint64_t>();
  request.repeated = in.Number<uint8_t>() != 0;
  request.incarnation = in.Number<uint64_t>();
  request.batches.resize(CountIn(in, kBatchHeadBytes));
  std::vector<uint32_t> sizes;
  for (AppendBatch& batch : request.batches) {
    batch.shard = in.Number<uint32_t>();
    batch.epoch = in.Number<uint64_t>();
    batch.count = in.Number<uint32_t>();
    sizes.push_back(in.Number<uint32_t>());
  }
  for (size_t i = 0; i < sizes.size(); ++i) request.batches[i].records = in.Bytes(sizes[i]);
}

void Read(WireReader& in, std::vector<AppendOutcome>& outcomes) {
  outcomes.resize(CountIn(in, kOutcomeBytesMin));
  for (AppendOutcome& outcome : outcomes) {
    outcome.code = CodeOf(in.Number<uint8_t>());
    outcome.first_index = in.Number<uint64_t>();
    outcome.arrival_ms = in.Number<int64_t>();
    outcome.refused = in.Bytes(in.Number<uint32_t>()).view();
  }
}

void Read(WireReader& in, ReadRequest& request) {
  request.shard = in.Number<uint32_t>();
  request.epoch = in.Number<uint64_t>();
  request.from_index = in.Number<uint64_t>();
  request.bytes_max = in.Number<uint32_t>();
  request.wait_ms = in.Number<uint32_t>();
  request.records_max = in.Number<uint32_t>();
}

void Read(WireReader& in, ReadReply& reply) {
  reply.read.next_index = in.Number<uint64_t>();
  reply.read.end_of_extent = in.Number<uint8_t>() != 0;
  reply.end_index = in.Number<uint64_t>();
  reply.read.chunks.resize(CountIn(in, kChunkHeadBytes));
  std::vector<uint32_t> sizes;
  for (storage::Chunk& chunk : reply.read.chunks) {
    chunk.first_index = in.Number<uint64_t>();
    chunk.count = in.Number<uint32_t>();
    chunk.arrival_ms = in.Number<int64_t>();
    sizes.push_back(in.Number<uint32_t>());
  }
  for (size_t i = 0; i < sizes.size(); ++i) reply.read.chunks[i].records = in.Bytes(sizes[i]);
}

void Read(WireReader& in, ExtentRequest& request) {
  request.shard = in.Number<uint32_t>();
  request.epoch = in.Number<uint64_t>();
  request.at_ms = in.Number<int64_t>();
}

void Read(WireReader& in, ExtentReply& reply) {
  reply.begin_index = in.Number<uint64_t>();
  reply.end_index = in.Number<uint64_t>();
  reply.sealed = in.Number<uint8_t>() != 0;
  reply.index_at = in.Number<uint64_t>();
}

void Read(WireReader& in, KnownMaps& maps) {
  maps.resize(CountIn(in, kKnownMapBytes));
  for (KnownMap& map : maps) {
    map.stream = in.Number<uint64_t>();
    map.version = in.Number<uint64_t>();
  }
}

void Read(WireReader& in, std::string& text) { text = in.Bytes(in.left()).view(); }

template <typename Head>
Pieces EncodeMaps(const Head& head, const KnownMaps& maps) {
  WireWriter out;
  Write(out, head);
  out.Number(static_cast<uint32_t>(maps.size()));
  for (const KnownMap& map : maps) {
    out.Number(map.stream);
    out.Number(map.version);
  }
  return {out.Take()};
}

bool Failed(const RequestHead&) { return false; }
bool Failed(const ReplyHead& head) { return head.code != Code::kOk; }

}  // namespace

Pieces Encode(const RequestHead& head, const AppendRequest& request) {
  WireWriter out;
  Write(out, head);
  out.Number(request.channel);
  out.Number(request.number);
  out.Number(request.settled_below);
  out.Number(static_cast<uint8_t>(request.repeated));
  out.Number(request.incarnation);
  out.Number(static_cast<uint32_t>(request.batches.size()));
  for (const AppendBatch& batch : request.batches) {
    out.Number(batch.shard);
    out.Number(batch.epoch);
    out.Number(batch.count);
    out.Number(static_cast<uint32_t>(batch.records.size()));
  }
  Pieces pieces{out.Take()};
  for (const AppendBatch& batch : request.batches) pieces.push_back(batch.records);
  return pieces;
}

Pieces Encode(const RequestHead& head, const ReadRequest& request) {
  WireWriter out;
  Write(out, head);
  out.Number(request.shard);
  out.Number(request.epoch);
  out.Number(request.from_index);
  out.Number(request.bytes_max);
  out.Number(request.wait_ms);
  out.Number(request.records_max);
  return {out.Take()};
}

Pieces Encode(const RequestHead& head, const ExtentRequest& request) {
  WireWriter out;
  Write(out, head);
  out.Number(request.shard);
  out.Number(request.epoch);
  out.Number(request.at_ms);
  return {out.Take()};
}

Pieces Encode(const RequestHead& head, const KnownMaps& maps) { return EncodeMaps(head, maps); }

Pieces Encode(const RequestHead& head) {
  WireWriter out;
  Write(out, head);
  return {out.Take()};
}

Pieces Encode(const RequestHead& head, std::string map_text) {
  WireWriter out;
  Write(out, head);
  return {out.Take(), Slice::FromString(std::move(map_text))};
}

Pieces Encode(const ReplyHead& head) {
  WireWriter out;
  Write(out, head);
  return {out.Take()};
}

Pieces Encode(const ReplyHead& head, const std::vector<AppendOutcome>& outcomes) {
  WireWriter out;
  Write(out, head);
  out.Number(static_cast<uint32_t>(outcomes.size()));
  for (const AppendOutcome& outcome : outcomes) {
    out.Number(NumberOf(outcome.code));
    out.Number(outcome.first_index);
    out.Number(outcome.arrival_ms);
    out.Number(static_cast<uint32_t>(outcome.refused.size()));
    out.Bytes(outcome.refused);
  }
  return {out.Take()};
}

Pieces Encode(const ReplyHead& head, const ReadReply& reply) {
  WireWriter out;
  Write(out, head);
  out.Number(reply.read.next_index);
  out.Number(static_cast<uint8_t>(reply.read.end_of_extent));
  out.Number(reply.end_index);
  out.Number(static_cast<uint32_t>(reply.read.chunks.size()));
  for (const storage::Chunk& chunk : reply.read.chunks) {
    out.Number(chunk.first_index);
    out.Number(chunk.count);
    out.Number(chunk.arrival_ms);
    out.Number(static_cast<uint32_t>(chunk.records.size()));
  }
  Pieces pieces{out.Take()};
  for (const storage::Chunk& chunk : reply.read.chunks) pieces.push_back(chunk.records);
  return pieces;
}

Pieces Encode(const ReplyHead& head, const ExtentReply& reply) {
  WireWriter out;
  Write(out, head);
  out.Number(reply.begin_index);
  out.Number(reply.end_index);
  out.Number(static_cast<uint8_t>(reply.sealed));
  out.Number(reply.index_at);
  return {out.Take()};
}

Pieces Encode(const ReplyHead& head, const KnownMaps& maps) { return EncodeMaps(head, maps); }

Pieces Encode(const ReplyHead& head, std::string map_text) {
  WireWriter out;
  Write(out, head);
  return {out.Take(), Slice::FromString(std::move(map_text))};
}

template <typename Head, typename Body>
Result<std::pair<Head, Body>> Decode(Slice bytes) {
  WireReader in(std::move(bytes));
  std::pair<Head, Body> message;
  if (in.Number<uint8_t>() != kFormat) return InvalidArgument("another format between pods");
  Read(in, message.first);
  if (!Failed(message.first)) Read(in, message.second);
  if (!in.ok()) return InvalidArgument("a message between pods ends too early");
  return message;
}

template Result<std::pair<RequestHead, AppendRequest>> Decode(Slice bytes);
template Result<std::pair<RequestHead, ReadRequest>> Decode(Slice bytes);
template Result<std::pair<RequestHead, ExtentRequest>> Decode(Slice bytes);
template Result<std::pair<RequestHead, KnownMaps>> Decode(Slice bytes);
template Result<std::pair<RequestHead, std::string>> Decode(Slice bytes);
template Result<std::pair<ReplyHead, std::vector<AppendOutcome>>> Decode(Slice bytes);
template Result<std::pair<ReplyHead, ReadReply>> Decode(Slice bytes);
template Result<std::pair<ReplyHead, ExtentReply>> Decode(Slice bytes);
template Result<std::pair<ReplyHead, KnownMaps>> Decode(Slice bytes);
template Result<std::pair<ReplyHead, std::string>> Decode(Slice bytes);

}  // namespace millrace::peer
