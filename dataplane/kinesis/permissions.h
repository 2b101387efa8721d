#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "common/aws/sigv4.h"
#include "common/base/status.h"

namespace millrace::kinesis {

// What somebody may do: what no rule allows is refused. '*' stands for any letters; the letter case
// of operations does not matter, that of streams does. A value; any thread.
class Permissions final : public aws::Grants {
 public:
  struct Rule {
    // "kinesis:PutRecord*", with or without the service; "firehose:PutRecord*" always with it.
    std::vector<std::string> actions;
    std::vector<std::string> streams;  // names, of delivery streams too
  };
  explicit Permissions(std::vector<Rule> rules) : rules_(std::move(rules)) {}
  // Where there is no stream, only a rule for all of them ("*") allows.
  bool Allows(std::string_view operation, std::string_view stream) const override;

 private:
  std::vector<Rule> rules_;
};

// Whether `who` may make a call ("PutRecords", "firehose:PutRecord"); AWS's words of refusal
// (kAccessDenied) where not.
Status CheckPermission(const aws::Identity& who, std::string_view operation,
                       std::string_view stream);

}  // namespace millrace::kinesis
