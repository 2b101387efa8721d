#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/status.h"
#include "dataplane/client/cursors.h"

namespace millrace::client {

// The cursor tables of a delivery stream as a log: every change is a record of a one-shard stream,
// and the table is what follows from them in their order, the same for everyone who reads. A change
// whose expected version is not the row's takes no effect; so the first of two rivals wins. The
// records (docs/formats/cursor_log.md):
//   {"id":"<uuid>","table":"t","key":"k","value":"v","expected":3}      a change
//   {"id":"<uuid>","table":"t","key":"k","remove":true,"expected":4}    a removal
//   {"snapshot":[{"table":...,"key":...,"value":...,"version":5}],"at":"<sequence number>"}
// A snapshot is the state after the record `at`; with it, what lies before can be forgotten.
//
// Folds records into tables. A value of one thread.
class CursorFold {
 public:
  // `is_whole`: reading began with the stream's first record. Otherwise the tables are unknown
  // until a snapshot is met whose `at` is not before `begin`.
  explicit CursorFold(bool is_whole) : is_known_(is_whole) {}

  // In the stream's order. What is no record of ours is passed over.
  void Apply(std::string_view sequence_number, std::string_view record);

  bool is_known() const { return is_known_; }
  std::vector<Cursor> Rows(const std::string& table) const;
  uint64_t Version(const std::string& table, const std::string& key) const;
  // The sequence number of the last record.
  const std::string& last() const { return last_; }
  // Changes since the last snapshot that was met.
  size_t changes_since_snapshot() const { return since_snapshot_; }
  std::string Snapshot() const;

  // What became of the change with this id, once it was applied.
  struct Verdict {
    bool is_known = false;
    bool has_won = false;
    uint64_t version = 0;  // of the row after it
  };
  // Watches for one id; a new call forgets the old one.
  void Watch(std::string id);
  const Verdict& verdict() const { return verdict_; }

 private:
  struct Row {
    std::string value;
    uint64_t version = 0;
  };
  using Key = std::pair<std::string, std::string>;  // table, key
  struct Change {
    std::string sequence_number;
    std::string id;
    Key key;
    std::string value;
    bool is_removal = false;
    uint64_t expected = 0;
  };
  void ApplyChange(const Change& change);
  void ApplySnapshot(std::string_view at, std::map<Key, Row> rows);

  bool is_known_;
  std::string first_;  // the first record's sequence number
  std::string last_;
  std::map<Key, Row> rows_;
  std::vector<Change> unknown_;  // read before the tables were known
  size_t since_snapshot_ = 0;
  std::string watched_;
  Verdict verdict_;
};

// Whether decimal `a` is less than decimal `b`, however long.
bool IsLess(std::string_view a, std::string_view b);

std::string ChangeRecord(const std::string& id, const std::string& table, const std::string& key,
                         const std::string* value, uint64_t expected);

}  // namespace millrace::client
