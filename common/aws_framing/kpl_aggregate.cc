#include "common/aws_framing/kpl_aggregate.h"

#include <algorithm>
#include <cstdint>
#include <unordered_map>

#include "common/codec/digest.h"

namespace millrace::aws {

namespace {

constexpr std::string_view kMagic = "\xF3\x89\x9A\xC2";
constexpr size_t kDigestBytes = 16;

// Fields of AggregatedRecord and of its Record.
constexpr uint32_t kPartitionKeyTable = 1;
constexpr uint32_t kHashKeyTable = 2;
constexpr uint32_t kRecords = 3;
constexpr uint32_t kPartitionKeyIndex = 1;
constexpr uint32_t kHashKeyIndex = 2;
constexpr uint32_t kData = 3;

enum WireType : uint32_t { kVarint = 0, kFixed64 = 1, kBytes = 2, kFixed32 = 5 };

// Reads the fields of one protobuf message. After the first failure `ok()` is false for good.
class FieldReader {
 public:
  explicit FieldReader(std::string_view message) : left_(message) {}

  // Moves to the next field; false at the end and after a failure.
  bool Next() {
    if (!ok_ || left_.empty()) return false;
    uint64_t key = Varint();
    type_ = static_cast<uint32_t>(key & 7);
    ok_ = ok_ && key >> 3 > 0 && key >> 3 <= UINT32_MAX;
    field_ = static_cast<uint32_t>(key >> 3);
    number_ = 0;
    bytes_ = {};
    switch (type_) {
      case kVarint:
        number_ = Varint();
        break;
      case kBytes:
        bytes_ = Take(Varint());
        break;
      case kFixed64:
        Take(8);
        break;
      case kFixed32:
        Take(4);
        break;
      default:
        ok_ = false;
    }
    return ok_;
  }

  bool ok() const { return ok_; }
  bool IsNumber(uint32_t field) const { return field_ == field && type_ == kVarint; }
  bool IsBytes(uint32_t field) const { return field_ == field && type_ == kBytes; }
  uint64_t number() const { return number_; }
  std::string_view bytes() const { return bytes_; }

 private:
  uint64_t Varint() {
    uint64_t value = 0;
    for (int shift = 0; shift < 64 && !left_.empty(); shift += 7) {
      auto byte = static_cast<uint8_t>(left_.front());
      left_.remove_prefix(1);
      value |= static_cast<uint64_t>(byte & 0x7F) << shift;
      if (byte < 0x80) return value;
    }
    ok_ = false;
    return 0;
  }

  std::string_view Take(uint64_t size) {
    if (!ok_ || size > left_.size()) {
      ok_ = false;
      return {};
    }
    std::string_view bytes = left_.substr(0, static_cast<size_t>(size));
    left_.remove_prefix(bytes.size());
    return bytes;
  }

