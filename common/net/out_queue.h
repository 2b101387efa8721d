#pragma once

#include <sys/uio.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/bytes.h"

namespace millrace::net {

// What a connection still has to send, in order: slices as they are, and small pieces (heads, frame
// headers) that are copied together. Owned by the connection, on its executor.
class OutQueue {
 public:
  void Append(Slice slice);
  void Copy(std::string_view bytes);
  size_t bytes() const { return bytes_; }
  bool empty() const { return bytes_ == 0; }
  // The front of the queue as at most `count_max` pieces; valid until the next other call.
  size_t Gather(iovec* out, size_t count_max) const;
  // Drops `size` bytes, which were sent, from the front.
  void Consume(size_t size);

 private:
  // Bytes of `slice`, or, when it is empty, of the copies from `position` on.
  struct Piece {
    Slice slice;
    uint64_t position = 0;
    size_t size = 0;
  };
  void Reset();
  void Compact();

  std::vector<Piece> pieces_;
  size_t first_ = 0;   // pieces before it are sent
  size_t offset_ = 0;  // bytes of pieces_[first_] that are sent
  std::string copies_;
  uint64_t copies_begin_ = 0;  // position of copies_[0]; positions only grow until Reset
  size_t bytes_ = 0;
};

}  // namespace millrace::net
