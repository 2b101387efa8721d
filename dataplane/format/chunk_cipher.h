#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "common/base/bytes.h"
#include "common/base/status.h"
#include "dataplane/format/extent.h"

namespace millrace::storage {

// What an encrypted chunk is bound to: neither it nor its place can be swapped for another's.
struct ChunkIdentity {
  ExtentId extent;
  uint64_t first_index = 0;
  uint32_t count = 0;
  WallMs arrival_ms = 0;
};

// AES-256-GCM under the data key of one extent. On disk a chunk is nonce (12), ciphertext, tag
// (16). The nonce is the lsn of the block it is first written in and its entry there, which no
// other chunk ever has; a chunk that the cleaner moves keeps its bytes, nonce and all. Lives on the
// lane's executor.
class ChunkCipher {
 public:
  static constexpr size_t kKeyBytes = 32;
  static constexpr size_t kNonceBytes = 12;
  static constexpr size_t kTagBytes = 16;
  static constexpr size_t kOverheadBytes = kNonceBytes + kTagBytes;

  // Nothing where `data_key` has not kKeyBytes.
  static std::unique_ptr<ChunkCipher> Create(std::string_view data_key);
  virtual ~ChunkCipher() = default;
  // Writes plain.size() + kOverheadBytes to `out`.
  virtual void Seal(const ChunkIdentity& identity, uint64_t lsn, uint32_t entry,
                    std::string_view plain, uint8_t* out) = 0;
  // The plain text; kCorrupt where the tag does not fit.
  virtual Result<Slice> Open(const ChunkIdentity& identity, std::string_view sealed) = 0;
};

}  // namespace millrace::storage
