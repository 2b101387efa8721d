#pragma once

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "cli/cluster/cluster_view.h"
#include "common/resources/resource.h"
#include "tests/support/fake_kube_api.h"

namespace millrace::cli {

inline json::Value Json(std::string_view text) {
  auto parsed = json::ParseJson(text);
  EXPECT_TRUE(parsed.ok()) << parsed.status().ToString() << "\n" << text;
  return parsed.value_or(json::Value());
}

inline WallMs Noon() { return *resources::ParseTime("2026-11-21T12:00:00Z"); }

// A condition that turned five minutes before noon.
inline json::Value Condition(const char* type, bool value, const char* reason,
                             const char* message = "") {
  json::Value out;
  out.Set("type", type);
  out.Set("status", value ? "True" : "False");
  out.Set("reason", reason);
  out.Set("message", message);
  out.Set("lastTransitionTime", "2026-11-21T11:55:00Z");
  return out;
}

inline json::Value Object(const char* kind, const std::string& ns, const std::string& name,
                          json::Array conditions = {}) {
  json::Value out;
  out.Set("apiVersion", "millrace.dev/v1alpha1");
  out.Set("kind", kind);
  out["metadata"].Set("namespace", ns);
  out["metadata"].Set("name", name);
  out["metadata"].Set("generation", 1);
  out["metadata"].Set("creationTimestamp", "2026-11-21T11:00:00Z");
  out["spec"].Set("replicas", 2);
  out["status"].Set("observedGeneration", 1);
  out["status"].Set("conditions", std::move(conditions));
  return out;
}

inline json::Value ShardPod(const std::string& name, const std::string& workload = "default",
                            const std::string& ns = "millrace") {
  json::Value out = Json(R"({"apiVersion":"v1","kind":"Pod","metadata":{
    "creationTimestamp":"2026-11-21T11:00:00Z","labels":{
      "app.kubernetes.io/part-of":"millrace","app.kubernetes.io/component":"shard"}},
    "spec":{"nodeName":"n1","containers":[{"name":"shard","image":"millrace:1"}]},
    "status":{"phase":"Running","conditions":[{"type":"Ready","status":"True",
      "lastTransitionTime":"2026-11-21T11:55:00Z"}],
      "containerStatuses":[{"name":"shard","restartCount":0,"state":{"running":{}}}]}})");
  out["metadata"].Set("namespace", ns);
  out["metadata"].Set("name", name);
  out["metadata"]["labels"].Set("millrace.dev/workload", workload);
  return out;
}

inline json::Value OperatorPod() {
  json::Value out = ShardPod("m-operator-1");
  out["metadata"]["labels"].Remove("millrace.dev/workload");
  out["metadata"]["labels"].Set("app.kubernetes.io/component", "operator");
  out["metadata"]["labels"].Set("app.kubernetes.io/instance", "m");
  return out;
}

inline json::Value ShardClaim(const std::string& pod) {
  json::Value out = Json(R"({"apiVersion":"v1","kind":"PersistentVolumeClaim","metadata":{
    "namespace":"millrace","creationTimestamp":"2026-11-21T11:50:00Z",
    "labels":{"millrace.dev/workload":"default"}},"spec":{"storageClassName":"fast"},
    "status":{"phase":"Bound"}})");
  out["metadata"].Set("name", "data-" + pod);
  return out;
}

// A pod that no node has room for.
inline json::Value UnschedulablePod(const std::string& name) {
  json::Value out = ShardPod(name);
  out.Set("status", Json(R"({"phase":"Pending","conditions":[{"type":"PodScheduled",
    "status":"False","reason":"Unschedulable","lastTransitionTime":"2026-11-21T11:58:00Z",
    "message":"0/3 nodes are available: 3 Insufficient memory."}]})"));
  return out;
}

inline json::Value WarningAbout(const char* kind, const std::string& name, const char* reason,
                                const char* note) {
  json::Value out = Json(R"({"type":"Warning","eventTime":"2026-11-21T11:50:00.000000Z",
    "series":{"count":7,"lastObservedTime":"2026-11-21T11:59:00.000000Z"}})");
  out["regarding"].Set("kind", kind);
  out["regarding"].Set("name", name);
  out["regarding"].Set("namespace", "millrace");
  out.Set("reason", reason);
  out.Set("note", note);
  return out;
}

