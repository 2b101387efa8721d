#pragma once

#include <string>
#include <string_view>

#include "common/base/clock.h"
#include "common/base/status.h"
#include "dataplane/shard/position.h"

namespace millrace::shard {

// What a ShardIterator stands for.
struct IteratorClaims {
  uint64_t stream_uid = 0;
  uint32_t shard = 0;
  Position position;
  WallMs issued_ms = 0;
};

// Makes and reads shard iterators: opaque text of 104 characters, signed with HMAC-SHA256 under
// this data folder's key, good for five minutes. Nothing is kept for one, so a restart invalidates
// none. Immutable; any thread.
class IteratorTokens {
 public:
  static constexpr size_t kKeyBytes = 32;
  explicit IteratorTokens(std::string key);
  // With the key in `path`, made (mode 0600) where there is none.
  static Result<IteratorTokens> FromKeyFile(const std::string& path);

  std::string Issue(const IteratorClaims& claims) const;
  // InvalidArgument for what was not issued with this key, kExpiredIterator five minutes after it
  // was.
  Result<IteratorClaims> Read(std::string_view token, WallMs now) const;

 private:
  std::string key_;
};

}  // namespace millrace::shard
