#include "dataplane/client/log_cursors.h"

#include <algorithm>
#include <thread>

#include "common/base/random.h"

namespace millrace::client {

namespace {

constexpr size_t kChangesPerSnapshot = 400;
constexpr size_t kSnapshotBytesMax = 900 << 10;  // a record has at most 1 MiB
constexpr std::chrono::seconds kVerdictWithin(5);
constexpr std::chrono::milliseconds kReadAgain(2);
// How far back a reader looks for a snapshot before it reads everything.
constexpr std::chrono::minutes kLookBack[] = {std::chrono::minutes(15), std::chrono::hours(2),
                                              std::chrono::hours(24)};

class LogCursors final : public Cursors {
 public:
  LogCursors(std::unique_ptr<StreamReader> reader, std::unique_ptr<StreamWriter> writer,
             Clock& clock)
      : reader_(std::move(reader)), writer_(std::move(writer)), clock_(clock) {}

  Result<std::vector<Cursor>> List(const std::string& table) override {
    std::lock_guard lock(mu_);
    RETURN_IF_ERROR(CatchUp());
    return fold_->Rows(table);
  }

  Result<uint64_t> CompareAndSet(const std::string& table, const std::string& key,
                                 const std::string& value, uint64_t expected) override {
    std::lock_guard lock(mu_);
    return Change(table, key, &value, expected);
  }

  Status Remove(const std::string& table, const std::string& key, uint64_t expected) override {
    std::lock_guard lock(mu_);
    return Change(table, key, nullptr, expected).status();
  }

 private:
  Result<uint64_t> Change(const std::string& table, const std::string& key,
                          const std::string* value, uint64_t expected) {
    if (!fold_) RETURN_IF_ERROR(CatchUp());
    const std::string id = NewUuid();
    fold_->Watch(id);
    RETURN_IF_ERROR(Put(ChangeRecord(id, table, key, value, expected)));
    const MonoTime until = clock_.Now() + kVerdictWithin;
    for (;;) {
      RETURN_IF_ERROR(ReadPage().status());
      if (fold_->verdict().is_known) break;
      if (clock_.Now() > until)
        return Status(Code::kTimeout, "a change of a cursor was put and is not to be read yet");
      std::this_thread::sleep_for(kReadAgain);
    }
    MaybeSnapshot();
    if (!fold_->verdict().has_won)
      return Status(Code::kConflict, "cursor " + key + " has version " +
                                         std::to_string(fold_->verdict().version) + ", not " +
                                         std::to_string(expected));
    return fold_->verdict().version;
  }

  Status Put(const std::string& record) {
    ASSIGN_OR_RETURN(auto outcomes, writer_->Put({{record, "cursors"}}));
    if (outcomes.front().error_code.empty()) return OkStatus();
    return Unavailable(outcomes.front().error_code + ": " + outcomes.front().error_message);
  }

  // One that fails is tried again with the next change; nothing depends on it but reading less.
  void MaybeSnapshot() {
    if (fold_->changes_since_snapshot() < kChangesPerSnapshot) return;
    const std::string snapshot = fold_->Snapshot();
    if (snapshot.size() <= kSnapshotBytesMax) Put(snapshot).IgnoreError();
  }

  // Reads to the stream's end, from a snapshot where there is one.
  Status CatchUp() {
    if (fold_) return ReadToEnd();
    ASSIGN_OR_RETURN(auto shards, reader_->ListShards());
    if (shards.size() != 1)
      return Internal("a stream of cursors has one shard, this one has " +
                      std::to_string(shards.size()) + ": it was resharded");
    shard_ = shards.front().id;
    for (const auto back : kLookBack) {
      const ReadFrom from{
          .kind = ReadFrom::Kind::kTime,
          .time_ms = clock_.WallNow() -
                     std::chrono::duration_cast<std::chrono::milliseconds>(back).count()};
      RETURN_IF_ERROR(ReadAll(from, false));
      if (fold_) return OkStatus();
    }
    return ReadAll({.kind = ReadFrom::Kind::kOldest}, true);
  }

  // Leaves fold_ empty where no snapshot was met.
  Status ReadAll(const ReadFrom& from, bool is_whole) {
    fold_.emplace(is_whole);
    auto opened = reader_->Open(shard_, from);
    Status status = opened.status();
    if (opened.ok()) {
      iterator_ = *opened;
      status = ReadToEnd();
    }
    if (!status.ok() || !fold_->is_known()) fold_.reset();
    return status;
  }

  Status ReadToEnd() {
    for (;;) {
      ASSIGN_OR_RETURN(bool is_end, ReadPage());
      if (is_end) return OkStatus();
    }
  }

  // True once there is nothing more to read now.
  Result<bool> ReadPage() {
    auto page = reader_->Read(iterator_);
    if (!page.ok() && page.status().code() == Code::kExpiredIterator) {
      ReadFrom from{.kind = ReadFrom::Kind::kAfter, .sequence_number = fold_->last()};
      if (fold_->last().empty()) from = {.kind = ReadFrom::Kind::kOldest};
      ASSIGN_OR_RETURN(iterator_, reader_->Open(shard_, from));
      page = reader_->Read(iterator_);
    }
    if (!page.ok()) return page.status();
    for (const StreamRecord& record : page->records)
      fold_->Apply(record.sequence_number, record.data);
    if (page->next_iterator.empty())
      return Internal("a stream of cursors was resharded: its shard has ended");
    iterator_ = page->next_iterator;
    return page->records.empty() && page->behind_ms == 0;
  }

  std::mutex mu_;
  // Guarded by mu_.
  const std::unique_ptr<StreamReader> reader_;
  const std::unique_ptr<StreamWriter> writer_;
  Clock& clock_;
  std::optional<CursorFold> fold_;
  std::string shard_;
  std::string iterator_;
};

}  // namespace

std::unique_ptr<Cursors> MakeLogCursors(std::unique_ptr<StreamReader> reader,
                                        std::unique_ptr<StreamWriter> writer, Clock& clock) {
  return std::make_unique<LogCursors>(std::move(reader), std::move(writer), clock);
}

}  // namespace millrace::client
