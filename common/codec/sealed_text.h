#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "common/codec/digest.h"

namespace millrace::codec {

// AES-256-GCM with a random nonce: for tokens that clients hand back and must neither read nor
// make. `bound` is not in the result, but the same has to be given to open it. Any thread.
std::string SealText(const Sha256Digest& key, std::string_view bound, std::string_view plain);
// Nothing where it was not sealed with this key and `bound`, or was changed since.
std::optional<std::string> OpenText(const Sha256Digest& key, std::string_view bound,
                                    std::string_view sealed);

}  // namespace millrace::codec
