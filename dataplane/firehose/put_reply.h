#pragma once

#include <optional>
#include <string_view>

#include "common/aws/error_shape.h"
#include "common/json/value.h"

namespace millrace::firehose {

// The answer of Firehose that stands for one of PutRecords of Kinesis. Pure.
struct PutReply {
  json::Value body;
  std::optional<aws::ErrorShape> error;  // in its place, where the one record was not taken
};
PutReply ReplyOf(const json::Value& kinesis_reply, bool single);
// A refusal of the whole call, in Firehose's words; nothing where there is no hidden Stream.
std::optional<aws::ErrorShape> RefusalOf(int status, std::string_view type,
                                         std::string_view message);

}  // namespace millrace::firehose
