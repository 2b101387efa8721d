#include "cli/cluster/status_report.h"

#include <algorithm>
#include <set>

#include "cli/cluster/pod_story.h"
#include "common/resources/conditions.h"
#include "common/resources/resource.h"

namespace millrace::cli {
namespace {

using json::Value;

const Value& ConditionOf(const Value& object, std::string_view type) {
  return resources::FindCondition(object["status"], type);
}

Value Named(const Value& object) {
  const kube::ObjectName name = kube::NameOf(object);
  Value out;
  out.Set("namespace", name.ns);
  out.Set("name", name.name);
  return out;
}

class Reporter {
 public:
  Reporter(const ClusterView& view, const std::string& ns) : view_(view), ns_(ns) {}

  Value Report() {
    Choose();
    Value out;
    out.Set("operators", Operators());
    AddPodsOfOurs();
    out.Set("pools", Pools());
    out.Set("pods", Pods());
    out.Set("streams", Streams());
    AddUsers();
    out.Set("upgrades", std::move(upgrades_));
    out.Set("problems", std::move(problems_));
    json::Array unread;
    for (const std::string& text : view_.unread) unread.emplace_back(text);
    out.Set("unread", std::move(unread));
    return out;
  }

 private:
  bool IsWanted(const Value& object) const { return ns_.empty() || kube::NameOf(object).ns == ns_; }

  // Pools of the namespace, and those that its streams are on.
  void Choose() {
    std::set<const Value*> chosen;
    for (const Value& pool : view_.pools) {
      if (IsWanted(pool)) chosen.insert(&pool);
    }
    for (const Value& stream : view_.streams) {
      if (!IsWanted(stream)) continue;
      if (const Value* pool = PoolOf(view_, stream)) chosen.insert(pool);
    }
    for (const Value& pool : view_.pools) {
      if (chosen.contains(&pool)) pools_.push_back(&pool);
    }
  }

  void AddProblem(const std::string& object, const std::string& ns, const std::string& reason,
                  const std::string& message, WallMs since) {
    Value out;
    out.Set("object", object);
    out.Set("namespace", ns);
    out.Set("reason", reason);
    out.Set("message", message);
    if (since != 0) out.Set("since", resources::FormatTime(since));
    problems_.push_back(std::move(out));
  }

  // What the resource's own conditions complain about.
  void AddProblems(const char* kind, const Value& object) {
    const kube::ObjectName name = kube::NameOf(object);
    const std::string called = std::string(kind) + "/" + name.name;
    if (ConditionOf(object, "Ready").is_null()) {
      const WallMs created = TimeOf(object.At("metadata", "creationTimestamp"));
      return AddProblem(called, name.ns, "NotSeen", "the operator has not looked at it yet",
                        created);
    }
    for (const auto& [type, good] :
         {std::pair("Ready", "True"), {"Reconciled", "True"}, {"Degraded", "False"}}) {
      const Value& condition = ConditionOf(object, type);
      if (condition.is_null() || condition["status"].AsString() == good) continue;
      AddProblem(called, name.ns, condition["reason"].AsString(), condition["message"].AsString(),
                 TimeOf(condition["lastTransitionTime"]));
    }
  }

  json::Array Operators() {
    json::Array out;
    for (const LeaderView& leader : view_.leaders) {
      Value one;
      one.Set("namespace", leader.lease.ns);
      one.Set("lease", leader.lease.name);
      one.Set("leader", leader.holder);
      one.Set("alive", leader.IsAlive(view_.now));
      if (leader.renewed_ms != 0) one.Set("renewed", resources::FormatTime(leader.renewed_ms));
      if (leader.since_ms != 0) one.Set("leadsSince", resources::FormatTime(leader.since_ms));
      out.push_back(std::move(one));
      if (leader.IsAlive(view_.now)) continue;
      AddProblem("lease/" + leader.lease.name, leader.lease.ns, "NoLeader",
                 leader.holder.empty() ? "no operator leads" : "the leading operator is silent",
                 leader.renewed_ms);
    }
    const bool can_tell = std::none_of(view_.unread.begin(), view_.unread.end(),
                                       [](const std::string& t) { return t.starts_with("pods"); });
    if (view_.leaders.empty() && can_tell) {
      AddProblem("operator", "", "NotInstalled", "no operator pod is to be seen", 0);
    }
    return out;
  }

  // Pods of the operator and of the control plane that are not well.
  void AddPodsOfOurs() {
    for (const Value& pod : view_.pods) {
      const bool has_ended = pod.At("status", "phase").AsString() == "Succeeded";
      if (has_ended || !LabelOf(pod, "millrace.dev/workload").empty()) continue;
      const std::optional<Trouble> trouble = PodTrouble(pod);
      if (!trouble) continue;
      AddProblem("pod/" + trouble->finding.name, trouble->finding.ns, trouble->finding.reason,
                 trouble->text, trouble->since_ms);
    }
  }

