#include "dataplane/peer/messages.h"

#include <gtest/gtest.h>

namespace millrace::peer {
namespace {

std::string Whole(const Pieces& pieces) {
  std::string bytes;
  for (const Slice& piece : pieces) bytes += piece.view();
  return bytes;
}
template <typename Head, typename Body>
Result<std::pair<Head, Body>> Read(const std::string& bytes) {
  return Decode<Head, Body>(Slice::FromString(bytes));
}

const RequestHead kHead{"pool-1", 7, 42};

AppendRequest SomeAppend() {
  AppendRequest request{.channel = 5, .number = 6, .settled_below = 4, .batches = {}};
  request.repeated = true;
  request.incarnation = 99;
  request.batches = {{1, 10, 2, Slice::Static("first")}, {3, 11, 1, Slice::Static("second")}};
  return request;
}

TEST(PeerMessages, AnAppendComesBackAsItWas) {
  const auto read = Read<RequestHead, AppendRequest>(Whole(Encode(kHead, SomeAppend())));
  ASSERT_TRUE(read.ok());
  EXPECT_EQ(read->first.sender, "pool-1");
  EXPECT_EQ(read->first.stream, 7u);
  EXPECT_EQ(read->first.map_version, 42u);
  const AppendRequest& request = read->second;
  EXPECT_EQ(request.channel, 5u);
  EXPECT_EQ(request.number, 6u);
  EXPECT_EQ(request.settled_below, 4u);
  EXPECT_TRUE(request.repeated);
  EXPECT_EQ(request.incarnation, 99u);
  ASSERT_EQ(request.batches.size(), 2u);
  EXPECT_EQ(request.batches[1].shard, 3u);
  EXPECT_EQ(request.batches[1].epoch, 11u);
  EXPECT_EQ(request.batches[1].count, 1u);
  EXPECT_EQ(request.batches[0].records.view(), "first");
  EXPECT_EQ(request.batches[1].records.view(), "second");
}

TEST(PeerMessages, OutcomesComeBackAsTheyWere) {
  const std::vector<AppendOutcome> outcomes{
      {Code::kOk, 17, 1'763'700'000'000, std::string("\0\1", 2)}, {Code::kResourceInUse, 0, 0, ""}};
  const auto read = Read<ReplyHead, std::vector<AppendOutcome>>(
      Whole(Encode(ReplyHead{Code::kOk, "", 3, 0}, outcomes)));
  ASSERT_TRUE(read.ok());
  EXPECT_EQ(read->first.incarnation, 3u);
  ASSERT_EQ(read->second.size(), 2u);
  EXPECT_EQ(read->second[0].first_index, 17u);
  EXPECT_EQ(read->second[0].arrival_ms, 1'763'700'000'000);
  EXPECT_EQ(read->second[0].refused, std::string("\0\1", 2));
  EXPECT_EQ(read->second[1].code, Code::kResourceInUse);
}

TEST(PeerMessages, AReadComesBackAsItWas) {
  ReadReply reply;
  reply.end_index = 9;
  reply.read.next_index = 8;
  reply.read.end_of_extent = true;
  reply.read.chunks = {{5, 3, 1'000, Slice::Static("chunk")}};
  const auto read = Read<ReplyHead, ReadReply>(Whole(Encode(ReplyHead{}, reply)));
  ASSERT_TRUE(read.ok());
  EXPECT_EQ(read->second.end_index, 9u);
  EXPECT_TRUE(read->second.read.end_of_extent);
  ASSERT_EQ(read->second.read.chunks.size(), 1u);
  EXPECT_EQ(read->second.read.chunks[0].first_index, 5u);
  EXPECT_EQ(read->second.read.chunks[0].records.view(), "chunk");
}

TEST(PeerMessages, OfAFailureOnlyTheHeadIsRead) {
  const ReplyHead head{Code::kUnavailable, "the map is not here yet", 1, 2};
  const auto read = Read<ReplyHead, ReadReply>(Whole(Encode(head)));
  ASSERT_TRUE(read.ok());
  EXPECT_EQ(read->first.code, Code::kUnavailable);
  EXPECT_EQ(read->first.message, "the map is not here yet");
  EXPECT_EQ(read->first.map_version, 2u);
}

TEST(PeerMessages, TheBytesAreThoseOfTheFormatPage) {
  // docs/formats/peer.md shows these.
  const std::string sample(
      "\x01\x06\0pool-1\x07\0\0\0\0\0\0\0\x2a\0\0\0\0\0\0\0"
      "\x03\0\0\0\x0a\0\0\0\0\0\0\0\x64\0\0\0\0\0\0\0\0\0\x10\0\xe8\x03\0\0\0\0\0\0",
      25 + 32);
  EXPECT_EQ(Whole(Encode(kHead, ReadRequest{3, 10, 100, 1 << 20, 1'000, 0})), sample);
  const auto read = Read<RequestHead, ReadRequest>(sample);
  ASSERT_TRUE(read.ok());
  EXPECT_EQ(read->second.from_index, 100u);
  EXPECT_EQ(read->second.wait_ms, 1'000u);
}

TEST(PeerMessages, WhatIsCutShortAnywhereIsRefused) {
  const std::string append = Whole(Encode(kHead, SomeAppend()));
  for (size_t size = 0; size < append.size(); ++size) {
    EXPECT_FALSE((Read<RequestHead, AppendRequest>(append.substr(0, size)).ok())) << size;
  }
  std::string many = append;
  many.replace(25 + 8 + 8 + 8 + 1 + 8, 4, "\xff\xff\xff\xff");
  EXPECT_FALSE((Read<RequestHead, AppendRequest>(many).ok()));
  EXPECT_FALSE((Read<RequestHead, AppendRequest>("\x02" + append.substr(1)).ok()));
}

}  // namespace
}  // namespace millrace::peer
