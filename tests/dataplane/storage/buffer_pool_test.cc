#include "dataplane/storage/buffer_pool.h"

#include <gtest/gtest.h>

#include <thread>

#include "dataplane/storage/disk.h"

namespace millrace::storage {
namespace {

TEST(BufferPool, BuffersAreAlignedAndLargeEnough) {
  BufferPool pool(kMiB);
  for (size_t bytes : {size_t{1}, size_t{4096}, size_t{5000}, size_t{100'000}, size_t{3'000'000}}) {
    auto buffer = pool.Get(bytes);
    EXPECT_GE(buffer->capacity, bytes);
    EXPECT_EQ(reinterpret_cast<uintptr_t>(buffer->data) % kDiskAlignment, 0U);
  }
}

TEST(BufferPool, ABufferLetGoIsUsedAgain) {
  BufferPool pool(kMiB);
  uint8_t* first = pool.Get(100'000)->data;
  EXPECT_EQ(pool.Get(100'000)->data, first);
}

TEST(BufferPool, ItKeepsNoMoreThanItMay) {
  BufferPool pool(300'000);
  std::vector<std::shared_ptr<BlockBuffer>> buffers;
  for (int i = 0; i < 10; ++i) buffers.push_back(pool.Get(100'000));
  buffers.clear();
  EXPECT_LE(pool.idle_bytes(), 300'000U);
  EXPECT_GT(pool.idle_bytes(), 0U);
}

TEST(BufferPool, BuffersOutliveItAndMayGoOnAnyThread) {
  std::shared_ptr<BlockBuffer> buffer;
  {
    BufferPool pool(kMiB);
    buffer = pool.Get(100'000);
  }
  buffer->data[99'999] = 1;
  std::thread([moved = std::move(buffer)]() mutable { moved.reset(); }).join();
}

}  // namespace
}  // namespace millrace::storage
