#include "cli/cluster/why_chain.h"

#include <algorithm>
#include <array>
#include <set>

#include "cli/cluster/pod_story.h"
#include "cli/cluster/text_layout.h"
#include "common/resources/conditions.h"

namespace millrace::cli {
namespace {

using json::Value;

constexpr size_t kEventsMax = 5;  // of one object
constexpr WallMs kEventAgeMax = 3'600'000;

WallMs EventTime(const Value& event) {
  return std::max({TimeOf(event.At("series", "lastObservedTime")), TimeOf(event["eventTime"]),
                   TimeOf(event["deprecatedLastTimestamp"])});
}

int64_t EventCount(const Value& event) {
  return std::max(
      {event.At("series", "count").AsInt(), event["deprecatedCount"].AsInt(), int64_t{1}});
}

// One walk, from the resource that was asked about downwards.
class Walk {
 public:
  explicit Walk(const ClusterView& view) : view_(view) {}

  void Stream(const Value& stream) {
    const bool is_well = Resource("stream", stream, 0);
    if (!is_well) Events("Stream", stream, 1);
    const Value* pool = PoolOf(view_, stream);
    if (pool) {
      if (!Pool(*pool, 1) || !is_well) Operator(1);
      return;
    }
    if (is_well) return;
    const std::string name = PoolNameOf(stream);
    Say(1, "streampool/" + name, "is not there, in no namespace that can be seen");
    Advise({"stream", "", name, "PoolNotFound", ""});
    Operator(1);
  }

  // Whether it and what it depends on are well.
  bool Pool(const Value& pool, int depth) {
    bool is_well = Resource("streampool", pool, depth);
    if (!is_well) Events("StreamPool", pool, depth + 1);
    const kube::ObjectName name = kube::NameOf(pool);
    const Value* workload = FindObject(view_.workloads, name.ns, name.name);
    if (workload) return Workload(*workload, depth + 1) && is_well;
    Say(depth + 1, "workload/" + name.name, "is not made yet");
    answer_.is_well = false;
    return false;
  }

  bool Workload(const Value& workload, int depth) {
    bool is_well = Resource("workload", workload, depth);
    if (!is_well) Events("Workload", workload, depth + 1);
    const kube::ObjectName name = kube::NameOf(workload);
    const int64_t wanted = workload.At("spec", "replicas").AsInt();
    for (int64_t i = 0; i < wanted; ++i) {
      const std::string pod = name.name + "-" + std::to_string(i);
      if (FindObject(view_.pods, name.ns, pod)) continue;
      is_well = false;
      Say(depth + 1, "pod/" + pod, "is not there");
      Advise({"pod", name.ns, pod, "Missing", ""});
    }
    for (const Value* pod : OfWorkload(view_.pods, name)) is_well = Pod(*pod, depth + 1) && is_well;
    for (const Value* claim : OfWorkload(view_.claims, name)) {
      is_well = Claim(*claim, depth + 1) && is_well;
    }
    answer_.is_well = answer_.is_well && is_well;
    return is_well;
  }

  void User(const Value& user) {
    const bool is_well = Resource("streamuser", user, 0);
    if (is_well) return;
    Events("StreamUser", user, 1);
    Operator(1);
  }

  void OnePod(const Value& pod) {
    const kube::ObjectName name = kube::NameOf(pod);
    if (Pod(pod, 0)) Say(0, "pod/" + name.name, "in " + name.ns + " is ready");
    if (const Value* claim = FindObject(view_.claims, name.ns, "data-" + name.name)) {
      Claim(*claim, 1);
    }
  }

  // Who should act on all this.
  void Operator(int depth) {
    for (const Value& pod : view_.pods) {
      if (LabelOf(pod, "app.kubernetes.io/component") == "operator") Pod(pod, depth);
    }
    if (view_.leaders.empty()) {
      Say(depth, "operator", "no operator pod is to be seen");
      return Advise({"operator", "", "", "NotInstalled", ""});
    }
    for (const LeaderView& leader : view_.leaders) {
      if (leader.IsAlive(view_.now)) continue;
      const std::string who =
          leader.holder.empty()
              ? "nobody leads"
              : leader.holder + " led and has been silent for " + Ago(leader.renewed_ms, view_.now);
      Say(depth, "operator", who + " (lease " + leader.lease.ToString() + ")");
      Advise({"operator", leader.lease.ns, leader.lease.name, "NoLeader", ""});
    }
  }

  WhyAnswer Take() { return std::move(answer_); }

 private:
  void Say(int depth, std::string object, std::string text) {
    answer_.steps.push_back({depth, std::move(object), std::move(text)});
  }

