#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/status.h"
#include "common/net/http_types.h"

namespace millrace::aws {

// application/vnd.amazon.eventstream messages: u32 total, u32 headers length, u32 crc of both,
// headers (string values only), payload, u32 crc of all before; big-endian. Pure.

struct EventMessage {
  std::vector<net::OwnedHeader> headers;
  std::string payload;
};

// One whole message.
std::string EncodeEvent(const std::vector<net::OwnedHeader>& headers, std::string_view payload);

// For encoders that write a payload in place: a message is the prelude, the block of headers, the
// payload and the trailer, one after another. SealEvent fills in the prelude and the trailer of one
// that has the rest.
inline constexpr size_t kEventPreludeBytes = 12;
inline constexpr size_t kEventTrailerBytes = 4;
std::string EncodeEventHeaders(const std::vector<net::OwnedHeader>& headers);
void SealEvent(uint8_t* message, size_t message_bytes, size_t headers_bytes);

// Takes bytes as they come and gives messages back; refuses a message over `message_bytes_max` or
// with a wrong checksum (Corrupt), after which it stays failed.
class EventDecoder {
 public:
  explicit EventDecoder(size_t message_bytes_max = 24 * 1024 * 1024) : limit_(message_bytes_max) {}
  void Feed(std::string_view bytes);
  // The next message; NotFound while it is not complete.
  Result<EventMessage> Next();

 private:
  Result<EventMessage> Parse(std::string_view bytes);

  size_t limit_;
  std::string buffer_;
  size_t offset_ = 0;  // bytes of buffer_ already given out
  Status failed_;
};

}  // namespace millrace::aws
