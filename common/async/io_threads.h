#pragma once

#include <memory>
#include <string>
#include <vector>

#include "common/async/executor.h"

namespace boost::asio {
class io_context;
}

namespace millrace {

// An Executor that is one asio io_context with one thread of its own.
class IoExecutor : public Executor {
 public:
  virtual boost::asio::io_context& context() = 0;
};

// The process's event loops: one io_context and one thread a core. Made in main, started before any
// component, stopped after all of them. Size is fixed for life.
class IoThreads {
 public:
  // `count` threads named `name`-0, `name`-1, ...; count 0 means one per core. Running on return.
  IoThreads(size_t count, std::string name);
  // Stop, and the callbacks still queued are dropped.
  ~IoThreads();
  IoThreads(const IoThreads&) = delete;

  // No callback runs any more on return; what is posted later never runs. For owners whose members
  // the last callbacks use. Twice does nothing; from outside the executors.
  void Stop();

  size_t size() const { return executors_.size(); }
  IoExecutor& at(size_t i) { return *executors_[i]; }

 private:
  std::vector<std::unique_ptr<IoExecutor>> executors_;
};

}  // namespace millrace
