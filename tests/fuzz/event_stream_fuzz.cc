// Any bytes as an event stream, in pieces. With the first byte even the checksums of the first
// message are made right, which no fuzzer guesses. A message that is accepted is encoded as the
// bytes it came from.
#include <cstddef>
#include <cstdint>

#include "common/aws_framing/event_stream.h"
#include "common/base/check.h"
#include "common/codec/crc32.h"

using namespace millrace;

namespace {

void PutU32(std::string& bytes, size_t at, uint32_t value) {
  for (size_t i = 0; i < 4; ++i) bytes[at + i] = static_cast<char>(value >> (24 - 8 * i));
}

void MendChecksums(std::string& bytes) {
  if (bytes.size() < 16) return;
  PutU32(bytes, 0, static_cast<uint32_t>(bytes.size()));
  PutU32(bytes, 8, codec::Crc32Ieee(bytes.data(), 8));
  PutU32(bytes, bytes.size() - 4, codec::Crc32Ieee(bytes.data(), bytes.size() - 4));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  std::string bytes(reinterpret_cast<const char*>(data + 1), size - 1);
  if (data[0] % 2 == 0) MendChecksums(bytes);
  size_t piece = 1 + data[0] / 2;
  aws::EventDecoder decoder(1 << 20);
  std::string read;
  for (size_t at = 0; at < bytes.size(); at += piece) {
    decoder.Feed(std::string_view(bytes).substr(at, piece));
    for (auto message = decoder.Next(); message.ok(); message = decoder.Next()) {
      bool has_empty_name = false;
      for (const auto& [name, value] : message->headers) has_empty_name |= name.empty();
      CHECK(!has_empty_name);
      read += aws::EncodeEvent(message->headers, message->payload);
    }
  }
  CHECK(std::string_view(bytes).starts_with(read));
  return 0;
}
