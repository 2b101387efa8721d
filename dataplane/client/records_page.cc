#include "dataplane/client/records_page.h"

namespace millrace::client {

namespace {

constexpr int kDepthMax = 16;
constexpr uint64_t kNull = 22;
constexpr uint64_t kIndefinite = ~uint64_t{0};

enum Major : uint8_t { kUnsigned, kNegative, kBytes, kText, kArray, kMap, kTag, kSimple };

struct Head {
  Major major = kSimple;
  uint64_t argument = 0;  // kIndefinite: until a break
};

// Takes items off the front of a CBOR text (RFC 8949). After a failure everything else fails.
class Cursor {
 public:
  explicit Cursor(std::string_view text) : left_(text) {}
  bool failed() const { return failed_; }

  Head Next() {
    if (left_.empty()) return Fail();
    const uint8_t first = static_cast<uint8_t>(left_[0]);
    left_.remove_prefix(1);
    Head head{static_cast<Major>(first >> 5), static_cast<uint64_t>(first & 31)};
    if (head.argument < 24) return head;
    if (head.argument == 31) return {head.major, kIndefinite};
    if (head.argument > 27) return Fail();
    const size_t size = size_t{1} << (head.argument - 24);
    if (left_.size() < size) return Fail();
    head.argument = 0;
    for (size_t i = 0; i < size; ++i)
      head.argument = head.argument << 8 | static_cast<uint8_t>(left_[i]);
    left_.remove_prefix(size);
    return head;
  }

  // A definite text or byte string; empty for null.
  std::string_view String(Major major) {
    const Head head = Next();
    if (head.major == kSimple && head.argument == kNull && !failed_) return {};
    return head.major == major ? Take(head.argument) : (Fail(), std::string_view());
  }

  // An integer, whatever tags stand before it; 0 for null.
  int64_t Integer() {
    Head head = Next();
    while (head.major == kTag && !failed_) head = Next();
    constexpr uint64_t kMax = static_cast<uint64_t>(INT64_MAX);
    if (head.major == kSimple && head.argument == kNull) return 0;
    if ((head.major != kUnsigned && head.major != kNegative) || head.argument > kMax)
      return Fail(), 0;
    const auto value = static_cast<int64_t>(head.argument);
    return head.major == kUnsigned ? value : -1 - value;
  }

  // Calls `each` for every item of an array, or for every key of a map.
  template <typename F>
  void Each(Major major, F each) {
    const Head head = Next();
    if (head.major != major) {
      Fail();
      return;
    }
    for (uint64_t i = 0; !failed_ && (head.argument == kIndefinite ? !Break() : i < head.argument);
         ++i)
      each();
  }

  void Skip(int depth = 0) {
    if (depth > kDepthMax) {
      Fail();
      return;
    }
    const Head head = Next();
    switch (head.major) {
      case kBytes:
      case kText:
        if (head.argument == kIndefinite) {
          while (!failed_ && !Break()) Skip(depth + 1);
        } else {
          Take(head.argument);
        }
        return;
      case kArray:
      case kMap:
        for (uint64_t i = 0;
             !failed_ && (head.argument == kIndefinite ? !Break() : i < head.argument); ++i) {
          Skip(depth + 1);
          if (head.major == kMap) Skip(depth + 1);
        }
        return;
      case kTag:
        Skip(depth + 1);
        return;
      default:
        return;
    }
  }

 private:
  Head Fail() {
    failed_ = true;
    left_ = {};
    return {};
  }
  std::string_view Take(uint64_t size) {
    if (size > left_.size()) return Fail(), std::string_view();
    const std::string_view out = left_.substr(0, size);
    left_.remove_prefix(size);
    return out;
  }
  bool Break() {
    if (left_.empty()) return Fail(), true;
    if (static_cast<uint8_t>(left_[0]) != 0xff) return false;
    left_.remove_prefix(1);
    return true;
  }

  std::string_view left_;
  bool failed_ = false;
};

StreamRecord ReadRecord(Cursor& in) {
  StreamRecord record;
  in.Each(kMap, [&] {
    const std::string_view name = in.String(kText);
    if (name == "Data")
      record.data = in.String(kBytes);
    else if (name == "PartitionKey")
      record.partition_key = in.String(kText);
    else if (name == "SequenceNumber")
      record.sequence_number = in.String(kText);
    else if (name == "ApproximateArrivalTimestamp")
      record.arrival_ms = in.Integer();
    else
      in.Skip();
  });
  return record;
}

}  // namespace

Result<StreamPage> ReadRecordsPage(std::string body) {
  StreamPage page;
  page.memory = std::make_shared<const std::string>(std::move(body));
  Cursor in(*page.memory);
  bool has_records = false;
  in.Each(kMap, [&] {
    const std::string_view name = in.String(kText);
    if (name == "Records") {
      has_records = true;
      in.Each(kArray, [&] { page.records.push_back(ReadRecord(in)); });
    } else if (name == "NextShardIterator") {
      page.next_iterator = in.String(kText);
    } else if (name == "MillisBehindLatest") {
      page.behind_ms = in.Integer();
    } else {
      in.Skip();
    }
  });
  if (in.failed() || !has_records) return Corrupt("this is no answer of GetRecords in CBOR");
  return page;
}

}  // namespace millrace::client
