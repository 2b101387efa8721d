#include "dataplane/gateway/key_file.h"

#include <sys/stat.h>

#include "common/json/value.h"
#include "common/log/log.h"
#include "dataplane/kinesis/permissions.h"
#include "dataplane/placement/secret_file.h"

namespace millrace::gateway {
namespace {

bool IsAccount(std::string_view text) {
  return text.size() == 12 && text.find_first_not_of("0123456789") == std::string_view::npos;
}

std::vector<std::string> ReadTexts(const json::Value& list) {
  std::vector<std::string> out;
  for (const json::Value& item : list.AsArray()) out.push_back(item.AsString());
  return out;
}

// A list of {actions, streams}; what is malformed in it allows nothing.
std::shared_ptr<const aws::Grants> ReadPermissions(const json::Value& list) {
  if (list.is_null()) return nullptr;
  std::vector<kinesis::Permissions::Rule> rules;
  for (const json::Value& rule : list.AsArray()) {
    rules.push_back({ReadTexts(rule["actions"]), ReadTexts(rule["streams"])});
  }
  return std::make_shared<const kinesis::Permissions>(std::move(rules));
}

Result<aws::Credentials> ParseEntry(const json::Value& entry, const std::string& where) {
  aws::Credentials keys;
  keys.access_key_id = entry["accessKeyId"].AsString();
  keys.secret_access_key = entry["secretAccessKey"].AsString();
  keys.user_name = entry["userName"].AsString();
  keys.grants = ReadPermissions(entry["permissions"]);
  if (keys.access_key_id.empty()) return InvalidArgument(where + ".accessKeyId: is missing");
  if (keys.secret_access_key.empty())
    return InvalidArgument(where + ".secretAccessKey: is missing");
  const json::Value& account = entry["accountId"];
  if (!account.is_null()) {
    // YAML reads an unquoted 123456789012 as a number.
    keys.account_id = account.is_int() ? std::to_string(account.AsInt()) : account.AsString();
    if (!IsAccount(keys.account_id))
      return InvalidArgument(where + ".accountId: must be 12 digits, quoted");
  }
  return keys;
}

}  // namespace

Result<std::unordered_map<std::string, aws::Credentials>> ParseKeyFile(const std::string& text) {
  ASSIGN_OR_RETURN(const std::vector<json::Value> documents, json::ParseYaml(text));
  std::unordered_map<std::string, aws::Credentials> keys;
  if (documents.size() != 1 || !documents[0].is_array()) {
    return InvalidArgument("must be one list of {accessKeyId, secretAccessKey, accountId}");
  }
  for (size_t i = 0; i < documents[0].AsArray().size(); ++i) {
    const std::string where = "[" + std::to_string(i) + "]";
    ASSIGN_OR_RETURN(aws::Credentials entry, ParseEntry(documents[0].AsArray()[i], where));
    const std::string id = entry.access_key_id;
    if (!keys.emplace(id, std::move(entry)).second)
      return InvalidArgument(where + ".accessKeyId: stands twice");
  }
  return keys;
}

Result<std::unique_ptr<KeyFile>> KeyFile::Open(std::string path) {
  std::unique_ptr<KeyFile> file(new KeyFile(std::move(path)));
  file->fingerprint_ = file->Fingerprint();
  RETURN_IF_ERROR(file->Load());
  return file;
}

std::optional<aws::Credentials> KeyFile::Find(std::string_view access_key_id) const {
  const std::shared_ptr<const Keys> keys = keys_.load(std::memory_order_acquire);
  const auto found = keys->find(std::string(access_key_id));
  return found == keys->end() ? std::nullopt : std::optional(found->second);
}

void KeyFile::Refresh() {
  std::string now = Fingerprint();
  if (now == fingerprint_) return;
  fingerprint_ = std::move(now);
  if (const Status status = Load(); !status.ok()) {
    log::Error("access keys cannot be read, the last ones stay",
               {{"file", path_}, {"error", status.ToString()}});
    return;
  }
  log::Info("access keys read again", {{"file", path_}, {"keys", keys_.load()->size()}});
}

Status KeyFile::Load() {
  ASSIGN_OR_RETURN(const std::string text, shard::ReadWholeFile(path_));
  Result<Keys> keys = ParseKeyFile(text);
  if (!keys.ok()) return keys.status().WithContext(path_);
  keys_.store(std::make_shared<const Keys>(std::move(keys).value()), std::memory_order_release);
  return OkStatus();
}

std::string KeyFile::Fingerprint() const {
  struct stat info{};
  if (::stat(path_.c_str(), &info) != 0) return "absent";
  return std::to_string(info.st_ino) + ":" + std::to_string(info.st_size) + ":" +
         std::to_string(info.st_mtim.tv_sec) + "." + std::to_string(info.st_mtim.tv_nsec);
}

}  // namespace millrace::gateway
