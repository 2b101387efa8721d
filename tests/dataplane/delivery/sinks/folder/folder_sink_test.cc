#include "dataplane/delivery/sinks/folder/folder_sink.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <sstream>

#include "common/base/random.h"

namespace millrace::delivery {
namespace {

namespace fs = std::filesystem;

std::string NewFolder() { return testing::TempDir() + "folder" + NewUuid(); }

Parcel Object(const std::string& name, const std::string& body) {
  Parcel parcel;
  parcel.name = name;
  parcel.body = body;
  return parcel;
}

std::string Read(const std::string& path) {
  std::stringstream out;
  out << std::ifstream(path).rdbuf();
  return out.str();
}

TEST(FolderSink, WritesFilesInFoldersThatItMakes) {
  const std::string folder = NewFolder();
  auto sink = MakeFolderSink(folder);
  EXPECT_TRUE(sink->Probe().ok());
  EXPECT_EQ(sink->Deliver(Object("2026/11/a.gz", "one")).verdict, Delivery::Verdict::kDelivered);
  EXPECT_EQ(Read(folder + "/2026/11/a.gz"), "one");
  EXPECT_EQ(std::distance(fs::directory_iterator(folder + "/2026/11"), {}), 1);
  fs::remove_all(folder);
}

TEST(FolderSink, ARetryOverwrites) {
  const std::string folder = NewFolder();
  auto sink = MakeFolderSink(folder);
  (void)sink->Deliver(Object("a", "a longer text"));
  (void)sink->Deliver(Object("a", "short"));
  EXPECT_EQ(Read(folder + "/a"), "short");
  fs::remove_all(folder);
}

TEST(FolderSink, NeverLeavesItsFolder) {
  const std::string folder = NewFolder();
  auto sink = MakeFolderSink(folder);
  const Delivery out = sink->Deliver(Object("../escaped", "x"));
  EXPECT_EQ(out.verdict, Delivery::Verdict::kRefused);
  EXPECT_FALSE(fs::exists(folder + "/../escaped"));
}

TEST(FolderSink, SaysWhatStandsInItsWay) {
  const std::string folder = NewFolder();
  std::ofstream(folder) << "a file";
  auto sink = MakeFolderSink(folder);
  const Delivery out = sink->Deliver(Object("a", "x"));
  EXPECT_EQ(out.verdict, Delivery::Verdict::kRetry);
  EXPECT_NE(out.message.find(folder), std::string::npos) << out.message;
  EXPECT_FALSE(sink->Probe().ok());
  fs::remove(folder);
}

}  // namespace
}  // namespace millrace::delivery
