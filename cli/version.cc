#include <cstdio>

#include "cli/command.h"

namespace millrace::cli {

int RunVersion(const Arguments&) {
  std::printf("millrace %s (%s, %s)\n", MILLRACE_VERSION, MILLRACE_BUILD_TYPE, __VERSION__);
  return 0;
}

}  // namespace millrace::cli
