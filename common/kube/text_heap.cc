#include "common/kube/text_heap.h"

#include <algorithm>

namespace millrace::kube {

const char* TextHeap::Add(std::string_view first, std::string_view second) {
  const size_t size = first.size() + second.size();
  if (size > left_) {
    left_ = std::max(size, std::clamp(held_, kFirstBlock, kBlockMost));
    blocks_.push_back(std::make_unique_for_overwrite<char[]>(left_));
    free_ = blocks_.back().get();
    held_ += left_;
  }
  char* text = free_;
  std::copy(first.begin(), first.end(), text);
  std::copy(second.begin(), second.end(), text + first.size());
  free_ += size;
  left_ -= size;
  live_ += size;
  used_ += size;
  return text;
}

}  // namespace millrace::kube
