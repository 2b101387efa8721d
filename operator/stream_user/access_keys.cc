#include "operator/stream_user/access_keys.h"

#include "common/base/random.h"
#include "common/codec/base64.h"
#include "common/json/text.h"

namespace millrace::op {

using json::Value;

namespace {

constexpr const char* kIdField = "AWS_ACCESS_KEY_ID";
constexpr const char* kSecretField = "AWS_SECRET_ACCESS_KEY";
constexpr const char* kPreviousIdField = "PREVIOUS_ACCESS_KEY_ID";
constexpr const char* kPreviousSecretField = "PREVIOUS_SECRET_ACCESS_KEY";
constexpr const char* kRotation = "millrace.dev/rotation";
constexpr const char* kPreviousUntil = "millrace.dev/previous-until";

std::string RandomText(size_t size, std::string_view letters) {
  std::string out;
  while (out.size() < size) {
    for (const char c : SecureRandomBytes(size)) {
      // Without the last few values of a byte, so that every letter is as likely as any other.
      const auto byte = static_cast<uint8_t>(c);
      const size_t fair = 256 / letters.size() * letters.size();
      if (byte < fair && out.size() < size) out.push_back(letters[byte % letters.size()]);
    }
  }
  return out;
}

std::string FieldOf(const Value& secret, const char* name) {
  return codec::Base64Decode(secret["data"][name].AsString()).value_or("");
}

Value PermissionValue(const resources::StreamUserSpec::Permission& permission) {
  Value out;
  for (const std::string& action : permission.actions) out["actions"].Append(action);
  for (const std::string& stream : permission.streams) out["streams"].Append(stream);
  return out;
}

Value KeyEntry(const UserEntry& user, const KeyPair& pair, const std::string& account) {
  Value out;
  out.Set("accessKeyId", pair.id);
  out.Set("secretAccessKey", pair.secret);
  out.Set("userName", user.name);
  out.Set("accountId", account);
  json::Array permissions;
  for (const auto& permission : user.permissions)
    permissions.push_back(PermissionValue(permission));
  out.Set("permissions", std::move(permissions));
  return out;
}

std::string Snippet(const UserKeys& keys, const UserEndpoint& endpoint) {
  return std::string("export AWS_ACCESS_KEY_ID=") + keys.current.id +
         "\nexport AWS_SECRET_ACCESS_KEY=" + keys.current.secret +
         "\nexport AWS_REGION=" + endpoint.region +
         "\nexport AWS_ENDPOINT_URL_KINESIS=" + endpoint.url + "\n";
}

}  // namespace

const kube::ResourceType& StreamUserType() {
  static const auto* const type =
      new kube::ResourceType(kube::MillraceType("StreamUser", "streamusers"));
  return *type;
}

KeyPair NewKeyPair() {
  constexpr std::string_view kUpper = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
  constexpr std::string_view kAny =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
  return {"MRAK" + RandomText(16, kUpper), RandomText(40, kAny)};
}

UserKeys PlanKeys(const resources::StreamUserSpec& spec, const std::optional<UserKeys>& before,
                  WallMs now, const std::function<KeyPair()>& make) {
  if (!before) return {.current = make(), .rotation = spec.rotation};
  UserKeys keys = *before;
  if (spec.rotation > before->rotation) {
    keys.previous = before->current;
    keys.previous_until_ms = now + int64_t{spec.previous_key_seconds} * 1000;
    keys.current = make();
    keys.rotation = spec.rotation;
  }
  if (keys.previous && now >= keys.previous_until_ms) {
    keys.previous.reset();
    keys.previous_until_ms = 0;
  }
  return keys;
}

Value UserSecret(const Value& user, const UserKeys& keys, const UserEndpoint& endpoint) {
  resources::Resource named;
  named.key.name = kube::NameOf(user).name;
  named.spec = user["spec"];
  Value out;
  out.Set("apiVersion", "v1");
  out.Set("kind", "Secret");
  Value& metadata = out["metadata"];
  metadata.Set("name", resources::SecretNameOf(named));
  metadata.Set("namespace", kube::NameOf(user).ns);
  metadata["labels"].Set("app.kubernetes.io/part-of", "millrace");
  metadata["labels"].Set("app.kubernetes.io/managed-by", "millrace-operator");
  metadata["annotations"].Set(kRotation, std::to_string(keys.rotation));
  metadata.Set("ownerReferences", json::Array{kube::ControllerReference(StreamUserType(), user)});
  out.Set("type", "Opaque");
  auto set = [&out](const char* name, const std::string& text) {
    out["data"].Set(name, json::Base64(text));
  };
  set(kIdField, keys.current.id);
  set(kSecretField, keys.current.secret);
  set("AWS_REGION", endpoint.region);
  set("AWS_ENDPOINT_URL_KINESIS", endpoint.url);
  set("env", Snippet(keys, endpoint));
  if (keys.previous) {
    out["metadata"]["annotations"].Set(kPreviousUntil,
                                       resources::FormatTime(keys.previous_until_ms));
    set(kPreviousIdField, keys.previous->id);
    set(kPreviousSecretField, keys.previous->secret);
  }
  return out;
}

std::optional<UserKeys> KeysIn(const Value& secret) {
  UserKeys keys;
  keys.current = {FieldOf(secret, kIdField), FieldOf(secret, kSecretField)};
  if (keys.current.id.empty() || keys.current.secret.empty()) return std::nullopt;
  const Value& annotations = secret.At("metadata", "annotations");
  keys.rotation = std::atoi(annotations[kRotation].AsString().c_str());
  KeyPair previous{FieldOf(secret, kPreviousIdField), FieldOf(secret, kPreviousSecretField)};
  const auto until = resources::ParseTime(annotations[kPreviousUntil].AsString());
  if (until && !previous.id.empty()) {
    keys.previous = std::move(previous);
    keys.previous_until_ms = *until;
  }
  return keys;
}

bool IsSecretOf(const Value& secret, const Value& user) {
  for (const Value& owner : secret.At("metadata", "ownerReferences").AsArray()) {
    if (owner["uid"].AsString() == kube::UidOf(user)) return true;
  }
  return false;
}

std::string AccessKeyFile(const std::vector<UserEntry>& users, const std::string& account,
                          WallMs now) {
  json::Array entries;
  for (const UserEntry& user : users) {
    entries.push_back(KeyEntry(user, user.keys.current, account));
    if (user.keys.previous && now < user.keys.previous_until_ms) {
      entries.push_back(KeyEntry(user, *user.keys.previous, account));
    }
  }
  // JSON is YAML, and has no doubts about quotes.
  return json::WriteJson(Value(std::move(entries)));
}

}  // namespace millrace::op
