#include "common/codec/sealed_text.h"

#include <openssl/evp.h>

#include <memory>

#include "common/base/check.h"
#include "common/base/random.h"

namespace millrace::codec {
namespace {

constexpr size_t kNonceBytes = 12;
constexpr size_t kTagBytes = 16;

struct FreeContext {
  void operator()(EVP_CIPHER_CTX* context) const { EVP_CIPHER_CTX_free(context); }
};
using Context = std::unique_ptr<EVP_CIPHER_CTX, FreeContext>;

const uint8_t* Bytes(std::string_view text) {
  return reinterpret_cast<const uint8_t*>(text.data());
}
uint8_t* Bytes(std::string& text) { return reinterpret_cast<uint8_t*>(text.data()); }

}  // namespace

std::string SealText(const Sha256Digest& key, std::string_view bound, std::string_view plain) {
  std::string out = SecureRandomBytes(kNonceBytes);
  out.resize(kNonceBytes + plain.size() + kTagBytes);
  uint8_t* sealed = Bytes(out) + kNonceBytes;
  int n = 0;
  Context context(EVP_CIPHER_CTX_new());
  CHECK(EVP_EncryptInit_ex(context.get(), EVP_aes_256_gcm(), nullptr, key.data(), Bytes(out)) == 1);
  CHECK(EVP_EncryptUpdate(context.get(), nullptr, &n, Bytes(bound),
                          static_cast<int>(bound.size())) == 1);
  CHECK(EVP_EncryptUpdate(context.get(), sealed, &n, Bytes(plain),
                          static_cast<int>(plain.size())) == 1);
  uint8_t* tag = sealed + plain.size();
  CHECK(EVP_EncryptFinal_ex(context.get(), tag, &n) == 1);
  CHECK(EVP_CIPHER_CTX_ctrl(context.get(), EVP_CTRL_GCM_GET_TAG, kTagBytes, tag) == 1);
  return out;
}

std::optional<std::string> OpenText(const Sha256Digest& key, std::string_view bound,
                                    std::string_view sealed) {
  if (sealed.size() < kNonceBytes + kTagBytes) return std::nullopt;
  const size_t size = sealed.size() - kNonceBytes - kTagBytes;
  std::string tag(sealed.substr(kNonceBytes + size));
  std::string plain(size, '\0');
  int n = 0;
  Context context(EVP_CIPHER_CTX_new());
  const bool ok =
      EVP_DecryptInit_ex(context.get(), EVP_aes_256_gcm(), nullptr, key.data(), Bytes(sealed)) ==
          1 &&
      EVP_DecryptUpdate(context.get(), nullptr, &n, Bytes(bound), static_cast<int>(bound.size())) ==
          1 &&
      EVP_DecryptUpdate(context.get(), Bytes(plain), &n, Bytes(sealed) + kNonceBytes,
                        static_cast<int>(size)) == 1 &&
      EVP_CIPHER_CTX_ctrl(context.get(), EVP_CTRL_GCM_SET_TAG, kTagBytes, Bytes(tag)) == 1 &&
      EVP_DecryptFinal_ex(context.get(), Bytes(plain) + size, &n) == 1;
  return ok ? std::optional(std::move(plain)) : std::nullopt;
}

}  // namespace millrace::codec
