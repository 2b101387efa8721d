#pragma once

#include <string>
#include <vector>

#include "common/base/clock.h"
#include "common/base/status.h"

namespace millrace::cli {

struct BundleFile {
  std::string path;  // at most 99 bytes, relative
  std::string bytes;
};

// The files as one .tar.gz (POSIX ustar in gzip). Pure.
Result<std::string> TarGz(const std::vector<BundleFile>& files, WallMs modified);

}  // namespace millrace::cli
