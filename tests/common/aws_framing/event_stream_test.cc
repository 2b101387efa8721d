#include "common/aws_framing/event_stream.h"

#include <gtest/gtest.h>

#include "common/codec/crc32.h"
#include "tests/common/aws/samples.h"

namespace millrace::aws {
namespace {

struct Sample {
  std::string frame;
  EventMessage message;
};

std::vector<Sample> Samples() {
  std::vector<Sample> samples;
  for (const json::Value& value : ReadSample("event_stream.json").AsArray()) {
    Sample& sample = samples.emplace_back();
    sample.frame = FromHex(value["hex"].AsString());
    sample.message.payload = FromHex(value["payload_hex"].AsString());
    for (const json::Value& header : value["headers"].AsArray()) {
      sample.message.headers.emplace_back(header.AsArray()[0].AsString(),
                                          header.AsArray()[1].AsString());
    }
  }
  return samples;
}

TEST(EventStream, OurMessagesAreThoseThatBotocoreReads) {
  ASSERT_GE(Samples().size(), 5U);
  for (const Sample& sample : Samples()) {
    EXPECT_EQ(EncodeEvent(sample.message.headers, sample.message.payload), sample.frame);
  }
}

TEST(EventStream, MessagesComeOutWhateverPiecesTheyCameIn) {
  std::string stream;
  for (const Sample& sample : Samples()) stream += sample.frame;
  for (size_t piece : {size_t{1}, size_t{7}, size_t{64}, stream.size()}) {
    EventDecoder decoder;
    std::vector<Sample> expected = Samples();
    size_t got = 0;
    for (size_t at = 0; at < stream.size(); at += piece) {
      decoder.Feed(std::string_view(stream).substr(at, piece));
      for (auto message = decoder.Next(); message.ok(); message = decoder.Next()) {
        ASSERT_LT(got, expected.size());
        EXPECT_EQ(message->headers, expected[got].message.headers);
        EXPECT_EQ(message->payload, expected[got].message.payload);
        ++got;
      }
    }
    EXPECT_EQ(got, expected.size());
    EXPECT_EQ(decoder.Next().status().code(), Code::kNotFound);
  }
}

TEST(EventStream, EveryFlippedBitIsDetected) {
  std::string frame = Samples()[1].frame;
  for (size_t bit = 0; bit < 8 * frame.size(); ++bit) {
    std::string changed = frame;
    changed[bit / 8] = static_cast<char>(changed[bit / 8] ^ (1 << bit % 8));
    EventDecoder decoder;
    decoder.Feed(changed);
    EXPECT_EQ(decoder.Next().status().code(), Code::kCorrupt) << "bit " << bit;
  }
}

TEST(EventStream, AFailedStreamStaysFailed) {
  std::string frame = Samples()[0].frame;
  std::string changed = frame;
  changed.back() = static_cast<char>(changed.back() ^ 1);
  EventDecoder decoder;
  decoder.Feed(changed);
  EXPECT_EQ(decoder.Next().status().code(), Code::kCorrupt);
  decoder.Feed(frame);
  EXPECT_EQ(decoder.Next().status().code(), Code::kCorrupt);
}

TEST(EventStream, AMessageOverTheLimitIsRefusedBeforeItIsBuffered) {
  std::string frame = EncodeEvent({}, std::string(2000, 'x'));
  EventDecoder decoder(1000);
  decoder.Feed(std::string_view(frame).substr(0, 12));
  EXPECT_EQ(decoder.Next().status().code(), Code::kCorrupt);
}

TEST(EventStream, AHeaderOfAnotherTypeIsRefused) {
  auto crc = [](std::string_view bytes) {
    uint32_t value = codec::Crc32Ieee(bytes.data(), bytes.size());
    std::string out;
    for (int shift = 24; shift >= 0; shift -= 8) out += static_cast<char>(value >> shift);
    return out;
  };
  // 19 bytes with a header block of 3: a boolean true (type 0) named "n".
  std::string frame = FromHex("0000001300000003");
  frame += crc(frame);
  frame += FromHex("016e00");
  frame += crc(frame);
  EventDecoder decoder;
  decoder.Feed(frame);
  auto message = decoder.Next();
  EXPECT_EQ(message.status().code(), Code::kCorrupt);
  EXPECT_NE(message.status().message().find("header"), std::string::npos);
}

}  // namespace
}  // namespace millrace::aws
