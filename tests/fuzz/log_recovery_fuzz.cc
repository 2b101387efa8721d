// What a lane makes of a folder whose segments, indexes and log id were tampered with: it recovers
// or says why not, serves nothing that was not written, and can be written on. The input is a list
// of changes to the files of a small log made here; with its flags set the checksums are put right
// afterwards, so that the changes get past them.
#include <cstdlib>
#include <cstring>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "common/codec/crc32.h"
#include "common/log/log.h"
#include "dataplane/format/record_format.h"
#include "dataplane/format/segment_index.h"
#include "dataplane/storage/lane.h"
#include "tests/support/sim_clock.h"
#include "tests/support/sim_disk.h"
#include "tests/support/sim_executor.h"

namespace millrace::storage {
namespace {

constexpr uint64_t kSegmentBytes = 64 * kKiB;
constexpr uint64_t kEventsMax = 300'000;
constexpr int kReadsMax = 2'000;

void Check(bool holds) {
  if (!holds) std::abort();
}

class PlainWrapper final : public KeyWrapper {
 public:
  Result<std::string> Wrap(std::string_view key) const override { return std::string(key); }
  Result<std::string> Unwrap(std::string_view wrapped) const override {
    return std::string(wrapped);
  }
};

// A lane on a disk in memory, driven until each call is answered.
struct World {
  World() : disk(sim::SimDiskOptions(), executor, 7) {
    options.segment_bytes = kSegmentBytes;
    options.write_bytes_max = 8 * kKiB;
    options.tail_cache_bytes = 0;  // reads go to the disk
    options.keys = &keys;
  }
  ~World() {
    disk.Crash();
    lane.reset();
    executor.DropAll();
  }
  template <typename T>
  T Answer(std::optional<T>& answer) {
    const uint64_t begin = executor.events();
    Check(executor.RunUntil(
        [&] { return answer.has_value() || executor.events() - begin > kEventsMax; }));
    Check(answer.has_value());
    return std::move(*answer);
  }
  bool Open() {
    std::optional<Result<std::unique_ptr<Lane>>> opened;
    Lane::Recover(options, disk, clock, executor,
                  [&](Result<std::unique_ptr<Lane>> result) { opened = std::move(result); });
    auto result = Answer(opened);
    if (result.ok()) lane = std::move(result).value();
    return lane != nullptr;
  }
  Status OpenExtent(ExtentId id, bool encrypted) {
    std::optional<Status> done;
    lane->OpenExtent(id, encrypted, [&](const Status& status) { done = status; });
    return Answer(done);
  }
  Result<AppendResult> Put(ExtentId id, const std::string& data) {
    RecordBatch batch;
    batch.Add("key", data);
    std::optional<Result<AppendResult>> done;
    lane->AppendRecords({id, batch.Take(), 1},
                        [&](Result<AppendResult> result) { done = std::move(result); });
    return Answer(done);
  }
  Result<ReadResult> Read(ExtentId id, uint64_t from) {
    std::optional<Result<ReadResult>> done;
    lane->Read(id, from, 64 * kKiB, [&](Result<ReadResult> result) { done = std::move(result); });
    return Answer(done);
  }
  void Close() {
    std::optional<bool> closed;
    lane->Close([&] { closed = true; });
    Answer(closed);
    lane.reset();
  }

