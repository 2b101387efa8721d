#include "common/async/event_fd.h"

#include <sys/eventfd.h>

#include <boost/asio/buffer.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>

#include "common/base/check.h"

namespace millrace {

namespace asio = boost::asio;

// Held by the read that is under way too, since its handler runs once more after the descriptor is
// closed.
class EventFd::Core : public std::enable_shared_from_this<Core> {
 public:
  Core(IoExecutor& executor, UniqueFunction<void()> on_signal)
      : descriptor_(executor.context()), on_signal_(std::move(on_signal)) {
    int fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    CHECK(fd >= 0);
    descriptor_.assign(fd);
  }

  void Wait() {
    descriptor_.async_read_some(
        asio::buffer(&count_, sizeof count_),
        [self = shared_from_this()](const boost::system::error_code& error, size_t) {
          if (error || self->closed_) return;
          self->on_signal_();
          if (!self->closed_) self->Wait();
        });
  }

  void Close() {
    closed_ = true;
    boost::system::error_code ignored;
    descriptor_.close(ignored);
  }

  int fd() { return descriptor_.native_handle(); }

 private:
  asio::posix::stream_descriptor descriptor_;
  UniqueFunction<void()> on_signal_;
  uint64_t count_ = 0;
  bool closed_ = false;
};

EventFd::EventFd(IoExecutor& executor, UniqueFunction<void()> on_signal)
    : core_(std::make_shared<Core>(executor, std::move(on_signal))) {
  core_->Wait();
}

EventFd::~EventFd() { core_->Close(); }

int EventFd::fd() const { return core_->fd(); }

}  // namespace millrace
