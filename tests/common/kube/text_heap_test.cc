#include "common/kube/text_heap.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace millrace::kube {
namespace {

TEST(TextHeap, TextsStandBehindEachOther) {
  TextHeap heap;
  const char* first = heap.Add("name", " and packed");
  const char* second = heap.Add("other");
  EXPECT_EQ(std::string_view(first, 15), "name and packed");
  EXPECT_EQ(second, first + 15);
  EXPECT_EQ(heap.live(), 20u);
}

TEST(TextHeap, OneThatIsLargerThanABlockHasItsOwn) {
  TextHeap heap;
  const std::string large(1'000'000, 'x');
  heap.Add("small");
  const char* text = heap.Add(large);
  EXPECT_EQ(std::string_view(text, large.size()), large);
  EXPECT_LT(heap.held(), large.size() + 2 * 1024);
}

TEST(TextHeap, HoldsLittleMoreThanWhatIsInIt) {
  TextHeap heap;
  for (int i = 0; i < 10'000; ++i) heap.Add(std::string(150, 'x'));
  EXPECT_LT(heap.held(), heap.live() + heap.live() / 10);
  EXPECT_FALSE(heap.is_holey());
}

TEST(TextHeap, IsHoleyOnceAPartOfItIsDropped) {
  TextHeap heap;
  for (int i = 0; i < 1'000; ++i) heap.Add(std::string(150, 'x'));
  int dropped = 0;
  for (; !heap.is_holey(); ++dropped) heap.Drop(150);
  EXPECT_GT(dropped, 50);
  EXPECT_LT(dropped, 200);
}

}  // namespace
}  // namespace millrace::kube