  PlainWrapper keys;
  sim::SimClock clock;
  sim::SimExecutor executor{clock};
  sim::SimDisk disk;
  LaneOptions options;
  std::unique_ptr<Lane> lane;
};

using Key = std::pair<ExtentId, uint64_t>;

// The log before anyone touched it, and what was written to it.
struct Original {
  std::map<std::string, std::string> files;
  std::map<Key, std::string> records;
};

Original MakeOriginal() {
  Original original;
  World world;
  // Always the same id, so that an input means the same in every process.
  std::string id(12, '\1');
  uint32_t crc = codec::Crc32c(id.data(), 8);
  std::memcpy(id.data() + 8, &crc, 4);
  world.disk.SetContents(std::string(kLogIdFileName), id);
  Check(world.Open());
  for (uint32_t shard = 0; shard < 4; ++shard) {
    Check(world.OpenExtent({1, shard, 1}, shard == 2).ok());
  }
  for (int i = 0; i < 60; ++i) {
    const ExtentId extent{1, static_cast<uint32_t>(i % 3), 1};
    std::string data = std::to_string(i) + "|" + std::string(i % 5 == 0 ? 9'000 : 900, 'x');
    auto put = world.Put(extent, data);
    Check(put.ok());
    original.records[{extent, put->first_index}] = data;
  }
  std::optional<Status> dropped;
  world.lane->Drop({1, 3, 1}, [&](const Status& status) { dropped = status; });
  Check(world.Answer(dropped).ok());
  world.executor.RunFor(std::chrono::seconds(1));
  for (const std::string& name : world.disk.FileNames()) {
    original.files[name] = world.disk.Contents(name);
  }
  return original;
}

// The input, read from its beginning; zeros past its end.
class Input {
 public:
  Input(const uint8_t* data, size_t size) : at_(data), left_(size) {}
  bool empty() const { return left_ == 0; }
  template <typename T>
  T Take() {
    T value{};
    size_t n = std::min(left_, sizeof value);
    std::memcpy(&value, at_, n);
    at_ += n;
    left_ -= n;
    return value;
  }

 private:
  const uint8_t* at_;
  size_t left_;
};

template <typename T>
T Get(const std::string& bytes, size_t at) {
  T value{};
  if (at + sizeof value <= bytes.size()) std::memcpy(&value, bytes.data() + at, sizeof value);
  return value;
}

template <typename T>
void Put(std::string& bytes, size_t at, T value) {
  if (at + sizeof value <= bytes.size()) std::memcpy(bytes.data() + at, &value, sizeof value);
}

using Files = std::map<std::string, std::string>;

Files::iterator PickFile(Files& files, uint8_t which) {
  return std::next(files.begin(), which % static_cast<int>(files.size()));
}

enum class Change : uint8_t {
  kFlipBit,
  kSetByte,
  kSetWord,
  kSetLong,
  kZeroSector,
  kCopyPage,
  kTruncate,
  kRemove,
  kCopyFile,
  kHeadField,
  kCount
};

// One change of one file, at a place that the first bytes of a page are more likely to be.
void Tamper(Input& input, Files& files) {
  const auto change =
      static_cast<Change>(input.Take<uint8_t>() % static_cast<uint8_t>(Change::kCount));
  auto file = PickFile(files, input.Take<uint8_t>());
  std::string& bytes = file->second;
  const size_t page = input.Take<uint8_t>() % (bytes.size() / kDiskAlignment + 1) * kDiskAlignment;
  const size_t at = page + input.Take<uint16_t>() % kDiskAlignment;
  switch (change) {
    case Change::kFlipBit:
      Put(bytes, at,
          static_cast<uint8_t>(Get<uint8_t>(bytes, at) ^ 1 << input.Take<uint8_t>() % 8));
      break;
    case Change::kSetByte:
      Put(bytes, at, input.Take<uint8_t>());
      break;
    case Change::kSetWord:
      Put(bytes, at / 4 * 4, input.Take<uint32_t>());
      break;
    case Change::kSetLong:
      Put(bytes, at / 8 * 8, input.Take<uint64_t>());
      break;
    case Change::kZeroSector:
      for (size_t i = at / 512 * 512; i < at / 512 * 512 + 512; ++i) Put(bytes, i, uint8_t{0});
      break;
    case Change::kCopyPage: {
      const std::string from =
          PickFile(files, input.Take<uint8_t>())->second.substr(0, 2 * kDiskAlignment);
      for (size_t i = 0; i < from.size(); ++i) Put(bytes, page + i, from[i]);
      break;
    }
    case Change::kTruncate:
      bytes.resize(std::min(bytes.size(), at));
      break;
    case Change::kRemove:
      if (files.size() > 1) files.erase(file);
      break;
    case Change::kCopyFile: {
      const uint64_t number = input.Take<uint8_t>() % 16;
      const bool index = file->first.ends_with(".idx");
      files[index ? IndexFileName(number) : SegmentFileName(number)] = std::string(bytes);
      break;
    }
    case Change::kHeadField:
      Put(bytes, page + input.Take<uint8_t>() % 24 * 8, input.Take<uint64_t>());
      break;
    case Change::kCount:
      break;
  }
}

void MendBlocks(std::string& bytes, uint64_t number, bool payloads) {
  for (size_t at = 0; at + kDiskAlignment <= bytes.size(); at += kDiskAlignment) {
    auto hint = PeekBlock(reinterpret_cast<const uint8_t*>(bytes.data()) + at, bytes.size() - at);
    if (!hint || hint->block_bytes > bytes.size() - at) continue;
    Put(bytes, at + 32, number);
    for (size_t e = at + kBlockHeaderBytes; payloads && e < at + hint->head_bytes;
         e += kBlockEntryBytes) {
      size_t begin = Get<uint32_t>(bytes, e + 48);
      size_t length = Get<uint32_t>(bytes, e + 28);
      if (begin > hint->block_bytes || length > hint->block_bytes - begin) continue;
      Put(bytes, e + 52, codec::Crc32c(bytes.data() + at + begin, length));
    }
    uint32_t crc = codec::Crc32c(bytes.data() + at, 8);
    Put(bytes, at + 8, codec::Crc32c(bytes.data() + at + 12, hint->head_bytes - 12, crc));
  }
}

void MendIndex(std::string& bytes, uint64_t number) {
  size_t head = DirectoryBytes(bytes);
  if (head == 0 || head > bytes.size()) return;
  Put(bytes, 24, number);
  for (size_t at = kIndexHeaderBytes; at < head; at += kIndexRowBytes) {
    uint64_t begin = Get<uint64_t>(bytes, at + 64);
    uint64_t length = Get<uint32_t>(bytes, at + 72) * uint64_t{kIndexChunkBytes};
    if (begin > bytes.size() || length > bytes.size() - begin) continue;
    Put(bytes, at + 76, codec::Crc32c(bytes.data() + begin, length));
  }
  Put(bytes, 8, codec::Crc32c(bytes.data() + 12, head - 12));
}

struct Flags {
  bool mend_heads = false;
  bool mend_payloads = false;
  bool lists_on_disk = false;  // chunk lists are read when they are needed
  bool write_on = false;
};

Flags TakeFlags(Input& input) {
  const auto bits = input.Take<uint8_t>();
  return {(bits & 1) != 0, (bits & 3) == 3, (bits & 4) != 0, (bits & 8) != 0};
}

// Every record that is served was written: in its very place, unless checksums were put right.
void ReadEverything(World& world, const Original& original, const Flags& flags) {
  for (const ExtentInfo& info : world.lane->Extents()) {
    uint64_t from = 0;
    for (int reads = 0; reads < kReadsMax; ++reads) {
      auto read = world.Read(info.id, from);
      if (!read.ok()) break;
      for (const Chunk& chunk : read->chunks) {
        RecordReader reader(chunk.records);
        uint64_t index = chunk.first_index;
        while (auto record = reader.Next()) {
          auto written = original.records.find({info.id, index++});
          if (flags.mend_heads) continue;
          Check(written != original.records.end() && written->second == record->data);
        }
        Check(flags.mend_heads || (!reader.corrupt() && index == chunk.first_index + chunk.count));
      }
      if (read->next_index <= from) break;
      from = read->next_index;
    }
  }
}

// Appends are taken and read back in this life and in the next.
void WriteOn(World& world) {
  const ExtentId fresh{2, 0, 1};
  if (!world.OpenExtent(fresh, false).ok()) return;
  auto put = world.Put(fresh, "fresh");
  if (!put.ok()) return;
  for (const ExtentInfo& info : world.lane->Extents()) {
    auto more = world.Put(info.id, "more");
    static_cast<void>(more.ok());
    world.lane->Trim(info.id, world.clock.WallNow() - 500);
  }
  world.executor.RunFor(std::chrono::seconds(2));
  world.Close();
  if (!world.Open()) return;
  auto read = world.Read(fresh, put->first_index);
  static_cast<void>(read.ok());
}

}  // namespace
}  // namespace millrace::storage

extern "C" int LLVMFuzzerInitialize(int* /*argc*/, char*** /*argv*/) {
  // What was found damaged is told on every run; that is not what the fuzzer's output is for.
  millrace::log::Configure("fuzz", millrace::log::Level::kError);
  return 0;
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace millrace::storage;
  static const Original original = MakeOriginal();
  Input input(data, size);
  const Flags flags = TakeFlags(input);
  Files files = original.files;
  for (int changes = 0; changes < 32 && !input.empty(); ++changes) Tamper(input, files);
  World world;
  if (flags.lists_on_disk) world.options.index_cache_bytes = 0;
  for (auto& [name, bytes] : files) {
    const ParsedName parsed = ParseFileName(name);
    if (flags.mend_heads && parsed.kind == FileKind::kSegment) {
      MendBlocks(bytes, parsed.number, flags.mend_payloads);
    }
    if (flags.mend_heads && parsed.kind == FileKind::kIndex) MendIndex(bytes, parsed.number);
    world.disk.SetContents(name, bytes);
  }
  if (!world.Open()) return 0;
  ReadEverything(world, original, flags);
  if (flags.write_on) WriteOn(world);
  return 0;
}
