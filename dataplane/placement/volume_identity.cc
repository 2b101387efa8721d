#include "dataplane/placement/volume_identity.h"

#include <cstdio>
#include <filesystem>

#include "common/base/random.h"
#include "common/json/value.h"
#include "common/log/log.h"
#include "dataplane/placement/secret_file.h"

namespace millrace::shard {

namespace fs = std::filesystem;

namespace {

constexpr int64_t kFormat = 1;
constexpr size_t kIdChars = 16;

std::string FileOf(const std::string& log_folder) { return log_folder + "/volume.json"; }

std::string NewId() {
  char id[kIdChars + 1];
  std::snprintf(id, sizeof id, "%016llx", static_cast<unsigned long long>(SecureRandom64()));
  return id;
}

bool HasLane(const std::string& log_folder, size_t lane) {
  char name[16];
  std::snprintf(name, sizeof name, "lane-%03zu", lane);
  std::error_code error;
  for (const fs::directory_entry& entry : fs::directory_iterator(log_folder + "/" + name, error)) {
    if (entry.is_regular_file(error)) return true;
  }
  return false;
}

}  // namespace

Result<VolumeIdentity> VolumeIdentity::Look(std::string log_folder) {
  VolumeIdentity identity(std::move(log_folder));
  const std::string path = FileOf(identity.log_folder_);
  const Result<std::string> text = ReadWholeFile(path);
  if (!text.ok()) {
    if (text.status().code() != Code::kNotFound) return text.status();
    identity.had_lanes_ = HasLane(identity.log_folder_, 0);
    return identity;
  }
  const Result<json::Value> value = json::ParseJson(*text);
  const bool fits = value.ok() && (*value)["format"].AsInt() == kFormat &&
                    (*value)["id"].AsString().size() == kIdChars && (*value)["lanes"].AsInt() > 0;
  if (!fits) {
    return InvalidArgument(path +
                           " does not say which volume this is; restore it, or move it away: "
                           "what the log holds then counts as another volume's");
  }
  identity.lanes_ = static_cast<size_t>((*value)["lanes"].AsInt());
  for (size_t lane = 0; lane < identity.lanes_; ++lane) {
    if (HasLane(identity.log_folder_, lane)) continue;
    log::Error(
        "a lane of the log is gone: this is another volume from now on",
        {{"folder", identity.log_folder_}, {"lane", lane}, {"was", (*value)["id"].AsString()}});
    return identity;
  }
  identity.volume_ = {(*value)["id"].AsString(), (*value)["bornMs"].AsInt()};
  return identity;
}

Result<Volume> VolumeIdentity::Settle(size_t lanes, WallMs now) {
  if (!volume_.id.empty() && lanes <= lanes_) return volume_;
  if (volume_.id.empty()) {
    // A log of a version that gave no ids has what it has from before its birth.
    volume_ = {NewId(), had_lanes_ ? 0 : now};
    log::Info("the volume has an id", {{"folder", log_folder_}, {"volume", volume_.id}});
  }
  lanes_ = lanes;
  RETURN_IF_ERROR(Save());
  return volume_;
}

Status VolumeIdentity::Save() const {
  const json::Value value = json::Object{{"format", kFormat},
                                         {"id", volume_.id},
                                         {"bornMs", volume_.born_ms},
                                         {"lanes", static_cast<int64_t>(lanes_)}};
  return WriteFileDurably(FileOf(log_folder_), json::WriteJson(value) + "\n", 0644);
}

}  // namespace millrace::shard
