#include "common/net/buffer_pool.h"

#include <gtest/gtest.h>

#include <cstring>
#include <thread>
#include <vector>

#include "common/base/bytes.h"
#include "common/net/out_queue.h"

namespace millrace::net {
namespace {

TEST(BufferPool, ReusesTheNewestSlab) {
  auto pool = BufferPool::Make(kMiB);
  uint8_t* first = nullptr;
  {
    SlabRef slab = pool->Take(5000);
    EXPECT_EQ(slab->capacity(), 16 * kKiB);
    first = slab->data();
    EXPECT_EQ(pool->bytes_out(), 16 * kKiB);
    EXPECT_EQ(pool->bytes_free(), 0U);
  }
  EXPECT_EQ(pool->bytes_out(), 0U);
  EXPECT_EQ(pool->bytes_free(), 16 * kKiB);
  EXPECT_EQ(pool->Take(16 * kKiB)->data(), first);
}

TEST(BufferPool, GivesOutNoMoreThanItsBound) {
  auto pool = BufferPool::Make(kMiB);
  SlabRef half = pool->Take(512 * kKiB);
  EXPECT_FALSE(pool->UnderPressure());
  SlabRef quarter = pool->Take(256 * kKiB);
  EXPECT_TRUE(pool->UnderPressure());
  EXPECT_EQ(pool->Take(300 * kKiB), nullptr);
  EXPECT_NE(pool->Take(200 * kKiB), nullptr);
  EXPECT_EQ(pool->Take(SIZE_MAX), nullptr);
  half = nullptr;
  EXPECT_NE(pool->Take(300 * kKiB), nullptr);
}

TEST(BufferPool, ServesSizesPastItsClasses) {
  auto pool = BufferPool::Make(100 * kMiB);
  SlabRef slab = pool->Take(40 * kMiB + 1);
  ASSERT_NE(slab, nullptr);
  EXPECT_EQ(slab->capacity(), 40 * kMiB + 4096);
  slab->data()[40 * kMiB] = 1;
  slab = nullptr;
  EXPECT_EQ(pool->bytes_out(), 0U);
  EXPECT_EQ(pool->bytes_free(), 0U);
}

TEST(BufferPool, TrimFreesOnlyWhatWasNotNeeded) {
  auto pool = BufferPool::Make(100 * kMiB);
  {
    std::vector<SlabRef> slabs;
    for (int i = 0; i < 10; ++i) slabs.push_back(pool->Take(kMiB));
  }
  EXPECT_EQ(pool->bytes_free(), 10 * kMiB);
  pool->Trim();  // all of them were in use since the last one
  EXPECT_EQ(pool->bytes_free(), 10 * kMiB);
  {
    SlabRef one = pool->Take(kMiB);
    SlabRef two = pool->Take(kMiB);
  }
  pool->Trim();
  EXPECT_EQ(pool->bytes_free(), 2 * kMiB);
  pool->Trim();
  EXPECT_EQ(pool->bytes_free(), 0U);
}

TEST(BufferPool, SlabsMayComeBackFromAnyThreadAndOutliveTheirOwner) {
  SlabRef last;
  {
    auto pool = BufferPool::Make(kGiB);
    std::vector<std::thread> threads;
    for (int t = 0; t < 4; ++t) {
      threads.emplace_back([&pool] {
        for (size_t i = 0; i < 2000; ++i) {
          SlabRef slab = pool->Take(1 + i * 37 % 200'000);
          slab->data()[slab->capacity() - 1] = 1;
        }
      });
    }
    for (std::thread& thread : threads) thread.join();
    EXPECT_EQ(pool->bytes_out(), 0U);
    last = pool->Take(1);
  }
  std::memset(last->data(), 1, last->capacity());
}

std::string Take(OutQueue& queue, size_t size) {
  iovec pieces[4];
  const size_t count = queue.Gather(pieces, 4);
  std::string text;
  for (size_t i = 0; i < count; ++i) {
    text.append(static_cast<char*>(pieces[i].iov_base), pieces[i].iov_len);
  }
  text.resize(std::min(size, text.size()));
  queue.Consume(text.size());
  return text;
}

TEST(OutQueue, GivesBackWhatWentInInOrderHoweverItIsTaken) {
  for (size_t step : {size_t{1}, size_t{3}, size_t{10}, size_t{5000}}) {
    OutQueue queue;
    std::string expected;
    std::string taken;
    for (int i = 0; i < 500; ++i) {
      const std::string copy(static_cast<size_t>(i % 7), static_cast<char>('a' + i % 26));
      const std::string slice(static_cast<size_t>(i * 13 % 900), static_cast<char>('A' + i % 26));
      queue.Copy(copy);
      queue.Append(Slice::FromString(slice));
      expected += copy + slice;
      // Always a little behind, so that it is never empty.
      while (queue.bytes() > 1000) taken += Take(queue, step);
    }
    EXPECT_EQ(queue.bytes(), expected.size() - taken.size());
    while (!queue.empty()) taken += Take(queue, step);
    EXPECT_EQ(taken, expected);
  }
}

TEST(OutQueue, LetsGoOfASliceThatWasSent) {
  auto owner = std::make_shared<std::string>("abc");
  OutQueue queue;
  queue.Append(Slice(owner, owner->data(), 3));
  queue.Copy("de");
  EXPECT_EQ(owner.use_count(), 2);
  queue.Consume(4);
  EXPECT_EQ(owner.use_count(), 1);
  EXPECT_EQ(Take(queue, 9), "e");
}

TEST(OutQueue, CopiesDoNotPileUpBehindAStreamThatNeverEmptiesIt) {
  OutQueue queue;
  queue.Copy("x");
  std::string block(10'000, 'y');
  for (int i = 0; i < 1000; ++i) {
    queue.Copy(block);
    queue.Append(Slice::Static("z"));
    while (queue.bytes() > 2 * block.size()) Take(queue, block.size());
  }
  std::string rest;
  while (!queue.empty()) rest += Take(queue, 100'000);
  EXPECT_TRUE(rest.ends_with(block + "z"));
}

}  // namespace
}  // namespace millrace::net
