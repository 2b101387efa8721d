#include <gtest/gtest.h>

#include <random>
#include <string>
#include <vector>

#include "common/codec/digest.h"
#include "tests/common/codec/variants.h"

namespace millrace::codec {
namespace {

using internal::Variant;

class Messages {
 public:
  void Add(std::string message) { bytes_.emplace_back(message.begin(), message.end()); }
  // Each in a heap block of exactly its size, so that the address sanitizer sees a read past it.
  std::vector<std::string_view> Views() const {
    std::vector<std::string_view> views;
    for (const auto& bytes : bytes_) views.emplace_back(bytes.data(), bytes.size());
    return views;
  }

 private:
  std::vector<std::vector<char>> bytes_;
};

// Digest itself is tested against OpenSSL and published answers in digest_test.cc.
void ExpectAgreement(const Messages& messages) {
  std::vector<std::string_view> views = messages.Views();
  std::vector<Sha256Digest> sha256(views.size());
  std::vector<Md5Digest> md5(views.size());
  Sha256Many(views, sha256);
  Md5Many(views, md5);
  for (size_t i = 0; i < views.size(); ++i) {
    ASSERT_EQ(sha256[i], Sha256(views[i])) << i << " of " << views.size();
    ASSERT_EQ(md5[i], Md5(views[i])) << i << " of " << views.size();
  }
}

class DigestMany : public EveryVariant {};

INSTANTIATE_TEST_SUITE_P(Variants, DigestMany,
                         ::testing::Values(Variant::kPortable, Variant::kAvx2, Variant::kShaNi,
                                           Variant::kAvx512),
                         VariantName);

TEST_P(DigestMany, AgreesAtEveryShortLength) {
  Messages ascending;
  for (size_t size = 0; size <= 300; ++size) ascending.Add(RandomBytes(random_, size));
  ExpectAgreement(ascending);
  for (size_t size = 0; size <= 300; ++size) {
    Messages alike;
    for (int i = 0; i < 17; ++i) alike.Add(RandomBytes(random_, size));
    ExpectAgreement(alike);
  }
}

TEST_P(DigestMany, AgreesForEveryCountOfMessagesOfDifferentLengths) {
  for (size_t count = 0; count <= 40; ++count) {
    for (size_t size_max : {56, 300, 5'000}) {
      Messages messages;
      for (size_t i = 0; i < count; ++i) {
        messages.Add(RandomBytes(random_, random_() % (size_max + 1)));
      }
      ExpectAgreement(messages);
    }
  }
}

TEST_P(DigestMany, AgreesOnLongMessagesBesideShortOnes) {
  for (int round = 0; round < 10; ++round) {
    Messages messages;
    for (int i = 0; i < 20; ++i) {
      messages.Add(RandomBytes(random_, random_() % 4 == 0 ? random_() % 100'000 : random_() % 70));
    }
    ExpectAgreement(messages);
  }
}

TEST_P(DigestMany, AgreesWithAllVariantsTogether) {
  Allow({Variant::kAvx2, Variant::kShaNi, Variant::kAvx512});
  for (size_t count : {2, 3, 5, 13, 14, 15, 16, 33}) {
    Messages messages;
    for (size_t i = 0; i < count; ++i) messages.Add(RandomBytes(random_, random_() % 50'000));
    ExpectAgreement(messages);
  }
}

}  // namespace
}  // namespace millrace::codec
