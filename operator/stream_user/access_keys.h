#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "common/kube/object.h"
#include "common/resources/stream_user_resource.h"

namespace millrace::op {

const kube::ResourceType& StreamUserType();

struct KeyPair {
  std::string id;
  std::string secret;
  bool operator==(const KeyPair&) const = default;
};
// From the kernel's randomness, in AWS's form: 20 and 40 characters.
KeyPair NewKeyPair();

// What a user's Secret holds.
struct UserKeys {
  KeyPair current;
  std::optional<KeyPair> previous{};  // valid until then
  WallMs previous_until_ms = 0;
  int32_t rotation = 0;
  bool operator==(const UserKeys&) const = default;
};

// What users need besides their keys.
struct UserEndpoint {
  std::string url;  // "http://millrace-streams.millrace.svc"
  std::string region = "us-east-1";
};

// Pure. The keys that a user is to have, from those there are: none, or a new rotation, gives a new
// pair, and a replaced one stays for as long as the spec says.
UserKeys PlanKeys(const resources::StreamUserSpec& spec, const std::optional<UserKeys>& before,
                  WallMs now, const std::function<KeyPair()>& make);

// The Secret as it is to be: keys, endpoint and `env`, a snippet for a shell.
json::Value UserSecret(const json::Value& user, const UserKeys& keys, const UserEndpoint& endpoint);
// Nothing where it holds no key.
std::optional<UserKeys> KeysIn(const json::Value& secret);
// Whether the Secret was made for this user.
bool IsSecretOf(const json::Value& secret, const json::Value& user);

// One user, as shard pods need to know him.
struct UserEntry {
  std::string name;
  UserKeys keys;
  std::vector<resources::StreamUserSpec::Permission> permissions;
  bool operator==(const UserEntry&) const = default;
};
// The file of access keys that shard pods read (dataplane/gateway/key_file.h), in YAML.
std::string AccessKeyFile(const std::vector<UserEntry>& users, const std::string& account,
                          WallMs now);

}  // namespace millrace::op
