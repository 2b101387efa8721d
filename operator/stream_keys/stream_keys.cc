#include "operator/stream_keys/stream_keys.h"

#include <algorithm>
#include <cctype>
#include <span>

#include "common/codec/base64.h"
#include "common/codec/digest.h"
#include "common/json/text.h"
#include "common/log/log.h"
#include "common/resources/conditions.h"
#include "operator/engine/touch_pods.h"

namespace millrace::op {

using json::Value;
namespace types = kube::types;

namespace {

constexpr size_t kKeyBytes = 32;

std::string Trimmed(const std::string& text) {
  auto is_space = [](unsigned char c) { return std::isspace(c) != 0; };
  const auto begin = std::find_if_not(text.begin(), text.end(), is_space);
  const auto end = std::find_if_not(text.rbegin(), text.rend(), is_space).base();
  return begin < end ? std::string(begin, end) : "";
}

std::string HexOf(std::string_view bytes) {
  return codec::Hex(std::span(reinterpret_cast<const uint8_t*>(bytes.data()), bytes.size()));
}

}  // namespace

Result<StreamKey> ReadStreamKey(const Value& secret, const std::string& entry) {
  const std::string place = "Secret " + kube::NameOf(secret).name + ", entry " + entry;
  if (!secret["data"].Has(entry)) return NotFound(place + ": there is no such entry");
  const std::string bytes = codec::Base64Decode(secret["data"][entry].AsString()).value_or("");
  const std::string text = Trimmed(bytes);
  StreamKey key;
  const bool is_hex =
      text.size() == 2 * kKeyBytes &&
      std::all_of(text.begin(), text.end(), [](unsigned char c) { return std::isxdigit(c) != 0; });
  const std::string decoded = codec::Base64Decode(text).value_or("");
  if (is_hex) {
    key.hex = text;
    std::transform(text.begin(), text.end(), key.hex.begin(),
                   [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  } else if (decoded.size() == kKeyBytes) {
    key.hex = HexOf(decoded);
  } else if (bytes.size() == kKeyBytes) {
    key.hex = HexOf(bytes);
  } else {
    return InvalidArgument(place +
                           ": a key is 32 bytes, as 64 hexadecimal digits, as base64 or as "
                           "they are");
  }
  constexpr size_t kNameDigits = 24;
  const codec::Sha256Digest digest = codec::Sha256("millrace stream key " + key.hex);
  key.name = codec::Hex(std::span(digest.data(), digest.size())).substr(0, kNameDigits);
  return key;
}

Result<std::string> StreamKeys::Give(const std::string& stream_ns,
                                     const resources::StreamSpec& spec,
                                     const std::string& pool_ns) {
  const kube::ObjectName name{stream_ns, spec.key_secret_name};
  const Result<Value> secret = client_.Get(types::Secret(), name);
  if (!secret.ok() && secret.status().code() == Code::kNotFound)
    return NotFound("encryption.keySecretRef: there is no Secret " + name.name + " in " + name.ns);
  if (!secret.ok()) return secret.status().WithContext("encryption.keySecretRef");
  const Result<StreamKey> key = ReadStreamKey(*secret, spec.key_secret_key);
  if (!key.ok()) return key.status().WithContext("encryption.keySecretRef");
  RETURN_IF_ERROR(GiveTo({pool_ns, spec.pool_name + "-stream-keys"}, *key, spec.pool_name)
                      .WithContext("handing the key to pool " + spec.pool_name));
  return key->name;
}

Status StreamKeys::GiveTo(const kube::ObjectName& pool_secret, const StreamKey& key,
                          const std::string& pool) {
  {
    std::lock_guard lock(mu_);
    if (given_[pool_secret].contains(key.name)) return OkStatus();
  }
  const Result<Value> there = client_.Get(types::Secret(), pool_secret);
  if (!there.ok() && there.status().code() != Code::kNotFound) return there.status();
  if (!there.ok() || !(*there)["data"].Has(key.name)) {
    Value next;
    if (there.ok()) {
      next = *there;
    } else {
      next.Set("apiVersion", "v1");
      next.Set("kind", "Secret");
      next["metadata"].Set("name", pool_secret.name);
      next["metadata"].Set("namespace", pool_secret.ns);
      next["metadata"]["labels"].Set("app.kubernetes.io/part-of", "millrace");
      next["metadata"]["labels"].Set("app.kubernetes.io/managed-by", "millrace-operator");
      next.Set("type", "Opaque");
    }
    next["data"].Set(key.name, json::Base64(key.hex));
    RETURN_IF_ERROR(
        (there.ok() ? client_.Update(types::Secret(), next) : client_.Create(types::Secret(), next))
            .status());
    log::Info("stream key given to pool", {{"pool", pool}, {"key", key.name}});
    TouchPods(client_, {pool_secret.ns, pool}, "millrace.dev/stream-keys", key.name);
  }
  std::lock_guard lock(mu_);
  given_[pool_secret].insert(key.name);
  return OkStatus();
}

}  // namespace millrace::op
