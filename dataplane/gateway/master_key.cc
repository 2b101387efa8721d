#include "dataplane/gateway/master_key.h"

#include <algorithm>
#include <span>

#include "common/base/random.h"
#include "common/codec/base64.h"
#include "common/codec/digest.h"
#include "common/log/log.h"
#include "dataplane/format/chunk_cipher.h"
#include "dataplane/placement/secret_file.h"

namespace millrace::gateway {

using storage::ChunkCipher;

namespace {

constexpr size_t kKeyBytes = ChunkCipher::kKeyBytes;

std::string_view Trim(std::string_view text) {
  constexpr std::string_view kSpace = " \t\r\n";
  const size_t begin = text.find_first_not_of(kSpace);
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(kSpace) - begin + 1);
}

int HexDigit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

std::optional<std::string> FromHex(std::string_view text) {
  std::string bytes;
  for (size_t i = 0; i + 1 < text.size(); i += 2) {
    const int high = HexDigit(text[i]);
    const int low = HexDigit(text[i + 1]);
    if (high < 0 || low < 0) return std::nullopt;
    bytes.push_back(static_cast<char>(high << 4 | low));
  }
  return bytes;
}

}  // namespace

Result<std::unique_ptr<MasterKey>> MasterKey::FromText(std::string_view text) {
  text = Trim(text);
  const std::optional<std::string> key =
      text.size() == 2 * kKeyBytes ? FromHex(text) : codec::Base64Decode(text);
  if (!key || key->size() != kKeyBytes) {
    return InvalidArgument("a master key is 32 bytes, as 64 hexadecimal digits or as base64");
  }
  return std::unique_ptr<MasterKey>(new MasterKey(*key));
}

Result<std::unique_ptr<MasterKey>> MasterKey::FromFile(const std::string& path) {
  ASSIGN_OR_RETURN(const std::string text, shard::ReadWholeFile(path));
  Result<std::unique_ptr<MasterKey>> key = FromText(text);
  if (!key.ok()) return key.status().WithContext(path);
  return key;
}

Result<std::unique_ptr<MasterKey>> MasterKey::FromOwnFile(const std::string& path) {
  Result<std::unique_ptr<MasterKey>> found = FromFile(path);
  if (found.ok() || found.status().code() != Code::kNotFound) return found;
  const std::string bytes = SecureRandomBytes(kKeyBytes);
  const std::string text =
      codec::Hex(std::span(reinterpret_cast<const uint8_t*>(bytes.data()), bytes.size())) + "\n";
  RETURN_IF_ERROR(shard::WriteFileDurably(path, text, 0600));
  log::Info("made a master key for encryption at rest; keep a copy of it", {{"file", path}});
  return FromText(text);
}

Result<std::string> MasterKey::Wrap(std::string_view data_key) const {
  const std::unique_ptr<ChunkCipher> cipher = ChunkCipher::Create(key_);
  if (cipher == nullptr) return Internal("no cipher for the master key");
  std::string wrapped(data_key.size() + ChunkCipher::kOverheadBytes, '\0');
  // The nonce of a chunk is its place; that of a key is random.
  cipher->Seal({}, SecureRandom64(), static_cast<uint32_t>(SecureRandom64()), data_key,
               reinterpret_cast<uint8_t*>(wrapped.data()));
  return wrapped;
}

Result<std::string> MasterKey::Unwrap(std::string_view wrapped) const {
  const std::unique_ptr<ChunkCipher> cipher = ChunkCipher::Create(key_);
  if (cipher == nullptr) return Internal("no cipher for the master key");
  Result<Slice> key = cipher->Open({}, wrapped);
  if (!key.ok()) return key.status().WithContext("a data key was wrapped with another master key");
  return std::string(key->view());
}

}  // namespace millrace::gateway
