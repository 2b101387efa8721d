// Any bytes as each of the messages between pods: the first byte says which. What is taken for one
// says the same when it is encoded and read again, takes no more room than it came in, and the
// records in it are walked as their receiver does.
#include <cstddef>
#include <cstdint>

#include "common/base/check.h"
#include "dataplane/format/record_format.h"
#include "dataplane/peer/messages.h"

using namespace millrace;
using namespace millrace::peer;

namespace {

std::string Joined(const Pieces& pieces) {
  std::string out;
  for (const Slice& piece : pieces) out += piece.view();
  return out;
}

void WalkRecords(const Slice& records) {
  storage::RecordReader reader(records);
  size_t bytes = 0;
  while (const auto record = reader.Next()) bytes += record->key.size() + record->data.size();
  CHECK(bytes <= records.size());
}

void WalkRecords(const AppendRequest& request) {
  for (const AppendBatch& batch : request.batches) WalkRecords(batch.records);
}
void WalkRecords(const ReadReply& reply) {
  for (const storage::Chunk& chunk : reply.read.chunks) WalkRecords(chunk.records);
}
template <typename Body>
void WalkRecords(const Body&) {}

template <typename Body>
std::string Encoded(const RequestHead& head, const Body& body) {
  return Joined(Encode(head, body));
}
template <typename Body>
std::string Encoded(const ReplyHead& head, const Body& body) {
  return Joined(head.code == Code::kOk ? Encode(head, body) : Encode(head));
}

template <typename Head, typename Body>
void Try(const std::string& bytes) {
  auto message = Decode<Head, Body>(Slice::FromString(std::string(bytes)));
  if (!message.ok()) return;
  WalkRecords(message->second);
  const std::string text = Encoded(message->first, message->second);
  CHECK(text.size() <= bytes.size());
  auto again = Decode<Head, Body>(Slice::FromString(std::string(text)));
  CHECK(again.ok());
  CHECK(Encoded(again->first, again->second) == text);
}

using TryOne = void (*)(const std::string&);
constexpr TryOne kTries[] = {
    Try<RequestHead, AppendRequest>, Try<RequestHead, ReadRequest>,
    Try<RequestHead, ExtentRequest>, Try<RequestHead, KnownMaps>,
    Try<RequestHead, std::string>,   Try<ReplyHead, std::vector<AppendOutcome>>,
    Try<ReplyHead, ReadReply>,       Try<ReplyHead, ExtentReply>,
    Try<ReplyHead, KnownMaps>,       Try<ReplyHead, std::string>,
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  const std::string bytes(reinterpret_cast<const char*>(data + 1), size - 1);
  kTries[data[0] % std::size(kTries)](bytes);
  return 0;
}
