#include "dataplane/disk/aio_disk.h"

#include <algorithm>
#include <cerrno>

#include "common/base/check.h"
#include "common/log/log.h"

namespace millrace::storage {

AioCalls& AioCalls::Kernel() {
  static AioCalls calls;
  return calls;
}

int AioCalls::Submit(io_context_t context, iocb* request) {
  return io_submit(context, 1, &request);  // copied by the kernel before it returns
}

int AioCalls::GetEvents(io_context_t context, long most, io_event* events) {
  return io_getevents(context, 0, most, events, nullptr);
}

Result<std::unique_ptr<AioDisk>> AioDisk::Make(std::unique_ptr<DiskFolder>& folder,
                                               IoExecutor& executor, AioCalls& calls) {
  if (!folder->direct()) return Status(Code::kUnsupported, "no O_DIRECT here");
  io_context_t context = nullptr;
  // libaio returns the negative errno: EAGAIN past fs.aio-max-nr, ENOSYS or EPERM where it is
  // barred.
  if (int error = io_setup(kInFlightMax, &context); error < 0) {
    const Status why = ErrnoStatus(-error, "io_setup");
    why.IgnoreError();  // there are threads
    return Status(Code::kUnsupported, why.message());
  }
  return std::unique_ptr<AioDisk>(new AioDisk(std::move(folder), executor, context, calls));
}

AioDisk::AioDisk(std::unique_ptr<DiskFolder> folder, IoExecutor& executor, io_context_t context,
                 AioCalls& calls)
    : ThreadDisk(std::move(folder), executor, /*threads=*/2),
      context_(context),
      calls_(calls),
      slots_(kInFlightMax),
      completed_(std::make_unique<EventFd>(executor, [this] { Reap(); })) {
  for (size_t i = kInFlightMax; i > 0; --i) free_slots_.push_back(i - 1);
}

AioDisk::~AioDisk() {
  *over_ = true;
  completed_.reset();
  io_destroy(context_);  // waits for what the kernel has: it reads and writes our buffers
}

void AioDisk::Write(const std::string& name, uint64_t offset, Slice data,
                    UniqueFunction<void(Status)> done) {
  CHECK(offset % kDiskAlignment == 0 && data.size() % kDiskAlignment == 0);
  Operation operation;
  operation.offset = offset;
  operation.size = data.size();
  operation.data = std::move(data);
  operation.write_done = std::move(done);
  auto file = files().Get(name);
  if (!file.ok()) return Fail(operation, file.status());
  operation.file = std::move(*file);
  Submit(std::move(operation));
}

void AioDisk::Read(const std::string& name, uint64_t offset, size_t size,
                   UniqueFunction<void(Result<Slice>)> done) {
  Operation operation;
  operation.offset = offset;
  operation.size = size;
  operation.begin = offset / kDiskAlignment * kDiskAlignment;
  operation.bytes = static_cast<size_t>(
      (offset + size + kDiskAlignment - 1) / kDiskAlignment * kDiskAlignment - operation.begin);
  operation.buffer = AllocateAligned(operation.bytes);
  operation.read_done = std::move(done);
  auto file = files().Get(name);
  if (!file.ok()) return Fail(operation, file.status());
  operation.file = std::move(*file);
  Submit(std::move(operation));
}

void AioDisk::Submit(Operation operation) {
  if (waiting_.size() >= kOperationsMax) {
    return Fail(operation, Unavailable("too many disk operations under way"));
  }
  waiting_.push_back(std::move(operation));
  SubmitWaiting();
}

void AioDisk::SubmitWaiting() {
  while (!waiting_.empty() && !free_slots_.empty()) {
    const int error = SubmitToKernel(waiting_.front());
    const bool kernel_idle = free_slots_.size() == kInFlightMax;
    // Short of requests for now: the next completion tries again.
    if (error == EAGAIN && !kernel_idle) return;
    Operation operation = std::move(waiting_.front());
    waiting_.pop_front();
    if (error == 0) {
      slots_[free_slots_.back()] = std::move(operation);
      free_slots_.pop_back();
    } else if (error == EAGAIN) {
      FallBack(std::move(operation));
    } else {
      Fail(operation, ErrnoStatus(error, "io_submit " + operation.file->name()));
    }
  }
}

int AioDisk::SubmitToKernel(const Operation& operation) {
  iocb request{};
  if (operation.write_done) {
    // The kernel only reads from it; libaio has one prototype for both ways.
    io_prep_pwrite(&request, operation.file->fd(), const_cast<uint8_t*>(operation.data.data()),
                   operation.size, static_cast<long long>(operation.offset));
  } else {
    io_prep_pread(&request, operation.file->fd(), operation.buffer.get(), operation.bytes,
                  static_cast<long long>(operation.begin));
  }
  io_set_eventfd(&request, completed_->fd());
  request.data = reinterpret_cast<void*>(free_slots_.back());
  const int taken = calls_.Submit(context_, &request);
  return taken == 1 ? 0 : taken < 0 ? -taken : EAGAIN;
}

void AioDisk::FallBack(Operation operation) {
  if (operation.write_done) {
    WriteOnThread(std::move(operation.file), operation.offset, std::move(operation.data),
                  std::move(operation.write_done));
  } else {
    ReadOnThread(std::move(operation.file), operation.offset, operation.size,
                 std::move(operation.read_done));
  }
}

void AioDisk::Reap() {
  // A callback may end this disk.
  const std::shared_ptr<bool> over = over_;
  io_event events[kInFlightMax];
  const int count = calls_.GetEvents(context_, kInFlightMax, events);
  CHECK(count >= 0);
  std::vector<std::pair<Operation, long>> finished;
  finished.reserve(static_cast<size_t>(count));
  for (int i = 0; i < count; ++i) {
    const auto slot = reinterpret_cast<size_t>(events[i].data);
    finished.emplace_back(std::move(slots_[slot]), static_cast<long>(events[i].res));
    slots_[slot] = {};
    free_slots_.push_back(slot);
  }
  SubmitWaiting();
  for (auto& [operation, result] : finished) {
    if (*over) return;
    Finish(operation, result);
  }
}

void AioDisk::Finish(Operation& operation, long result) {
  const std::string& name = operation.file->name();
  if (operation.write_done) {
    Status status;
    if (result < 0) {
      status = ErrnoStatus(static_cast<int>(-result), "write " + name);
    } else if (static_cast<size_t>(result) != operation.size) {
      status = Status(Code::kIo, "write " + name + ": only " + std::to_string(result) + " of " +
                                     std::to_string(operation.size) + " bytes");
    }
    return operation.write_done(std::move(status));
  }
  if (result < 0) {
    return operation.read_done(ErrnoStatus(static_cast<int>(-result), "read " + name));
  }
  const uint64_t end = operation.begin + static_cast<uint64_t>(result);
  if (static_cast<size_t>(result) < operation.bytes) {
    if (Status status = CheckEndOfFile(*operation.file, end); !status.ok()) {
      return operation.read_done(status);
    }
  }
  operation.read_done(
      PartOf(std::move(operation.buffer), operation.begin, end, operation.offset, operation.size));
}

void AioDisk::Fail(Operation& operation, const Status& status) {
  if (operation.write_done) {
    executor().Post([done = std::move(operation.write_done), status]() mutable { done(status); });
  } else {
    executor().Post([done = std::move(operation.read_done), status]() mutable { done(status); });
  }
}

Result<std::unique_ptr<Disk>> OpenDisk(const std::string& folder, IoExecutor& executor) {
  ASSIGN_OR_RETURN(auto files, DiskFolder::Open(folder));
  auto aio = AioDisk::Make(files, executor);
  if (aio.ok()) return std::unique_ptr<Disk>(std::move(*aio));
  log::Warning("log writes run on threads, not on kernel AIO",
               {{"folder", folder}, {"reason", aio.status().message()}});
  return std::unique_ptr<Disk>(std::make_unique<ThreadDisk>(std::move(files), executor));
}

}  // namespace millrace::storage
