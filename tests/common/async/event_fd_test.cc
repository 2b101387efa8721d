#include "common/async/event_fd.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <future>

namespace millrace {
namespace {

template <typename F>
auto On(Executor& executor, F fn) {
  std::promise<decltype(fn())> done;
  auto result = done.get_future();
  executor.Post([&] { done.set_value(fn()); });
  return result.get();
}

void Signal(int fd) {
  uint64_t one = 1;
  ASSERT_EQ(write(fd, &one, sizeof one), static_cast<ssize_t>(sizeof one));
}

TEST(EventFd, EverySignalThatComesAfterACallbackRunsItAgain) {
  IoThreads threads(1, "event");
  std::promise<void> ran[2];
  int count = 0;
  auto event = On(threads.at(0), [&] {
    return std::make_unique<EventFd>(threads.at(0), [&] { ran[count++].set_value(); });
  });
  for (auto& once : ran) {
    Signal(event->fd());
    ASSERT_EQ(once.get_future().wait_for(std::chrono::seconds(5)), std::future_status::ready);
  }
  On(threads.at(0), [&] {
    event.reset();
    return true;
  });
}

TEST(EventFd, ASignalAfterItsEndRunsNothing) {
  IoThreads threads(1, "event");
  bool ran = false;
  On(threads.at(0), [&] {
    auto event = std::make_unique<EventFd>(threads.at(0), [&] { ran = true; });
    Signal(event->fd());
    return true;
  });
  On(threads.at(0), [] { return true; });
  On(threads.at(0), [] { return true; });
  EXPECT_FALSE(ran);
}

}  // namespace
}  // namespace millrace
