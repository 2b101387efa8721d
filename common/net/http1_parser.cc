#include "common/net/http1_parser.h"

#include <cstring>

#include "common/net/ascii.h"

namespace millrace::net {
namespace {

constexpr Refusal kFine{};
constexpr std::string_view kCrlf = "\r\n";

Refusal Bad(std::string_view message) { return {400, message}; }

// Visible ASCII: what a request target or a host may consist of.
bool IsVisible(std::string_view text) {
  bool bad = false;
  for (char c : text) bad |= c <= ' ' || c == 0x7f;  // as signed: also everything past ASCII
  return !bad;
}

// Eight bytes at once: whether one of them may be a control character (a tab is one too).
bool MayHaveControls(uint64_t word) {
  constexpr uint64_t kEach = 0x0101010101010101;
  const uint64_t below_space = (word - kEach * 0x20) & ~word;
  const uint64_t deletes = word ^ (kEach * 0x7f);
  return ((below_space | ((deletes - kEach) & ~deletes)) & (kEach * 0x80)) != 0;
}

// No control characters but the tab; text past ASCII is opaque. Most of a head is values: the check
// of each byte alone would be a tenth of a small request's cost.
bool IsFieldValue(std::string_view text) {
  while (text.size() >= sizeof(uint64_t)) {
    uint64_t word;
    std::memcpy(&word, text.data(), sizeof word);
    if (MayHaveControls(word)) break;
    text.remove_prefix(sizeof word);
  }
  bool bad = false;
  for (char c : text) {
    auto byte = static_cast<uint8_t>(c);
    bad |= (byte < 0x20 && byte != '\t') || byte == 0x7f;
  }
  return !bad;
}

bool IsHost(std::string_view host) {
  return IsVisible(host) && host.find_first_of("/\\@,?#\"<>^`{|}") == std::string_view::npos;
}

Refusal ParseTarget(std::string_view target, HttpRequest& request) {
  if (target.empty() || !IsVisible(target) || target.find('#') != std::string_view::npos) {
    return Bad("The request target is malformed.");
  }
  request.target = target;
  if (target[0] != '/') {
    // The absolute form, which a client sends to a proxy and a server must understand.
    size_t scheme = 0;
    if (target.starts_with("http://")) scheme = 7;
    if (target.starts_with("https://")) scheme = 8;
    if (scheme == 0) {
      if (target == "*" && request.method == "OPTIONS") {
        request.path = target;
        return kFine;
      }
      return Bad("The request target must be a path.");
    }
    size_t path = target.find('/', scheme);
    if (path == std::string_view::npos) return Bad("The request target has no path.");
    request.authority = target.substr(scheme, path - scheme);
    if (!IsHost(request.authority)) return Bad("The request target is malformed.");
    request.target = target.substr(path);
  }
  size_t question = request.target.find('?');
  request.path = request.target.substr(0, question);
  if (question != std::string_view::npos) request.query = request.target.substr(question + 1);
  return kFine;
}

Refusal ParseRequestLine(std::string_view line, Http1Head& head) {
  size_t method_end = line.find(' ');
  size_t target_end = line.rfind(' ');
  if (method_end == std::string_view::npos || target_end == method_end) {
    return Bad("The request line is malformed.");
  }
  head.request.method = line.substr(0, method_end);
  if (!IsToken(head.request.method)) return Bad("The method is malformed.");
  std::string_view version = line.substr(target_end + 1);
  if (version == "HTTP/1.1") {
    head.minor_version = 1;
  } else if (version == "HTTP/1.0") {
    head.minor_version = 0;
    head.close = true;
  } else if (version.starts_with("HTTP/")) {
    return {505, "This version of HTTP is not supported."};
  } else {
    return Bad("The request line is malformed.");
  }
  if (!IsKnownMethod(head.request.method)) return {501, "This method is not implemented."};
  return ParseTarget(line.substr(method_end + 1, target_end - method_end - 1), head.request);
}

Refusal ParseContentLength(std::string_view value, Http1Head& head) {
  if (head.content_length.has_value()) return Bad("Content-Length is repeated.");
  constexpr size_t kDigitsMax = 18;  // fits 64 bits; no body is that long
  if (value.empty() || value.size() > kDigitsMax) return Bad("Content-Length is malformed.");
  uint64_t length = 0;
  for (char c : value) {
    if (c < '0' || c > '9') return Bad("Content-Length is malformed.");
    length = length * 10 + static_cast<uint64_t>(c - '0');
  }
  head.content_length = length;
  return kFine;
}

void ParseConnection(std::string_view value, Http1Head& head) {
  while (!value.empty()) {
    size_t comma = value.find(',');
    if (EqualsIgnoringCase(TrimBlanks(value.substr(0, comma)), "close")) head.close = true;
    if (comma == std::string_view::npos) return;
    value.remove_prefix(comma + 1);
  }
}

// What a field says about the message's framing.
Refusal ApplyField(const Header& field, bool& host_seen, Http1Head& head) {
  switch (field.name.size()) {
    case 4:
      if (EqualsIgnoringCase(field.name, "Host")) {
        if (host_seen) return Bad("Host is repeated.");
        host_seen = true;
        if (!IsHost(field.value)) return Bad("Host is malformed.");
        if (head.request.authority.empty()) head.request.authority = field.value;
      }
      break;
    case 6:
      if (EqualsIgnoringCase(field.name, "Expect") && head.minor_version == 1) {
        if (!EqualsIgnoringCase(field.value, "100-continue")) {
          return {417, "Expect can only be 100-continue."};
        }
        head.expect_continue = true;
      }
      break;
    case 10:
      if (EqualsIgnoringCase(field.name, "Connection")) ParseConnection(field.value, head);
      break;
    case 14:
      if (EqualsIgnoringCase(field.name, "Content-Length")) {
        return ParseContentLength(field.value, head);
      }
      break;
    case 17:
      if (EqualsIgnoringCase(field.name, "Transfer-Encoding")) {
        if (head.chunked) return Bad("Transfer-Encoding is repeated.");
        if (!EqualsIgnoringCase(field.value, "chunked")) {
          return Bad("Transfer-Encoding can only be chunked.");
        }
        head.chunked = true;
      }
      break;
    default:
      break;
  }
  return kFine;
}

Refusal ParseField(std::string_view line, Header& field) {
  if (line[0] == ' ' || line[0] == '\t') return Bad("A header is folded.");
  size_t colon = line.find(':');
  if (colon == std::string_view::npos) return Bad("A header has no colon.");
  field.name = line.substr(0, colon);
  if (!IsToken(field.name)) return Bad("A header's name is malformed.");
  field.value = TrimBlanks(line.substr(colon + 1));
  if (!IsFieldValue(field.value)) return Bad("A header's value has control characters.");
  return kFine;
}

Refusal CheckFraming(const Http1Head& head, bool host_seen) {
  if (!host_seen && head.minor_version == 1) return Bad("Host is missing.");
  if (head.chunked && head.content_length.has_value()) {
    return Bad("Content-Length and Transfer-Encoding exclude each other.");
  }
  if (head.chunked && head.minor_version == 0) {
    return Bad("HTTP/1.0 has no Transfer-Encoding.");
  }
  return kFine;
}

}  // namespace

bool IsKnownMethod(std::string_view method) {
  for (std::string_view known : {"POST", "GET", "HEAD", "PUT", "DELETE", "OPTIONS", "PATCH"}) {
    if (method == known) return true;
  }
  return false;
}

size_t HeadScanner::Refuse(int status, std::string_view message) {
  refusal_ = {status, message};
  return 0;
}

size_t HeadScanner::Scan(std::string_view data) {
  // TLS, say: it would have no line end to wait for.
  if (scanned_ == 0 && !data.empty() && data[0] != '\r' && data[0] != '\n' &&
      !IsVisible(data.substr(0, 1))) {
    return Refuse(400, "This is not HTTP.");
  }
  while (scanned_ < data.size()) {
    const void* found = std::memchr(data.data() + scanned_, '\n', data.size() - scanned_);
    if (found == nullptr) {
      scanned_ = data.size();
      break;
    }
    auto lf = static_cast<size_t>(static_cast<const char*>(found) - data.data());
    if (lf == line_begin_ || data[lf - 1] != '\r') return Refuse(400, "A line ends in a bare LF.");
    const size_t line_size = lf + 1 - kCrlf.size() - line_begin_;
    scanned_ = line_begin_ = lf + 1;
    if (lines_ == 0) {
      if (line_size == 0) return Refuse(400, "The request line is empty.");
      request_line_size_ = line_size;
      if (line_size > limits_.request_line_bytes_max) {
        return Refuse(414, "The request line is too long.");
      }
    } else if (line_size == 0) {
      if (line_begin_ - request_line_size_ > limits_.header_bytes_max) break;
      return line_begin_;
    } else if (lines_ > limits_.header_fields_max) {
      return Refuse(431, "There are too many headers.");
    }
    ++lines_;
  }
  if (lines_ == 0 && data.size() > limits_.request_line_bytes_max + kCrlf.size()) {
    return Refuse(414, "The request line is too long.");
  }
  if (lines_ > 0 && scanned_ - request_line_size_ > limits_.header_bytes_max) {
    return Refuse(431, "The headers are too large.");
  }
  return 0;
}

Refusal ParseHead(std::string_view bytes, Http1Head& head) {
  size_t line_end = bytes.find(kCrlf);
  if (Refusal refusal = ParseRequestLine(bytes.substr(0, line_end), head); refusal.status != 0) {
    return refusal;
  }
  constexpr size_t kUsualFieldCount = 16;
  head.request.headers.reserve(kUsualFieldCount);
  bool host_seen = false;
  bytes.remove_prefix(line_end + kCrlf.size());
  while (true) {
    const void* found = std::memchr(bytes.data(), '\r', bytes.size());
    auto end = static_cast<size_t>(static_cast<const char*>(found) - bytes.data());
    if (bytes.substr(end, kCrlf.size()) != kCrlf) return Bad("A header has a bare CR.");
    if (end == 0) break;
    Header field;
    Refusal refusal = ParseField(bytes.substr(0, end), field);
    if (refusal.status == 0) refusal = ApplyField(field, host_seen, head);
    if (refusal.status != 0) return refusal;
    head.request.headers.push_back(field);
    bytes.remove_prefix(end + kCrlf.size());
  }
  return CheckFraming(head, host_seen);
}

}  // namespace millrace::net
