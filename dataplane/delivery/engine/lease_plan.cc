#include "dataplane/delivery/engine/lease_plan.h"

#include <algorithm>

#include "common/json/value.h"

namespace millrace::delivery {

namespace {

bool IsComplete(const LeaseInput& input, const std::string& shard) {
  const auto at = input.leases.find(shard);
  return at != input.leases.end() && at->second.is_complete;
}

bool IsExpired(const LeaseInput& input, const std::string& shard) {
  const auto seen = input.seen.find(shard);
  return seen != input.seen.end() && input.now - seen->second.since >= input.lease_time;
}

// Shards that somebody should deliver now.
std::vector<std::string> ReadyShards(const LeaseInput& input) {
  std::set<std::string> listed;
  for (const auto& shard : input.shards) listed.insert(shard.id);
  std::vector<std::string> ready;
  for (const auto& shard : input.shards) {
    const bool waits = std::any_of(shard.parents.begin(), shard.parents.end(), [&](const auto& id) {
      return listed.contains(id) && !IsComplete(input, id);
    });
    if (!waits && !IsComplete(input, shard.id)) ready.push_back(shard.id);
  }
  return ready;
}

}  // namespace

Result<Lease> Lease::Parse(const std::string& text) {
  ASSIGN_OR_RETURN(json::Value value, json::ParseJson(text));
  const json::Value* counter = value.Find("counter");
  if (!counter || !counter->is_int()) return Corrupt("a lease without a counter: " + text);
  auto get = [&](std::string_view name) {
    const json::Value* member = value.Find(name);
    return member ? member->AsString() : std::string();
  };
  const json::Value* complete = value.Find("complete");
  return Lease{get("owner"), static_cast<uint64_t>(counter->AsInt()), get("position"),
               complete && complete->AsBool()};
}

std::string Lease::ToText() const {
  return json::WriteJson(json::Object{
      {"owner", owner}, {"counter", counter}, {"position", position}, {"complete", is_complete}});
}

LeasePlan PlanLeases(const LeaseInput& input) {
  LeasePlan plan;
  std::set<std::string> listed;
  for (const auto& shard : input.shards) listed.insert(shard.id);
  for (const auto& [shard, lease] : input.leases)
    if (lease.is_complete && !listed.contains(shard)) plan.forget.push_back(shard);

  const std::vector<std::string> ready = ReadyShards(input);
  std::vector<std::string> free;
  std::map<std::string, std::vector<std::string>> held;  // by living owner
  held[input.me];
  for (const std::string& shard : ready) {
    const auto at = input.leases.find(shard);
    const bool is_mine = at != input.leases.end() && at->second.owner == input.me;
    if (is_mine)
      held[input.me].push_back(shard);
    else if (at == input.leases.end() || at->second.owner.empty() || IsExpired(input, shard))
      free.push_back(shard);
    else
      held[at->second.owner].push_back(shard);
  }
  const size_t share = (ready.size() + held.size() - 1) / held.size();
  size_t mine = held[input.me].size();
  for (const std::string& shard : free) {
    if (mine >= share) break;
    plan.take.push_back(shard);
    ++mine;
  }
  if (!plan.take.empty() || mine >= share) return plan;
  const auto richest = std::max_element(held.begin(), held.end(), [](const auto& a, const auto& b) {
    return a.second.size() < b.second.size();
  });
  // Only where both are better off: else shards would wander to and fro.
  if (richest->second.size() > mine + 1) plan.take.push_back(richest->second.front());
  return plan;
}

}  // namespace millrace::delivery
