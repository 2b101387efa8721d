#include "dataplane/disk/buffer_pool.h"

#include <gtest/gtest.h>

#include <thread>

#include "dataplane/disk/disk.h"

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
  for (int i = 0; i < 30; ++i) buffers.push_back(pool.Get(20'000));
  buffers.clear();
  EXPECT_LE(pool.idle_bytes(), 300'000U);
  EXPECT_GT(pool.idle_bytes(), 0U);
}

TEST(BufferPool, LargeBuffersGiveTheirHugePagesBackTogether) {
  BufferPool pool(kMiB);
  std::vector<std::shared_ptr<BlockBuffer>> buffers;
  for (int i = 0; i < 100; ++i) buffers.push_back(pool.Get(500'000));
  for (auto& buffer : buffers) buffer->data[buffer->capacity - 1] = 1;
  for (size_t i = 1; i < 100; ++i) buffers[i].reset();
  // What shares its pages with one that is out stays.
  EXPECT_LE(pool.idle_bytes(), 6 * kMiB);
  buffers.clear();
  EXPECT_LE(pool.idle_bytes(), 5 * kMiB);
}

TEST(BufferPool, BuffersOfEverySizeAreDistinct) {
  BufferPool pool(64 * kMiB);
  std::vector<std::shared_ptr<BlockBuffer>> buffers;
  for (int round = 0; round < 3; ++round) {
    for (size_t bytes = 1000; bytes < 6'000'000; bytes = bytes * 5 / 4) {
      buffers.push_back(pool.Get(bytes));
      ASSERT_GE(buffers.back()->capacity, bytes);
    }
    for (size_t i = 0; i < buffers.size(); ++i) {
      std::fill_n(buffers[i]->data, buffers[i]->capacity, static_cast<uint8_t>(i));
    }
    for (size_t i = 0; i < buffers.size(); ++i) {
      ASSERT_EQ(buffers[i]->data[0], static_cast<uint8_t>(i));
      ASSERT_EQ(buffers[i]->data[buffers[i]->capacity - 1], static_cast<uint8_t>(i));
    }
    for (size_t i = 0; i < buffers.size(); i += 2) buffers[i].reset();
    std::erase(buffers, nullptr);
  }
}

TEST(BufferPool, ASliceTellsItsBuffer) {
  BufferPool pool(kMiB);
  auto buffer = pool.Get(100'000);
  Slice slice(buffer, buffer->data + 10, 100);
  EXPECT_EQ(BufferPool::Of(slice), buffer);
  EXPECT_EQ(BufferPool::Of(slice.Sub(5, 5)), buffer);
  EXPECT_EQ(BufferPool::Of(Slice::FromString("other")), nullptr);
  EXPECT_EQ(BufferPool::Of(Slice::Static("other")), nullptr);
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
