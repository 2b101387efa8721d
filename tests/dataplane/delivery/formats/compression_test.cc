#include "dataplane/delivery/formats/compression.h"

#include <gtest/gtest.h>

#include <cstdio>
#include <fstream>

#include "common/base/random.h"
#include "dataplane/delivery/formats/deflate.h"

namespace millrace::delivery {
namespace {

std::string Events(size_t count) {
  std::string out;
  Random random(7);
  for (size_t i = 0; i < count; ++i)
    out += "{\"id\":" + std::to_string(i) + ",\"user\":\"u" + std::to_string(random.Below(5'000)) +
           "\",\"price\":" + std::to_string(random.Below(100'000)) + "}\n";
  return out;
}

std::string Encoded(std::string_view format, const std::string& text, size_t record_bytes) {
  auto encoder = MakeCompressor(format).value()->Make();
  std::vector<FailedRecord> failed;
  for (size_t at = 0; at < text.size(); at += record_bytes) {
    Record record{.data = std::string_view(text).substr(at, record_bytes)};
    EXPECT_TRUE(encoder->Add({record}, failed).ok());
  }
  EXPECT_TRUE(failed.empty());
  return encoder->Finish().value();
}

// What a tool of the system, which is none of ours, makes of `bytes`.
std::string ReadBack(const std::string& command, const std::string& bytes) {
  const std::string path = testing::TempDir() + "object" + NewUuid();
  std::ofstream(path, std::ios::binary) << bytes;
  FILE* pipe = popen((command + " " + path).c_str(), "r");
  std::string out(1 << 16, ' ');
  std::string all;
  while (size_t n = fread(out.data(), 1, out.size(), pipe)) all.append(out, 0, n);
  EXPECT_EQ(pclose(pipe), 0) << command;
  std::remove(path.c_str());
  return all;
}

constexpr const char* kUnzip =
    "python3 -c 'import sys,zipfile; z=zipfile.ZipFile(sys.argv[1]); assert z.testzip() is None; "
    "sys.stdout.buffer.write(z.read(z.namelist()[0]))'";

TEST(Compression, GzipAndZipAreReadByOthers) {
  for (size_t count : {0, 1, 20'000}) {
    const std::string text = Events(count);
    for (size_t record_bytes : {37, 1 << 20}) {
      EXPECT_EQ(ReadBack("gzip -dc <", Encoded("GZIP", text, record_bytes)), text) << count;
      EXPECT_EQ(ReadBack(kUnzip, Encoded("ZIP", text, record_bytes)), text) << count;
    }
  }
}

TEST(Compression, GzipIsAtMostATenthLargerThanZlibs) {
  const std::string text = Events(100'000);
  const std::string path = testing::TempDir() + "events" + NewUuid();
  std::ofstream(path, std::ios::binary) << text;
  EXPECT_LE(static_cast<double>(Encoded("GZIP", text, 80).size()),
            1.1 * static_cast<double>(ReadBack("gzip -6c <", text).size()));
  std::remove(path.c_str());
}

TEST(Compression, UncompressedIsTheTextItself) {
  EXPECT_EQ(Encoded("UNCOMPRESSED", Events(100), 10), Events(100));
}

TEST(Compression, AnUnknownFormatIsRefusedWithTheKnownOnes) {
  EXPECT_EQ(
      MakeCompressor("LZ4").status().message(),
      "there is no compression format 'LZ4': use UNCOMPRESSED, GZIP, ZIP, Snappy, HADOOP_SNAPPY or "
      "ZSTD");
}

TEST(Gunzip, ReadsSeveralMembers) {
  EXPECT_EQ(Gunzip(Gzip("one, ") + Gzip("two"), 100).value(), "one, two");
  EXPECT_EQ(Gunzip(Gzip(""), 100).value(), "");
  const std::string text = Events(50'000);
  EXPECT_EQ(Gunzip(Gzip(text), text.size()).value(), text);
}

TEST(Gunzip, RefusesWhatIsNone) {
  const std::string whole = Gzip(Events(1'000));
  EXPECT_EQ(Gunzip("", 100).status().code(), Code::kCorrupt);
  EXPECT_EQ(Gunzip("plain text, no gzip", 100).status().code(), Code::kCorrupt);
  for (size_t cut : {1UL, 9UL, 12UL, whole.size() / 2, whole.size() - 1})
    EXPECT_EQ(Gunzip(whole.substr(0, cut), 1 << 20).status().code(), Code::kCorrupt) << cut;
  std::string flipped = whole;
  flipped[flipped.size() - 6] ^= 1;  // in the checksum
  EXPECT_EQ(Gunzip(flipped, 1 << 20).status().code(), Code::kCorrupt);
}

TEST(Gunzip, StopsAtItsLimit) {
  const std::string bomb = Gzip(std::string(10 << 20, 'a'));
  EXPECT_EQ(Gunzip(bomb, 1 << 20).status().code(), Code::kLimitExceeded);
  EXPECT_EQ(Gunzip(bomb, (10 << 20) - 1).status().code(), Code::kLimitExceeded);
  EXPECT_EQ(Gunzip(bomb, 10 << 20)->size(), 10U << 20);
}

}  // namespace
}  // namespace millrace::delivery
