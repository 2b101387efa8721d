#include "common/net/socket_watch.h"

#include <boost/asio/posix/stream_descriptor.hpp>

namespace millrace::net {

struct SocketWatch::Impl {
  boost::asio::posix::stream_descriptor descriptor;
};

SocketWatch::SocketWatch(IoExecutor& executor, int fd)
    : impl_(new Impl{boost::asio::posix::stream_descriptor(executor.context(), fd)}) {}

SocketWatch::~SocketWatch() = default;

void SocketWatch::WaitReadable(std::shared_ptr<ReadinessHandler> handler) {
  impl_->descriptor.async_wait(
      boost::asio::posix::descriptor_base::wait_read,
      [handler = std::move(handler)](const boost::system::error_code& error) {
        if (!error) handler->OnReadable();
      });
}

void SocketWatch::WaitWritable(std::shared_ptr<ReadinessHandler> handler) {
  impl_->descriptor.async_wait(
      boost::asio::posix::descriptor_base::wait_write,
      [handler = std::move(handler)](const boost::system::error_code& error) {
        if (!error) handler->OnWritable();
      });
}

}  // namespace millrace::net
