#include "tests/support/sim_disk.h"

#include <algorithm>
#include <cstring>
#include <functional>

#include "common/base/check.h"
#include "common/codec/crc32.h"

namespace millrace::sim {
namespace {

Status IoError(const std::string& what) { return {Code::kIo, "simulated: " + what}; }

}  // namespace

void SimDisk::List(UniqueFunction<void(Result<std::vector<FileInfo>>)> done) {
  Operation operation{.kind = Kind::kList};
  operation.list_done = std::move(done);
  Submit(std::move(operation));
}

void SimDisk::Create(const std::string& name, uint64_t size, UniqueFunction<void(Status)> done) {
  Submit({.kind = Kind::kCreate, .name = name, .size = size, .done = std::move(done)});
}

void SimDisk::Rename(const std::string& from, const std::string& to,
                     UniqueFunction<void(Status)> done) {
  Submit({.kind = Kind::kRename, .name = from, .to = to, .done = std::move(done)});
}

void SimDisk::Remove(const std::string& name, UniqueFunction<void(Status)> done) {
  Submit({.kind = Kind::kRemove, .name = name, .done = std::move(done)});
}

void SimDisk::Write(const std::string& name, uint64_t offset, Slice data,
                    UniqueFunction<void(Status)> done) {
  CHECK(offset % storage::kDiskAlignment == 0 && data.size() % storage::kDiskAlignment == 0);
  CHECK(reinterpret_cast<uintptr_t>(data.data()) % storage::kDiskAlignment == 0);
  CHECK(!data.empty());
  auto it = files_.find(name);
  Operation write{.kind = Kind::kWrite, .name = name, .offset = offset, .size = data.size()};
  write.calm = calm_;
  write.data_crc = codec::Crc32c(data.data(), data.size());
  write.data = std::move(data);
  write.file = it == files_.end() ? nullptr : it->second;
  write.done = std::move(done);
  CheckNoOverlap(write);
  ++writes_in_flight_;
  Submit(std::move(write));
}

void SimDisk::WriteFile(const std::string& name, Slice data, UniqueFunction<void(Status)> done) {
  Operation operation{.kind = Kind::kWriteFile, .name = name, .size = data.size()};
  operation.data = std::move(data);
  operation.done = std::move(done);
  Submit(std::move(operation));
}

void SimDisk::Read(const std::string& name, uint64_t offset, size_t size,
                   UniqueFunction<void(Result<Slice>)> done) {
  Operation operation{.kind = Kind::kRead, .name = name, .offset = offset, .size = size};
  operation.read_done = std::move(done);
  Submit(std::move(operation));
}

uint64_t SimDisk::FreeBytes() {
  return options_.capacity_bytes > used_bytes_ ? options_.capacity_bytes - used_bytes_ : 0;
}

void SimDisk::CheckNoOverlap(const Operation& write) const {
  if (write.file == nullptr) return;
  CHECK(write.offset + write.size <= write.file->bytes.size());
  for (const auto& [id, other] : in_flight_) {
    if (other.kind != Kind::kWrite || other.file != write.file) continue;
    CHECK(other.offset + other.size <= write.offset || write.offset + write.size <= other.offset);
  }
}

Duration SimDisk::Latency() {
  const auto range = static_cast<uint64_t>((options_.latency_max - options_.latency_min).count());
  Duration latency = options_.latency_min + Duration(random_.Below(range + 1));
  if (Fails(options_.slow_one_in)) latency += options_.latency_max * (1 + random_.Below(50));
  return latency;
}

void SimDisk::Submit(Operation operation) {
  uint64_t id = ++last_operation_;
  executor_.Trace(static_cast<uint64_t>(operation.kind));
  executor_.Trace(operation.name);
  executor_.Trace(operation.offset);
  executor_.Trace(operation.size);
  in_flight_.emplace(id, std::move(operation));
  executor_.RunAfter(Latency(), [this, id] { Complete(id); });
}

void SimDisk::Complete(uint64_t id) {
  auto it = in_flight_.find(id);
  if (it == in_flight_.end()) return;
  Operation operation = std::move(it->second);
  in_flight_.erase(it);
  switch (operation.kind) {
    case Kind::kList:
      return CompleteList(operation);
    case Kind::kRead:
      return CompleteRead(operation);
    case Kind::kWrite:
      return CompleteWrite(operation);
    default:
      return CompleteFolder(operation);
  }
}

void SimDisk::CompleteWrite(Operation& operation) {
  --writes_in_flight_;
  CHECK(codec::Crc32c(operation.data.data(), operation.size) == operation.data_crc);
  Status status;
  if (operation.file == nullptr) {
    status = NotFound("simulated: write " + operation.name);
  } else if (Fails(options_.write_error_one_in)) {
    ResolveWrite(operation, random_.Below(3));
    status = IoError("write " + operation.name);
  } else {
    if (!Fails(options_.lie_one_in)) ApplyWhole(operation);
    operation.file->writes[operation.offset] = {operation.size, operation.calm, calm_};
    ++writes_done_;
  }
  operation.done(std::move(status));
  // Only now: what the callback wrote at once may not know yet that this one is done.
  if (writes_in_flight_ == 0) ++calm_;
}

void SimDisk::CompleteFolder(Operation& operation) {
  Status status;
  if (Fails(options_.folder_error_one_in)) {
    if (random_.OneIn(2)) ApplyFolder(operation).IgnoreError();
    status = IoError("change " + operation.name);
  } else {
    status = ApplyFolder(operation);
  }
  ++folder_changes_;
  operation.done(std::move(status));
}

void SimDisk::CompleteRead(Operation& operation) {
  auto it = files_.find(operation.name);
  if (it == files_.end()) return operation.read_done(NotFound("simulated: read " + operation.name));
  if (Fails(options_.read_error_one_in)) {
    return operation.read_done(IoError("read " + operation.name));
  }
  const std::string& bytes = it->second->bytes;
  std::string part;
  if (operation.offset < bytes.size()) part = bytes.substr(operation.offset, operation.size);
  OverlayWritesInFlight(it->second, operation.offset, &part);
  operation.read_done(Slice::FromString(std::move(part)));
}

void SimDisk::CompleteList(Operation& operation) {
  if (Fails(options_.folder_error_one_in)) return operation.list_done(IoError("list"));
  std::vector<FileInfo> infos;
  for (const auto& [name, file] : files_) infos.push_back({name, file->bytes.size()});
  // A folder has no order.
  for (size_t i = infos.size(); i > 1; --i) std::swap(infos[i - 1], infos[random_.Below(i)]);
  operation.list_done(std::move(infos));
}

Status SimDisk::Replace(const std::string& name, std::string bytes) {
  auto it = files_.find(name);
  uint64_t before = it == files_.end() ? 0 : it->second->bytes.size();
  if (used_bytes_ - before + bytes.size() > options_.capacity_bytes) {
    return {Code::kNoSpace, "simulated: no space for " + name};
  }
  used_bytes_ = used_bytes_ - before + bytes.size();
  auto file = std::make_shared<File>();
  file->bytes = std::move(bytes);
  files_[name] = std::move(file);
  return OkStatus();
}

void SimDisk::Erase(const std::string& name) {
  auto it = files_.find(name);
  used_bytes_ -= it->second->bytes.size();
  files_.erase(it);
}

Status SimDisk::ApplyFolder(const Operation& operation) {
  if (operation.kind == Kind::kCreate) {
    return Replace(operation.name, std::string(operation.size, '\0'));
  }
  if (operation.kind == Kind::kWriteFile) {
    return Replace(operation.name, std::string(operation.data.view()));
  }
  auto it = files_.find(operation.name);
  if (it == files_.end()) return NotFound("simulated: " + operation.name);
  std::shared_ptr<File> file = it->second;
  if (operation.kind == Kind::kRemove) {
    Erase(operation.name);
  } else if (operation.name != operation.to) {
    if (files_.contains(operation.to)) Erase(operation.to);
    files_.erase(operation.name);
    files_[operation.to] = std::move(file);
  }
  return OkStatus();
}

void SimDisk::ApplyWhole(const Operation& operation) {
  std::string& bytes = operation.file->bytes;
  std::memcpy(bytes.data() + operation.offset, operation.data.data(), operation.size);
  operation.file->EraseMarks(operation.offset, operation.size);
}

void SimDisk::File::EraseMarks(uint64_t offset, uint64_t size) {
  auto it = writes.lower_bound(offset);
  if (it != writes.begin() && std::prev(it)->first + std::prev(it)->second.size > offset) --it;
  while (it != writes.end() && it->first < offset + size) it = writes.erase(it);
}

// The sectors up to a point, those from a point on, or any of them.
void SimDisk::ApplySomeSectors(const Operation& operation) {
  const uint64_t sectors = operation.size / kSectorBytes;
  const uint64_t way = random_.Below(3);
  const uint64_t cut = random_.Below(sectors + 1);
  for (uint64_t i = 0; i < sectors; ++i) {
    bool written = way == 0 ? i < cut : way == 1 ? i >= cut : random_.OneIn(2);
    if (!written) continue;
    const uint64_t at = i * kSectorBytes;
    std::memcpy(operation.file->bytes.data() + operation.offset + at, operation.data.data() + at,
                kSectorBytes);
  }
}

// In mood 0 nothing happened, in 1 everything, else the write is lost, done or torn by chance.
void SimDisk::ResolveWrite(const Operation& operation, uint64_t mood) {
  if (operation.file == nullptr || mood == 0) return;
  const uint64_t outcome = mood == 1 ? 1 : random_.Below(3);
  if (outcome == 1) ApplyWhole(operation);
  if (outcome == 2) ApplySomeSectors(operation);
  if (outcome != 0) operation.file->EraseMarks(operation.offset, operation.size);
}

void SimDisk::Crash() {
  std::map<uint64_t, Operation> in_flight;
  in_flight.swap(in_flight_);
  const uint64_t mood = random_.Below(4);
  for (auto& [id, operation] : in_flight) {
    if (operation.kind == Kind::kWrite) {
      ResolveWrite(operation, mood);
    } else if (operation.kind != Kind::kRead && operation.kind != Kind::kList) {
      if (random_.OneIn(2)) ApplyFolder(operation).IgnoreError();
    }
  }
  writes_in_flight_ = 0;
  ++calm_;
}

// A read beside a write sees each sector of it or not.
void SimDisk::OverlayWritesInFlight(const std::shared_ptr<File>& file, uint64_t offset,
                                    std::string* bytes) {
  for (const auto& [id, write] : in_flight_) {
    if (write.kind != Kind::kWrite || write.file != file) continue;
    for (uint64_t at = 0; at < write.size; at += kSectorBytes) {
      const uint64_t sector = write.offset + at;
      if (sector < offset || sector + kSectorBytes > offset + bytes->size()) continue;
      if (random_.OneIn(2)) continue;
      std::memcpy(bytes->data() + (sector - offset), write.data.data() + at, kSectorBytes);
    }
  }
}

std::optional<SimDisk::Range> SimDisk::PickSettledWrite(Random& random) const {
  constexpr size_t kWitnesses = 2;
  std::vector<uint64_t> begun;
  for (const auto& [name, file] : files_) {
    for (const auto& [offset, mark] : file->writes) begun.push_back(mark.calm_begun);
  }
  if (begun.size() < kWitnesses) return std::nullopt;
  std::nth_element(begun.begin(), begun.begin() + (kWitnesses - 1), begun.end(), std::greater<>());
  std::vector<std::pair<uint64_t, Range>> settled;
  for (const auto& [name, file] : files_) {
    for (const auto& [offset, mark] : file->writes) {
      if (mark.calm_done >= begun[kWitnesses - 1]) continue;
      settled.push_back({mark.calm_done, {name, offset, mark.size}});
    }
  }
  if (settled.empty()) return std::nullopt;
  // The newest are what a recovery leans on most.
  if (random.OneIn(2)) {
    const size_t newest = std::min<size_t>(settled.size(), 4);
    std::partial_sort(settled.begin(), settled.begin() + static_cast<ptrdiff_t>(newest),
                      settled.end(),
                      [](const auto& a, const auto& b) { return a.first > b.first; });
    settled.resize(newest);
  }
  return settled[random.Below(settled.size())].second;
}

std::vector<std::string> SimDisk::FileNames() const {
  std::vector<std::string> names;
  for (const auto& [name, file] : files_) names.push_back(name);
  return names;
}

std::string SimDisk::Contents(const std::string& name) const {
  auto it = files_.find(name);
  CHECK(it != files_.end());
  return it->second->bytes;
}

void SimDisk::SetContents(const std::string& name, std::string bytes) {
  CHECK(Replace(name, std::move(bytes)).ok());
}

void SimDisk::FlipBit(const std::string& name, uint64_t offset, int bit) {
  auto it = files_.find(name);
  CHECK(it != files_.end() && offset < it->second->bytes.size());
  it->second->EraseMarks(offset, 1);
  it->second->bytes[offset] = static_cast<char>(it->second->bytes[offset] ^ (1 << bit));
}

}  // namespace millrace::sim
