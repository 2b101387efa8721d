#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace millrace::pki {

// What a shard map's keyId says where the key is in a Secret (spec.encryption.keySecretRef):
// "secret:" and a name for the bytes of the key, under which pods find it. Another key has another
// name. Pure.
inline constexpr std::string_view kSecretKeyPrefix = "secret:";

inline std::string SecretKeyId(const std::string& name) {
  return std::string(kSecretKeyPrefix) + name;
}
// The name; nothing where the key is not in a Secret.
inline std::optional<std::string> SecretKeyName(const std::string& key_id) {
  if (!key_id.starts_with(kSecretKeyPrefix)) return std::nullopt;
  return key_id.substr(kSecretKeyPrefix.size());
}

}  // namespace millrace::pki
