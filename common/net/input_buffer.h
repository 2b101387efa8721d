#pragma once

#include <cstring>
#include <string_view>

#include "common/net/buffer_pool.h"

namespace millrace::net {

// Bytes received and not yet understood: a window into a slab. Requests that were cut out of the
// slab share it; only the free space behind the window is written. Owned by one session.
class InputBuffer {
 public:
  bool empty() const { return begin_ == end_; }
  std::string_view view() const {
    return slab_ == nullptr
               ? std::string_view()
               : std::string_view(reinterpret_cast<char*>(slab_->data()) + begin_, end_ - begin_);
  }
  const SlabRef& slab() const { return slab_; }
  uint8_t* data() const { return slab_->data() + begin_; }
  uint8_t* tail() const { return slab_->data() + end_; }
  size_t size() const { return end_ - begin_; }
  size_t room() const { return slab_ == nullptr ? 0 : slab_->capacity() - end_; }
  // From the window's begin to the slab's end.
  size_t span() const { return slab_->capacity() - begin_; }

  // Makes the window's slab hold `span_min` bytes from its begin on, moving it if it must; false
  // when the pool is out.
  bool Reserve(BufferPool& pool, size_t span_min) {
    if (slab_ != nullptr && span() >= span_min) return true;
    SlabRef larger = pool.Take(span_min);
    if (larger == nullptr) return false;
    if (!empty()) std::memcpy(larger->data(), data(), size());
    end_ = size();
    begin_ = 0;
    slab_ = std::move(larger);
    return true;
  }
  void Received(size_t n) { end_ += n; }
  void Consume(size_t n) { begin_ += n; }
  // Holds no memory while there is nothing in it.
  void ReleaseIfEmpty() {
    if (!empty()) return;
    slab_ = nullptr;
    begin_ = end_ = 0;
  }

 private:
  SlabRef slab_;
  size_t begin_ = 0;
  size_t end_ = 0;
};

}  // namespace millrace::net