// Two pods in one pool of namespace millrace and a stream of namespace team on them; all is well.
inline ClusterView GoodView() {
  ClusterView view;
  view.now = Noon();
  view.streams.push_back(
      Object("Stream", "team", "orders", {Condition("Ready", true, "Active", "4 shards serving")}));
  view.pools.push_back(Object(
      "StreamPool", "millrace", "default",
      {Condition("Ready", true, "AllReady", "2 of 2 pods are ready"),
       Condition("Degraded", false, "AllWell"), Condition("Reconciled", true, "Reconciled")}));
  view.workloads.push_back(
      Object("Workload", "millrace", "default", {Condition("Ready", true, "AllReady")}));
  view.pods = {ShardPod("default-0"), ShardPod("default-1"), OperatorPod()};
  view.claims = {ShardClaim("default-0"), ShardClaim("default-1")};
  view.leaders.push_back(
      {{"millrace", "m-operator"}, "m-operator-1_ab", view.now - 1'000, view.now - 3'600'000});
  view.loads.emplace();
  return view;
}

// One stream's map with an extent an owner: the last is the head.
inline resources::ShardMap MapOn(const std::vector<std::string>& owners,
                                 const std::string& stream = "orders") {
  resources::ShardMap map;
  map.version = map.serving_version = 1;
  map.stream_uid = 7;
  map.stream_name = stream;
  map.stream_arn = "arn:aws:kinesis:us-east-1:000000000000:stream/" + stream;
  map.created_ms = 1;
  map.next_shard_index = 1;
  resources::MapShard shard;
  shard.end = resources::HashKey::Max();
  shard.created_ms = 1;
  for (const std::string& owner : owners) {
    resources::MapExtent extent;
    extent.epoch = ++map.last_epoch;
    extent.owner = owner;
    if (&owner != &owners.back()) extent.end_index = 10;
    shard.extents.push_back(extent);
  }
  map.shards.push_back(shard);
  return map;
}

// A cluster behind an API server in memory.
class ClusterTest : public ::testing::Test {
 protected:
  void Make(const kube::ResourceType& type, json::Value object) {
    const json::Value status = object["status"];
    Result<json::Value> made = client_.Create(type, object);
    ASSERT_TRUE(made.ok()) << made.status().ToString();
    if (type.group != "millrace.dev" || status.is_null()) return;
    made->Set("status", status);
    ASSERT_TRUE(client_.UpdateStatus(type, *made).ok());
  }
  void MakeMap(const resources::ShardMap& map, const std::string& ns = "team") {
    json::Value object = Object("ShardMap", ns, map.stream_name);
    object.Remove("status");
    object.Set("spec", map.ToValue());
    Make(types::ShardMap(), object);
  }
  void SetMap(const resources::ShardMap& map, const std::string& ns = "team") {
    json::Value patch;
    patch.Set("spec", map.ToValue());
    const auto done = client_.MergePatch(types::ShardMap(), {ns, map.stream_name}, patch);
    ASSERT_TRUE(done.ok()) << done.status().ToString();
  }
  // What GoodView is made of, in the API.
  void MakeGoodCluster() {
    const ClusterView view = GoodView();
    for (const auto& object : view.streams) Make(types::Stream(), object);
    for (const auto& object : view.pools) Make(types::StreamPool(), object);
    for (const auto& object : view.workloads) Make(types::Workload(), object);
    for (const auto& object : view.pods) Make(kube::types::Pod(), object);
    for (const auto& object : view.claims) {
      Make(kube::types::PersistentVolumeClaim(), object);
    }
  }
  // Calls of a resource are refused, as to a user without the right.
  void Forbid(const std::string& path_part) {
    api_.Intercept(
        [=](const net::HttpRequest& request, const testing_support::FakeKubeApi::Writer& writer) {
          if (request.path.find(path_part) == std::string_view::npos) return false;
          testing_support::FakeKubeApi::SendStatus(writer, 403, "Forbidden",
                                                   "you may not list " + path_part);
          return true;
        });
  }

  testing_support::FakeKubeApi api_;
  kube::Client client_{api_.access()};
};

}  // namespace millrace::cli
