#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string_view>
#include <utility>

namespace millrace::codec::internal {

inline constexpr size_t kBlockSize = 64;
inline constexpr size_t kLanesMax = 16;

// The compression function of MD5 or SHA-256 on several independent messages side by side.
struct LaneKernel {
  // Fewest lanes it is worth using for, most it takes.
  size_t lanes_min;
  size_t lanes_max;
  // Runs `blocks` whole blocks from each at[i] through states[i], for i < lanes. A state is the
  // algorithm's words in native byte order.
  void (*compress)(uint32_t* const* states, const uint8_t* const* at, size_t lanes, size_t blocks);
};

// Hashes many messages of any lengths with lane kernels: keeps a pool of started messages, runs
// the widest worthwhile kernel over those with most left to do (so that the last of them end
// together rather than one after another alone), and refills as messages end. Lives on the
// caller's stack for one batch. Spec has kWords, kInitial, StoreBits and StoreDigest.
template <typename Spec>
class LaneHasher {
 public:
  using Digest = typename Spec::Digest;

  // Kernels from the widest to the narrowest; the last has lanes_min 1. All outlive the hasher.
  explicit LaneHasher(std::span<const LaneKernel* const> kernels) : kernels_(kernels) {
    for (size_t i = 0; i < kLanesMax; ++i) order_[i] = &lanes_[i];
  }

  // Sets digests[i] for every messages[i] of at least size_min bytes.
  void Hash(std::span<const std::string_view> messages, std::span<Digest> digests,
            size_t size_min = 0) {
    size_t next = 0;
    while (true) {
      for (; active_ < kLanesMax && next < messages.size(); ++next) {
        if (messages[next].size() < size_min) continue;
        order_[active_++]->Start(messages[next], &digests[next]);
      }
      if (active_ == 0) return;
      RunOnce();
    }
  }

 private:
  // While messages wait for a lane, none runs longer than this before the longest are chosen anew.
  static constexpr size_t kTurnBlocks = 128;

  struct Lane {
    void Start(std::string_view message, Digest* to) {
      digest = to;
      state = Spec::kInitial;
      at = reinterpret_cast<const uint8_t*>(message.data());
      blocks = message.size() / kBlockSize;
      size_t rest = message.size() % kBlockSize;
      tail_blocks = rest + 9 <= kBlockSize ? 1 : 2;
      size_t tail_size = tail_blocks * kBlockSize;
      if (rest != 0) std::memcpy(tail.data(), at + blocks * kBlockSize, rest);
      tail[rest] = 0x80;
      std::memset(tail.data() + rest + 1, 0, tail_size - rest - 9);
      Spec::StoreBits(tail.data() + tail_size - 8, static_cast<uint64_t>(message.size()) * 8);
      if (blocks == 0) EnterTail();
    }
    void EnterTail() {
      at = tail.data();
      blocks = std::exchange(tail_blocks, 0);
    }
    size_t BlocksLeft() const { return blocks + tail_blocks; }

    std::array<uint32_t, Spec::kWords> state;
    const uint8_t* at;   // the run being hashed: the message's whole blocks, then its tail
    size_t blocks;       // left in the run
    size_t tail_blocks;  // of the padded end, 0 once it is the run
    Digest* digest;
    std::array<uint8_t, 2 * kBlockSize> tail;
  };

  const LaneKernel& KernelFor(size_t lanes) const {
    for (const LaneKernel* kernel : kernels_) {
      if (lanes >= kernel->lanes_min) return *kernel;
    }
    return *kernels_.back();
  }

  void RunOnce() {
    const LaneKernel& kernel = KernelFor(active_);
    size_t width = std::min(active_, kernel.lanes_max);
    if (width < active_) {
      std::partial_sort(
          order_.begin(), order_.begin() + static_cast<ptrdiff_t>(width),
          order_.begin() + static_cast<ptrdiff_t>(active_),
          [](const Lane* a, const Lane* b) { return a->BlocksLeft() > b->BlocksLeft(); });
    }
    size_t blocks = width < active_ ? kTurnBlocks : SIZE_MAX;
    std::array<uint32_t*, kLanesMax> states;
    std::array<const uint8_t*, kLanesMax> at;
    for (size_t i = 0; i < width; ++i) {
      states[i] = order_[i]->state.data();
      at[i] = order_[i]->at;
      blocks = std::min(blocks, order_[i]->blocks);
    }
    kernel.compress(states.data(), at.data(), width, blocks);
    // From the last, since a lane that ends changes places with the last active one.
    for (size_t i = width; i-- > 0;) Advance(i, blocks);
  }

  void Advance(size_t i, size_t blocks) {
    Lane* lane = order_[i];
    lane->at += blocks * kBlockSize;
    lane->blocks -= blocks;
    if (lane->blocks != 0) return;
    if (lane->tail_blocks != 0) {
      lane->EnterTail();
      return;
    }
    Spec::StoreDigest(lane->state, *lane->digest);
    std::swap(order_[i], order_[--active_]);
  }

  const std::span<const LaneKernel* const> kernels_;
  std::array<Lane, kLanesMax> lanes_;
  std::array<Lane*, kLanesMax> order_;  // the first active_ are started messages
  size_t active_ = 0;
};

}  // namespace millrace::codec::internal
