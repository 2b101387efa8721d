#include "dataplane/peer/peer_book.h"

#include <gtest/gtest.h>

namespace millrace::peer {
namespace {

PeerBook Book(const std::string& home) {
  auto book = PeerBook::Parse("fast-0", "", "fast.streaming.svc", 4569);
  EXPECT_TRUE(book.ok());
  book->SetHome(home);
  return *book;
}

TEST(PeerBook, PodsOfTheOwnPoolAreUnderTheDomain) {
  EXPECT_EQ(Book("millrace").Find("fast-12")->host, "fast-12.fast.streaming.svc");
  EXPECT_EQ(Book("").Find("fast-12")->port, 4569);
}

TEST(PeerBook, PodsOfOtherPoolsAreUnderTheNamesOfThosePools) {
  EXPECT_EQ(Book("millrace").Find("slow-0")->host, "slow-0.slow.millrace.svc");
  EXPECT_EQ(Book("millrace").Find("slow-0", "elsewhere")->host, "slow-0.slow.elsewhere.svc");
  // A name that begins like the own pool's is another's.
  EXPECT_EQ(Book("millrace").Find("fast-2-0")->host, "fast-2-0.fast-2.millrace.svc");
}

TEST(PeerBook, WhatIsListedIsWhereTheListSays) {
  const auto book =
      PeerBook::Parse("fast-0", "fast-0=h:1,slow-0=10.0.0.7:2", "fast.streaming.svc", 4569);
  ASSERT_TRUE(book.ok());
  EXPECT_EQ(book->Find("slow-0")->host, "10.0.0.7");
  EXPECT_EQ(book->Names(), std::vector<std::string>{"slow-0"});
}

TEST(PeerBook, APoolIsAPodsNameWithoutItsNumber) {
  EXPECT_EQ(PoolOf("fast-12"), "fast");
  EXPECT_EQ(PoolOf("a-b-0"), "a-b");
  EXPECT_EQ(PoolOf("alone"), "alone");
}

}  // namespace
}  // namespace millrace::peer
