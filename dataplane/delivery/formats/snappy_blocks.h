#pragma once

#include <string>
#include <string_view>

namespace millrace::delivery {

inline constexpr size_t kSnappyFrameBlockBytes = 64 << 10;  // the framing format's own bound
inline constexpr size_t kHadoopSnappyBlockBytes = 256
                                                  << 10;  // io.compression.codec.snappy.buffersize

// The framing format (google/snappy framing_format.txt): what a stream begins with, and one chunk
// for at most 64 KiB.
std::string_view SnappyStreamIdentifier();
void AppendSnappyFrame(std::string_view block, std::string& out);
// Hadoop's BlockCompressorStream: the block's size and the compressed size, big-endian, and the
// bytes.
void AppendHadoopSnappyBlock(std::string_view block, std::string& out);

}  // namespace millrace::delivery
