#include "operator/stream/stream_reports.h"

#include <utility>

namespace millrace::op {
namespace {

// Of a stream that has nothing more to say.
ObservedStream Applied(uint64_t version, const std::string& volume) {
  ObservedStream stream;
  stream.applied_version = version;
  stream.volume = volume;
  return stream;
}

}  // namespace

void StreamReports::SetVolume(const std::string& volume) {
  if (volume == volume_) return;
  for (const auto& [uid, version] : versions_) others_.emplace(uid, Applied(version, volume_));
  versions_.clear();
  volume_ = volume;
}

std::optional<ObservedStream> StreamReports::Find(uint64_t uid) const {
  if (const auto version = versions_.find(uid); version != versions_.end())
    return Applied(version->second, volume_);
  const auto other = others_.find(uid);
  return other == others_.end() ? std::nullopt : std::optional(other->second);
}

bool StreamReports::Keep(uint64_t uid, ObservedStream stream) {
  if (Find(uid) == stream) return false;
  Forget(uid);
  if (stream == Applied(stream.applied_version, volume_)) {
    versions_.emplace(uid, stream.applied_version);
  } else {
    others_.emplace(uid, std::move(stream));
  }
  return true;
}

void StreamReports::Forget(uint64_t uid) {
  versions_.erase(uid);
  others_.erase(uid);
}

void StreamReports::ForgetAllBut(const std::set<uint64_t>& uids) {
  std::erase_if(versions_, [&](const auto& item) { return !uids.contains(item.first); });
  std::erase_if(others_, [&](const auto& item) { return !uids.contains(item.first); });
}

}  // namespace millrace::op
