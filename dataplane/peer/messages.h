#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "common/base/bytes.h"
#include "common/base/clock.h"
#include "common/base/status.h"
#include "dataplane/storage/lane.h"

// What pods say to each other: docs/formats/peer.md has every byte. All are values; encoding and
// decoding are pure. What does not decode is InvalidArgument, whatever it is.
namespace millrace::peer {

inline constexpr std::string_view kAppendPath = "/peer/v1/append";
inline constexpr std::string_view kReadPath = "/peer/v1/read";
inline constexpr std::string_view kExtentPath = "/peer/v1/extent";
inline constexpr std::string_view kHelloPath = "/peer/v1/hello";
inline constexpr std::string_view kMapPath = "/peer/v1/map";
inline constexpr std::string_view kSealPath = "/peer/v1/seal";

using Pieces = std::vector<Slice>;  // one body, to be sent as it is

// Leads every request.
struct RequestHead {
  std::string sender;        // the pod's name
  uint64_t stream = 0;       // 0: of no stream
  uint64_t map_version = 0;  // that the sender has applied of it
};

// Leads every answer. `code` says how the request as a whole went.
struct ReplyHead {
  Code code = Code::kOk;
  std::string message;
  uint64_t incarnation = 0;  // of the receiver: another one has forgotten all tokens
  uint64_t map_version = 0;  // that the receiver has applied
};

// ---- append: records for shards whose last extent the receiver owns

struct AppendBatch {
  uint32_t shard = 0;
  uint64_t epoch = 0;
  uint32_t count = 0;
  Slice records;  // encoded (storage/record_format.h)
};

// (channel, number) is the token: a request that comes a second time is done once. `settled_below`
// lets the receiver forget. `incarnation` is 0 on the first try; on a repetition it is the
// receiver's that may have done it, which another incarnation cannot know.
struct AppendRequest {
  uint64_t channel = 0;
  uint64_t number = 0;
  uint64_t settled_below = 0;
  bool repeated = false;
  uint64_t incarnation = 0;
  std::vector<AppendBatch> batches;
};

struct AppendOutcome {
  Code code = Code::kOk;  // kResourceInUse: the extent is sealed, send it elsewhere
  uint64_t first_index = 0;
  WallMs arrival_ms = 0;
  // One byte a record, 1 where it is over the shard's rate and not written; empty for none.
  std::string refused;
};

// ---- read: chunks of one extent

struct ReadRequest {
  uint32_t shard = 0;
  uint64_t epoch = 0;
  uint64_t from_index = 0;
  uint32_t bytes_max = 0;
  uint32_t wait_ms = 0;      // at the end of an open extent, for something to come
  uint32_t records_max = 0;  // of a GetRecords call, to which limits apply; 0: no such call
};

struct ReadReply {
  storage::ReadResult read;
  uint64_t end_index = 0;  // what is durable now
};

// ---- extent: what is known of one

struct ExtentRequest {
  uint32_t shard = 0;
  uint64_t epoch = 0;
  WallMs at_ms = -1;  // which record arrived then or later; -1: not asked
};

struct ExtentReply {
  uint64_t begin_index = 0;
  uint64_t end_index = 0;
  bool sealed = false;
  uint64_t index_at = 0;
};

// ---- hello: who is there, and what changed lately

struct KnownMap {
  uint64_t stream = 0;
  uint64_t version = 0;
};
using KnownMaps = std::vector<KnownMap>;

Pieces Encode(const RequestHead& head, const AppendRequest& request);
Pieces Encode(const RequestHead& head, const ReadRequest& request);
Pieces Encode(const RequestHead& head, const ExtentRequest& request);
Pieces Encode(const RequestHead& head, const KnownMaps& maps);
Pieces Encode(const RequestHead& head);  // of a map: the head says which
// To seal by a map, which goes along.
Pieces Encode(const RequestHead& head, std::string map_text);

Pieces Encode(const ReplyHead& head);  // a failure
Pieces Encode(const ReplyHead& head, const std::vector<AppendOutcome>& outcomes);
Pieces Encode(const ReplyHead& head, const ReadReply& reply);
Pieces Encode(const ReplyHead& head, const ExtentReply& reply);
Pieces Encode(const ReplyHead& head, const KnownMaps& maps);
Pieces Encode(const ReplyHead& head, std::string map_text);

// `Body` is any of the above but Pieces; what follows a failed ReplyHead is not read.
template <typename Head, typename Body>
Result<std::pair<Head, Body>> Decode(Slice bytes);

}  // namespace millrace::peer
