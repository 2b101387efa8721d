#pragma once

#include <memory>
#include <string>

#include "dataplane/delivery/model/sink.h"

namespace millrace::delivery {

// Objects as files below a folder, which is made when it is missing. A file is delivered once it
// and the folder's entry are on the disk: it is written under a hidden name (".<name>.part"),
// synced, renamed and the folder synced; so readers never see half a file, and a retry overwrites.
std::unique_ptr<Sink> MakeFolderSink(std::string folder);

}  // namespace millrace::delivery
