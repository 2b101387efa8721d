#include "controlplane/kinesis/operations.h"

namespace millrace::controlplane {

using resources::Resource;
using resources::StreamSpec;

namespace {

constexpr std::string_view kKind = "AccountSettings";
constexpr WallMs kCommitmentMs = 24 * 3'600'000;

resources::ResourceKey SettingsKey(KinesisControl& control) {
  return {control.catalog.options().ns, control.catalog.options().account};
}

json::Value Answer(json::Value commitment) {
  json::Value out;
  out.Set("MinimumThroughputBillingCommitment", std::move(commitment));
  return out;
}

// The commitment as the API shows it, from what the resource holds.
json::Value Shown(const json::Value& spec, WallMs now) {
  json::Value out;
  std::string status = spec["status"].AsString().empty() ? "DISABLED" : spec["status"].AsString();
  WallMs allowed_end = spec["earliestAllowedEndMs"].AsInt();
  if (status == "ENABLED_UNTIL_EARLIEST_ALLOWED_END" && now >= allowed_end) status = "DISABLED";
  out.Set("Status", status);
  if (status != "DISABLED") {
    out.Set("StartedAt", json::Timestamp{spec["startedMs"].AsInt()});
    out.Set("EarliestAllowedEndAt", json::Timestamp{allowed_end});
  } else if (allowed_end > 0) {
    out.Set("EndedAt", json::Timestamp{spec["endedMs"].AsInt(allowed_end)});
  }
  return out;
}

}  // namespace

Result<json::Value> ReadAccountSettings(KinesisControl& control) {
  Result<Resource> found = control.catalog.store().Get(kKind, SettingsKey(control));
  if (!found.ok() && found.status().code() != Code::kNotFound) return found.status();
  return Shown(found.ok() ? found->spec : json::Value(), control.clock.WallNow());
}

Handler DescribeAccountSettings(KinesisControl& control) {
  return [&control](const aws::RequestContext&, json::Value) -> Result<json::Value> {
    ASSIGN_OR_RETURN(json::Value commitment, ReadAccountSettings(control));
    return Answer(std::move(commitment));
  };
}

Handler UpdateAccountSettings(KinesisControl& control) {
  return [&control](const aws::RequestContext&, json::Value input) -> Result<json::Value> {
    bool enable = input.At("MinimumThroughputBillingCommitment", "Status").AsString() == "ENABLED";
    WallMs now = control.clock.WallNow();
    Result<Resource> found = control.catalog.store().Get(kKind, SettingsKey(control));
    if (!found.ok() && found.status().code() != Code::kNotFound) return found.status();
    Resource settings;
    if (found.ok()) settings = *found;
    settings.kind = kKind;
    settings.key = SettingsKey(control);
    std::string status = Shown(settings.spec, now)["Status"].AsString();
    if (enable && status == "DISABLED") {
      settings.spec.Set("startedMs", now);
      settings.spec.Set("earliestAllowedEndMs", now + kCommitmentMs);
    }
    if (enable) {
      settings.spec.Set("status", "ENABLED");
    } else if (status != "DISABLED") {
      bool inside = now < settings.spec["earliestAllowedEndMs"].AsInt();
      settings.spec.Set("status", inside ? "ENABLED_UNTIL_EARLIEST_ALLOWED_END" : "DISABLED");
      if (!inside) settings.spec.Set("endedMs", now);
    }
    Result<Resource> written = found.ok() ? control.catalog.store().Update(settings)
                                          : control.catalog.store().Create(settings);
    if (!written.ok()) return written.status();
    return Answer(Shown(written->spec, now));
  };
}

Handler DescribeLimits(KinesisControl& control) {
  return [&control](const aws::RequestContext&, json::Value) -> Result<json::Value> {
    ASSIGN_OR_RETURN(const AccountUse use, control.catalog.Use());
    json::Value out;
    out.Set("ShardLimit", control.limits.shards_max);
    out.Set("OpenShardCount", use.open_shards);
    out.Set("OnDemandStreamCount", use.on_demand);
    out.Set("OnDemandStreamCountLimit", control.limits.on_demand_streams_max);
    out.Set("ChannelCount", 0);
    out.Set("ChannelCountLimit", 0);
    return out;
  };
}

}  // namespace millrace::controlplane
