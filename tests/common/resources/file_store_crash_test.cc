#include <gtest/gtest.h>

#include <map>

#include "common/resources/file_store.h"

// A file system in memory that crashes or fails at a chosen step. What a crash leaves of the names
// that were not synced is up to the disk: the tests try every prefix of the pending changes.
namespace millrace::resources {
namespace {

using Names = std::map<std::string, std::string>;  // path to bytes

struct Disk {
  Names live;     // what the running process sees
  Names durable;  // names and bytes that a crash leaves for sure
  // Changes of names since the last sync, in order: path, and its bytes or nothing for a removal.
  std::vector<std::pair<std::string, std::optional<std::string>>> pending;

  // What is there after a crash that kept the first `kept` pending changes.
  Names AfterCrash(size_t kept) const {
    Names names = durable;
    for (size_t i = 0; i < kept; ++i) {
      if (pending[i].second) {
        names[pending[i].first] = *pending[i].second;
      } else {
        names.erase(pending[i].first);
      }
    }
    return names;
  }
};

enum class Trouble { kNone, kCrash, kFail };

class MemoryFiles final : public StoreFiles {
 public:
  // At step `at` (counted from 0 over all changes) there is trouble; after a crash nothing works.
  MemoryFiles(Disk& disk, Trouble trouble, int at) : disk_(disk), trouble_(trouble), at_(at) {}

  Status Lock() override { return OkStatus(); }
  Result<std::vector<std::string>> List() override {
    std::vector<std::string> paths;
    for (const auto& entry : disk_.live) paths.push_back(entry.first);
    return paths;
  }
  Result<std::string> Read(const std::string& path) override { return disk_.live.at(path); }
  Status MakeFolder(const std::string&) override { return OkStatus(); }
  Status WriteAndSync(const std::string& path, std::string_view text) override {
    if (Trips()) {
      // Torn: a part of the bytes got there.
      Change(path, std::string(text.substr(0, text.size() / 2)));
      return Broken();
    }
    Change(path, std::string(text));
    return OkStatus();
  }
  Status Rename(const std::string& from, const std::string& to) override {
    if (Trips()) return Broken();
    const std::string text = disk_.live.at(from);
    Change(to, text);
    Change(from, std::nullopt);
    return OkStatus();
  }
  Status Remove(const std::string& path) override {
    if (Trips()) return Broken();
    Change(path, std::nullopt);
    return OkStatus();
  }
  Status SyncFolder(const std::string&) override {
    if (Trips()) return Broken();
    disk_.durable = disk_.live;
    disk_.pending.clear();
    return OkStatus();
  }
  bool tripped() const { return tripped_; }

 private:
  bool Trips() {
    if (trouble_ == Trouble::kCrash && tripped_) return true;
    const bool now = trouble_ != Trouble::kNone && step_++ == at_;
    tripped_ = tripped_ || now;
    return now;
  }
  static Status Broken() { return {Code::kNoSpace, "injected"}; }
  void Change(const std::string& path, std::optional<std::string> text) {
    // A process that is gone changes nothing more.
    if (trouble_ == Trouble::kCrash && was_gone_) return;
    was_gone_ = tripped_;
    if (text) {
      disk_.live[path] = *text;
    } else {
      disk_.live.erase(path);
    }
    disk_.pending.emplace_back(path, std::move(text));
  }

  Disk& disk_;
  const Trouble trouble_;
  const int at_;
  int step_ = 0;
  bool tripped_ = false;
  bool was_gone_ = false;
};

Resource Stream(const std::string& name) {
  Resource resource;
  resource.kind = "Stream";
  resource.key = {"shop", name};
  resource.spec = json::Object{{"shardCount", 1}};
  return resource;
}

// What a store holds: each stream's shard count by its name.
using Model = std::map<std::string, int64_t>;

Model ModelOf(FileStore& store) {
  Model model;
  const auto all = store.List("Stream", "");
  for (const Resource& resource : *all)
    model[resource.key.name] = resource.spec["shardCount"].AsInt();
  return model;
}

// One change to the store and what it makes of the model.
struct Step {
  std::string name;
  enum { kCreate, kUpdate, kDelete } what;

