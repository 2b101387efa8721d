#pragma once

#include <compare>
#include <cstdint>

namespace millrace::shard {

// A place between two records of a shard: what comes next is record `index` of the extent `epoch`.
// Orders along the shard's chain. A value.
struct Position {
  uint64_t epoch = 0;
  uint64_t index = 0;
  auto operator<=>(const Position&) const = default;
};

}  // namespace millrace::shard
