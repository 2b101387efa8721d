#include "common/aws_framing/event_stream.h"

#include "common/base/check.h"
#include "common/codec/crc32.h"

namespace millrace::aws {

namespace {

constexpr char kStringType = 7;
constexpr size_t kHeadersMax = 64;
// Bytes already given out are dropped from the buffer once they are this many.
constexpr size_t kCompactBytes = 64 * 1024;

void StoreU32(uint8_t* out, uint32_t value) {
  for (int i = 0; i < 4; ++i) out[i] = static_cast<uint8_t>(value >> (24 - 8 * i));
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

std::string EncodeEventHeaders(const std::vector<net::OwnedHeader>& headers) {
  std::string out;
  for (const auto& [name, value] : headers) {
    CHECK(!name.empty() && name.size() <= 0xFF && value.size() <= 0xFFFF);
    out += static_cast<char>(name.size());
    out += name;
    out += kStringType;
    out += static_cast<char>(value.size() >> 8);
    out += static_cast<char>(value.size());
    out += value;
  }
  return out;
}

void SealEvent(uint8_t* message, size_t message_bytes, size_t headers_bytes) {
  CHECK(message_bytes <= 0xFFFFFFFF);
  CHECK(headers_bytes + kEventPreludeBytes + kEventTrailerBytes <= message_bytes);
  const size_t crc_at = message_bytes - kEventTrailerBytes;
  StoreU32(message, static_cast<uint32_t>(message_bytes));
  StoreU32(message + 4, static_cast<uint32_t>(headers_bytes));
  StoreU32(message + 8, codec::Crc32Ieee(message, 8));
  StoreU32(message + crc_at, codec::Crc32Ieee(message, crc_at));
}

std::string EncodeEvent(const std::vector<net::OwnedHeader>& headers, std::string_view payload) {
  const std::string block = EncodeEventHeaders(headers);
  std::string out(kEventPreludeBytes, '\0');
  out.reserve(kEventPreludeBytes + block.size() + payload.size() + kEventTrailerBytes);
  out += block;
  out += payload;
  out.append(kEventTrailerBytes, '\0');
  SealEvent(reinterpret_cast<uint8_t*>(out.data()), out.size(), block.size());
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
    failed_.IgnoreError();  // the caller has it
    buffer_.clear();
    offset_ = 0;
  }
  return message;
}

Result<EventMessage> EventDecoder::Parse(std::string_view bytes) {
  if (bytes.size() < kEventPreludeBytes) return NotFound("no whole event yet");
  size_t total = ReadU32(bytes, 0);
  size_t headers_bytes = ReadU32(bytes, 4);
  if (Crc(bytes.substr(0, 8)) != ReadU32(bytes, 8)) {
    return Corrupt("event stream: wrong checksum of the prelude");
  }
  if (total > limit_) return Corrupt("event stream: a message over the limit");
  if (total < kEventPreludeBytes + kEventTrailerBytes ||
      headers_bytes > total - kEventPreludeBytes - kEventTrailerBytes) {
    return Corrupt("event stream: lengths that do not fit");
  }
  if (bytes.size() < total) return NotFound("no whole event yet");
  if (Crc(bytes.substr(0, total - kEventTrailerBytes)) !=
      ReadU32(bytes, total - kEventTrailerBytes)) {
    return Corrupt("event stream: wrong checksum of a message");
  }
  EventMessage message;
  ASSIGN_OR_RETURN(message.headers, ParseHeaders(bytes.substr(kEventPreludeBytes, headers_bytes)));
  size_t payload_at = kEventPreludeBytes + headers_bytes;
  message.payload = bytes.substr(payload_at, total - kEventTrailerBytes - payload_at);
  offset_ += total;
  return message;
}

}  // namespace millrace::aws
