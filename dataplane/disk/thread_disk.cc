#include "dataplane/disk/thread_disk.h"

#include "common/base/check.h"

namespace millrace::storage {

Result<std::shared_ptr<OpenFile>> OpenFiles::Get(const std::string& name) {
  auto it = by_name_.find(name);
  if (it != by_name_.end()) {
    order_.splice(order_.begin(), order_, it->second);
    return order_.front();
  }
  ASSIGN_OR_RETURN(auto file, folder_.OpenForLog(name));
  order_.push_front(file);
  by_name_[name] = order_.begin();
  if (order_.size() > kOpenFilesMax) Forget(std::string(order_.back()->name()));
  return file;
}

void OpenFiles::Forget(const std::string& name) {
  auto it = by_name_.find(name);
  if (it == by_name_.end()) return;
  order_.erase(it->second);
  by_name_.erase(it);
}

ThreadDisk::ThreadDisk(std::unique_ptr<DiskFolder> folder, Executor& executor, size_t threads)
    : folder_(std::move(folder)),
      executor_(executor),
      files_(*folder_),
      pool_(threads, kOperationsMax, "disk") {}

ThreadDisk::~ThreadDisk() {
  life_->over = true;
  pool_.Stop();
}

template <typename T, typename Call>
void ThreadDisk::Run(UniqueFunction<void(T)> done, Call call) {
  if (life_->operations >= kOperationsMax) {
    executor_.Post([done = std::move(done)]() mutable {
      done(Unavailable("too many disk operations under way"));
    });
    return;
  }
  ++life_->operations;
  bool taken = pool_.TrySubmit([&executor = executor_, life = life_, done = std::move(done),
                                call = std::move(call)]() mutable {
    T result = call();
    executor.Post([life, done = std::move(done), result = std::move(result)]() mutable {
      --life->operations;
      if (!life->over) done(std::move(result));
    });
  });
  CHECK(taken);
}

// Whatever was opened under these names while the change was under way may be another file after
// it.
template <typename Call>
void ThreadDisk::ChangeNames(std::vector<std::string> names, UniqueFunction<void(Status)> done,
                             Call call) {
  Run<Status>(
      [this, names = std::move(names), done = std::move(done)](Status status) mutable {
        for (const std::string& name : names) files_.Forget(name);
        done(std::move(status));
      },
      std::move(call));
}

void ThreadDisk::List(UniqueFunction<void(Result<std::vector<FileInfo>>)> done) {
  Run<Result<std::vector<FileInfo>>>(std::move(done),
                                     [folder = folder_.get()] { return folder->List(); });
}

void ThreadDisk::Create(const std::string& name, uint64_t size, UniqueFunction<void(Status)> done) {
  ChangeNames({name}, std::move(done),
              [folder = folder_.get(), name, size] { return folder->Create(name, size); });
}

void ThreadDisk::Rename(const std::string& from, const std::string& to,
                        UniqueFunction<void(Status)> done) {
  ChangeNames({from, to}, std::move(done),
              [folder = folder_.get(), from, to] { return folder->Rename(from, to); });
}

void ThreadDisk::Remove(const std::string& name, UniqueFunction<void(Status)> done) {
  ChangeNames({name}, std::move(done),
              [folder = folder_.get(), name] { return folder->Remove(name); });
}

void ThreadDisk::WriteFile(const std::string& name, Slice data, UniqueFunction<void(Status)> done) {
  ChangeNames({name}, std::move(done), [folder = folder_.get(), name, data = std::move(data)] {
    return folder->WriteFile(name, data.view());
  });
}

void ThreadDisk::Write(const std::string& name, uint64_t offset, Slice data,
                       UniqueFunction<void(Status)> done) {
  auto file = files_.Get(name);
  if (!file.ok()) {
    executor_.Post([done = std::move(done), status = file.status()]() mutable { done(status); });
    return;
  }
  WriteOnThread(std::move(*file), offset, std::move(data), std::move(done));
}

void ThreadDisk::WriteOnThread(std::shared_ptr<OpenFile> file, uint64_t offset, Slice data,
                               UniqueFunction<void(Status)> done) {
  CHECK(offset % kDiskAlignment == 0 && data.size() % kDiskAlignment == 0);
  Run<Status>(std::move(done), [file = std::move(file), offset, data = std::move(data)] {
    return DiskFolder::WriteAt(*file, offset, data);
  });
}

void ThreadDisk::Read(const std::string& name, uint64_t offset, size_t size,
                      UniqueFunction<void(Result<Slice>)> done) {
  auto file = files_.Get(name);
  if (!file.ok()) {
    executor_.Post([done = std::move(done), status = file.status()]() mutable { done(status); });
    return;
  }
  ReadOnThread(std::move(*file), offset, size, std::move(done));
}

void ThreadDisk::ReadOnThread(std::shared_ptr<OpenFile> file, uint64_t offset, size_t size,
                              UniqueFunction<void(Result<Slice>)> done) {
  Run<Result<Slice>>(std::move(done), [file = std::move(file), offset, size] {
    return DiskFolder::ReadAt(*file, offset, size);
  });
}

}  // namespace millrace::storage
