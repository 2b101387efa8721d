#pragma once

#include "cli/command.h"

namespace millrace::cli {

// The commands of `kubectl millrace`, a file each; ClusterCommands (cli/command.h) lists them.
int RunClusterDrain(const Arguments& arguments);
int RunClusterPut(const Arguments& arguments);
int RunClusterStatus(const Arguments& arguments);
int RunClusterTail(const Arguments& arguments);
int RunSupportBundle(const Arguments& arguments);
int RunWhy(const Arguments& arguments);

}  // namespace millrace::cli
