// Errors of the system calls under a disk: by a limit on the size of files, which the kernel
// applies to AIO too, and by strace, which makes chosen calls fail in a child process.

#include <gtest/gtest.h>
#include <sys/resource.h>

#include <array>
#include <csignal>
#include <cstdio>
#include <cstdlib>

#include "tests/support/real_disk.h"
#include "tests/support/temp_folder.h"

namespace millrace::storage {
namespace {

using testing_support::AlignedBytes;
using testing_support::RealDisk;
using testing_support::TempFolder;

constexpr size_t kBlock = kDiskAlignment;

// No file of this process may be written past `bytes` while this lives.
class FileSizeLimit {
 public:
  explicit FileSizeLimit(rlim_t bytes) : signal_(std::signal(SIGXFSZ, SIG_IGN)) {
    getrlimit(RLIMIT_FSIZE, &before_);
    rlimit limit = before_;
    limit.rlim_cur = bytes;
    setrlimit(RLIMIT_FSIZE, &limit);
  }
  ~FileSizeLimit() {
    setrlimit(RLIMIT_FSIZE, &before_);
    std::signal(SIGXFSZ, signal_);
  }

 private:
  rlimit before_{};
  void (*signal_)(int);
};

class DiskErrors : public ::testing::TestWithParam<RealDisk::Way> {
 protected:
  TempFolder folder_;
};

INSTANTIATE_TEST_SUITE_P(Ways, DiskErrors,
                         ::testing::Values(RealDisk::Way::kAio, RealDisk::Way::kThreads),
                         [](const auto& way) {
                           return way.param == RealDisk::Way::kAio ? "Aio" : "Threads";
                         });

TEST_P(DiskErrors, AWriteThatTheKernelRefusesFails) {
  RealDisk disk(folder_.path(), GetParam());
  ASSERT_TRUE(disk.Create("segment", 16 * kBlock).ok());
  FileSizeLimit limit(8 * kBlock);
  EXPECT_EQ(disk.Write("segment", 8 * kBlock, AlignedBytes(kBlock, 'x')).code(), Code::kIo);
  EXPECT_TRUE(disk.Write("segment", 7 * kBlock, AlignedBytes(kBlock, 'x')).ok());
}

TEST_P(DiskErrors, AShortWriteFails) {
  RealDisk disk(folder_.path(), GetParam());
  ASSERT_TRUE(disk.Create("segment", 16 * kBlock).ok());
  FileSizeLimit limit(8 * kBlock);
  Status status = disk.Write("segment", 6 * kBlock, AlignedBytes(4 * kBlock, 'x'));
  EXPECT_EQ(status.code(), Code::kIo);
  EXPECT_NE(status.message().find("only 8192 of 16384"), std::string::npos) << status.message();
}

TEST_P(DiskErrors, AFileThatCannotBeMadeWholeIsNotMade) {
  RealDisk disk(folder_.path(), GetParam());
  FileSizeLimit limit(8 * kBlock);
  EXPECT_FALSE(disk.Create("segment", 16 * kBlock).ok());
  EXPECT_FALSE(disk.WriteFile("index", std::string(16 * kBlock, 'x')).ok());
  EXPECT_TRUE(std::filesystem::is_empty(folder_.path()));
}

// What the child does, each with its outcome on a line.
TEST(DiskChild, DISABLED_DoesOneOfEach) {
  const char* folder = std::getenv("MILLRACE_TEST_FOLDER");
  const char* way = std::getenv("MILLRACE_TEST_WAY");
  ASSERT_TRUE(folder != nullptr && way != nullptr);
  RealDisk disk(folder, way[0] == 'a' ? RealDisk::Way::kAio : RealDisk::Way::kThreads, 1);
  // strace counts by thread: this is the first pwrite64 and renameat and the first two fsyncs of
  // the disk's thread, as opening was of its loop. What it is told to spare is spared on both.
  EXPECT_TRUE(disk.Create("first", 4 * kBlock).ok());
  auto say = [](const char* what, const Status& status) {
    std::printf("%s=%s\n", what, std::string(CodeName(status.code())).c_str());
  };
  say("create", disk.Create("made", 4 * kBlock));
  say("write", disk.Write("there", 0, AlignedBytes(kBlock, 'x')));
  say("writefile", disk.WriteFile("index", std::string(kBlock, 'x')));
  say("rename", disk.Rename("there", "renamed"));
  say("remove", disk.Remove("old"));
  std::printf("end\n");
}

// Runs the child with an injection of strace's; empty where that cannot be done here.
std::string ChildUnder(const TempFolder& folder, const std::string& way, const std::string& call,
                       const std::string& effect) {
  {
    RealDisk disk(folder.path(), RealDisk::Way::kThreads);
    EXPECT_TRUE(disk.Create("there", 4 * kBlock).ok());
    EXPECT_TRUE(disk.WriteFile("old", "bytes").ok());
  }
  const std::string command = "MILLRACE_TEST_FOLDER=" + folder.path().string() +
                              " MILLRACE_TEST_WAY=" + way + " strace -f -qq -o /dev/null" +
                              " -e trace=" + call + " -e inject=" + call + ":" + effect +
                              " /proc/" + std::to_string(getpid()) + "/exe" +
                              " --gtest_also_run_disabled_tests --gtest_filter=DiskChild.* 2>&1";
  std::FILE* pipe = popen(command.c_str(), "r");
  if (pipe == nullptr) return "";
  std::string text;
  std::array<char, 4096> part;
  while (size_t n = std::fread(part.data(), 1, part.size(), pipe)) text.append(part.data(), n);
  pclose(pipe);
  return text.find("end\n") == std::string::npos ? "" : text;
}

struct Injection {
  const char* name;
  const char* way;
  const char* call;
  const char* effect;
  const char* expected;  // lines that must be there
};

class DiskUnderStrace : public ::testing::TestWithParam<Injection> {};

INSTANTIATE_TEST_SUITE_P(
    Calls, DiskUnderStrace,
    ::testing::Values(
        Injection{"AioSubmitEio", "aio", "io_submit", "error=EIO", "write=Io"},
        Injection{"AioSubmitEagainGoesByThread", "aio", "io_submit", "error=EAGAIN", "write=Ok"},
        Injection{"AioBarredGoesByThread", "aio", "io_setup", "error=EPERM", "write=Ok"},
        Injection{"PwriteEio", "threads", "pwrite64", "error=EIO:when=2+", "write=Io"},
        Injection{"PwriteEnospc", "threads", "pwrite64", "error=ENOSPC:when=2+", "write=NoSpace"},
        Injection{"PwriteShort", "threads", "pwrite64", "retval=512:when=2+", "write=Io"},
        Injection{"PwriteEioFailsCreate", "threads", "pwrite64", "error=EIO:when=2+", "create=Io"},
        Injection{"PwriteEioFailsWriteFile", "threads", "pwrite64", "error=EIO:when=2+",
                  "writefile=Io"},
        Injection{"FallocateEnospc", "threads", "fallocate", "error=ENOSPC:when=2+",
                  "create=NoSpace"},
        Injection{"FsyncEioFailsCreate", "threads", "fsync", "error=EIO:when=3+", "create=Io"},
        Injection{"FsyncEioFailsWriteFile", "threads", "fsync", "error=EIO:when=3+",
                  "writefile=Io"},
        Injection{"FsyncEioFailsRename", "threads", "fsync", "error=EIO:when=3+", "rename=Io"},
        Injection{"FsyncEioFailsRemove", "threads", "fsync", "error=EIO:when=3+", "remove=Io"},
        Injection{"RenameEio", "threads", "renameat", "error=EIO:when=2+", "rename=Io"}),
    [](const auto& injection) { return std::string(injection.param.name); });

TEST_P(DiskUnderStrace, TheErrorComesBack) {
  if (std::system("strace -o /dev/null true 2>/dev/null") != 0) {
    GTEST_SKIP() << "SKIPPED: strace is missing or may not trace here";
  }
  TempFolder folder;
  const Injection& injection = GetParam();
  std::string text = ChildUnder(folder, injection.way, injection.call, injection.effect);
  ASSERT_FALSE(text.empty()) << "the child did not come to its end";
  EXPECT_NE(text.find(injection.expected), std::string::npos) << text;
}

}  // namespace
}  // namespace millrace::storage
