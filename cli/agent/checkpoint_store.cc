#include "cli/agent/checkpoint_store.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "common/json/value.h"

namespace millrace::cli {
namespace {

// Files of which nothing was seen for long go when the table has grown past this.
constexpr size_t kFilesMax = 100'000;

Status WriteDurably(const std::string& path, const std::string& text) {
  int fd = open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  if (fd < 0) return ErrnoStatus(errno, "open " + path);
  size_t done = 0;
  while (done < text.size()) {
    ssize_t n = write(fd, text.data() + done, text.size() - done);
    if (n < 0) {
      int error = errno;
      close(fd);
      return ErrnoStatus(error, "write " + path);
    }
    done += static_cast<size_t>(n);
  }
  bool synced = fsync(fd) == 0;
  int error = errno;
  close(fd);
  return synced ? OkStatus() : ErrnoStatus(error, "fsync " + path);
}

}  // namespace

Result<std::unique_ptr<CheckpointStore>> CheckpointStore::Open(std::string path) {
  std::unique_ptr<CheckpointStore> store(new CheckpointStore(std::move(path)));
  RETURN_IF_ERROR(store->Load());
  return store;
}

Status CheckpointStore::Load() {
  std::ifstream in(path_);
  if (!in) return OkStatus();
  std::string text{std::istreambuf_iterator<char>(in), {}};
  Result<json::Value> document = json::ParseJson(text, {.tokens_max = 10'000'000});
  if (!document.ok()) return document.status().WithContext("checkpoint file " + path_);
  for (const auto& [name, value] : (*document)["files"].AsObject()) {
    files_[name] = {static_cast<uint64_t>(value["offset"].AsInt()),
                    static_cast<uint32_t>(value["fingerprint"].AsInt()),
                    static_cast<uint32_t>(value["fingerprintBytes"].AsInt())};
  }
  return OkStatus();
}

std::optional<FileCheckpoint> CheckpointStore::Find(const std::string& file) const {
  std::lock_guard lock(mu_);
  auto it = files_.find(file);
  if (it == files_.end()) return std::nullopt;
  return it->second;
}

bool CheckpointStore::empty() const {
  std::lock_guard lock(mu_);
  return files_.empty();
}

Status CheckpointStore::Save(const std::map<std::string, FileCheckpoint>& changed) {
  std::lock_guard lock(mu_);
  if (files_.size() > kFilesMax) files_.clear();
  for (const auto& [name, checkpoint] : changed) files_[name] = checkpoint;
  json::Value files = json::Object{};
  for (const auto& [name, checkpoint] : files_) {
    json::Value entry;
    entry.Set("offset", checkpoint.offset);
    entry.Set("fingerprint", int64_t{checkpoint.fingerprint});
    entry.Set("fingerprintBytes", int64_t{checkpoint.fingerprint_bytes});
    files.MutableObject().emplace_back(name, std::move(entry));
  }
  json::Value document;
  document.Set("files", std::move(files));
  std::string next = path_ + ".next";
  RETURN_IF_ERROR(WriteDurably(next, json::WriteJson(document)));
  if (std::rename(next.c_str(), path_.c_str()) != 0) return ErrnoStatus(errno, "rename " + next);
  return OkStatus();
}

}  // namespace millrace::cli
