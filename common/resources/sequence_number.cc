#include <cstring>

#include "common/base/check.h"
#include "common/base/digits.h"
#include "common/resources/shard_map.h"

namespace millrace::resources {
namespace {

constexpr uint64_t kBase = 1'000'000'000'000'000'000;  // 10^18
// One step of the index, 2^80, in base 10^18.
constexpr uint64_t kStepLow = 819'614'629'174'706'176;
constexpr uint64_t kStepHigh = 1'208'925;
constexpr uint64_t kEpochMask = (uint64_t{1} << 36) - 1;

// The 188 bits of docs/formats/sequence_number.md, lowest 64 first.
struct Bits {
  uint64_t word[3];
};

Bits Pack(const SequenceNumber& n) {
  const uint64_t arrival = static_cast<uint64_t>(n.arrival_s) & kEpochMask;
  return {{arrival << 36 | uint64_t{n.shard} << 4 | 2, n.index << 16 | arrival >> 28,
           uint64_t{2} << 56 | (n.epoch & kEpochMask) << 20 | uint64_t{n.shard & 15} << 16 |
               n.index >> 48}};
}

// Divides in place by 10^18; gives the remainder.
uint64_t DivideByBase(Bits& bits) {
  unsigned __int128 rest = 0;
  for (int i = 2; i >= 0; --i) {
    rest = rest << 64 | bits.word[i];
    bits.word[i] = static_cast<uint64_t>(rest / kBase);
    rest %= kBase;
  }
  return static_cast<uint64_t>(rest);
}

// bits = bits * 10 + digit; false where that needs more than 192 bits.
bool AppendDigit(Bits& bits, unsigned digit) {
  unsigned __int128 carry = digit;
  for (uint64_t& word : bits.word) {
    carry += static_cast<unsigned __int128>(word) * 10;
    word = static_cast<uint64_t>(carry);
    carry >>= 64;
  }
  return carry == 0;
}

void WriteLimb(uint64_t limb, char* out) {
  constexpr uint64_t kEightDigits = 100'000'000;
  const uint64_t upper = limb / kEightDigits;
  WriteTwoDigits(upper / kEightDigits, out);
  WriteEightDigits(upper % kEightDigits, out + 2);
  WriteEightDigits(limb % kEightDigits, out + 10);
}

}  // namespace

std::string SequenceNumber::ToDecimal() const {
  std::string out(SequenceNumberFormatter::kDigits, '0');
  SequenceNumberFormatter(epoch, shard, index, arrival_s).Next(out.data());
  return out;
}

std::optional<SequenceNumber> SequenceNumber::FromDecimal(std::string_view text) {
  if (text.size() != SequenceNumberFormatter::kDigits) return std::nullopt;
  Bits bits{};
  for (const char c : text) {
    if (c < '0' || c > '9') return std::nullopt;
    if (!AppendDigit(bits, static_cast<unsigned>(c - '0'))) return std::nullopt;
  }
  SequenceNumber n;
  n.shard = static_cast<uint32_t>(bits.word[0] >> 4);
  n.arrival_s = static_cast<int64_t>((bits.word[1] & 0xff) << 28 | bits.word[0] >> 36);
  n.index = bits.word[2] << 48 | bits.word[1] >> 16;
  n.epoch = bits.word[2] >> 20 & kEpochMask;
  const Bits again = Pack(n);  // every bit that is not ours to choose must be as Pack sets it
  if (std::memcmp(&again, &bits, sizeof(bits)) != 0) return std::nullopt;
  return n;
}

SequenceNumberFormatter::SequenceNumberFormatter(uint64_t epoch, uint32_t shard,
                                                 uint64_t first_index, int64_t arrival_s) {
  Bits bits = Pack({epoch, shard, first_index, arrival_s});
  for (uint64_t& limb : limbs_) limb = DivideByBase(bits);
  WriteUpper();
}

void SequenceNumberFormatter::WriteUpper() {
  WriteTwoDigits(limbs_[3], upper_);
  WriteLimb(limbs_[2], upper_ + 2);
}

void SequenceNumberFormatter::Next(char* out) {
  std::memcpy(out, upper_, kUpperDigits);
  WriteLimb(limbs_[1], out + kUpperDigits);
  WriteLimb(limbs_[0], out + kUpperDigits + 18);
  limbs_[0] += kStepLow;
  uint64_t carry = limbs_[0] >= kBase;
  limbs_[0] -= carry * kBase;
  limbs_[1] += kStepHigh + carry;
  if (limbs_[1] < kBase) return;
  limbs_[1] -= kBase;
  limbs_[2] += 1;
  carry = limbs_[2] >= kBase;
  limbs_[2] -= carry * kBase;
  limbs_[3] += carry;
  WriteUpper();
}

}  // namespace millrace::resources
