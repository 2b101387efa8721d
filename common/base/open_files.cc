#include "common/base/open_files.h"

#include <sys/resource.h>

#include <cerrno>

namespace millrace {

Result<uint64_t> RaiseOpenFilesLimit() {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return ErrnoStatus(errno, "getrlimit");
  if (limit.rlim_cur < limit.rlim_max) {
    limit.rlim_cur = limit.rlim_max;
    if (setrlimit(RLIMIT_NOFILE, &limit) != 0) return ErrnoStatus(errno, "setrlimit");
  }
  return uint64_t{limit.rlim_cur};
}

}  // namespace millrace
