#include "dataplane/peer/resolver.h"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>

#include "common/async/io_threads.h"
#include "tests/support/on_executor.h"

namespace millrace::peer {
namespace {

using std::chrono::milliseconds;

// A name server whose next answers a test chooses.
class ResolverTest : public testing::Test {
 protected:
  Result<SocketAddress> Ask() {
    return testing_support::Await<Result<SocketAddress>>(
        io_.at(0), [this](auto done) { resolver_.Resolve("pod-0", 4569, io_.at(0), done); });
  }
  void TearDown() override { resolver_.Stop(); }

  std::atomic<int> answer_{7};  // the size of the address; 0: there is no such name; -1: no answer
  std::atomic<int> slow_ms_{0};
  std::atomic<int> asked_{0};
  IoThreads io_{1, "test"};
  Resolver resolver_{[this](const std::string&, uint16_t) -> Result<SocketAddress> {
    ++asked_;
    const int answer = answer_;
    std::this_thread::sleep_for(milliseconds(slow_ms_));
    if (answer == 0) return NotFound("no such name");
    if (answer < 0) return Unavailable("no name server answers");
    SocketAddress address;
    address.size = static_cast<socklen_t>(answer);
    return address;
  }};
};

TEST_F(ResolverTest, ANewAddressIsFoundThoughAnOldOneIsRemembered) {
  EXPECT_EQ(Ask()->size, 7u);
  std::this_thread::sleep_for(milliseconds(600));
  answer_ = 8;
  EXPECT_EQ(Ask()->size, 8u);
}

TEST_F(ResolverTest, TheLastAddressIsUsedWhileNoNameServerAnswers) {
  EXPECT_EQ(Ask()->size, 7u);
  std::this_thread::sleep_for(milliseconds(600));
  slow_ms_ = 700;
  answer_ = -1;
  const auto began = std::chrono::steady_clock::now();
  EXPECT_EQ(Ask()->size, 7u);
  EXPECT_EQ(Ask()->size, 7u);
  EXPECT_LT(std::chrono::steady_clock::now() - began, milliseconds(600));
  EXPECT_EQ(asked_, 2);  // once, while the answer is awaited
}

TEST_F(ResolverTest, ANameThatIsGoneIsGone) {
  EXPECT_EQ(Ask()->size, 7u);
  std::this_thread::sleep_for(milliseconds(600));
  answer_ = 0;
  EXPECT_EQ(Ask().status().code(), Code::kNotFound);
}

}  // namespace
}  // namespace millrace::peer
