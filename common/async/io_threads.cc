#include "common/async/io_threads.h"

#include <pthread.h>

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <thread>
#include <unordered_map>
#include <utility>

#include "common/base/check.h"

namespace millrace {
namespace {

namespace asio = boost::asio;

thread_local const Executor* current_executor = nullptr;

// One loop and its thread. Timers are touched by that thread alone, so cancelling needs no lock: a
// timer that is no longer in the map does not run, even if its expiry is queued already.
class AsioExecutor final : public IoExecutor {
 public:
  explicit AsioExecutor(std::string name)
      : context_(1), work_(context_.get_executor()), thread_([this, name] { Run(name); }) {}

  asio::io_context& context() override { return context_; }

  void Post(UniqueFunction<void()> fn) override { asio::post(context_, std::move(fn)); }

  TimerId RunAfter(Duration delay, UniqueFunction<void()> fn) override {
    CHECK(OnThisExecutor());
    TimerId id = ++last_timer_;
    Timer& timer = timers_.try_emplace(id, context_, delay, std::move(fn)).first->second;
    timer.expiry.async_wait([this, id](const boost::system::error_code&) { Expire(id); });
    return id;
  }

  void Cancel(TimerId timer) override {
    CHECK(OnThisExecutor());
    timers_.erase(timer);
  }

  bool OnThisExecutor() const override { return current_executor == this; }

  void Stop() { context_.stop(); }
  void Join() {
    if (thread_.joinable()) thread_.join();
  }
  // After Join. What a timer holds may let go of things that post to a neighbour as they go.
  void DropTimers() { const auto dropped = std::exchange(timers_, {}); }

 private:
  struct Timer {
    Timer(asio::io_context& context, Duration delay, UniqueFunction<void()> callback)
        : expiry(context, delay), fn(std::move(callback)) {}
    asio::steady_timer expiry;
    UniqueFunction<void()> fn;
  };

  // An exception out of a callback is a broken invariant: noexcept makes it end the process.
  void Run(const std::string& name) noexcept {
    constexpr size_t kThreadNameMax = 15;  // the kernel's
    pthread_setname_np(pthread_self(), name.substr(0, kThreadNameMax).c_str());
    current_executor = this;
    context_.run();
    current_executor = nullptr;
  }

  void Expire(TimerId id) {
    auto it = timers_.find(id);
    if (it == timers_.end()) return;
    UniqueFunction<void()> fn = std::move(it->second.fn);
    timers_.erase(it);  // before the callback, which may set or cancel timers
    fn();
  }

  asio::io_context context_;
  asio::executor_work_guard<asio::io_context::executor_type> work_;
  // Owned by the thread.
  TimerId last_timer_ = 0;
  std::unordered_map<TimerId, Timer> timers_;
  std::thread thread_;  // last: starts when everything above is there
};

}  // namespace

IoThreads::IoThreads(size_t count, std::string name) {
  if (count == 0) count = std::max(1U, std::thread::hardware_concurrency());
  executors_.reserve(count);
  for (size_t i = 0; i < count; ++i) {
    executors_.push_back(std::make_unique<AsioExecutor>(name + "-" + std::to_string(i)));
  }
}

IoThreads::~IoThreads() {
  Stop();
  for (auto& executor : executors_) static_cast<AsioExecutor&>(*executor).DropTimers();
}

void IoThreads::Stop() {
  // All loops stand still before the first one goes: a callback may post to its neighbours.
  for (auto& executor : executors_) static_cast<AsioExecutor&>(*executor).Stop();
  for (auto& executor : executors_) static_cast<AsioExecutor&>(*executor).Join();
}

}  // namespace millrace
