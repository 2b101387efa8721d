// Prints what base64, checksums and digests cost on this CPU, for each variant of their kernels.
#include <cstdio>
#include <initializer_list>
#include <random>
#include <string>
#include <vector>

#include "common/codec/base64.h"
#include "common/codec/crc32.h"
#include "common/codec/digest.h"
#include "common/codec/variant.h"
#include "tests/bench/bench.h"

namespace millrace::codec {
namespace {

using bench::Keep;
using bench::NanosecondsPerCall;
using internal::ScopedVariants;
using internal::Variant;

struct Choice {
  const char* name;
  std::initializer_list<Variant> variants;
};
constexpr std::initializer_list<Variant> kNone = {};
constexpr std::initializer_list<Variant> kAvx2 = {Variant::kAvx2};
constexpr std::initializer_list<Variant> kShaNi = {Variant::kShaNi};
constexpr std::initializer_list<Variant> kAvx512 = {Variant::kAvx512};
constexpr std::initializer_list<Variant> kAll = {Variant::kAvx2, Variant::kShaNi, Variant::kAvx512};

std::string RandomBytes(size_t size) {
  static std::mt19937_64 random(1);
  std::string bytes(size, '\0');
  for (char& byte : bytes) byte = static_cast<char>(random());
  return bytes;
}

double GigabytesPerSecond(size_t bytes, double nanoseconds) {
  return static_cast<double>(bytes) / nanoseconds;
}

void Base64Figures() {
  std::puts("base64, GB/s of decoded bytes    100 B     1 KiB    10 KiB     1 MiB");
  for (const Choice& choice : {Choice{"portable", kNone}, {"AVX2", kAvx2}, {"AVX-512", kAvx512}}) {
    ScopedVariants allowed(choice.variants);
    for (bool encode : {false, true}) {
      std::printf("  %-8s %-18s", encode ? "encode" : "decode", choice.name);
      for (size_t size : {100, 1'024, 10'240, 1 << 20}) {
        std::string bytes = RandomBytes(size);
        std::string text = Base64Encode(bytes);
        std::vector<uint8_t> out(Base64DecodedSizeMax(text.size()));
        auto* data = reinterpret_cast<const uint8_t*>(bytes.data());
        double cost = NanosecondsPerCall([&] {
          if (encode) {
            Keep(Base64Encode(data, size, text.data()));
          } else {
            Keep(Base64Decode(text, out.data()));
          }
        });
        std::printf("%10.2f", GigabytesPerSecond(size, cost));
      }
      std::puts("");
    }
  }
}

void CrcFigures() {
  std::puts("CRC, GB/s                        100 B     1 KiB    10 KiB     1 MiB");
  for (bool ieee : {false, true}) {
    std::printf("  %-27s", ieee ? "CRC-32" : "CRC-32C");
    for (size_t size : {100, 1'024, 10'240, 1 << 20}) {
      std::string bytes = RandomBytes(size);
      double cost = NanosecondsPerCall(
          [&] { Keep(ieee ? Crc32Ieee(bytes.data(), size) : Crc32c(bytes.data(), size)); });
      std::printf("%10.2f", GigabytesPerSecond(size, cost));
    }
    std::puts("");
  }
}

void Sha256Figures() {
  constexpr size_t kCounts[] = {1, 2, 3, 4, 5, 8, 12, 16, 32};
  std::puts("SHA-256 of several messages at once, GB/s together");
  std::printf("  %-27s", "messages");
  for (size_t count : kCounts) std::printf("%8zu", count);
  std::puts("");
  for (const Choice& choice :
       {Choice{"one by one", kNone}, {"SHA-NI", kShaNi}, {"AVX-512", kAvx512}, {"all", kAll}}) {
    ScopedVariants allowed(choice.variants);
    for (size_t size : {1'500, 72'000, 717'000}) {
      std::printf("  %-10s %8zu B each", choice.name, size);
      for (size_t count : kCounts) {
        std::vector<std::string> messages;
        for (size_t i = 0; i < count; ++i) messages.push_back(RandomBytes(size));
        std::vector<std::string_view> views(messages.begin(), messages.end());
        std::vector<Sha256Digest> digests(count);
        double cost = NanosecondsPerCall([&] {
          Sha256Many(views, digests);
          Keep(digests);
        });
        std::printf("%8.2f", GigabytesPerSecond(size * count, cost));
      }
      std::puts("");
    }
  }
}

void Md5Figures() {
  constexpr size_t kSizes[] = {4, 16, 36, 55, 100, 256};
  constexpr size_t kKeys = 500;
  std::puts("MD5 of 500 keys, ns a key");
  std::printf("  %-27s", "bytes a key");
  for (size_t size : kSizes) std::printf("%8zu", size);
  std::puts("");
  for (const Choice& choice :
       {Choice{"one by one", kNone}, {"AVX2", kAvx2}, {"AVX-512", kAvx512}}) {
    ScopedVariants allowed(choice.variants);
    std::printf("  %-27s", choice.name);
    for (size_t size : kSizes) {
      std::vector<std::string> keys;
      for (size_t i = 0; i < kKeys; ++i) keys.push_back(RandomBytes(size));
      std::vector<std::string_view> views(keys.begin(), keys.end());
      std::vector<Md5Digest> digests(kKeys);
      double cost = NanosecondsPerCall([&] {
        Md5Many(views, digests);
        Keep(digests);
      });
      std::printf("%8.1f", cost / kKeys);
    }
    std::puts("");
  }
  std::string key = RandomBytes(16);
  std::printf("one MD5 of 16 bytes: %.1f ns\n", NanosecondsPerCall([&] { Keep(Md5(key)); }));
  std::printf("one SHA-256 of 16 bytes: %.1f ns\n", NanosecondsPerCall([&] { Keep(Sha256(key)); }));
  std::printf("one HMAC-SHA-256 of 16 bytes: %.1f ns\n",
              NanosecondsPerCall([&] { Keep(HmacSha256(key, key)); }));
}

}  // namespace
}  // namespace millrace::codec

int main() {
  millrace::codec::Base64Figures();
  millrace::codec::CrcFigures();
  millrace::codec::Sha256Figures();
  millrace::codec::Md5Figures();
  return 0;
}
