#pragma once

#include <future>
#include <utility>

#include "common/async/executor.h"

namespace millrace::testing_support {

// Runs `fn` on the executor and gives what it returns. From outside the executor.
template <typename F>
auto On(Executor& executor, F fn) {
  std::promise<decltype(fn())> done;
  auto result = done.get_future();
  executor.Post([&] {
    if constexpr (std::is_void_v<decltype(fn())>) {
      fn();
      done.set_value();
    } else {
      done.set_value(fn());
    }
  });
  return result.get();
}

// Runs `fn(done)` on the executor and waits for what `done` is called with.
template <typename T, typename F>
T Await(Executor& executor, F fn) {
  std::promise<T> done;
  auto result = done.get_future();
  executor.Post([&] { fn([&done](T value) { done.set_value(std::move(value)); }); });
  return result.get();
}

}  // namespace millrace::testing_support
