#include "operator/workload/workload_actions.h"

#include <algorithm>

#include "common/base/quantity.h"
#include "common/log/log.h"
#include "operator/workload/observe.h"
#include "operator/workload/workload_objects.h"

namespace millrace::op {

using json::Value;
using kube::ObjectName;
namespace types = kube::types;
using Kind = WorkloadAction::Kind;

namespace {

// A delete of what is gone already has done its work; one whose precondition does not hold is
// planned anew from what there is now.
Status Forgive(const Status& status) {
  const bool is_done = status.code() == Code::kNotFound || status.code() == Code::kConflict;
  return is_done ? OkStatus() : status;
}

kube::DeleteOptions OptionsOf(const WorkloadAction& action) {
  kube::DeleteOptions options;
  options.uid = action.uid;
  options.resource_version = action.resource_version;
  return options;
}

}  // namespace

ObjectName WorkloadActions::NameOfPart(const std::string& name) const {
  return {kube::NameOf(workload_).ns, name};
}

void WorkloadActions::Note(bool is_warning, std::string reason, std::string action,
                           std::string note) {
  log::Info("workload",
            {{"workload", kube::NameOf(workload_).ToString()}, {"reason", reason}, {"note", note}});
  events_.Note(workload_, {is_warning, std::move(reason), std::move(action), std::move(note)});
}

Status WorkloadActions::Run(const std::vector<WorkloadAction>& actions) {
  Status first;
  for (const WorkloadAction& action : actions) {
    const Status status = Take(action);
    if (status.ok()) continue;
    // A stale cache is how two writers meet, nothing for a person.
    if (status.code() != Code::kConflict) {
      Note(true, "Failed", "Acting", action.name + ": " + status.message());
    }
    if (first.ok()) first = status.WithContext(action.name);
  }
  return first;
}

Status WorkloadActions::Take(const WorkloadAction& action) {
  switch (action.kind) {
    case Kind::kKeepRevision:
      return KeepRevision();
    case Kind::kDropRevision:
      return DropRevision(action);
    case Kind::kCreateClaim:
      return CreateClaim(action);
    case Kind::kCreatePod:
      return CreatePod(action);
    case Kind::kAdoptPod:
      return Adopt(action);
    case Kind::kEvictPod:
      return Evict(action);
    case Kind::kDeletePod:
      return DeletePod(action, false);
    case Kind::kForceDeletePod:
      return DeletePod(action, true);
    case Kind::kGrowClaim:
      return Grow(action);
    case Kind::kDeleteClaim:
      return DeleteClaim(action);
    case Kind::kReleaseWorkload:
      return Release();
  }
  return Internal("no such action");
}

// A create that ran before has done its work; the name may also be somebody else's.
Status WorkloadActions::Settle(const kube::ResourceType& type, kube::ObjectCache& cache,
                               const ObjectName& name, const Result<Value>& made) {
  if (made.ok()) {
    cache.Wrote(*made);
    return OkStatus();
  }
  if (made.status().code() != Code::kResourceInUse) return made.status();
  ASSIGN_OR_RETURN(const Value there, client_.Get(type, name));
  const Value& label = there.At("metadata", "labels")[kWorkloadLabel];
  if (label.AsString() != kube::NameOf(workload_).name) {
    return Status(Code::kResourceInUse, type.kind + " " + name.ToString() +
                                            " exists and is not ours: remove or rename it");
  }
  cache.Wrote(there);
  return OkStatus();
}

Status WorkloadActions::KeepRevision() {
  constexpr std::string_view kNumber = "revision";
  int64_t last = 0;
  caches_.revisions.ForEach(kube::NameOf(workload_).ns, [&](const Value& kept) {
    last = std::max(last, kept[kNumber].AsInt());
  });
  const auto made =
      client_.Create(types::ControllerRevision(), RevisionObject(workload_, spec_, last + 1));
  if (made.ok()) Note(false, "RevisionKept", "Rolling", "revision " + spec_.revision);
  return Settle(types::ControllerRevision(), caches_.revisions,
                NameOfPart(RevisionName(kube::NameOf(workload_).name, spec_.revision)), made);
}

Status WorkloadActions::DropRevision(const WorkloadAction& action) {
  const ObjectName name = NameOfPart(RevisionName(kube::NameOf(workload_).name, action.revision));
  const auto kept = caches_.revisions.Get(name);
  if (!kept) return OkStatus();
  kube::DeleteOptions options;
  options.uid = kube::UidOf(*kept);
  const auto done = client_.Delete(types::ControllerRevision(), name, options);
  if (done.ok()) caches_.revisions.Gone(name, kube::UidOf(*kept));
  return Forgive(done.status());
}

Status WorkloadActions::CreateClaim(const WorkloadAction& action) {
  const auto made =
      client_.Create(types::PersistentVolumeClaim(), ClaimObject(workload_, spec_, action.name));
  if (made.ok()) {
    const std::string what = ClaimName(action.name) + ", " + spec_.volume_size;
    if (action.why.empty()) {
      Note(false, "ClaimCreated", "Creating", what);
    } else {
      Note(true, "ClaimReplaced", "Creating",
           what + ", empty: " + action.why + "; what was on its volume is missed until it is back");
    }
  }
  return Settle(types::PersistentVolumeClaim(), caches_.claims, NameOfPart(ClaimName(action.name)),
                made);
}

Result<Value> WorkloadActions::TemplateOf(const std::string& revision) const {
  const auto kept =
      caches_.revisions.Get(NameOfPart(RevisionName(kube::NameOf(workload_).name, revision)));
  // What is kept counts: another release of the operator may write the same revision differently.
  if (kept && RevisionKeptIn(*kept) == revision) return kept->At("data", "template");
  if (revision == spec_.revision) return spec_.pod_template;
  return NotFound("the template of revision " + revision + " is not kept");
}

Status WorkloadActions::CreatePod(const WorkloadAction& action) {
  ASSIGN_OR_RETURN(const Value pod_template, TemplateOf(action.revision));
  const auto made = client_.Create(
      types::Pod(), PodObject(workload_, action.name, action.revision, pod_template));
  if (made.ok()) {
    Note(false, "PodCreated", "Creating", action.name + " with revision " + action.revision);
  }
  return Settle(types::Pod(), caches_.pods, NameOfPart(action.name), made);
}

Status WorkloadActions::Adopt(const WorkloadAction& action) {
  Value patch;
  patch["metadata"].Set("uid", action.uid);
  patch["metadata"].Set("resourceVersion", action.resource_version);
  patch["metadata"].Set("ownerReferences",
                        json::Array{kube::ControllerReference(WorkloadType(), workload_)});
  const auto done = client_.MergePatch(types::Pod(), NameOfPart(action.name), patch);
  if (done.ok()) {
    caches_.pods.Wrote(*done);
    Note(false, "PodAdopted", "Adopting", action.name);
  }
  return Forgive(done.status());
}

void WorkloadActions::NoteDeleted(kube::ObjectCache& cache, const ObjectName& name,
                                  const std::string& uid, const Result<Value>& answer) {
  if (answer.ok() && kube::UidOf(*answer) == uid) {
    cache.Wrote(*answer);
  } else {
    cache.Gone(name, uid);
  }
}

Status WorkloadActions::Evict(const WorkloadAction& action) {
  // No resourceVersion: the server takes the budget first and looks at it then, so a pod that was
  // annotated a moment ago would stay and its budget be used up for two minutes.
  Value preconditions;
  preconditions.Set("uid", action.uid);
  Value body;
  body.Set("apiVersion", "policy/v1");
  body.Set("kind", "Eviction");
  body["metadata"].Set("name", action.name);
  body["metadata"].Set("namespace", kube::NameOf(workload_).ns);
  body["deleteOptions"].Set("preconditions", std::move(preconditions));
  const auto done =
      client_.CreateSubresource(types::Pod(), NameOfPart(action.name), "eviction", body);
  if (done.ok()) {
    Note(false, "PodEvicted", "Restarting", action.name + " " + action.why);
    // The answer does not carry the pod; what a read says now is newer than any event.
    const auto pod = client_.Get(types::Pod(), NameOfPart(action.name));
    if (pod.ok()) {
      caches_.pods.Wrote(*pod);
    } else if (pod.status().code() == Code::kNotFound) {
      caches_.pods.Gone(NameOfPart(action.name), action.uid);
    }
    return OkStatus();
  }
  if (done.status().code() == Code::kThrottled) {
    budget_said_no_ = true;
    Note(true, "BudgetSaysNo", "Restarting",
         action.name + " is not restarted yet: " + done.status().message());
    return OkStatus();
  }
  return Forgive(done.status());
}

Status WorkloadActions::DeletePod(const WorkloadAction& action, bool force) {
  const ObjectName name = NameOfPart(action.name);
  kube::DeleteOptions options = OptionsOf(action);
  if (force && !spec_.has_volumes()) options.grace_seconds = 0;
  if (force && spec_.has_volumes()) {
    // A cache may be late; that a node runs nothing any more is asked of the server itself.
    ASSIGN_OR_RETURN(const Value pod, client_.Get(types::Pod(), name));
    const auto node = client_.Get(types::Node(), {"", pod.At("spec", "nodeName").AsString()});
    const bool is_off = node.ok() ? IsOff(&*node) : node.status().code() == Code::kNotFound;
    if (!is_off) return OkStatus();
    options.grace_seconds = 0;
  }
  const auto done = client_.Delete(types::Pod(), name, options);
  if (done.ok()) {
    NoteDeleted(caches_.pods, name, action.uid, done);
    Note(false, force ? "PodForceDeleted" : "PodDeleted", "Restarting",
         action.name + " " + action.why);
  }
  return Forgive(done.status());
}

Status WorkloadActions::Grow(const WorkloadAction& action) {
  const std::string size = FormatQuantity(action.bytes);
  Value patch;
  patch["metadata"].Set("uid", action.uid);
  patch["metadata"].Set("resourceVersion", action.resource_version);
  patch["spec"]["resources"]["requests"].Set("storage", size);
  const auto done =
      client_.MergePatch(types::PersistentVolumeClaim(), NameOfPart(action.name), patch);
  if (done.ok()) {
    caches_.claims.Wrote(*done);
    Note(false, "VolumeResized", "Resizing", action.name + " to " + size + ": " + action.why);
  }
  return Forgive(done.status());
}

Status WorkloadActions::DeleteClaim(const WorkloadAction& action) {
  const ObjectName name = NameOfPart(action.name);
  const auto done = client_.Delete(types::PersistentVolumeClaim(), name, OptionsOf(action));
  if (done.ok()) {
    NoteDeleted(caches_.claims, name, action.uid, done);
    Note(true, "VolumeDeleted", "Deleting", action.name + ": " + action.why);
  }
  return Forgive(done.status());
}

Status WorkloadActions::Release() {
  json::Array left;
  for (const Value& finalizer : workload_.At("metadata", "finalizers").AsArray()) {
    if (finalizer.AsString() != kVolumeFinalizer) left.push_back(finalizer);
  }
  Value patch;
  patch["metadata"].Set("resourceVersion", kube::ResourceVersionOf(workload_));
  patch["metadata"].Set("finalizers", std::move(left));
  return Forgive(client_.MergePatch(WorkloadType(), kube::NameOf(workload_), patch).status());
}

}  // namespace millrace::op
