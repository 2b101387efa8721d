#include "common/net/out_queue.h"

#include <algorithm>

#include "common/base/check.h"

namespace millrace::net {
namespace {

// What an idle connection may keep for its next answer.
constexpr size_t kCopiesKeptMax = 4096;
constexpr size_t kPiecesKeptMax = 64;
constexpr size_t kCompactMin = 64 * kKiB;

}  // namespace

void OutQueue::Append(Slice slice) {
  if (slice.empty()) return;
  bytes_ += slice.size();
  size_t size = slice.size();
  pieces_.push_back({std::move(slice), 0, size});
}

void OutQueue::Copy(std::string_view bytes) {
  if (bytes.empty()) return;
  bytes_ += bytes.size();
  const uint64_t position = copies_begin_ + copies_.size();
  copies_.append(bytes);
  // Copies always follow each other, so two neighbours are one piece.
  if (pieces_.size() > first_ && pieces_.back().slice.empty()) {
    pieces_.back().size += bytes.size();
  } else {
    pieces_.push_back({{}, position, bytes.size()});
  }
}

size_t OutQueue::Gather(iovec* out, size_t count_max) const {
  size_t count = 0;
  size_t offset = offset_;
  for (size_t i = first_; i < pieces_.size() && count < count_max; ++i, ++count) {
    const Piece& piece = pieces_[i];
    const char* base = piece.slice.empty() ? copies_.data() + (piece.position - copies_begin_)
                                           : reinterpret_cast<const char*>(piece.slice.data());
    // The kernel only reads them; iovec has no const twin.
    out[count] = {const_cast<char*>(base) + offset, piece.size - offset};
    offset = 0;
  }
  return count;
}

void OutQueue::Consume(size_t size) {
  CHECK(size <= bytes_);
  bytes_ -= size;
  if (bytes_ == 0) {
    Reset();
    return;
  }
  size += offset_;
  while (size >= pieces_[first_].size) {
    size -= pieces_[first_].size;
    pieces_[first_].slice = {};
    pieces_[first_].size = 0;
    ++first_;
  }
  offset_ = size;
  Compact();
}

void OutQueue::Reset() {
  pieces_.clear();
  copies_.clear();
  first_ = offset_ = 0;
  copies_begin_ = 0;
  if (copies_.capacity() > kCopiesKeptMax) copies_.shrink_to_fit();
  if (pieces_.capacity() > kPiecesKeptMax) pieces_.shrink_to_fit();
}

// A stream whose client is always a little behind never empties the queue.
void OutQueue::Compact() {
  if (first_ > kPiecesKeptMax && first_ > pieces_.size() / 2) {
    pieces_.erase(pieces_.begin(), pieces_.begin() + static_cast<ptrdiff_t>(first_));
    first_ = 0;
  }
  if (copies_.size() < kCompactMin) return;
  auto live = std::find_if(pieces_.begin() + static_cast<ptrdiff_t>(first_), pieces_.end(),
                           [](const Piece& piece) { return piece.slice.empty(); });
  uint64_t keep_from = live == pieces_.end() ? copies_begin_ + copies_.size() : live->position;
  if (keep_from - copies_begin_ < copies_.size() / 2) return;
  copies_.erase(0, keep_from - copies_begin_);
  copies_begin_ = keep_from;
}

}  // namespace millrace::net
