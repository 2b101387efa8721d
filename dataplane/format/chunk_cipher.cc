#include "dataplane/format/chunk_cipher.h"

#include <openssl/evp.h>

#include <array>

#include "common/base/check.h"
#include "dataplane/format/little_endian.h"

namespace millrace::storage {
namespace {

struct FreeContext {
  void operator()(EVP_CIPHER_CTX* context) const { EVP_CIPHER_CTX_free(context); }
};
using Context = std::unique_ptr<EVP_CIPHER_CTX, FreeContext>;

constexpr size_t kIdentityBytes = 40;
using IdentityBytes = std::array<uint8_t, kIdentityBytes>;

IdentityBytes Encode(const ChunkIdentity& id) {
  IdentityBytes bytes;
  StoreLittle(bytes.data(), id.extent.stream);
  StoreLittle(bytes.data() + 8, id.extent.epoch);
  StoreLittle(bytes.data() + 16, id.extent.shard);
  StoreLittle(bytes.data() + 20, id.count);
  StoreLittle(bytes.data() + 24, id.first_index);
  StoreLittle(bytes.data() + 32, id.arrival_ms);
  return bytes;
}

const uint8_t* Bytes(std::string_view s) { return reinterpret_cast<const uint8_t*>(s.data()); }

// Contexts keep the expanded key, so that a chunk costs no key schedule.
class AesGcm final : public ChunkCipher {
 public:
  explicit AesGcm(std::string_view key) : seal_(EVP_CIPHER_CTX_new()), open_(EVP_CIPHER_CTX_new()) {
    CHECK(seal_ && open_);
    CHECK(EVP_EncryptInit_ex(seal_.get(), EVP_aes_256_gcm(), nullptr, Bytes(key), nullptr) == 1);
    CHECK(EVP_DecryptInit_ex(open_.get(), EVP_aes_256_gcm(), nullptr, Bytes(key), nullptr) == 1);
  }

  void Seal(const ChunkIdentity& identity, uint64_t lsn, uint32_t entry, std::string_view plain,
            uint8_t* out) override {
    StoreLittle(out, entry);
    StoreLittle(out + 4, lsn);
    IdentityBytes aad = Encode(identity);
    int n = 0;
    CHECK(EVP_EncryptInit_ex(seal_.get(), nullptr, nullptr, nullptr, out) == 1);
    CHECK(EVP_EncryptUpdate(seal_.get(), nullptr, &n, aad.data(), kIdentityBytes) == 1);
    CHECK(EVP_EncryptUpdate(seal_.get(), out + kNonceBytes, &n, Bytes(plain),
                            static_cast<int>(plain.size())) == 1);
    uint8_t* tag = out + kNonceBytes + plain.size();
    CHECK(EVP_EncryptFinal_ex(seal_.get(), tag, &n) == 1);
    CHECK(EVP_CIPHER_CTX_ctrl(seal_.get(), EVP_CTRL_GCM_GET_TAG, kTagBytes, tag) == 1);
  }

  Result<Slice> Open(const ChunkIdentity& identity, std::string_view sealed) override {
    if (sealed.size() < kOverheadBytes) return Corrupt("encrypted chunk is too short");
    size_t size = sealed.size() - kOverheadBytes;
    const uint8_t* nonce = Bytes(sealed);
    std::array<uint8_t, kTagBytes> tag;
    std::memcpy(tag.data(), nonce + kNonceBytes + size, kTagBytes);
    IdentityBytes aad = Encode(identity);
    std::shared_ptr<uint8_t[]> plain(new uint8_t[size + 1]);
    int n = 0;
    bool ok = EVP_DecryptInit_ex(open_.get(), nullptr, nullptr, nullptr, nonce) == 1 &&
              EVP_DecryptUpdate(open_.get(), nullptr, &n, aad.data(), kIdentityBytes) == 1 &&
              EVP_DecryptUpdate(open_.get(), plain.get(), &n, nonce + kNonceBytes,
                                static_cast<int>(size)) == 1 &&
              EVP_CIPHER_CTX_ctrl(open_.get(), EVP_CTRL_GCM_SET_TAG, kTagBytes, tag.data()) == 1 &&
              EVP_DecryptFinal_ex(open_.get(), plain.get() + size, &n) == 1;
    if (!ok) return Corrupt("encrypted chunk does not carry its tag");
    const uint8_t* data = plain.get();
    return Slice(std::move(plain), data, size);
  }

 private:
  Context seal_;
  Context open_;
};

}  // namespace

std::unique_ptr<ChunkCipher> ChunkCipher::Create(std::string_view data_key) {
  if (data_key.size() != kKeyBytes) return nullptr;
  return std::make_unique<AesGcm>(data_key);
}

}  // namespace millrace::storage
