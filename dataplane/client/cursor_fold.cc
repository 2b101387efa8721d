#include "dataplane/client/cursor_fold.h"

#include "common/json/value.h"

namespace millrace::client {

namespace {

const std::string& Text(const json::Value& object, std::string_view name) {
  static const std::string none;
  const json::Value* member = object.Find(name);
  return member ? member->AsString() : none;
}

uint64_t Number(const json::Value& object, std::string_view name) {
  const json::Value* member = object.Find(name);
  return member ? static_cast<uint64_t>(member->AsInt()) : 0;
}

}  // namespace

bool IsLess(std::string_view a, std::string_view b) {
  return a.size() != b.size() ? a.size() < b.size() : a < b;
}

std::string ChangeRecord(const std::string& id, const std::string& table, const std::string& key,
                         const std::string* value, uint64_t expected) {
  json::Object record{{"id", id}, {"table", table}, {"key", key}, {"expected", expected}};
  if (value)
    record.emplace_back("value", *value);
  else
    record.emplace_back("remove", true);
  return json::WriteJson(record);
}

void CursorFold::Watch(std::string id) {
  watched_ = std::move(id);
  verdict_ = {};
}

void CursorFold::Apply(std::string_view sequence_number, std::string_view record) {
  if (first_.empty()) first_ = sequence_number;
  last_ = sequence_number;
  auto document = json::ParseJson(record);
  if (!document.ok()) return;
  if (const json::Value* snapshot = document->Find("snapshot")) {
    std::map<Key, Row> rows;
    for (const json::Value& row : snapshot->AsArray())
      rows[{Text(row, "table"), Text(row, "key")}] = {Text(row, "value"), Number(row, "version")};
    ApplySnapshot(Text(*document, "at"), std::move(rows));
    return;
  }
  if (!document->Has("key")) return;
  const json::Value* remove = document->Find("remove");
  Change change{.sequence_number = last_,
                .id = Text(*document, "id"),
                .key = {Text(*document, "table"), Text(*document, "key")},
                .value = Text(*document, "value"),
                .is_removal = remove && remove->AsBool(),
                .expected = Number(*document, "expected")};
  ++since_snapshot_;
  if (is_known_)
    ApplyChange(change);
  else
    unknown_.push_back(std::move(change));
}

void CursorFold::ApplyChange(const Change& change) {
  const auto at = rows_.find(change.key);
  const uint64_t version = at == rows_.end() ? 0 : at->second.version;
  const bool has_won = version == change.expected;
  if (has_won && change.is_removal) {
    if (at != rows_.end()) rows_.erase(at);
  } else if (has_won) {
    rows_[change.key] = {change.value, version + 1};
  }
  if (change.id == watched_)
    verdict_ = {true, has_won, Version(change.key.first, change.key.second)};
}

void CursorFold::ApplySnapshot(std::string_view at, std::map<Key, Row> rows) {
  since_snapshot_ = 0;
  // One that says what we know is passed over; so is one from before we began to read, since
  // changes between it and there are missing.
  if (is_known_ || IsLess(at, first_)) return;
  rows_ = std::move(rows);
  is_known_ = true;
  for (const Change& change : unknown_)
    if (IsLess(at, change.sequence_number)) ApplyChange(change);
  unknown_.clear();
}

std::vector<Cursor> CursorFold::Rows(const std::string& table) const {
  std::vector<Cursor> out;
  for (auto at = rows_.lower_bound({table, ""}); at != rows_.end() && at->first.first == table;
       ++at)
    out.push_back({at->first.second, at->second.value, at->second.version});
  return out;
}

uint64_t CursorFold::Version(const std::string& table, const std::string& key) const {
  const auto at = rows_.find({table, key});
  return at == rows_.end() ? 0 : at->second.version;
}

std::string CursorFold::Snapshot() const {
  json::Array rows;
  for (const auto& [key, row] : rows_)
    rows.push_back(json::Object{
        {"table", key.first}, {"key", key.second}, {"value", row.value}, {"version", row.version}});
  return json::WriteJson(json::Object{{"snapshot", std::move(rows)}, {"at", last_}});
}

}  // namespace millrace::client
