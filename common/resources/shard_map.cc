#include "common/resources/shard_map.h"

#include <charconv>
#include <limits>

namespace millrace::resources {
namespace {

using json::Array;
using json::Object;
using json::Value;

template <typename T>
std::optional<T> ParseDigits(std::string_view text) {
  T value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (text.empty() || error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

// Reads the members of one object and remembers the first that is wrong, so that the readers below
// list fields instead of checks. Lives on the stack of one Parse.
class Fields {
 public:
  Fields(const Value& object, std::string where) : object_(object), where_(std::move(where)) {
    if (!object.is_object()) Fail("", "must be an object");
  }

  template <typename T>
  void Int(std::string_view name, T& out, bool required = true) {
    const Value* value = Get(name, required);
    if (value == nullptr) return;
    const bool fits = value->is_int() && value->AsInt() >= 0 &&
                      static_cast<uint64_t>(value->AsInt()) <=
                          static_cast<uint64_t>(std::numeric_limits<T>::max());
    if (!fits) return Fail(name, "must be an integer in range");
    out = static_cast<T>(value->AsInt());
  }
  template <typename T>
  void OptionalInt(std::string_view name, std::optional<T>& out) {
    if (Get(name, false) == nullptr) return;
    T value{};
    Int(name, value);
    out = value;
  }
  // 64 bits do not survive every reader of JSON numbers, so they travel as text.
  void Uid(std::string_view name, uint64_t& out) {
    const Value* value = Get(name, true);
    if (value == nullptr) return;
    const auto parsed = ParseDigits<uint64_t>(value->AsString());
    if (!parsed) return Fail(name, "must be a decimal string");
    out = *parsed;
  }
  void Key(std::string_view name, HashKey& out) {
    const Value* value = Get(name, true);
    if (value == nullptr) return;
    const auto parsed = HashKey::FromDecimal(value->AsString());
    if (!parsed) return Fail(name, "must be a decimal string below 2^128");
    out = *parsed;
  }
  void Text(std::string_view name, std::string& out, bool required = true) {
    const Value* value = Get(name, required);
    if (value == nullptr) return;
    if (!value->is_string()) return Fail(name, "must be a string");
    out = value->AsString();
  }
  void Bool(std::string_view name, bool& out) {
    const Value* value = Get(name, false);
    if (value == nullptr) return;
    if (!value->is_bool()) return Fail(name, "must be true or false");
    out = value->AsBool();
  }
  // Calls `read(element, place)` for each; a missing list is an empty one.
  template <typename Read>
  void List(std::string_view name, Read read) {
    const Value* value = Get(name, false);
    if (value == nullptr) return;
    if (!value->is_array()) return Fail(name, "must be a list");
    for (size_t i = 0; i < value->AsArray().size() && status_.ok(); ++i) {
      std::string place = where_ + std::string(name) + "[" + std::to_string(i) + "]";
      if (Status read_status = read(value->AsArray()[i], std::move(place)); !read_status.ok()) {
        status_ = read_status;
      }
    }
  }
  void Require(bool holds, std::string_view name, std::string_view what) {
    if (!holds) Fail(name, what);
  }
  const Status& status() const { return status_; }

 private:
  const Value* Get(std::string_view name, bool required) {
    const Value* value = object_.Find(name);
    if (value != nullptr && value->is_null()) value = nullptr;
    if (value == nullptr && required) Fail(name, "is missing");
    return value;
  }
  void Fail(std::string_view name, std::string_view what) {
    if (!status_.ok()) return;
    status_ = InvalidArgument(where_ + std::string(name) + ": " + std::string(what));
  }

  const Value& object_;
  const std::string where_;
  Status status_;
};

Status ParseExtent(const Value& value, std::string where, MapShard& shard) {
  MapExtent extent;
  Fields f(value, where + ".");
  f.Int("epoch", extent.epoch);
  f.Text("owner", extent.owner, /*required=*/false);
  f.Bool("encrypted", extent.encrypted);
  f.OptionalInt("endIndex", extent.end_index);
  f.Text("volume", extent.volume, /*required=*/false);
  f.Bool("lost", extent.lost);
  f.Require(extent.epoch < (uint64_t{1} << 36), "epoch", "must be below 2^36");
  f.Require(shard.extents.empty() || shard.extents.back().epoch < extent.epoch, "epoch",
            "must rise along the chain");
  shard.extents.push_back(std::move(extent));
  return f.status();
}

Status ParseShard(const Value& value, std::string where, std::vector<MapShard>& shards) {
  MapShard shard;
  Fields f(value, where + ".");
  f.Int("index", shard.index);
  f.Key("startingHashKey", shard.start);
  f.Key("endingHashKey", shard.end);
  f.OptionalInt("parent", shard.parent);
  f.OptionalInt("adjacentParent", shard.adjacent_parent);
  f.Int("createdMs", shard.created_ms, /*required=*/false);
  f.OptionalInt("closedMs", shard.closed_ms);
  f.List("extents", [&](const Value& v, std::string place) {
    return ParseExtent(v, std::move(place), shard);
  });
  f.Require(shard.start <= shard.end, "endingHashKey", "must not be below startingHashKey");
  f.Require(shards.empty() || shards.back().index < shard.index, "index",
            "must rise along the list");
  f.Require(shard.closed_ms.has_value() || !shard.extents.empty(), "extents",
            "an open shard needs one");
  shards.push_back(std::move(shard));
  return f.status();
}

Status ParseConsumer(const Value& value, std::string where, std::vector<MapConsumer>& consumers) {
  MapConsumer consumer;
  Fields f(value, where + ".");
  f.Text("name", consumer.name);
  f.Text("arn", consumer.arn);
  f.Int("createdMs", consumer.created_ms, /*required=*/false);
  consumers.push_back(std::move(consumer));
  return f.status();
}

Value ExtentToValue(const MapExtent& extent) {
  Object out{{"epoch", extent.epoch}, {"owner", extent.owner}};
  if (extent.encrypted) out.emplace_back("encrypted", true);
  if (extent.end_index) out.emplace_back("endIndex", *extent.end_index);
  if (!extent.volume.empty()) out.emplace_back("volume", extent.volume);
  if (extent.lost) out.emplace_back("lost", true);
  return out;
}

Value ShardToValue(const MapShard& shard) {
  Object out{{"index", shard.index},
             {"startingHashKey", shard.start.ToDecimal()},
             {"endingHashKey", shard.end.ToDecimal()}};
  if (shard.parent) out.emplace_back("parent", *shard.parent);
  if (shard.adjacent_parent) out.emplace_back("adjacentParent", *shard.adjacent_parent);
  out.emplace_back("createdMs", shard.created_ms);
  if (shard.closed_ms) out.emplace_back("closedMs", *shard.closed_ms);
  Array extents;
  for (const MapExtent& extent : shard.extents) extents.push_back(ExtentToValue(extent));
  out.emplace_back("extents", std::move(extents));
  return out;
}

}  // namespace

std::string HashKey::ToDecimal() const {
  unsigned __int128 value = static_cast<unsigned __int128>(high) << 64 | low;
  char digits[39];
  size_t at = sizeof(digits);
  do {
    digits[--at] = static_cast<char>('0' + static_cast<int>(value % 10));
    value /= 10;
  } while (value != 0);
  return {digits + at, sizeof(digits) - at};
}

std::optional<HashKey> HashKey::FromDecimal(std::string_view text) {
  if (text.empty() || text.size() > 39 || (text[0] == '0' && text.size() > 1)) return std::nullopt;
  constexpr auto kMax = ~static_cast<unsigned __int128>(0);
  unsigned __int128 value = 0;
  for (const char c : text) {
    if (c < '0' || c > '9') return std::nullopt;
    const auto digit = static_cast<unsigned>(c - '0');
    if (value > (kMax - digit) / 10) return std::nullopt;
    value = value * 10 + digit;
  }
  return HashKey{static_cast<uint64_t>(value >> 64), static_cast<uint64_t>(value)};
}

Result<ShardMap> ShardMap::Parse(const Value& spec) {
  ShardMap map;
  Fields f(spec, "spec.");
  f.Int("version", map.version);
  f.Int("servingVersion", map.serving_version, /*required=*/false);
  f.Uid("streamUid", map.stream_uid);
  f.Text("streamName", map.stream_name);
  f.Text("streamArn", map.stream_arn);
  f.Text("pool", map.pool, /*required=*/false);
  f.Text("poolNamespace", map.pool_namespace, /*required=*/false);
  f.Bool("deleting", map.deleting);
  f.Int("dropAfterMs", map.drop_after_ms, /*required=*/false);
  f.Bool("onDemand", map.on_demand);
  f.Bool("enforceShardLimits", map.enforce_shard_limits);
  f.Bool("autoDistribution", map.auto_distribution);
  f.Bool("encrypted", map.encrypted);
  f.Text("keyId", map.key_id, /*required=*/false);
  f.Int("retentionHours", map.retention_hours);
  f.Int("maxRecordKib", map.max_record_kib);
  f.Int("createdMs", map.created_ms, /*required=*/false);
  f.Int("nextShardIndex", map.next_shard_index);
  f.Int("lastEpoch", map.last_epoch);
  f.List("shardLevelMetrics", [&](const Value& v, const std::string& place) {
    if (!v.is_string()) return InvalidArgument(place + ": must be a string");
    map.shard_level_metrics.push_back(v.AsString());
    return OkStatus();
  });
  f.List("shards", [&](const Value& v, std::string place) {
    return ParseShard(v, std::move(place), map.shards);
  });
  f.List("consumers", [&](const Value& v, std::string place) {
    return ParseConsumer(v, std::move(place), map.consumers);
  });
  f.Require(!map.stream_name.empty(), "streamName", "must not be empty");
  RETURN_IF_ERROR(f.status());
  return map;
}

Value ShardMap::ToValue() const {
  Object out{{"version", version},
             {"servingVersion", serving_version},
             {"streamUid", std::to_string(stream_uid)},
             {"streamName", stream_name},
             {"streamArn", stream_arn},
             {"pool", pool},
             {"onDemand", on_demand},
             {"enforceShardLimits", enforce_shard_limits},
             {"autoDistribution", auto_distribution},
             {"encrypted", encrypted},
             {"keyId", key_id},
             {"retentionHours", int64_t{retention_hours}},
             {"maxRecordKib", int64_t{max_record_kib}},
             {"createdMs", created_ms},
             {"nextShardIndex", next_shard_index},
             {"lastEpoch", last_epoch}};
  if (!pool_namespace.empty()) out.emplace_back("poolNamespace", pool_namespace);
  if (deleting) {
    out.emplace_back("deleting", true);
    out.emplace_back("dropAfterMs", drop_after_ms);
  }
  Array metrics_out(shard_level_metrics.begin(), shard_level_metrics.end());
  Array shards_out;
  for (const MapShard& shard : shards) shards_out.push_back(ShardToValue(shard));
  Array consumers_out;
  for (const MapConsumer& c : consumers) {
    consumers_out.push_back(Object{{"name", c.name}, {"arn", c.arn}, {"createdMs", c.created_ms}});
  }
  out.emplace_back("shardLevelMetrics", std::move(metrics_out));
  out.emplace_back("shards", std::move(shards_out));
  out.emplace_back("consumers", std::move(consumers_out));
  return out;
}

std::string ShardIdName(uint32_t index) {
  std::string digits = std::to_string(index);
  return "shardId-" + std::string(12 - digits.size(), '0') + digits;
}

std::optional<uint32_t> ParseShardId(std::string_view name) {
  constexpr std::string_view kPrefix = "shardId-";
  if (name.size() != kPrefix.size() + 12 || !name.starts_with(kPrefix)) return std::nullopt;
  name.remove_prefix(kPrefix.size());
  if (name.find_first_not_of("0123456789") != std::string_view::npos) return std::nullopt;
  return ParseDigits<uint32_t>(name);
}

}  // namespace millrace::resources
