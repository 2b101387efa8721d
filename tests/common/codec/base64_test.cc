#include "common/codec/base64.h"

#include <gtest/gtest.h>
#include <openssl/evp.h>

#include <string>
#include <vector>

#include "common/codec/base64_kernels.h"
#include "tests/common/codec/variants.h"

namespace millrace::codec {
namespace {

using internal::Variant;

constexpr size_t kLengthsToTryAll = 300;

std::string OpenSslEncode(const std::string& bytes) {
  std::string text(Base64EncodedSize(bytes.size()) + 1, '\0');
  int size = EVP_EncodeBlock(reinterpret_cast<unsigned char*>(text.data()),
                             reinterpret_cast<const unsigned char*>(bytes.data()),
                             static_cast<int>(bytes.size()));
  text.resize(static_cast<size_t>(size));
  return text;
}

// In a heap block of exactly its size, so that the address sanitizer sees a byte read or written
// past either end.
std::optional<std::string> DecodeExact(std::string_view text) {
  std::vector<char> in(text.begin(), text.end());
  std::vector<uint8_t> out(Base64DecodedSizeMax(text.size()));
  auto size = Base64Decode(std::string_view(in.data(), in.size()), out.data());
  if (!size) return std::nullopt;
  return std::string(reinterpret_cast<const char*>(out.data()), *size);
}

std::string EncodeExact(const std::string& bytes) {
  std::vector<uint8_t> in(bytes.begin(), bytes.end());
  std::vector<char> out(Base64EncodedSize(bytes.size()));
  EXPECT_EQ(Base64Encode(in.data(), in.size(), out.data()), out.size());
  return {out.data(), out.size()};
}

class Base64 : public EveryVariant {};

INSTANTIATE_TEST_SUITE_P(Variants, Base64,
                         ::testing::Values(Variant::kPortable, Variant::kAvx2, Variant::kAvx512),
                         VariantName);

TEST_P(Base64, AgreesWithOpenSslAtEveryShortLength) {
  for (size_t size = 0; size <= kLengthsToTryAll; ++size) {
    std::string bytes = RandomBytes(random_, size);
    std::string text = OpenSslEncode(bytes);
    EXPECT_EQ(EncodeExact(bytes), text) << size;
    EXPECT_EQ(DecodeExact(text), bytes) << size;
  }
}

TEST_P(Base64, AgreesWithOpenSslOnLargeInputs) {
  for (int i = 0; i < 20; ++i) {
    std::string bytes = RandomBytes(random_, random_() % 200'000);
    std::string text = OpenSslEncode(bytes);
    EXPECT_TRUE(EncodeExact(bytes) == text);
    EXPECT_TRUE(DecodeExact(text) == bytes);
  }
}

TEST_P(Base64, AWrongByteIsRefusedAtEveryPlace) {
  std::string text = OpenSslEncode(RandomBytes(random_, 201));
  const std::string alphabet = internal::kBase64Alphabet;
  for (size_t at = 0; at < text.size(); ++at) {
    std::string wrong = text;
    for (int byte = 0; byte < 256; ++byte) {
      wrong[at] = static_cast<char>(byte);
      bool letter = alphabet.find(wrong[at]) != alphabet.npos;
      // A pad in the very last place leaves two bits over, which must be zero.
      if (byte == '=' && at + 1 == text.size()) continue;
      ASSERT_EQ(DecodeExact(wrong).has_value(), letter) << at << " " << byte;
    }
  }
}

TEST_P(Base64, EveryVariantAcceptsAndRefusesTheSameDamagedTexts) {
  for (int i = 0; i < 20'000; ++i) {
    std::string text = OpenSslEncode(RandomBytes(random_, random_() % 150));
    for (uint64_t hits = random_() % 3; hits > 0 && !text.empty(); --hits) {
      constexpr char kSuspects[] = "=+/-_ \n\0zZ9A.,@`[{:";
      text[random_() % text.size()] = kSuspects[random_() % (sizeof kSuspects - 1)];
    }
    if (random_() % 8 == 0 && !text.empty()) text.pop_back();
    Allow({});
    auto expected = DecodeExact(text);
    Allow({GetParam()});
    ASSERT_EQ(DecodeExact(text), expected) << text;
  }
}

// The run of letters and pads that a text begins with, found char by char.
std::string_view Base64Run(std::string_view text) {
  const std::string alphabet = internal::kBase64Alphabet;
  size_t size = std::min(text.find_first_not_of(alphabet), text.size());
  return text.substr(0, std::min(text.find_first_not_of('=', size), text.size()));
}

TEST_P(Base64, PrefixIsFoundExactlyWhereDecodeTakesIt) {
  for (int i = 0; i < 20'000; ++i) {
    std::string text = OpenSslEncode(RandomBytes(random_, random_() % 200));
    if (random_() % 4 == 0 && !text.empty()) text.erase(random_() % text.size(), 1);
    for (uint64_t more = random_() % 100; more > 0; --more) {
      text += static_cast<char>(random_() % 3 == 0 ? random_() : '"');
    }
    std::vector<char> exact(text.begin(), text.end());
    std::string_view run = Base64Run(text);
    auto expected = DecodeExact(run) ? std::optional(run.size()) : std::nullopt;
    ASSERT_EQ(Base64PrefixSize({exact.data(), exact.size()}), expected) << text;
  }
}

TEST_P(Base64, PrefixEndsAtEveryByteThatIsNoLetter) {
  std::string letters = OpenSslEncode(RandomBytes(random_, 240));
  for (size_t at = 0; at < letters.size(); at += 4) {
    for (int byte = 0; byte < 256; ++byte) {
      std::string text = letters;
      text[at] = static_cast<char>(byte);
      std::string_view run = Base64Run(text);
      if (run.size() == text.size() || byte == '=') continue;
      ASSERT_EQ(Base64PrefixSize(text), at) << byte;
    }
  }
}

TEST_P(Base64, OnlyCanonicalPaddingIsAccepted) {
  EXPECT_EQ(DecodeExact(""), "");
  EXPECT_EQ(DecodeExact("QQ=="), "A");
  EXPECT_EQ(DecodeExact("QUI="), "AB");
  EXPECT_EQ(DecodeExact("QUJD"), "ABC");
  for (const char* wrong : {"=",     "==",           "===",      "====",     "Q",        "QQ",
                            "QQ=",   "Q===",         "QQ=A",     "QQ==QQ==", "QUI=QUJD", "QR==",
                            "QUJ=",  "QUJD=",        "QUJD====", "QUJD\n",   " QUJD",    "QU D",
                            "QUJD ", "QQ==\n\n\n\n", "QUJ-"}) {
    EXPECT_EQ(DecodeExact(wrong), std::nullopt) << wrong;
  }
}

}  // namespace
}  // namespace millrace::codec
