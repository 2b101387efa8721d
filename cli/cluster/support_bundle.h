#pragma once

#include <string>
#include <vector>

#include "cli/cluster/tar_gz.h"
#include "common/kube/client.h"

namespace millrace::cli {

struct BundleOptions {
  std::string ns;  // "": everywhere
  int64_t log_lines = 2'000;
  WallMs now = 0;
};

// Everything that helps to find a fault, each thing a file: our resources, pods and what they hang
// on, events, tails of logs, versions, the status screen and an explanation of each thing that is
// not well. What cannot be read is named and the rest goes on. Secrets are never asked for; values
// that look like one in pods' environments and arguments are blacked out.
struct Bundle {
  std::vector<BundleFile> files;  // the first is contents.txt, which lists the others
  std::vector<std::string> missing;
};
Result<Bundle> CollectBundle(kube::Client& client, const BundleOptions& options);

// Takes out of an object what nobody needs and what nobody should see: the copy of it that kubectl
// keeps, and literal values of environment variables and arguments that are named like a secret.
void BlackOut(json::Value& object);

}  // namespace millrace::cli
