#include "common/net/listening_socket.h"

#include <gtest/gtest.h>
#include <unistd.h>

namespace millrace::net {
namespace {

TEST(ListeningSocket, SaysWhichPortItGot) {
  const Result<ListeningSocket> any = ListeningSocket::Open("127.0.0.1:0");
  ASSERT_TRUE(any.ok()) << any.status().ToString();
  EXPECT_GT(any->port(), 0);
  EXPECT_FALSE(ListeningSocket::Open("127.0.0.1:" + std::to_string(any->port())).ok());
}

TEST(ListeningSocket, AnInheritedOneIsTakenByItsNumber) {
  const Result<ListeningSocket> ours = ListeningSocket::Open("127.0.0.1:0");
  ASSERT_TRUE(ours.ok());
  const int copy = dup(ours->fd());
  const Result<ListeningSocket> same = ListeningSocket::Open("fd:" + std::to_string(copy));
  ASSERT_TRUE(same.ok()) << same.status().ToString();
  EXPECT_EQ(same->fd(), copy);
  EXPECT_EQ(same->port(), ours->port());
}

TEST(ListeningSocket, WhatDoesNotListenIsRefused) {
  for (const char* address : {"fd:", "fd:x", "fd:-1", "fd:0", "fd:99999", "fd:3x", "no-port"}) {
    EXPECT_EQ(ListeningSocket::Open(address).status().code(), Code::kInvalidArgument) << address;
  }
}

}  // namespace
}  // namespace millrace::net
