#include "dataplane/delivery/engine/checkpoint_tracker.h"

namespace millrace::delivery {

std::shared_ptr<Receipt> CheckpointTracker::Begin(std::string last) {
  std::lock_guard lock(mu_);
  const size_t number = first_ + open_.size();
  open_.push_back({std::move(last)});
  return std::make_shared<Receipt>(
      [self = shared_from_this(), number](bool delivered) { self->Done(number, delivered); });
}

void CheckpointTracker::End() {
  std::lock_guard lock(mu_);
  is_ended_ = true;
}

void CheckpointTracker::Done(size_t number, bool delivered) {
  std::lock_guard lock(mu_);
  if (!delivered) {
    has_failed_ = true;
    return;  // stays at the front for good, and nothing passes it
  }
  open_[number - first_].is_done = true;
  while (!open_.empty() && open_.front().is_done) {
    if (!open_.front().last.empty()) delivered_ = std::move(open_.front().last);
    open_.pop_front();
    ++first_;
  }
}

std::string CheckpointTracker::delivered() const {
  std::lock_guard lock(mu_);
  return delivered_;
}

bool CheckpointTracker::is_complete() const {
  std::lock_guard lock(mu_);
  return is_ended_ && open_.empty();
}

bool CheckpointTracker::has_failed() const {
  std::lock_guard lock(mu_);
  return has_failed_;
}

size_t CheckpointTracker::open_count() const {
  std::lock_guard lock(mu_);
  return open_.size();
}

}  // namespace millrace::delivery
