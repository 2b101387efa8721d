#include "common/aws/sigv4_request.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdio>
#include <span>
#include <utility>
#include <vector>

namespace millrace::aws {

namespace {

// Longer lists than a request may have headers are not worth the scans they cost.
constexpr size_t kSignedHeadersMax = 100;
constexpr char kUpperHex[] = "0123456789ABCDEF";
constexpr char kLowerHex[] = "0123456789abcdef";

char LowerCase(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

// `lower` is in lower case already.
bool IsHeaderNamed(std::string_view name, std::string_view lower) {
  if (name.size() != lower.size()) return false;
  for (size_t i = 0; i < name.size(); ++i) {
    if (LowerCase(name[i]) != lower[i]) return false;
  }
  return true;
}

bool IsUnreserved(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
         c == '_' || c == '.' || c == '~';
}

void AppendEncoded(std::string& out, char c) {
  if (IsUnreserved(c)) {
    out += c;
    return;
  }
  auto byte = static_cast<uint8_t>(c);
  out += '%';
  out += kUpperHex[byte >> 4];
  out += kUpperHex[byte & 15];
}

int HexDigit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

// The char that starts `text`, percent-decoded, and taken off it; a lone '%' stands for itself.
char TakeDecoded(std::string_view& text) {
  char c = text.front();
  if (c == '%' && text.size() >= 3) {
    int high = HexDigit(text[1]);
    int low = HexDigit(text[2]);
    if (high >= 0 && low >= 0) {
      text.remove_prefix(3);
      return static_cast<char>(high << 4 | low);
    }
  }
  text.remove_prefix(1);
  return c;
}

// The text before the first `separator`, which is taken off with it; all of it where there is none.
std::string_view TakeUntil(std::string_view& text, char separator) {
  size_t at = text.find(separator);
  std::string_view part = text.substr(0, at);
  text.remove_prefix(at == std::string_view::npos ? text.size() : at + 1);
  return part;
}

bool IsSpace(char c) { return c == ' ' || (c >= '\t' && c <= '\r'); }

ErrorShape Incomplete(std::string message) {
  return NamedError(400, "IncompleteSignatureException", std::move(message));
}

// A named slot of the claim; `text` keeps AWS's spelling.
struct Parameter {
  std::string_view name;
  std::string_view* slot;
};

// Puts `value` where it belongs; false where that parameter was there before.
bool Assign(std::string_view name, std::string_view value, std::span<const Parameter> parameters) {
  for (const Parameter& parameter : parameters) {
    if (parameter.name != name) continue;
    if (!parameter.slot->empty()) return false;
    *parameter.slot = value;
  }
  return true;
}

std::optional<ErrorShape> ReadAuthorization(const net::HttpRequest& request,
                                            std::string_view authorization, SignatureClaim& claim) {
  const std::array<Parameter, 3> parameters = {{{"Credential", &claim.credential},
                                                {"Signature", &claim.signature},
                                                {"SignedHeaders", &claim.signed_headers}}};
  std::string_view rest = authorization;
  claim.algorithm = TakeUntil(rest, ' ');
  while (!rest.empty()) {
    size_t end = 0;
    while (end < rest.size() && rest[end] != ',' && rest[end] != ' ') ++end;
    std::string_view pair = rest.substr(0, end);
    rest.remove_prefix(std::min(end + 1, rest.size()));
    if (pair.empty()) continue;
    std::string_view name = TakeUntil(pair, '=');
    if (!Assign(name, pair, parameters)) {
      return Incomplete("Authorization header has parameter '" + std::string(name) + "' twice.");
    }
  }
  std::string missing;
  for (const Parameter& parameter : parameters) {
    if (!parameter.slot->empty()) continue;
    missing += "Authorization header requires '" + std::string(parameter.name) + "' parameter. ";
  }
  claim.timestamp = request.FindHeader("x-amz-date");
  if (claim.timestamp.empty()) claim.timestamp = request.FindHeader("date");
  if (claim.timestamp.empty()) {
    missing +=
        "Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header. ";
  }
  if (missing.empty()) return std::nullopt;
  return Incomplete(missing + "Authorization=" + std::string(authorization));
}

std::optional<ErrorShape> ReadPresigned(std::string_view query, SignatureClaim& claim) {
  const std::array<Parameter, 6> parameters = {{{"X-Amz-Algorithm", &claim.algorithm},
                                                {"X-Amz-Credential", &claim.credential},
                                                {"X-Amz-Signature", &claim.signature},
                                                {"X-Amz-SignedHeaders", &claim.signed_headers},
                                                {"X-Amz-Date", &claim.timestamp},
                                                {"X-Amz-Expires", &claim.expires}}};
  claim.presigned = true;
  claim.decoded.reserve(query.size());  // so that the views into it stay good
  while (!query.empty()) {
    std::string_view pair = TakeUntil(query, '&');
    std::string_view name = TakeUntil(pair, '=');
    size_t at = claim.decoded.size();
    while (!pair.empty()) claim.decoded += TakeDecoded(pair);
    if (!Assign(name, std::string_view(claim.decoded).substr(at), parameters)) {
      return Incomplete("AWS query-string parameters include '" + std::string(name) + "' twice.");
    }
  }
  std::string missing;
  for (const Parameter& parameter : parameters) {
    if (!parameter.slot->empty() || parameter.slot == &claim.expires) continue;
    missing += "AWS query-string parameters must include '" + std::string(parameter.name) + "'. ";
  }
  if (missing.empty()) return std::nullopt;
  return Incomplete(missing + "Re-examine the query-string parameters.");
}

bool HasPresignedMark(std::string_view query) {
  while (!query.empty()) {
    std::string_view pair = TakeUntil(query, '&');
    if (TakeUntil(pair, '=') == "X-Amz-Algorithm") return true;
  }
  return false;
}

std::optional<ErrorShape> SplitCredential(SignatureClaim& claim) {
  std::string_view rest = claim.credential;
  if (std::ranges::count(rest, '/') != 4) {
    return Incomplete(
        "Credential must have exactly 5 slash-delimited elements, e.g. "
        "keyid/date/region/service/term, got '" +
        std::string(claim.credential) + "'");
  }
  claim.access_key_id = TakeUntil(rest, '/');
  claim.date = TakeUntil(rest, '/');
  claim.region = TakeUntil(rest, '/');
  claim.service = TakeUntil(rest, '/');
  claim.terminator = rest;
  return std::nullopt;
}

// `name:value\n`, the values of a header sent several times joined by commas; false where there is
// none. The JavaScript SDK signs HTTP/2's own `:authority` in the place of `host`.
bool AppendSignedHeader(std::string& out, const net::HttpRequest& request, std::string_view name) {
  out += name;
  out += ':';
  bool found = false;
  if (name == "host" || name == ":authority") {
    AppendCanonicalValue(out, request.authority);
    found = !request.authority.empty();
  } else {
    for (const net::Header& header : request.headers) {
      if (!IsHeaderNamed(header.name, name)) continue;
      if (found) out += ',';
      AppendCanonicalValue(out, header.value);
      found = true;
    }
  }
  out += '\n';
  return found;
}

bool AppendSignedHeaders(std::string& out, const net::HttpRequest& request,
                         std::string_view names) {
  std::string_view previous;
  for (size_t count = 0; !names.empty(); ++count) {
    std::string_view name = TakeUntil(names, ';');
    // Sorted and unique is what the signer had to do; anything else it cannot have signed.
    if (name <= previous || count == kSignedHeadersMax) return false;
    if (!AppendSignedHeader(out, request, name)) return false;
    previous = name;
  }
  return true;
}

}  // namespace

std::optional<ErrorShape> ReadClaim(const net::HttpRequest& request, SignatureClaim& claim) {
  std::string_view authorization = request.FindHeader("authorization");
  bool presigned = !request.query.empty() && HasPresignedMark(request.query);
  if (presigned && !authorization.empty()) {
    return NamedError(400, "InvalidSignatureException",
                      "Found both 'X-Amz-Algorithm' as a query-string param and 'Authorization' as "
                      "HTTP header.");
  }
  if (!presigned && authorization.empty()) {
    return NamedError(400, "MissingAuthenticationTokenException", "Missing Authentication Token");
  }
  auto error = presigned ? ReadPresigned(request.query, claim)
                         : ReadAuthorization(request, authorization, claim);
  if (error) return error;
  if (claim.algorithm != kSigV4Algorithm) {
    return Incomplete("Unsupported AWS 'algorithm': '" + std::string(claim.algorithm) + "'.");
  }
  return SplitCredential(claim);
}

void AppendCanonicalValue(std::string& out, std::string_view value) {
  size_t start = out.size();
  bool gap = false;
  for (char c : value) {
    if (IsSpace(c)) {
      gap = true;
      continue;
    }
    if (gap && out.size() > start) out += ' ';
    gap = false;
    out += c;
  }
}

void AppendCanonicalPath(std::string& out, std::string_view path) {
  if (path.empty() || path == "/") {
    out += '/';
    return;
  }
  std::vector<std::string_view> segments;
  for (std::string_view rest = path; !rest.empty();) {
    std::string_view segment = TakeUntil(rest, '/');
    if (segment.empty() || segment == ".") continue;
    if (segment != "..") {
      segments.push_back(segment);
    } else if (!segments.empty()) {
      segments.pop_back();
    }
  }
  for (std::string_view segment : segments) {
    out += '/';
    for (char c : segment) AppendEncoded(out, c);
  }
  if (segments.empty() || path.back() == '/') out += '/';
}

void AppendCanonicalQuery(std::string& out, std::string_view query, std::string_view left_out) {
  if (query.empty()) return;
  std::vector<std::pair<std::string, std::string>> parameters;
  while (!query.empty()) {
    std::string_view pair = TakeUntil(query, '&');
    if (pair.empty()) continue;
    std::string_view name = TakeUntil(pair, '=');
    if (!left_out.empty() && name == left_out) continue;
    auto& [encoded_name, encoded_value] = parameters.emplace_back();
    while (!name.empty()) AppendEncoded(encoded_name, TakeDecoded(name));
    while (!pair.empty()) AppendEncoded(encoded_value, TakeDecoded(pair));
  }
  std::ranges::sort(parameters);
  for (size_t i = 0; i < parameters.size(); ++i) {
    if (i > 0) out += '&';
    out.append(parameters[i].first).append("=").append(parameters[i].second);
  }
}

void AppendHex(std::string& out, const codec::Sha256Digest& digest) {
  std::array<char, 2 * std::tuple_size_v<codec::Sha256Digest>> text;
  for (size_t i = 0; i < digest.size(); ++i) {
    text[2 * i] = kLowerHex[digest[i] >> 4];
    text[2 * i + 1] = kLowerHex[digest[i] & 15];
  }
  out.append(text.data(), text.size());
}

bool AppendCanonicalRequest(std::string& out, const net::HttpRequest& request,
                            const SignatureClaim& claim, const codec::Sha256Digest& body_digest) {
  out += request.method;
  out += '\n';
  // S3 alone signs the path as it is sent.
  if (claim.service == "s3")
    out += request.path;
  else
    AppendCanonicalPath(out, request.path);
  out += '\n';
  AppendCanonicalQuery(out, request.query, claim.presigned ? "X-Amz-Signature" : "");
  out += '\n';
  if (!AppendSignedHeaders(out, request, claim.signed_headers)) return false;
  out += '\n';
  out += claim.signed_headers;
  out += '\n';
  AppendHex(out, body_digest);
  return true;
}

std::string StringToSign(const SignatureClaim& claim, std::string_view canonical_request) {
  std::string text;
  text.reserve(192);
  text.append(kSigV4Algorithm).append("\n").append(claim.timestamp).append("\n");
  text.append(claim.date).append("/").append(claim.region).append("/");
  text.append(claim.service).append("/").append(kSigV4Terminator).append("\n");
  AppendHex(text, codec::Sha256(canonical_request));
  return text;
}

codec::Sha256Digest DeriveSigningKey(std::string_view secret, std::string_view date,
                                     std::string_view region, std::string_view service) {
  auto view = [](const codec::Sha256Digest& digest) {
    return std::string_view(reinterpret_cast<const char*>(digest.data()), digest.size());
  };
  codec::Sha256Digest key = codec::HmacSha256("AWS4" + std::string(secret), date);
  key = codec::HmacSha256(view(key), region);
  key = codec::HmacSha256(view(key), service);
  return codec::HmacSha256(view(key), kSigV4Terminator);
}

std::string FormatSigningTime(WallMs ms) {
  using namespace std::chrono;
  sys_seconds time(floor<seconds>(milliseconds(ms)));
  sys_days day = floor<days>(time);
  year_month_day date(day);
  hh_mm_ss clock(time - day);
  std::array<char, 40> text{};
  int size = std::snprintf(
      text.data(), text.size(), "%04d%02u%02uT%02d%02d%02dZ", static_cast<int>(date.year()),
      static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()),
      static_cast<int>(clock.hours().count()), static_cast<int>(clock.minutes().count()),
      static_cast<int>(clock.seconds().count()));
  return {text.data(), static_cast<size_t>(size)};
}

std::optional<WallMs> ParseSigningTime(std::string_view text) {
  using namespace std::chrono;
  if (text.size() != 16 || text[8] != 'T' || text[15] != 'Z') return std::nullopt;
  for (size_t i = 0; i < 15; ++i) {
    if (i != 8 && (text[i] < '0' || text[i] > '9')) return std::nullopt;
  }
  auto number = [&](size_t at, size_t size) {
    int value = 0;
    for (char c : text.substr(at, size)) value = value * 10 + (c - '0');
    return value;
  };
  year_month_day date(year(number(0, 4)), month(static_cast<unsigned>(number(4, 2))),
                      day(static_cast<unsigned>(number(6, 2))));
  int hour = number(9, 2);
  int minute = number(11, 2);
  int second = number(13, 2);
  bool in_range = hour < 24 && minute < 60 && second < 60;
  if (number(0, 4) < 1970 || !date.ok() || !in_range) return std::nullopt;
  sys_seconds time = sys_days(date) + hours(hour) + minutes(minute) + seconds(second);
  return duration_cast<milliseconds>(time.time_since_epoch()).count();
}

}  // namespace millrace::aws
