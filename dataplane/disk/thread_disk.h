#pragma once

#include <list>
#include <memory>
#include <string>
#include <unordered_map>

#include "common/async/executor.h"
#include "common/async/worker_pool.h"
#include "dataplane/disk/disk_folder.h"

namespace millrace::storage {

// The files of a folder that are open, the least recently used closed first. Lives on one executor.
class OpenFiles {
 public:
  static constexpr size_t kOpenFilesMax = 128;

  explicit OpenFiles(const DiskFolder& folder) : folder_(folder) {}
  Result<std::shared_ptr<OpenFile>> Get(const std::string& name);
  // To be called whenever the name may mean another file from now on.
  void Forget(const std::string& name);

 private:
  using Order = std::list<std::shared_ptr<OpenFile>>;  // most recently used first
  const DiskFolder& folder_;
  Order order_;
  std::unordered_map<std::string, Order::iterator> by_name_;
};

// A Disk on a folder whose system calls run on a few threads of its own: for where there is no
// kernel AIO, or no O_DIRECT. What Disk promises holds: every write is O_DSYNC, and every failure,
// a short write included, comes back as a failed Status.
//
// Lives on one executor, where callbacks run; made and destroyed there (or after it has stopped)
// and owned by Log. Its destructor waits for the calls under way; their callbacks do not run.
class ThreadDisk : public Disk {
 public:
  static constexpr size_t kThreads = 6;
  // Operations under way at once; past it they fail with kUnavailable.
  static constexpr size_t kOperationsMax = 4096;

  ThreadDisk(std::unique_ptr<DiskFolder> folder, Executor& executor, size_t threads = kThreads);
  ~ThreadDisk() override;

  void List(UniqueFunction<void(Result<std::vector<FileInfo>>)> done) override;
  void Create(const std::string& name, uint64_t size, UniqueFunction<void(Status)> done) override;
  void Rename(const std::string& from, const std::string& to,
              UniqueFunction<void(Status)> done) override;
  void Remove(const std::string& name, UniqueFunction<void(Status)> done) override;
  void Write(const std::string& name, uint64_t offset, Slice data,
             UniqueFunction<void(Status)> done) override;
  void WriteFile(const std::string& name, Slice data, UniqueFunction<void(Status)> done) override;
  void Read(const std::string& name, uint64_t offset, size_t size,
            UniqueFunction<void(Result<Slice>)> done) override;
  uint64_t FreeBytes() override { return folder_->FreeBytes(); }

 protected:
  Executor& executor() { return executor_; }
  OpenFiles& files() { return files_; }
  void WriteOnThread(std::shared_ptr<OpenFile> file, uint64_t offset, Slice data,
                     UniqueFunction<void(Status)> done);
  void ReadOnThread(std::shared_ptr<OpenFile> file, uint64_t offset, size_t size,
                    UniqueFunction<void(Result<Slice>)> done);

 private:
  // Runs `call` on a thread and then `done` with what it returned on the executor.
  template <typename T, typename Call>
  void Run(UniqueFunction<void(T)> done, Call call);
  template <typename Call>
  void ChangeNames(std::vector<std::string> names, UniqueFunction<void(Status)> done, Call call);

  const std::unique_ptr<DiskFolder> folder_;
  Executor& executor_;
  OpenFiles files_;
  // Shared with callbacks that are posted already when the disk goes.
  struct Life {
    size_t operations = 0;
    bool over = false;
  };
  const std::shared_ptr<Life> life_ = std::make_shared<Life>();
  WorkerPool pool_;  // last: its threads use what is above
};

}  // namespace millrace::storage
