#include "common/codec/digest.h"

#include <gtest/gtest.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <random>
#include <string>

#include "tests/common/codec/variants.h"

namespace millrace::codec {
namespace {

template <typename Digest>
Digest OpenSslDigest(const EVP_MD* algorithm, std::string_view message) {
  Digest digest;
  EXPECT_EQ(EVP_Digest(message.data(), message.size(), digest.data(), nullptr, algorithm, nullptr),
            1);
  return digest;
}

TEST(Digest, KnownAnswers) {
  EXPECT_EQ(Hex(Sha256("abc")), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(Hex(Sha256("")), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  EXPECT_EQ(Hex(Md5("abc")), "900150983cd24fb0d6963f7d28e17f72");
  EXPECT_EQ(Hex(Md5("")), "d41d8cd98f00b204e9800998ecf8427e");
  // RFC 4231, test cases 2 and 6.
  EXPECT_EQ(Hex(HmacSha256("Jefe", "what do ya want for nothing?")),
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
  EXPECT_EQ(Hex(HmacSha256(std::string(131, '\xaa'),
                           "Test Using Larger Than Block-Size Key - Hash Key First")),
            "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54");
}

TEST(Digest, AgreesWithOpenSslAtEveryShortLength) {
  std::mt19937_64 random(3);
  for (size_t size = 0; size <= 300; ++size) {
    std::string message = RandomBytes(random, size);
    EXPECT_EQ(Sha256(message), OpenSslDigest<Sha256Digest>(EVP_sha256(), message)) << size;
    EXPECT_EQ(Md5(message), OpenSslDigest<Md5Digest>(EVP_md5(), message)) << size;
  }
}

TEST(Digest, HmacAgreesWithOpenSslForEveryKeyLength) {
  std::mt19937_64 random(4);
  for (size_t size = 0; size <= 200; ++size) {
    std::string key = RandomBytes(random, size);
    std::string message = RandomBytes(random, random() % 1'000);
    Sha256Digest expected;
    HMAC(EVP_sha256(), key.data(), static_cast<int>(key.size()),
         reinterpret_cast<const unsigned char*>(message.data()), message.size(), expected.data(),
         nullptr);
    EXPECT_EQ(HmacSha256(key, message), expected) << size;
  }
}

TEST(Digest, HexIsLowerCase) {
  EXPECT_EQ(Hex({}), "");
  EXPECT_EQ(Hex(std::array<uint8_t, 4>{0x00, 0x9F, 0xAB, 0xFF}), "009fabff");
}

TEST(Digest, EqualComparesLengthAndBytes) {
  EXPECT_TRUE(ConstantTimeEqual("", ""));
  EXPECT_TRUE(ConstantTimeEqual("secret", "secret"));
  EXPECT_FALSE(ConstantTimeEqual("secret", "secreT"));
  EXPECT_FALSE(ConstantTimeEqual("secret", "secret "));
  EXPECT_FALSE(ConstantTimeEqual("", "s"));
}

}  // namespace
}  // namespace millrace::codec
