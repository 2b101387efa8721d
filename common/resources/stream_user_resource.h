#pragma once

#include <string>
#include <vector>

#include "common/base/status.h"
#include "common/resources/resource.h"

namespace millrace::resources {

inline constexpr std::string_view kStreamUserKind = "StreamUser";

// The spec of a StreamUser (crds/streamuser.yaml), complete with defaults. A value.
struct StreamUserSpec {
  std::string secret_name;  // "": <name>-credentials
  // What is allowed; '*' stands for any letters, actions come with or without "kinesis:".
  struct Permission {
    std::vector<std::string> actions;
    std::vector<std::string> streams;
    bool operator==(const Permission&) const = default;
  };
  std::vector<Permission> permissions;
  int32_t rotation = 0;
  int32_t previous_key_seconds = 86'400;

  static Result<StreamUserSpec> Parse(const json::Value& spec);
  bool operator==(const StreamUserSpec&) const = default;
};

// The CRD's transition rules.
Status CheckStreamUserTransition(const StreamUserSpec& before, const StreamUserSpec& after);

// The Secret that gets the user's keys.
std::string SecretNameOf(const Resource& user);

}  // namespace millrace::resources
