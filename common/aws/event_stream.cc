#include "common/aws/event_stream.h"

#include "common/base/check.h"
#include "common/codec/crc32.h"

namespace millrace::aws {

namespace {

constexpr size_t kPreludeBytes = 12;  // total, headers length, crc of both
constexpr size_t kTrailerBytes = 4;
constexpr char kStringType = 7;
constexpr size_t kHeadersMax = 64;
// Bytes already given out are dropped from the buffer once they are this many.
constexpr size_t kCompactBytes = 64 * 1024;

void AppendU32(std::string& out, uint32_t value) {
  for (int shift = 24; shift >= 0; shift -= 8) out += static_cast<char>(value >> shift);
}

uint32_t ReadU32(std::string_view bytes, size_t at) {
  uint32_t value = 0;
  for (size_t i = 0; i < 4; ++i) value = value << 8 | static_cast<uint8_t>(bytes[at + i]);
  return value;
}

uint32_t Crc(std::string_view bytes) { return codec::Crc32Ieee(bytes.data(), bytes.size()); }

Result<std::vector<net::OwnedHeader>> ParseHeaders(std::string_view block) {
  std::vector<net::OwnedHeader> headers;
  while (!block.empty()) {
    if (headers.size() == kHeadersMax) return Corrupt("event stream: too many headers");
    size_t name_size = static_cast<uint8_t>(block[0]);
    size_t value_at = 1 + name_size + 3;
    if (name_size == 0 || block.size() < value_at) return Corrupt("event stream: a cut header");
    if (block[1 + name_size] != kStringType) {
      return Corrupt("event stream: a header that is not a string");
    }
    size_t value_size = static_cast<size_t>(static_cast<uint8_t>(block[value_at - 2])) << 8 |
                        static_cast<uint8_t>(block[value_at - 1]);
    if (block.size() - value_at < value_size) return Corrupt("event stream: a cut header");
    headers.emplace_back(block.substr(1, name_size), block.substr(value_at, value_size));
    block.remove_prefix(value_at + value_size);
  }
  return headers;
}

}  // namespace

std::string EncodeEvent(const std::vector<net::OwnedHeader>& headers, std::string_view payload) {
  size_t headers_bytes = 0;
  for (const auto& [name, value] : headers) {
    CHECK(!name.empty() && name.size() <= 0xFF && value.size() <= 0xFFFF);
    headers_bytes += 4 + name.size() + value.size();
  }
  size_t total = kPreludeBytes + headers_bytes + payload.size() + kTrailerBytes;
  CHECK(total <= 0xFFFFFFFF);
  std::string out;
  out.reserve(total);
  AppendU32(out, static_cast<uint32_t>(total));
  AppendU32(out, static_cast<uint32_t>(headers_bytes));
  AppendU32(out, Crc(out));
  for (const auto& [name, value] : headers) {
    out += static_cast<char>(name.size());
    out += name;
    out += kStringType;
    out += static_cast<char>(value.size() >> 8);
    out += static_cast<char>(value.size());
    out += value;
  }
  out += payload;
  AppendU32(out, Crc(out));
  return out;
}

void EventDecoder::Feed(std::string_view bytes) {
  if (offset_ == buffer_.size() || offset_ >= kCompactBytes) {
    buffer_.erase(0, offset_);
    offset_ = 0;
  }
  buffer_.append(bytes);
}

Result<EventMessage> EventDecoder::Next() {
  if (!failed_.ok()) return failed_;
  Result<EventMessage> message = Parse(std::string_view(buffer_).substr(offset_));
  if (!message.ok() && message.status().code() == Code::kCorrupt) {
    failed_ = message.status();
    buffer_.clear();
    offset_ = 0;
  }
  return message;
}

Result<EventMessage> EventDecoder::Parse(std::string_view bytes) {
  if (bytes.size() < kPreludeBytes) return NotFound("no whole event yet");
  size_t total = ReadU32(bytes, 0);
  size_t headers_bytes = ReadU32(bytes, 4);
  if (Crc(bytes.substr(0, 8)) != ReadU32(bytes, 8)) {
    return Corrupt("event stream: wrong checksum of the prelude");
  }
  if (total > limit_) return Corrupt("event stream: a message over the limit");
  if (total < kPreludeBytes + kTrailerBytes ||
      headers_bytes > total - kPreludeBytes - kTrailerBytes) {
    return Corrupt("event stream: lengths that do not fit");
  }
  if (bytes.size() < total) return NotFound("no whole event yet");
  if (Crc(bytes.substr(0, total - kTrailerBytes)) != ReadU32(bytes, total - kTrailerBytes)) {
    return Corrupt("event stream: wrong checksum of a message");
  }
  EventMessage message;
  ASSIGN_OR_RETURN(message.headers, ParseHeaders(bytes.substr(kPreludeBytes, headers_bytes)));
  size_t payload_at = kPreludeBytes + headers_bytes;
  message.payload = bytes.substr(payload_at, total - kTrailerBytes - payload_at);
  offset_ += total;
  return message;
}

}  // namespace millrace::aws
