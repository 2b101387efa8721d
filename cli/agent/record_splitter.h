#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/status.h"

namespace re2 {
class RE2;
}

namespace millrace::cli {

// Cuts the bytes of one file into records: a record a line, or, with a start pattern, all lines up
// to the next one that begins with it. Records carry their line ends. One thread; one file.
class RecordSplitter {
 public:
  // `start_pattern` "" for single lines. A record longer than `record_bytes_max` is cut there and
  // ended with `terminator`.
  static Result<RecordSplitter> Make(const std::string& start_pattern, size_t record_bytes_max,
                                     std::string terminator);
  ~RecordSplitter();
  RecordSplitter(RecordSplitter&&) noexcept;
  RecordSplitter& operator=(RecordSplitter&&) noexcept;

  // Takes the next bytes of the file; appends the records that are complete now.
  void Feed(std::string_view bytes, std::vector<std::string>& records);
  // The bytes taken in that no complete record has yet: where a restart must read from again.
  size_t pending_bytes() const {
    return record_bytes_ + line_.size() + (skipping_ ? skipped_bytes_ : 0);
  }
  // Ends the record under way (the file was rotated away and has no more): a line without its end
  // too.
  void Finish(std::vector<std::string>& records);

 private:
  RecordSplitter();
  void TakeLine(std::vector<std::string>& records);
  void Emit(std::vector<std::string>& records);

  std::shared_ptr<re2::RE2> start_;
  size_t limit_ = 0;
  std::string terminator_;
  std::string line_;    // the line under way, cut at limit_
  std::string record_;  // the multi-line record under way
  size_t record_bytes_ = 0;
  bool skipping_ = false;  // the rest of an overlong line
  size_t skipped_bytes_ = 0;
};

}  // namespace millrace::cli
