#include "dataplane/storage/extent_table.h"

#include <algorithm>

#include "common/base/check.h"
#include "dataplane/format/little_endian.h"

namespace millrace::storage {
namespace {

constexpr uint16_t kRowSealed = 1;
constexpr uint16_t kRowEncrypted = 2;

}  // namespace

void TrimBefore(ExtentState& extent, WallMs horizon_ms, const ExtentIndex::OnDead& on_dead) {
  if (extent.chunks.empty()) return;
  uint64_t end = extent.chunks.end_index();
  // A horizon in the future is not for what is appended from now on.
  WallMs last = extent.chunks.spans().back().last_arrival_ms;
  extent.horizon_ms = std::max(extent.horizon_ms, std::min(horizon_ms, last + 1));
  extent.chunks.TrimBefore(horizon_ms, on_dead);
  uint64_t begin = extent.chunks.empty() ? end : extent.chunks.first_index();
  extent.begin_index = std::max(extent.begin_index, begin);
}

ExtentState* ExtentTable::Find(const ExtentId& id) const {
  auto it = extents_.find(id);
  return it == extents_.end() ? nullptr : it->second.get();
}

ExtentTable::Ptr ExtentTable::FindShared(const ExtentId& id) const {
  auto it = extents_.find(id);
  return it == extents_.end() ? nullptr : it->second;
}

ExtentTable::Ptr ExtentTable::Add(const ExtentId& id) {
  auto extent = std::make_shared<ExtentState>();
  extent->id = id;
  bool added = extents_.emplace(id, extent).second;
  CHECK(added);
  return extent;
}

void ExtentTable::Erase(const ExtentId& id) { extents_.erase(id); }

void ExtentTable::BeginDrop(const Ptr& extent) {
  extent->dropped = true;
  extents_.erase(extent->id);
  dropping_.push_back(extent);
}

ExtentTable::Ptr ExtentTable::FindDropping(const ExtentId& id) const {
  auto it = std::find_if(dropping_.rbegin(), dropping_.rend(),
                         [&](const Ptr& extent) { return extent->id == id; });
  return it == dropping_.rend() ? nullptr : *it;
}

void ExtentTable::EndDrop(const Ptr& extent) { std::erase(dropping_, extent); }

void ExtentTable::UndoDrop(const Ptr& extent) {
  EndDrop(extent);
  extent->dropped = false;
  extents_.emplace(extent->id, extent);
}

std::vector<ExtentTable::Ptr> ExtentTable::OnDisk() const {
  std::vector<Ptr> all(dropping_);
  for (const auto& [id, extent] : extents_) all.push_back(extent);
  std::sort(all.begin(), all.end(), [](const Ptr& a, const Ptr& b) {
    return a->id != b->id ? a->id < b->id : a->dropped && !b->dropped;
  });
  return all;
}

void AppendTableRow(const TableRow& row, std::string* out) {
  CHECK(row.wrapped_key.size() <= UINT16_MAX);
  size_t at = out->size();
  out->resize(at + kTableRowBytes);
  auto* p = reinterpret_cast<uint8_t*>(out->data()) + at;
  StoreLittle(p, row.id.stream);
  StoreLittle(p + 8, row.id.epoch);
  StoreLittle(p + 16, row.id.shard);
  StoreLittle(p + 20, static_cast<uint16_t>((row.sealed ? kRowSealed : 0) |
                                            (row.encrypted ? kRowEncrypted : 0)));
  StoreLittle(p + 22, static_cast<uint16_t>(row.wrapped_key.size()));
  StoreLittle(p + 24, uint32_t{0});
  StoreLittle(p + 28, row.begin_index);
  StoreLittle(p + 36, row.end_index);
  StoreLittle(p + 44, row.last_arrival_ms);
  out->append(row.wrapped_key);
}

Result<std::vector<TableRow>> ParseTableRows(std::string_view payload) {
  std::vector<TableRow> rows;
  while (!payload.empty()) {
    if (payload.size() < kTableRowBytes) return Corrupt("extent table ends inside a row");
    auto* p = reinterpret_cast<const uint8_t*>(payload.data());
    TableRow row;
    row.id.stream = LoadLittle<uint64_t>(p);
    row.id.epoch = LoadLittle<uint64_t>(p + 8);
    row.id.shard = LoadLittle<uint32_t>(p + 16);
    auto flags = LoadLittle<uint16_t>(p + 20);
    size_t key = LoadLittle<uint16_t>(p + 22);
    row.sealed = (flags & kRowSealed) != 0;
    row.encrypted = (flags & kRowEncrypted) != 0;
    row.begin_index = LoadLittle<uint64_t>(p + 28);
    row.end_index = LoadLittle<uint64_t>(p + 36);
    row.last_arrival_ms = LoadLittle<int64_t>(p + 44);
    if (row.begin_index > row.end_index || row.end_index > kIndexMax) {
      return Corrupt("extent table has a row that no writer leaves");
    }
    payload.remove_prefix(kTableRowBytes);
    if (payload.size() < key) return Corrupt("extent table ends inside a key");
    row.wrapped_key = payload.substr(0, key);
    payload.remove_prefix(key);
    rows.push_back(std::move(row));
  }
  return rows;
}

}  // namespace millrace::storage
