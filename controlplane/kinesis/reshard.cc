#include <algorithm>

#include "controlplane/kinesis/operations.h"

namespace millrace::controlplane {

using resources::Resource;
using resources::StreamSpec;

using resources::HashKey;
using resources::MapShard;

namespace {

Status OnlyProvisioned(const StreamView& view, std::string_view operation) {
  if (view.spec.stream_mode == "PROVISIONED") return OkStatus();
  return {Code::kValidation, std::string(operation) +
                                 " is not supported for on-demand streams; stream " + view.name +
                                 " is in ON_DEMAND mode."};
}

Result<const MapShard*> FindShard(KinesisControl& control, const StreamView& view,
                                  const std::string& id) {
  std::optional<uint32_t> index = resources::ParseShardId(id);
  if (index && view.map) {
    for (const MapShard& shard : view.map->shards) {
      if (shard.index == *index) return &shard;
    }
  }
  return NotFound("Could not find shard " + id + " in stream " + view.name + " under account " +
                  control.catalog.options().account + ".");
}

// The key after this one, which is not the last.
HashKey NextKey(HashKey key) {
  return key.low == UINT64_MAX ? HashKey{key.high + 1, 0} : HashKey{key.high, key.low + 1};
}

Status MustBeOpen(const StreamView& view, const MapShard& shard) {
  if (!shard.closed_ms) return OkStatus();
  return {Code::kResourceInUse, "Shard " + resources::ShardIdName(shard.index) + " in stream " +
                                    view.name + " is closed and cannot be changed."};
}

// The wish goes into the resource with the count that follows from it; the operator does the rest.
Status RequestReshard(KinesisControl& control, const StreamView& view, const json::Value& request,
                      int delta) {
  auto changed = control.catalog.Change(view, [&](Resource& resource, StreamSpec& spec) -> Status {
    if (ApiStatus(resource) != "ACTIVE") {
      return {Code::kResourceInUse, "Stream " + view.name + " under account " +
                                        control.catalog.options().account +
                                        " not ACTIVE, instead in state " + ApiStatus(resource)};
    }
    resource.annotations[std::string(resources::kReshardAnnotation)] = json::WriteJson(request);
    spec.shard_count = static_cast<int32_t>(OpenShardCount(view) + delta);
    return OkStatus();
  });
  return changed.ok() ? OkStatus() : changed.status();
}

}  // namespace

Handler SplitShard(KinesisControl& control) {
  return [&control](const aws::RequestContext&, json::Value input) -> Result<json::Value> {
    ASSIGN_OR_RETURN(StreamView view, control.catalog.FindActive(input));
    RETURN_IF_ERROR(OnlyProvisioned(view, "SplitShard"));
    ASSIGN_OR_RETURN(const MapShard* shard,
                     FindShard(control, view, input["ShardToSplit"].AsString()));
    RETURN_IF_ERROR(MustBeOpen(view, *shard));
    const std::string& text = input["NewStartingHashKey"].AsString();
    std::optional<HashKey> start = HashKey::FromDecimal(text);
    // AWS's words below: a first child of a single key is refused, too.
    if (!start || *start <= shard->start || *start == NextKey(shard->start) ||
        *start >= shard->end) {
      return InvalidArgument("NewStartingHashKey " + text + " used in SplitShard() on shard " +
                             resources::ShardIdName(shard->index) + " in stream " + view.name +
                             " under account " + control.catalog.options().account +
                             " is not both greater than one plus the shard's StartingHashKey " +
                             shard->start.ToDecimal() +
                             " and less than the shard's EndingHashKey " + shard->end.ToDecimal() +
                             ".");
    }
    json::Value request;
    request.Set("op", "split");
    request.Set("shard", int64_t{shard->index});
    request.Set("newStartingHashKey", text);
    RETURN_IF_ERROR(RequestReshard(control, view, request, +1));
    return json::Value(json::Object{});
  };
}

Handler MergeShards(KinesisControl& control) {
  return [&control](const aws::RequestContext&, json::Value input) -> Result<json::Value> {
    ASSIGN_OR_RETURN(StreamView view, control.catalog.FindActive(input));
    RETURN_IF_ERROR(OnlyProvisioned(view, "MergeShards"));
    ASSIGN_OR_RETURN(const MapShard* shard,
                     FindShard(control, view, input["ShardToMerge"].AsString()));
    ASSIGN_OR_RETURN(const MapShard* other,
                     FindShard(control, view, input["AdjacentShardToMerge"].AsString()));
    RETURN_IF_ERROR(MustBeOpen(view, *shard));
    RETURN_IF_ERROR(MustBeOpen(view, *other));
    auto touches = [](const MapShard& a, const MapShard& b) {
      return a.end != HashKey::Max() && NextKey(a.end) == b.start;
    };
    if (!touches(*shard, *other) && !touches(*other, *shard)) {
      return InvalidArgument("Shards " + resources::ShardIdName(shard->index) + " and " +
                             resources::ShardIdName(other->index) + " in stream " + view.name +
                             " under account " + control.catalog.options().account +
                             " are not an adjacent pair of shards eligible for merging");
    }
    json::Value request;
    request.Set("op", "merge");
    request.Set("shard", int64_t{shard->index});
    request.Set("adjacent", int64_t{other->index});
    RETURN_IF_ERROR(RequestReshard(control, view, request, -1));
    return json::Value(json::Object{});
  };
}

Handler UpdateShardCount(KinesisControl& control) {
  return [&control](const aws::RequestContext&, json::Value input) -> Result<json::Value> {
    ASSIGN_OR_RETURN(StreamView view, control.catalog.FindActive(input));
    RETURN_IF_ERROR(OnlyProvisioned(view, "UpdateShardCount"));
    int64_t current = OpenShardCount(view);
    int64_t target = input["TargetShardCount"].AsInt();
    std::string counts = " Current open shard count: " + std::to_string(current) +
                         " Target shard count: " + std::to_string(target);
    if (target > 2 * current) {
      return InvalidArgument(
          "UpdateShardCount cannot scale up over double your current open shard count." + counts);
    }
    if (2 * target < current) {
      return InvalidArgument(
          "UpdateShardCount cannot scale down below half your current open shard count." + counts);
    }
    if (target > control.limits.shards_max) {
      return Status(Code::kLimitExceeded,
                    "The target shard count exceeds the shard limit of the account: " +
                        std::to_string(control.limits.shards_max) + ".");
    }
    auto changed = control.catalog.Change(view, [&](Resource&, StreamSpec& spec) -> Status {
      spec.shard_count = static_cast<int32_t>(target);
      return OkStatus();
    });
    if (!changed.ok()) return changed.status();
    json::Value out;
    out.Set("StreamName", view.name);
    out.Set("CurrentShardCount", current);
    out.Set("TargetShardCount", target);
    out.Set("StreamARN", view.arn);
    return out;
  };
}

}  // namespace millrace::controlplane
