#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "cli/agent/agent_config.h"
#include "cli/agent/checkpoint_store.h"
#include "cli/agent/record_splitter.h"

namespace millrace::cli {

// A record on its way, and how far its file is delivered once it is.
struct PendingRecord {
  std::string data;
  std::string file;  // CheckpointStore's name
  FileCheckpoint after;
};

// Follows the files of one flow: new ones, ones renamed by rotation (read to their end through the
// open descriptor), ones truncated in place. One thread.
class FileTail {
 public:
  FileTail(const FlowConfig& flow, const CheckpointStore& checkpoints);
  ~FileTail();
  // Looks for files and reads what is new, up to a bound; appends complete records.
  Status Poll(std::vector<PendingRecord>& records);
  size_t file_count() const { return files_.size(); }

 private:
  struct File;
  std::vector<std::string> Matching() const;
  Status Discover(bool first);
  Status OpenFile(const std::string& path, bool first);
  Status ReadFile(File& file, std::vector<PendingRecord>& records);
  void Take(File& file, std::vector<std::string> lines, std::vector<PendingRecord>& records);

  const FlowConfig& flow_;
  const CheckpointStore& checkpoints_;
  bool first_poll_ = true;
  std::vector<std::unique_ptr<File>> files_;
};

}  // namespace millrace::cli
