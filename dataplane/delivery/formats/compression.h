#pragma once

#include <memory>
#include <string_view>

#include "common/base/status.h"
#include "dataplane/delivery/model/encoder.h"

namespace millrace::delivery {

// Objects that are the records' bytes one after the other, compressed as CompressionFormat names
// it: "UNCOMPRESSED", "GZIP", "ZIP" (an archive of one entry, "data"), "Snappy" (the framing
// format), "HADOOP_SNAPPY" (BlockCompressorStream's blocks of 256 KiB) or "ZSTD". InvalidArgument
// lists them for any other name. The factory is immutable: any thread.
Result<std::unique_ptr<EncoderFactory>> MakeCompressor(std::string_view format);

}  // namespace millrace::delivery