  std::string_view left_;
  bool ok_ = true;
  uint32_t field_ = 0;
  uint32_t type_ = 0;
  uint64_t number_ = 0;
  std::string_view bytes_;
};

// A Record before its indices are looked up: the tables may stand after it.
struct IndexedRecord {
  std::optional<uint64_t> partition_key;
  std::optional<uint64_t> hash_key;
  std::optional<std::string_view> data;
};

std::optional<IndexedRecord> ReadRecord(std::string_view message) {
  IndexedRecord record;
  FieldReader reader(message);
  while (reader.Next()) {
    if (reader.IsNumber(kPartitionKeyIndex)) record.partition_key = reader.number();
    if (reader.IsNumber(kHashKeyIndex)) record.hash_key = reader.number();
    if (reader.IsBytes(kData)) record.data = reader.bytes();
  }
  if (!reader.ok() || !record.partition_key || !record.data) return std::nullopt;
  return record;
}

struct Aggregate {
  std::vector<std::string_view> partition_keys;
  std::vector<std::string_view> hash_keys;
  std::vector<IndexedRecord> records;
};

std::optional<Aggregate> ReadAggregate(std::string_view message) {
  Aggregate aggregate;
  FieldReader reader(message);
  while (reader.Next()) {
    if (reader.IsBytes(kPartitionKeyTable)) aggregate.partition_keys.push_back(reader.bytes());
    if (reader.IsBytes(kHashKeyTable)) aggregate.hash_keys.push_back(reader.bytes());
    if (reader.IsBytes(kRecords)) {
      std::optional<IndexedRecord> record = ReadRecord(reader.bytes());
      if (!record) return std::nullopt;
      aggregate.records.push_back(*record);
    }
    if (std::max({aggregate.partition_keys.size(), aggregate.hash_keys.size(),
                  aggregate.records.size()}) > kKplRecordsMax) {
      return std::nullopt;
    }
  }
  if (!reader.ok()) return std::nullopt;
  return aggregate;
}

void AppendVarint(std::string& out, uint64_t value) {
  for (; value >= 0x80; value >>= 7) out += static_cast<char>(value | 0x80);
  out += static_cast<char>(value);
}

void AppendNumber(std::string& out, uint32_t field, uint64_t number) {
  AppendVarint(out, field << 3 | kVarint);
  AppendVarint(out, number);
}

void AppendBytes(std::string& out, uint32_t field, std::string_view bytes) {
  AppendVarint(out, field << 3 | kBytes);
  AppendVarint(out, bytes.size());
  out += bytes;
}

// The keys of one table in the order they first come in.
class KeyTable {
 public:
  uint64_t IndexOf(std::string_view key) {
    auto [found, is_new] = index_.emplace(key, keys_.size());
    if (is_new) keys_.push_back(key);
    return found->second;
  }
  const std::vector<std::string_view>& keys() const { return keys_; }

 private:
  std::vector<std::string_view> keys_;
  std::unordered_map<std::string_view, uint64_t> index_;
};

std::string_view Md5View(const codec::Md5Digest& digest) {
  return {reinterpret_cast<const char*>(digest.data()), digest.size()};
}

}  // namespace

bool LooksKplAggregated(std::string_view record) {
  return record.size() >= kMagic.size() + kDigestBytes && record.starts_with(kMagic);
}

Result<std::vector<KplUserRecord>> DecodeKplAggregate(std::string_view record) {
  if (!LooksKplAggregated(record)) return Corrupt("KPL aggregate: no magic number");
  size_t size = record.size() - kMagic.size() - kDigestBytes;
  std::string_view message = record.substr(kMagic.size(), size);
  if (record.substr(kMagic.size() + size) != Md5View(codec::Md5(message))) {
    return Corrupt("KPL aggregate: wrong digest");
  }
  std::optional<Aggregate> aggregate = ReadAggregate(message);
  if (!aggregate) return Corrupt("KPL aggregate: malformed message");
  std::vector<KplUserRecord> records;
  records.reserve(aggregate->records.size());
  for (const IndexedRecord& indexed : aggregate->records) {
    if (*indexed.partition_key >= aggregate->partition_keys.size() ||
        (indexed.hash_key && *indexed.hash_key >= aggregate->hash_keys.size())) {
      return Corrupt("KPL aggregate: a key outside its table");
    }
    KplUserRecord& user = records.emplace_back();
    user.partition_key = aggregate->partition_keys[*indexed.partition_key];
    if (indexed.hash_key) user.explicit_hash_key = aggregate->hash_keys[*indexed.hash_key];
    user.data = *indexed.data;
  }
  return records;
}

std::string EncodeKplAggregate(std::span<const KplUserRecord> records) {
  KeyTable partition_keys;
  KeyTable hash_keys;
  std::string encoded_records;
  std::string encoded;
  for (const KplUserRecord& record : records) {
    encoded.clear();
    AppendNumber(encoded, kPartitionKeyIndex, partition_keys.IndexOf(record.partition_key));
    if (record.explicit_hash_key) {
      AppendNumber(encoded, kHashKeyIndex, hash_keys.IndexOf(*record.explicit_hash_key));
    }
    AppendBytes(encoded, kData, record.data);
    AppendBytes(encoded_records, kRecords, encoded);
  }
  std::string message;
  for (std::string_view key : partition_keys.keys()) AppendBytes(message, kPartitionKeyTable, key);
  for (std::string_view key : hash_keys.keys()) AppendBytes(message, kHashKeyTable, key);
  message += encoded_records;
  return std::string(kMagic) + message + std::string(Md5View(codec::Md5(message)));
}

}  // namespace millrace::aws
