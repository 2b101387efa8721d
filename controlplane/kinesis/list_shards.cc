#include <algorithm>

#include "controlplane/kinesis/operations.h"

namespace millrace::controlplane {

using resources::Resource;
using resources::StreamSpec;

using resources::MapShard;

namespace {

constexpr int64_t kShardsPerPageMax = 1000;
constexpr WallMs kHourMs = 3'600'000;

// Which shards a filter lets through; a stream's whole life is on its map's own clock.
struct ShardFilter {
  std::string type = "FROM_TRIM_HORIZON";
  std::optional<uint32_t> after;
  WallMs at = 0;

  bool Holds(const MapShard& shard) const {
    bool open_at = shard.created_ms <= at && (!shard.closed_ms || *shard.closed_ms > at);
    if (type == "AFTER_SHARD_ID") return shard.index > *after;
    if (type == "AT_LATEST") return !shard.closed_ms;
    if (type == "AT_TRIM_HORIZON" || type == "AT_TIMESTAMP") return open_at;
    // FROM_TIMESTAMP and FROM_TRIM_HORIZON: whatever was open then or has been since.
    return !shard.closed_ms || *shard.closed_ms >= at;
  }
};

Result<ShardFilter> FilterOf(const json::Value& input, const StreamView& view, WallMs now) {
  ShardFilter filter;
  const json::Value& wanted = input["ShardFilter"];
  WallMs created = view.map ? view.map->created_ms : now;
  // The oldest moment that can be asked for: shards made with the stream count as open at it.
  WallMs first = now;
  if (view.map) {
    for (const MapShard& shard : view.map->shards) first = std::min(first, shard.created_ms);
  }
  WallMs horizon = std::max(first, now - view.spec.retention_period_hours * kHourMs);
  filter.at = horizon;
  if (wanted.is_null()) return filter;
  filter.type = wanted["Type"].AsString();
  bool by_time = filter.type == "AT_TIMESTAMP" || filter.type == "FROM_TIMESTAMP";
  if (filter.type == "AFTER_SHARD_ID") {
    const json::Value& shard = wanted["ShardId"];
    if (shard.is_null())
      return InvalidArgument("ShardId must be provided with the AFTER_SHARD_ID filter.");
    filter.after = resources::ParseShardId(shard.AsString());
    if (!filter.after)
      return InvalidArgument("ShardId " + shard.AsString() + " is not a shard id.");
  } else if (!wanted["ShardId"].is_null()) {
    return InvalidArgument("ShardId can only be provided with the AFTER_SHARD_ID filter.");
  }
  if (by_time) {
    const json::Value& time = wanted["Timestamp"];
    if (time.is_null())
      return InvalidArgument("Timestamp must be provided with the " + filter.type + " filter.");
    if (time.AsTimestampMs() > now) return InvalidArgument("Timestamp must not be in the future.");
    if (time.AsTimestampMs() < created / 1000 * 1000) {
      return InvalidArgument("Timestamp must not be before the creation of the stream.");
    }
    filter.at = std::max(time.AsTimestampMs(), horizon);
  } else if (!wanted["Timestamp"].is_null()) {
    return InvalidArgument(
        "Timestamp can only be provided with the AT_TIMESTAMP and FROM_TIMESTAMP filters.");
  }
  return filter;
}

// The rest of the input travels in the token: a follow-up call brings nothing else.
Status RefuseBesideToken(const json::Value& input) {
  for (std::string_view name : {"StreamName", "ExclusiveStartShardId", "StreamCreationTimestamp"}) {
    if (!input[name].is_null()) {
      return InvalidArgument("NextToken and " + std::string(name) +
                             " cannot be provided together.");
    }
  }
  return OkStatus();
}

}  // namespace

Handler ListShards(KinesisControl& control) {
  return [&control](const aws::RequestContext&, json::Value input) -> Result<json::Value> {
    std::optional<uint32_t> after;
    json::Value asked = input;
    if (const json::Value& token = input["NextToken"]; !token.is_null()) {
      RETURN_IF_ERROR(RefuseBesideToken(input));
      ASSIGN_OR_RETURN(json::Value position, control.tokens.Read("ListShards", token.AsString()));
      after = static_cast<uint32_t>(position["after"].AsInt());
      asked = json::Object{};
      asked.Set("StreamName", position["stream"]);
      if (!position["filter"].is_null()) {
        json::Value filter = position["filter"];
        if (filter["Timestamp"].is_int())
          filter.Set("Timestamp", json::Timestamp{filter["Timestamp"].AsInt()});
        asked.Set("ShardFilter", std::move(filter));
      }
    } else if (const json::Value& start = input["ExclusiveStartShardId"]; !start.is_null()) {
      after = resources::ParseShardId(start.AsString());
      if (!after)
        return InvalidArgument("ExclusiveStartShardId " + start.AsString() + " is not a shard id.");
    }
    ASSIGN_OR_RETURN(StreamView view, control.catalog.FindFor(asked));
    ASSIGN_OR_RETURN(ShardFilter filter, FilterOf(asked, view, control.clock.WallNow()));
    int64_t limit = std::min(input["MaxResults"].AsInt(kShardsPerPageMax), kShardsPerPageMax);
    json::Value shards = json::Array{};
    json::Value out;
    uint32_t last = 0;
    if (view.map) {
      for (const MapShard& shard : view.map->shards) {
        if ((after && shard.index <= *after) || !filter.Holds(shard)) continue;
        if (static_cast<int64_t>(shards.AsArray().size()) == limit) {
          json::Value position;
          position.Set("stream", view.name);
          position.Set("after", int64_t{last});
          if (asked.Has("ShardFilter")) {
            json::Value kept = asked["ShardFilter"];
            if (kept["Timestamp"].is_timestamp())
              kept.Set("Timestamp", kept["Timestamp"].AsTimestampMs());
            position.Set("filter", std::move(kept));
          }
          out.Set("NextToken", control.tokens.Make("ListShards", position));
          break;
        }
        shards.Append(DescribeShard(shard));
        last = shard.index;
      }
    }
    out.Set("Shards", std::move(shards));
    return out;
  };
}

}  // namespace millrace::controlplane
