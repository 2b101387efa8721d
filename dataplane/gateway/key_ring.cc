#include "dataplane/gateway/key_ring.h"

#include <algorithm>
#include <filesystem>

#include "common/pki/secret_key_id.h"
#include "dataplane/format/chunk_cipher.h"

namespace millrace::gateway {

namespace {

// A data key under a stream's own key: this, the length of the key's name in a byte, the name, and
// what the key made of it. Longer than one under the master key can be.
constexpr std::string_view kMagic = "MSK1";
constexpr size_t kNameBytesMax = 64;
constexpr size_t kByMasterBytes =
    storage::ChunkCipher::kKeyBytes + storage::ChunkCipher::kOverheadBytes;

bool IsKeyName(const std::string& name) {
  return !name.empty() && name.size() <= kNameBytesMax &&
         std::all_of(name.begin(), name.end(),
                     [](char c) { return (c >= 'a' && c <= 'f') || (c >= '0' && c <= '9'); });
}

}  // namespace

std::vector<std::string> KeyNamesIn(const std::string& folder) {
  std::vector<std::string> names;
  if (folder.empty()) return names;
  std::error_code error;
  std::filesystem::directory_iterator at(folder, error);
  // Of the entries that a kubelet makes beside the keys, none is named as a key is.
  for (; !error && at != std::filesystem::directory_iterator(); at.increment(error)) {
    std::string name = at->path().filename().string();
    if (IsKeyName(name)) names.push_back(std::move(name));
  }
  return names;
}

void KeyRing::Note(const resources::ShardMap& map) {
  const std::optional<std::string> name = pki::SecretKeyName(map.key_id);
  std::lock_guard lock(mu_);
  if (name) {
    names_[map.stream_uid] = *name;
  } else {
    names_.erase(map.stream_uid);
  }
}

Result<const MasterKey*> KeyRing::Find(const std::string& name) const {
  if (!IsKeyName(name)) return InvalidArgument("'" + name + "' is no name of a key");
  std::lock_guard lock(mu_);
  std::unique_ptr<MasterKey>& key = keys_[name];
  if (key == nullptr) {
    const std::string missing = "the key " + name + " of a stream is not here";
    if (folder_.empty()) return Unavailable(missing + ": this pod has no folder of such keys");
    Result<std::unique_ptr<MasterKey>> found = MasterKey::FromFile(folder_ + "/" + name);
    if (!found.ok()) return Unavailable(missing + " yet: " + found.status().message());
    key = std::move(found).value();
  }
  return key.get();
}

Result<std::string> KeyRing::WrapFor(uint64_t stream, std::string_view data_key) const {
  std::string name;
  {
    std::lock_guard lock(mu_);
    const auto known = names_.find(stream);
    if (known != names_.end()) name = known->second;
  }
  if (name.empty()) return master_.Wrap(data_key);
  ASSIGN_OR_RETURN(const MasterKey* key, Find(name));
  ASSIGN_OR_RETURN(const std::string sealed, key->Wrap(data_key));
  return std::string(kMagic) + static_cast<char>(name.size()) + name + sealed;
}

Result<std::string> KeyRing::Unwrap(std::string_view wrapped) const {
  if (wrapped.size() <= kByMasterBytes || !wrapped.starts_with(kMagic))
    return master_.Unwrap(wrapped);
  wrapped.remove_prefix(kMagic.size());
  const auto name_size = static_cast<unsigned char>(wrapped.front());
  if (wrapped.size() < 1u + name_size) return Corrupt("a wrapped data key is cut off");
  const std::string name(wrapped.substr(1, name_size));
  ASSIGN_OR_RETURN(const MasterKey* key, Find(name));
  return key->Unwrap(wrapped.substr(1u + name_size));
}

}  // namespace millrace::gateway
