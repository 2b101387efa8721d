#pragma once

#include <string>
#include <string_view>

namespace millrace::cli {

// What is wrong in the words of Kubernetes or of the operator, and with what.
struct Finding {
  std::string kind;  // "pod", "claim", "stream", "streampool", "workload", "streamuser", "operator"
  std::string ns;    // of the object it is about
  std::string name;
  std::string reason;   // CamelCase, as the API has it
  std::string message;  // and what it says besides
};

// What a person can do about it, as one or two sentences; "" where waiting is all there is to do.
std::string AdviceFor(const Finding& finding);

}  // namespace millrace::cli
