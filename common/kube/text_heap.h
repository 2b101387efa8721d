#pragma once

#include <cstddef>
#include <memory>
#include <string_view>
#include <vector>

namespace millrace::kube {

// Room for many short texts that live long and are replaced now and then, one behind the other and
// without a word of bookkeeping each: an allocator rounds up, and keeps the room of every size that
// they once had. Whoever holds them moves all to a new heap when this one is mostly holes. Owned by
// a cache, under its lock; views of a text are good until it is dropped or the heap goes.
class TextHeap {
 public:
  // A text of both parts, one behind the other.
  const char* Add(std::string_view first, std::string_view second = {});
  // A text of `size` bytes is not needed any more.
  void Drop(size_t size) { live_ -= size; }
  // Whether so much has been dropped that the texts are better moved.
  bool is_holey() const { return used_ > live_ + live_ / kHolesShare + kHolesMin; }
  // Of the texts that are there, and of all that is held for them.
  size_t live() const { return live_; }
  size_t held() const { return held_; }

 private:
  static constexpr size_t kHolesShare = 8;
  static constexpr size_t kHolesMin = 4 * 1024;
  static constexpr size_t kFirstBlock = 1024;
  static constexpr size_t kBlockMost = 64 * 1024;

  std::vector<std::unique_ptr<char[]>> blocks_;
  char* free_ = nullptr;  // in the last block
  size_t left_ = 0;       // from there on
  size_t live_ = 0;
  size_t used_ = 0;
  size_t held_ = 0;
};

}  // namespace millrace::kube
