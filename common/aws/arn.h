#pragma once

#include <string>
#include <string_view>

#include "common/base/status.h"

namespace millrace::aws {

// arn:aws:kinesis:<region>:<account>:stream/<name>
struct StreamArn {
  std::string partition = "aws";
  std::string region;
  std::string account;
  std::string name;
  std::string ToString() const;
};
// <stream arn>/consumer/<name>:<creation epoch seconds>
struct ConsumerArn {
  StreamArn stream;
  std::string name;
  int64_t created_s = 0;
  std::string ToString() const;
};

Result<StreamArn> ParseStreamArn(std::string_view text);
Result<ConsumerArn> ParseConsumerArn(std::string_view text);

}  // namespace millrace::aws
