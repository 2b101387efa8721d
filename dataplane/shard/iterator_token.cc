#include "dataplane/shard/iterator_token.h"

#include <array>
#include <cstdio>
#include <ctime>

#include "common/base/check.h"
#include "common/codec/base64.h"
#include "common/codec/digest.h"
#include "dataplane/placement/secret_file.h"

namespace millrace::shard {
namespace {

// Eight bytes that AWS's iterators begin with too, the claims big-endian, the first 32 bytes of
// HMAC.
constexpr std::string_view kHead("\0\0\0\0\0\0\0\1", 8);
constexpr size_t kClaimsBytes = 8 + 4 + 8 + 8 + 8;
constexpr size_t kTokenBytes = kHead.size() + kClaimsBytes + sizeof(codec::Sha256Digest);
constexpr WallMs kLifeMs = 300'000;

void Append(std::string& out, uint64_t value, int bytes) {
  for (int i = bytes - 1; i >= 0; --i) out.push_back(static_cast<char>(value >> (8 * i)));
}

uint64_t Take(std::string_view& in, size_t bytes) {
  uint64_t value = 0;
  for (size_t i = 0; i < bytes; ++i) value = value << 8 | static_cast<uint8_t>(in[i]);
  in.remove_prefix(bytes);
  return value;
}

Status Invalid() { return InvalidArgument("Invalid ShardIterator."); }

// "Thu Jan 22 01:22:02 UTC 2015"
std::string FormatForPeople(WallMs ms) {
  const std::time_t seconds = ms / 1000;
  std::tm parts{};
  gmtime_r(&seconds, &parts);
  std::array<char, 64> text;
  return {text.data(), std::strftime(text.data(), text.size(), "%a %b %d %H:%M:%S UTC %Y", &parts)};
}

}  // namespace

IteratorTokens::IteratorTokens(std::string key) : key_(std::move(key)) {
  CHECK(key_.size() == kKeyBytes);
}

Result<IteratorTokens> IteratorTokens::FromKeyFile(const std::string& path) {
  ASSIGN_OR_RETURN(std::string key, EnsureSecretFile(path, kKeyBytes));
  return IteratorTokens(std::move(key));
}

std::string IteratorTokens::Issue(const IteratorClaims& claims) const {
  std::string bytes(kHead);
  bytes.reserve(kTokenBytes);
  Append(bytes, claims.stream_uid, 8);
  Append(bytes, claims.shard, 4);
  Append(bytes, claims.position.epoch, 8);
  Append(bytes, claims.position.index, 8);
  Append(bytes, static_cast<uint64_t>(claims.issued_ms), 8);
  const codec::Sha256Digest mac = codec::HmacSha256(key_, bytes);
  bytes.append(reinterpret_cast<const char*>(mac.data()), mac.size());
  return codec::Base64Encode(bytes);
}

Result<IteratorClaims> IteratorTokens::Read(std::string_view token, WallMs now) const {
  if (token.size() != codec::Base64EncodedSize(kTokenBytes)) return Invalid();
  const std::optional<std::string> bytes = codec::Base64Decode(token);
  if (!bytes || bytes->size() != kTokenBytes || !bytes->starts_with(kHead)) return Invalid();
  const std::string_view said(*bytes);
  const codec::Sha256Digest mac =
      codec::HmacSha256(key_, said.substr(0, kHead.size() + kClaimsBytes));
  if (!codec::ConstantTimeEqual(said.substr(kHead.size() + kClaimsBytes),
                                {reinterpret_cast<const char*>(mac.data()), mac.size()})) {
    return Invalid();
  }
  std::string_view rest = said.substr(kHead.size());
  IteratorClaims claims;
  claims.stream_uid = Take(rest, 8);
  claims.shard = static_cast<uint32_t>(Take(rest, 4));
  claims.position.epoch = Take(rest, 8);
  claims.position.index = Take(rest, 8);
  claims.issued_ms = static_cast<WallMs>(Take(rest, 8));
  if (now - claims.issued_ms > kLifeMs) {
    return Status(
        Code::kExpiredIterator,
        "Iterator expired. The iterator was created at time " + FormatForPeople(claims.issued_ms) +
            " while right now it is " + FormatForPeople(now) +
            " which is further in the future than the tolerated delay of 300000 milliseconds.");
  }
  return claims;
}

}  // namespace millrace::shard