  Status Apply(FileStore& store) const {
    if (what == kCreate) return store.Create(Stream(name)).status();
    if (what == kDelete) return store.Delete("Stream", {"shop", name});
    auto resource = store.Get("Stream", {"shop", name});
    if (!resource.ok()) return resource.status();
    resource->spec.Set("shardCount", resource->spec["shardCount"].AsInt() + 1);
    return store.Update(*resource).status();
  }
  Model After(Model model) const {
    if (what == kCreate) model.try_emplace(name, 1);
    if (what == kDelete) model.erase(name);
    if (what == kUpdate && model.contains(name)) ++model[name];
    return model;
  }
};

const std::vector<Step> kSteps = {{"a", Step::kCreate}, {"b", Step::kCreate}, {"a", Step::kUpdate},
                                  {"a", Step::kUpdate}, {"b", Step::kDelete}, {"b", Step::kCreate},
                                  {"b", Step::kUpdate}, {"a", Step::kDelete}};
constexpr int kDiskStepsMax = 40;

TEST(FileStoreCrash, LeavesTheOldOrTheNewAtEveryPoint) {
  int crashes = 0;
  for (int at = 0; at < kDiskStepsMax; ++at) {
    Disk disk;
    auto files = std::make_unique<MemoryFiles>(disk, Trouble::kCrash, at);
    const MemoryFiles& watched = *files;
    auto store = FileStore::Open(std::move(files), SystemClock());
    ASSERT_TRUE(store.ok());
    Model acknowledged;
    Model wanted;
    for (const Step& step : kSteps) {
      wanted = step.After(acknowledged);
      if (!step.Apply(**store).ok()) break;
      acknowledged = wanted;
      EXPECT_EQ(ModelOf(**store), acknowledged);
    }
    if (!watched.tripped()) continue;
    ++crashes;
    for (size_t kept = 0; kept <= disk.pending.size(); ++kept) {
      Disk after;
      after.live = after.durable = disk.AfterCrash(kept);
      auto again =
          FileStore::Open(std::make_unique<MemoryFiles>(after, Trouble::kNone, 0), SystemClock());
      ASSERT_TRUE(again.ok()) << again.status().ToString() << " at step " << at;
      const Model found = ModelOf(**again);
      EXPECT_TRUE(found == acknowledged || found == wanted)
          << "at step " << at << " keeping " << kept;
    }
  }
  EXPECT_GT(crashes, 20);
}

TEST(FileStoreCrash, AFailedChangeChangesNothingAndTheStoreGoesOn) {
  int failures = 0;
  int fences = 0;
  for (int at = 0; at < kDiskStepsMax; ++at) {
    Disk disk;
    auto store =
        FileStore::Open(std::make_unique<MemoryFiles>(disk, Trouble::kFail, at), SystemClock());
    ASSERT_TRUE(store.ok());
    Model model;
    bool is_fenced = false;
    for (const Step& step : kSteps) {
      const Status status = step.Apply(**store);
      if (status.ok()) {
        EXPECT_FALSE(is_fenced);
        model = step.After(model);
      } else {
        ++failures;
        is_fenced = is_fenced || status.code() == Code::kFenced;
        EXPECT_TRUE(is_fenced || status.code() == Code::kNoSpace ||
                    status.code() == Code::kNotFound || status.code() == Code::kResourceInUse)
            << status.ToString();
      }
      EXPECT_EQ(ModelOf(**store), model);
    }
    fences += is_fenced ? 1 : 0;
    if (is_fenced) continue;
    Disk after = disk;
    auto again =
        FileStore::Open(std::make_unique<MemoryFiles>(after, Trouble::kNone, 0), SystemClock());
    ASSERT_TRUE(again.ok());
    EXPECT_EQ(ModelOf(**again), model) << "at step " << at;
  }
  EXPECT_GT(failures, 10);
  EXPECT_GT(fences, 5);
}

}  // namespace
}  // namespace millrace::resources