  // The deeper the cause was found, the earlier its advice stands.
  void Advise(const Finding& finding) {
    answer_.is_well = false;
    // Once for all pods that have the same.
    const std::string gist = AdviceFor({finding.kind, "", "", finding.reason, finding.message});
    if (gist.empty() || !advised_.insert(gist).second) return;
    answer_.advice.insert(answer_.advice.begin(), AdviceFor(finding));
  }

  // Says its Ready condition and whatever else in its conditions is not as it should be.
  bool Resource(const char* kind, const Value& object, int depth) {
    const kube::ObjectName name = kube::NameOf(object);
    const std::string called = std::string(kind) + "/" + name.name;
    const Value& status = object["status"];
    const bool is_going = object["metadata"].Has("deletionTimestamp");
    if (is_going) SayDeleting(called, object, depth);
    bool is_well = Ready(kind, object, called, depth) && !is_going;
    for (const Value& condition : status["conditions"].AsArray()) {
      is_well = Other(kind, name, condition, called, depth + 1) && is_well;
    }
    const int64_t generation = object.At("metadata", "generation").AsInt();
    const int64_t seen = status["observedGeneration"].AsInt();
    if (seen < generation) {
      is_well = false;
      Say(depth + 1, called,
          "was changed (generation " + std::to_string(generation) +
              ") and the operator has only seen generation " + std::to_string(seen));
      Advise({"operator", name.ns, name.name, "Behind", ""});
    }
    if (!is_well) answer_.is_well = false;
    return is_well;
  }

  bool Ready(const char* kind, const Value& object, const std::string& called, int depth) {
    const kube::ObjectName name = kube::NameOf(object);
    const Value& ready = resources::FindCondition(object["status"], "Ready");
    if (ready.is_null()) {
      Say(depth, called, "in " + name.ns + " has no status yet: the operator has not looked at it");
      return false;
    }
    const bool is_ready = ready["status"].AsString() == "True";
    Say(depth, called,
        "in " + name.ns + (is_ready ? " is ready since " : " is not ready since ") + Since(ready) +
            ReasonText(ready));
    if (!is_ready) Advise(FindingOf(kind, name, ready));
    return is_ready;
  }

  // Conditions besides Ready: whether this one is as it should be.
  bool Other(const char* kind, const kube::ObjectName& name, const Value& condition,
             const std::string& called, int depth) {
    const std::string& type = condition["type"].AsString();
    const bool is_true = condition["status"].AsString() == "True";
    if (type == "Degraded" && is_true) {
      Say(depth, called, "is degraded since " + Since(condition) + ReasonText(condition));
      Advise(FindingOf(kind, name, condition));
      return false;
    }
    if (type == "Reconciled" && !is_true) {
      Say(depth, called,
          "is not as its spec says since " + Since(condition) + ReasonText(condition));
      Advise(FindingOf(kind, name, condition));
      return false;
    }
    const bool is_step = type == "Progressing" || type == "StorageResizing";
    const bool is_held = !is_true && condition["reason"].AsString() == "Paused";
    if (is_step && (is_true || is_held)) {
      Say(depth, called, (is_held ? "is held" : "is in progress") + ReasonText(condition));
      const std::string advice = AdviceFor(FindingOf(kind, name, condition));
      if (!advice.empty()) Advise(FindingOf(kind, name, condition));
    }
    return true;
  }

  void SayDeleting(const std::string& called, const Value& object, int depth) {
    std::string finalizers;
    for (const Value& finalizer : object.At("metadata", "finalizers").AsArray()) {
      finalizers += (finalizers.empty() ? "" : ", ") + finalizer.AsString();
    }
    Say(depth, called,
        "is being deleted since " +
            Ago(TimeOf(object.At("metadata", "deletionTimestamp")), view_.now) +
            (finalizers.empty() ? "" : " and waits for its finalizers: " + finalizers));
  }

  bool Pod(const Value& pod, int depth) {
    const std::optional<Trouble> trouble = PodTrouble(pod);
    if (!trouble) return true;
    Tell("pod/", *trouble, depth);
    Events("Pod", pod, depth + 1);
    return false;
  }

  bool Claim(const Value& claim, int depth) {
    const std::optional<Trouble> trouble = ClaimTrouble(claim);
    if (!trouble) return true;
    Tell("claim/", *trouble, depth);
    Events("PersistentVolumeClaim", claim, depth + 1);
    return false;
  }

  void Tell(const char* kind, const Trouble& trouble, int depth) {
    const std::string since =
        trouble.since_ms == 0 ? "" : " (since " + Ago(trouble.since_ms, view_.now) + ")";
    Say(depth, kind + trouble.finding.name, trouble.text + since);
    Advise(trouble.finding);
  }

