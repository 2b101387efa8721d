#pragma once

#include <libaio.h>

#include <deque>
#include <memory>
#include <string>
#include <vector>

#include "common/async/event_fd.h"
#include "dataplane/disk/thread_disk.h"

namespace millrace::storage {

// The two system calls that an operation takes, so that tests can make it fail where only hardware
// would: in its completion. Stateless; what they return is libaio's.
class AioCalls {
 public:
  virtual ~AioCalls() = default;
  static AioCalls& Kernel();
  virtual int Submit(io_context_t context, iocb* request);
  virtual int GetEvents(io_context_t context, long most, io_event* events);
};

// A ThreadDisk whose reads and writes are Linux AIO on O_DIRECT|O_DSYNC files: several durable
// writes in flight without a thread each, completions by eventfd on the lane's own loop. Changes of
// the folder stay on threads.
//
// Lives on one IoExecutor; made and destroyed there, owned by Log. Its destructor waits for what is
// under way, whose callbacks do not run.
class AioDisk final : public ThreadDisk {
 public:
  // In the kernel at once; more wait here, in order (ThreadDisk::kOperationsMax bounds them).
  static constexpr size_t kInFlightMax = 128;

  // kUnsupported where the folder takes no O_DIRECT or the process no AIO; `folder` is still there
  // then, for a ThreadDisk. `calls` outlives the disk.
  static Result<std::unique_ptr<AioDisk>> Make(std::unique_ptr<DiskFolder>& folder,
                                               IoExecutor& executor,
                                               AioCalls& calls = AioCalls::Kernel());
  ~AioDisk() override;

  void Write(const std::string& name, uint64_t offset, Slice data,
             UniqueFunction<void(Status)> done) override;
  void Read(const std::string& name, uint64_t offset, size_t size,
            UniqueFunction<void(Result<Slice>)> done) override;

 private:
  struct Operation {
    std::shared_ptr<OpenFile> file;
    uint64_t offset = 0;
    size_t size = 0;
    // Of a write.
    Slice data;
    UniqueFunction<void(Status)> write_done;
    // Of a read: the blocks around [offset, offset + size).
    std::shared_ptr<uint8_t> buffer;
    uint64_t begin = 0;
    size_t bytes = 0;
    UniqueFunction<void(Result<Slice>)> read_done;
  };

  AioDisk(std::unique_ptr<DiskFolder> folder, IoExecutor& executor, io_context_t context,
          AioCalls& calls);
  void Submit(Operation operation);
  // 0 when the kernel has it under the last of free_slots_, else the errno.
  int SubmitToKernel(const Operation& operation);
  void SubmitWaiting();
  void Reap();
  void FallBack(Operation operation);
  static void Finish(Operation& operation, long result);
  void Fail(Operation& operation, const Status& status);

  io_context_t context_;
  AioCalls& calls_;
  std::vector<Operation> slots_;  // what the kernel has, by the number in its iocb
  std::vector<size_t> free_slots_;
  std::deque<Operation> waiting_;
  std::shared_ptr<bool> over_ = std::make_shared<bool>(false);
  std::unique_ptr<EventFd> completed_;
};

// The best Disk that this folder and this process allow, with a line in the log where that is not
// AioDisk. On the executor; blocks for a few system calls.
Result<std::unique_ptr<Disk>> OpenDisk(const std::string& folder, IoExecutor& executor);

}  // namespace millrace::storage
