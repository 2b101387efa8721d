#include "dataplane/format/chunk_cipher.h"

#include <gtest/gtest.h>

namespace millrace::storage {
namespace {

const ChunkIdentity kIdentity{{1, 2, 3}, 10, 5, 1000};

std::string Sealed(ChunkCipher& cipher, const std::string& plain, uint64_t lsn, uint32_t entry) {
  std::string out(plain.size() + ChunkCipher::kOverheadBytes, '\0');
  cipher.Seal(kIdentity, lsn, entry, plain, reinterpret_cast<uint8_t*>(out.data()));
  return out;
}

TEST(ChunkCipher, OpensWhatItSealed) {
  auto cipher = ChunkCipher::Create(std::string(32, 'k'));
  for (size_t size : {size_t{0}, size_t{1}, size_t{16}, size_t{100'000}}) {
    std::string plain(size, 'p');
    auto opened = cipher->Open(kIdentity, Sealed(*cipher, plain, 7, 0));
    ASSERT_TRUE(opened.ok());
    EXPECT_EQ(opened->view(), plain);
  }
}

TEST(ChunkCipher, EveryFlippedBitIsDetected) {
  auto cipher = ChunkCipher::Create(std::string(32, 'k'));
  std::string sealed = Sealed(*cipher, "plain text", 7, 0);
  for (size_t bit = 0; bit < sealed.size() * 8; ++bit) {
    std::string bad = sealed;
    bad[bit / 8] = static_cast<char>(bad[bit / 8] ^ (1 << (bit % 8)));
    EXPECT_EQ(cipher->Open(kIdentity, bad).status().code(), Code::kCorrupt);
  }
  EXPECT_EQ(cipher->Open(kIdentity, "short").status().code(), Code::kCorrupt);
}

TEST(ChunkCipher, AChunkIsBoundToItsPlaceAndItsKey) {
  auto cipher = ChunkCipher::Create(std::string(32, 'k'));
  auto other = ChunkCipher::Create(std::string(32, 'o'));
  std::string sealed = Sealed(*cipher, "plain text", 7, 0);
  EXPECT_FALSE(other->Open(kIdentity, sealed).ok());
  std::vector<ChunkIdentity> others(6, kIdentity);
  others[0].extent.stream = 9;
  others[1].extent.shard = 9;
  others[2].extent.epoch = 9;
  others[3].first_index = 9;
  others[4].count = 9;
  others[5].arrival_ms = 9;
  for (const ChunkIdentity& identity : others) EXPECT_FALSE(cipher->Open(identity, sealed).ok());
}

TEST(ChunkCipher, TheSamePlainTextIsNeverSealedTheSameTwice) {
  auto cipher = ChunkCipher::Create(std::string(32, 'k'));
  EXPECT_NE(Sealed(*cipher, "plain", 7, 0), Sealed(*cipher, "plain", 8, 0));
  EXPECT_NE(Sealed(*cipher, "plain", 7, 0), Sealed(*cipher, "plain", 7, 1));
}

TEST(ChunkCipher, KeysOfAnotherSizeAreRefused) { EXPECT_EQ(ChunkCipher::Create("short"), nullptr); }

}  // namespace
}  // namespace millrace::storage