  // Its warnings of the last hour, the newest first.
  void Events(std::string_view kind, const Value& object, int depth) {
    const kube::ObjectName name = kube::NameOf(object);
    std::vector<const Value*> found;
    for (const Value& event : view_.events) {
      const Value& regarding = event["regarding"];
      const bool is_about = regarding["kind"].AsString() == kind &&
                            regarding["name"].AsString() == name.name &&
                            regarding["namespace"].AsString() == name.ns;
      const bool is_recent = view_.now - EventTime(event) < kEventAgeMax;
      if (is_about && is_recent && event["type"].AsString() == "Warning") found.push_back(&event);
    }
    std::sort(found.begin(), found.end(),
              [](const Value* a, const Value* b) { return EventTime(*a) > EventTime(*b); });
    if (found.size() > kEventsMax) found.resize(kEventsMax);
    for (const Value* event : found) {
      const int64_t count = EventCount(*event);
      Say(depth, "event",
          Ago(EventTime(*event), view_.now) + " ago" +
              (count > 1 ? " (" + std::to_string(count) + " times)" : "") + ": " +
              (*event)["reason"].AsString() + ": " + (*event)["note"].AsString());
      Advise({"event", name.ns, name.name, (*event)["reason"].AsString(),
              (*event)["note"].AsString()});
    }
  }

  std::string Since(const Value& condition) const {
    return Ago(TimeOf(condition["lastTransitionTime"]), view_.now);
  }
  static std::string ReasonText(const Value& condition) {
    const std::string& message = condition["message"].AsString();
    return ": " + condition["reason"].AsString() + (message.empty() ? "" : ": " + message);
  }
  static Finding FindingOf(const char* kind, const kube::ObjectName& name, const Value& condition) {
    return {kind, name.ns, name.name, condition["reason"].AsString(),
            condition["message"].AsString()};
  }

  const ClusterView& view_;
  WhyAnswer answer_;
  std::set<std::string> advised_;
};

}  // namespace

std::string_view KindByWord(std::string_view word) {
  static constexpr std::array<std::pair<std::string_view, std::string_view>, 15> kWords = {{
      {"stream", "stream"},
      {"streams", "stream"},
      {"strm", "stream"},
      {"streampool", "streampool"},
      {"streampools", "streampool"},
      {"spool", "streampool"},
      {"pool", "streampool"},
      {"workload", "workload"},
      {"workloads", "workload"},
      {"mrwl", "workload"},
      {"streamuser", "streamuser"},
      {"streamusers", "streamuser"},
      {"suser", "streamuser"},
      {"pod", "pod"},
      {"pods", "pod"},
  }};
  for (const auto& [known, kind] : kWords) {
    if (known == word) return kind;
  }
  return "";
}

Result<WhyAnswer> ExplainWhy(const ClusterView& view, std::string_view kind,
                             const kube::ObjectName& name) {
  const std::vector<Value>& among = kind == "stream"       ? view.streams
                                    : kind == "streampool" ? view.pools
                                    : kind == "workload"   ? view.workloads
                                    : kind == "pod"        ? view.pods
                                                           : view.users;
  const Value* object = FindObject(among, name.ns, name.name);
  if (!object) {
    const Value* elsewhere = FindObject(among, "", name.name);
    std::string hint;
    if (elsewhere) hint = "; there is one in " + kube::NameOf(*elsewhere).ns + " (-n)";
    return NotFound("there is no " + std::string(kind) + " " + name.name + " in namespace " +
                    name.ns + hint);
  }
  Walk walk(view);
  if (kind == "stream") {
    walk.Stream(*object);
  } else if (kind == "streampool") {
    if (!walk.Pool(*object, 0)) walk.Operator(1);
  } else if (kind == "workload") {
    if (!walk.Workload(*object, 0)) walk.Operator(1);
  } else if (kind == "pod") {
    walk.OnePod(*object);
  } else {
    walk.User(*object);
  }
  return walk.Take();
}

std::string WhyText(const WhyAnswer& answer) {
  std::string out;
  for (const WhyStep& step : answer.steps) {
    const auto indent = static_cast<size_t>(step.depth) * 2;
    out += Wrapped(step.object + " " + step.text, indent, indent + 4);
  }
  if (answer.is_well && answer.advice.empty()) return out + "Nothing is waited for.\n";
  if (answer.advice.empty()) return out + "What to do: wait; nothing here needs a hand.\n";
  out += "What to do:\n";
  for (const std::string& advice : answer.advice) out += Wrapped("- " + advice, 2, 4);
  return out;
}

Value WhyDocument(const WhyAnswer& answer) {
  Value out;
  out.Set("well", answer.is_well);
  json::Array steps;
  for (const WhyStep& step : answer.steps) {
    Value one;
    one.Set("depth", step.depth);
    one.Set("object", step.object);
    one.Set("text", step.text);
    steps.push_back(std::move(one));
  }
  out.Set("chain", std::move(steps));
  json::Array advice;
  for (const std::string& text : answer.advice) advice.emplace_back(text);
  out.Set("whatToDo", std::move(advice));
  return out;
}

}  // namespace millrace::cli