  json::Array Pools() {
    json::Array out;
    for (const Value* pool : pools_) {
      const Value& status = (*pool)["status"];
      Value one = Named(*pool);
      one.Set("ready", ConditionOf(*pool, "Ready")["status"].AsString() == "True");
      one.Set("replicas", pool->At("spec", "replicas").AsInt());
      one.Set("readyReplicas", status["readyReplicas"].AsInt());
      one.Set("updatedReplicas", status["updatedReplicas"].AsInt());
      one.Set("currentRevision", status["currentRevision"]);
      one.Set("updatedRevision", status["updatedRevision"]);
      one.Set("image", status["image"]);
      one.Set("storageRequested", status.At("storage", "requested"));
      one.Set("storageActual", status.At("storage", "actual"));
      one.Set("storageResizing", status.At("storage", "resizing").AsInt());
      out.push_back(std::move(one));
      AddUpgrade(*pool, "Progressing");
      AddUpgrade(*pool, "StorageResizing");
      AddProblems("streampool", *pool);
    }
    return out;
  }

  void AddUpgrade(const Value& pool, const char* type) {
    const Value& condition = ConditionOf(pool, type);
    const bool is_held = condition["reason"].AsString() == "Paused" &&
                         condition["message"].AsString().find("rollout") != std::string::npos;
    if (condition["status"].AsString() != "True" && !is_held) return;
    const Value& status = pool["status"];
    Value one = Named(pool);
    one.Set("reason", condition["reason"]);
    one.Set("message", condition["message"]);
    one.Set("since", condition["lastTransitionTime"]);
    if (std::string_view(type) == "Progressing") {
      one.Set("updatedReplicas", status["updatedReplicas"].AsInt());
      one.Set("replicas", pool.At("spec", "replicas").AsInt());
    }
    upgrades_.push_back(std::move(one));
  }

  json::Array Pods() {
    json::Array out;
    for (const Value* pool : pools_) {
      const kube::ObjectName name = kube::NameOf(*pool);
      const Value* workload = FindObject(view_.workloads, name.ns, name.name);
      std::set<std::string> draining;
      if (workload) {
        for (const Value& pod : workload->At("status", "draining").AsArray()) {
          draining.insert(pod.AsString());
        }
      }
      for (const Value* pod : OfWorkload(view_.pods, name)) {
        out.push_back(Pod(*pod, name.name, draining));
      }
      for (const Value* claim : OfWorkload(view_.claims, name)) {
        const std::optional<Trouble> trouble = ClaimTrouble(*claim);
        if (!trouble) continue;
        AddProblem("claim/" + trouble->finding.name, name.ns, trouble->finding.reason,
                   trouble->text, trouble->since_ms);
      }
    }
    return out;
  }

  Value Pod(const Value& pod, const std::string& pool, const std::set<std::string>& draining) {
    const kube::ObjectName name = kube::NameOf(pod);
    Value one = Named(pod);
    one.Set("pool", pool);
    const std::optional<Trouble> trouble = PodTrouble(pod);
    one.Set("ready", !trouble);
    one.Set("state", trouble ? trouble->finding.reason : "Running");
    one.Set("node", pod.At("spec", "nodeName"));
    one.Set("revision", LabelOf(pod, "millrace.dev/revision"));
    one.Set("draining", draining.contains(name.name));
    int64_t restarts = 0;
    for (const Value& container : pod.At("status", "containerStatuses").AsArray()) {
      restarts += container["restartCount"].AsInt();
    }
    one.Set("restarts", restarts);
    one.Set("created", pod.At("metadata", "creationTimestamp"));
    if (view_.loads) {
      auto load = view_.loads->find(name.name);
      const PodLoad found = load == view_.loads->end() ? PodLoad{} : load->second;
      one.Set("writeHeads", static_cast<int64_t>(found.heads));
      one.Set("unsealedExtents", static_cast<int64_t>(found.unsealed));
      one.Set("extents", static_cast<int64_t>(found.extents));
    }
    if (trouble) {
      AddProblem("pod/" + name.name, name.ns, trouble->finding.reason, trouble->text,
                 trouble->since_ms);
    }
    return one;
  }

  json::Array Streams() {
    json::Array out;
    for (const Value& stream : view_.streams) {
      if (!IsWanted(stream)) continue;
      const Value& ready = ConditionOf(stream, "Ready");
      Value one = Named(stream);
      one.Set("mode", stream.At("spec", "streamModeDetails", "streamMode"));
      one.Set("shards", stream.At("status", "openShardCount").AsInt());
      one.Set("status", stream.At("status", "streamStatus"));
      one.Set("pool", PoolNameOf(stream));
      one.Set("ready", ready["status"].AsString() == "True");
      one.Set("reason", ready["reason"]);
      one.Set("since", ready["lastTransitionTime"]);
      out.push_back(std::move(one));
      AddProblems("stream", stream);
    }
    return out;
  }

  void AddUsers() {
    for (const Value& user : view_.users) {
      if (IsWanted(user)) AddProblems("streamuser", user);
    }
  }

  const ClusterView& view_;
  const std::string ns_;
  std::vector<const Value*> pools_;
  json::Array upgrades_;
  json::Array problems_;
};

}  // namespace

Value StatusReport(const ClusterView& view, const std::string& ns) {
  return Reporter(view, ns).Report();
}

}  // namespace millrace::cli
