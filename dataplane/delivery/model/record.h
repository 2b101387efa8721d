#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "common/base/clock.h"
#include "dataplane/delivery/model/receipt.h"

namespace millrace::delivery {

// Where a record stood in its source, for the error output and for names of documents.
struct Origin {
  std::string_view shard{};            // "shardId-000000000000", "topic-3"
  std::string_view sequence_number{};  // decimal
  uint64_t sub_sequence_number = 0;    // its place in an aggregated record
  std::string_view partition_key{};
};

// One record on its way. A view: every text lies in the batch that holds it, or in what the batch
// keeps alive.
struct Record {
  std::string_view data{};
  Origin origin{};
  WallMs arrival_ms = 0;
  // Partition keys in the order of their names: of MetadataExtraction, and of a function's answer.
  std::vector<std::pair<std::string_view, std::string_view>> query_keys{};
  std::vector<std::pair<std::string_view, std::string_view>> function_keys{};
};

// Why a record goes to the error output. `output_type` is Firehose's: "processing-failed",
// "format-conversion-failed", "http-endpoint-failed", ...
struct Failure {
  std::string_view output_type{};
  std::string code{};     // "Lambda.FunctionError"
  std::string message{};  // the destination's or function's own words
  int attempts = 1;
  WallMs last_attempt_ms = 0;
  // What else the error record of this type names: lambdaArn; esDocumentId, esIndexName,
  // esTypeName.
  std::vector<std::pair<std::string, std::string>> details{};
};
struct FailedRecord {
  Record record;
  Failure failure;
};

// Records of one shard in their order, and the memory they lie in. Moves from stage to stage; one
// owner at a time. Its receipt is held until everything that came of it is delivered.
struct Batch {
  std::vector<Record> records;
  std::vector<FailedRecord> failed;
  std::shared_ptr<Receipt> receipt;
  std::vector<std::shared_ptr<const std::string>> memory;

  // Takes `text` in and returns where it lies for as long as the batch's memory does.
  std::string_view Keep(std::string text) {
    memory.push_back(std::make_shared<const std::string>(std::move(text)));
    return *memory.back();
  }
};

}  // namespace millrace::delivery
