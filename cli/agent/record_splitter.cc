#include "cli/agent/record_splitter.h"

#include <re2/re2.h>

namespace millrace::cli {

RecordSplitter::RecordSplitter() = default;
RecordSplitter::~RecordSplitter() = default;
RecordSplitter::RecordSplitter(RecordSplitter&&) noexcept = default;
RecordSplitter& RecordSplitter::operator=(RecordSplitter&&) noexcept = default;

Result<RecordSplitter> RecordSplitter::Make(const std::string& start_pattern,
                                            size_t record_bytes_max, std::string terminator) {
  RecordSplitter splitter;
  splitter.limit_ = record_bytes_max;
  splitter.terminator_ = std::move(terminator);
  if (!start_pattern.empty()) {
    splitter.start_ = std::make_shared<re2::RE2>(start_pattern, re2::RE2::Quiet);
    if (!splitter.start_->ok())
      return InvalidArgument("multiLineStartPattern: " + splitter.start_->error());
  }
  return splitter;
}

void RecordSplitter::Feed(std::string_view bytes, std::vector<std::string>& records) {
  while (!bytes.empty()) {
    size_t end = bytes.find('\n');
    bool whole = end != std::string_view::npos;
    std::string_view part = bytes.substr(0, whole ? end + 1 : bytes.size());
    bytes.remove_prefix(part.size());
    if (skipping_) {
      skipped_bytes_ += part.size();
    } else if (line_.size() + part.size() > limit_) {
      // Keep what fits, with the terminator in it, and pass over the rest of the line.
      size_t room = limit_ > terminator_.size() ? limit_ - terminator_.size() : 0;
      skipped_bytes_ = line_.size() + part.size();
      line_ += part;
      line_.resize(std::min(room, line_.size()));
      line_ += terminator_;
      skipped_bytes_ -= line_.size();
      skipping_ = true;
    } else {
      line_ += part;
    }
    if (whole) TakeLine(records);
  }
}

void RecordSplitter::TakeLine(std::vector<std::string>& records) {
  size_t taken = line_.size() + (skipping_ ? skipped_bytes_ : 0);
  skipping_ = false;
  skipped_bytes_ = 0;
  if (!start_) {
    records.push_back(std::move(line_));
    line_.clear();
    return;
  }
  bool starts = re2::RE2::PartialMatch(line_, *start_);
  if (starts || record_.size() + line_.size() > limit_) Emit(records);
  record_ += line_;
  record_bytes_ += taken;
  line_.clear();
}

void RecordSplitter::Emit(std::vector<std::string>& records) {
  if (!record_.empty()) records.push_back(std::move(record_));
  record_.clear();
  record_bytes_ = 0;
}

void RecordSplitter::Finish(std::vector<std::string>& records) {
  if (!line_.empty()) TakeLine(records);
  Emit(records);
}

}  // namespace millrace::cli
