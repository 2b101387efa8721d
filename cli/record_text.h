#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace millrace::cli {

// One record as a person reads it.
struct RecordText {
  std::string partition_key;
  std::string text;
};

// What is in a record's bytes: KPL aggregates are taken apart, gzip is unpacked (up to 10 MiB),
// JSON stays on one line, other text too; bytes that are no text are shown as hexadecimal. Pure.
std::vector<RecordText> DecodeRecord(std::string_view partition_key, std::string_view data);

}  // namespace millrace::cli
