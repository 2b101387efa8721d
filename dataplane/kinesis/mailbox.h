#pragma once

#include <memory>
#include <vector>

#include "common/async/executor.h"
#include "common/base/check.h"

namespace millrace::kinesis {

// Posts from one executor to another that cross together: waking a thread costs more than what most
// calls have to say to it, so what one turn of the sender adds is one post. Lives on the sender's
// executor; outlives everything posted.
class Mailbox {
 public:
  Mailbox(Executor& from, Executor& to) : from_(from), to_(to) {}
  void Post(UniqueFunction<void()> fn) {
    if (&from_ == &to_) return to_.Post(std::move(fn));
    waiting_.push_back(std::move(fn));
    if (waiting_.size() == 1) from_.Post([this] { Flush(); });
  }

 private:
  void Flush() {
    to_.Post([batch = std::move(waiting_)]() mutable {
      for (UniqueFunction<void()>& fn : batch) fn();
    });
    waiting_.clear();
  }

  Executor& from_;
  Executor& to_;
  std::vector<UniqueFunction<void()>> waiting_;
};

// A mailbox for every pair of a process's executors. Immutable after construction.
class Mailboxes {
 public:
  explicit Mailboxes(std::vector<Executor*> executors) : executors_(std::move(executors)) {
    for (Executor* from : executors_) {
      for (Executor* to : executors_) boxes_.push_back(std::make_unique<Mailbox>(*from, *to));
    }
  }
  // On `from`.
  void Post(Executor& from, Executor& to, UniqueFunction<void()> fn) {
    boxes_[IndexOf(from) * executors_.size() + IndexOf(to)]->Post(std::move(fn));
  }

 private:
  size_t IndexOf(const Executor& executor) const {
    for (size_t i = 0; i < executors_.size(); ++i) {
      if (executors_[i] == &executor) return i;
    }
    CHECK(false);
    return 0;
  }

  const std::vector<Executor*> executors_;  // as many as cores
  std::vector<std::unique_ptr<Mailbox>> boxes_;
};

}  // namespace millrace::kinesis
