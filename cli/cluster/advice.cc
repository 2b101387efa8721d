#include "cli/cluster/advice.h"

#include <array>

namespace millrace::cli {
namespace {

// The first entry whose texts are both in the finding counts; $N and $O stand for the namespace
// and the name of the object.
struct Entry {
  std::string_view kind;
  std::string_view reason;   // "" for any
  std::string_view message;  // a part of it; "" for any
  std::string_view advice;
};

constexpr std::array kEntries = {
    Entry{
        "pod", "Unschedulable", "Insufficient",
        "No node has room for pod $O: add a node, or ask for less in spec.resources of its pool."},
    Entry{"pod", "Unschedulable", "PersistentVolumeClaim",
          "Pod $O waits for its volume: see the claim, and `kubectl get storageclass`."},
    Entry{"pod", "Unschedulable", "volume node affinity",
          "The volume of pod $O is in a zone where no node takes it: bring a node of that zone "
          "back."},
    Entry{"pod", "Unschedulable", "taint",
          "Every node that could take pod $O is tainted: remove the taint, or tolerate it in "
          "spec.scheduling.tolerations of its pool."},
    Entry{
        "pod", "Unschedulable", "topology spread",
        "Nodes in too few zones: add nodes in other zones, or relax spec.scheduling of the pool."},
    Entry{"pod", "Unschedulable", "",
          "No node may take pod $O: compare `kubectl get nodes` with spec.scheduling of its pool."},
    Entry{"pod", "ImagePull", "",
          "The image cannot be pulled: check spec.image and spec.imagePullSecrets of the pool "
          "(image.* of "
          "the chart for its own pods), and that nodes reach the registry."},
    Entry{"pod", "ErrImage", "",
          "The image cannot be pulled: check spec.image and spec.imagePullSecrets of the pool "
          "(image.* of "
          "the chart for its own pods), and that nodes reach the registry."},
    Entry{"pod", "InvalidImageName", "", "Mend spec.image of the pool: it is no image's name."},
    Entry{"pod", "OOMKilled", "", "Give the pool's pods more memory: spec.resources."},
    Entry{"pod", "CrashLoopBackOff", "", "Read why it ended: kubectl -n $N logs $O --previous"},
    Entry{"pod", "CreateContainerConfigError", "",
          "A Secret or ConfigMap that pod $O needs is missing: the message names it; make it, or "
          "run `helm upgrade` where it is the chart's."},
    Entry{"pod", "Evicted", "",
          "The node ran out of something; the pod comes back by itself. "
          "Watch: kubectl describe nodes"},
    Entry{"pod", "NotReady", "", "Read what it waits for: kubectl -n $N logs $O --tail=50"},
    Entry{"pod", "Missing", "",
          "The operator makes pod $O; if it does not, see the operator and the workload's events."},
    Entry{"pod", "Going", "",
          "It stops within its grace period. Where its node is gone for good, taint that node "
          "node.kubernetes.io/out-of-service."},
    Entry{"claim", "ResizeFailed", "",
          "The driver refused to enlarge the volume: set spec.storage.size back to what it has, "
          "or raise the quota of the storage; kubectl -n $N describe pvc $O"},
    Entry{"claim", "FileSystemResizePending", "",
          "The file system grows when the pod starts again; the operator restarts it one pod at a "
          "time."},
    Entry{"claim", "Pending", "",
          "No volume is given: check spec.storage.storageClassName of the pool against `kubectl "
          "get storageclass`, and its provisioner: kubectl -n $N describe pvc $O"},
    Entry{"claim", "Lost", "",
          "The volume behind the claim is gone. Restore it from a snapshot, or accept the loss by "
          "deleting the claim: kubectl -n $N delete pvc $O"},
    Entry{"event", "FailedMount", "not found",
          "A Secret or ConfigMap that the event names is missing: the operator makes "
          "those of its pools and the chart its own; see the operator's log, or bring it back."},
    Entry{"event", "FailedAttachVolume", "",
          "The volume of $O is still attached elsewhere: its old node has to let go of it, or be "
          "tainted node.kubernetes.io/out-of-service where it is off for certain."},
    Entry{"event", "ProvisioningFailed", "",
          "The storage class cannot make the volume of $O: kubectl -n $N describe pvc $O"},
    Entry{"event", "FailedCreate", "",
          "A quota, a policy or an admission webhook refuses what the operator makes: the event "
          "says which."},
    Entry{"", "PoolNotFound", "",
          "Make that StreamPool, or make the stream anew with another spec.placement.poolRef."},
    Entry{"", "InvalidSpec", "", "Mend the spec as the message says, and apply it again."},
    Entry{"", "NameTaken", "", "Give one of the two streams another spec.streamName."},
    Entry{"", "Paused", "rollout", "Set spec.rollout.state to Running when it may go on."},
    Entry{"", "Paused", "managementPolicy",
          "Set spec.managementPolicy to Full when the operator may act again."},
    Entry{"", "Observe", "", "Set spec.managementPolicy to Full when the operator may act again."},
    Entry{"", "PodNotComingBack", "",
          "Mend the pool's spec (a new one may replace the failed one at once), or set "
          "spec.rollout.onFailure to Rollback."},
    Entry{"", "NodeSilent", "",
          "Bring the node back; or, where it is off for certain: kubectl taint node NODE "
          "node.kubernetes.io/out-of-service=nodeshutdown:NoExecute"},
    Entry{"", "BudgetSaysNo", "", "Another pod has to be ready first: kubectl -n $N get pdb"},
    Entry{"stream", "ExtentsMissing", "",
          "Put the volume back that the message names; or give its records up, for good: kubectl "
          "-n $N annotate stream $O millrace.dev/accept-loss-of=VOLUME"},
    Entry{"", "VolumeReplaced", "",
          "Put the volume back (docs/streampool.md); or give the records up, "
          "as the streams' Degraded conditions say."},
    Entry{"", "CorruptRecords", "", "Restore the volume from a snapshot to get them back."},
    Entry{"", "RequestRefused", "", "Change the spec as the message says."},
    Entry{"stream", "MapNotApplied", "", "Read the log of the pod that the message names."},
    Entry{
        "operator", "NoLeader", "",
        "Nobody acts on resources: kubectl -n $N get pods -l app.kubernetes.io/component=operator"},
    Entry{"operator", "NotInstalled", "",
          "There is no operator in sight: install the chart, or look whether its pods are there."},
    Entry{"operator", "Behind", "",
          "The operator has not looked at the last change yet; where that lasts, read its log."},
};

std::string Filled(std::string_view advice, const Finding& finding) {
  std::string out;
  for (size_t i = 0; i < advice.size(); ++i) {
    if (advice[i] == '$' && i + 1 < advice.size()) {
      out += advice[++i] == 'N' ? finding.ns : finding.name;
    } else {
      out += advice[i];
    }
  }
  return out;
}

}  // namespace

std::string AdviceFor(const Finding& finding) {
  for (const Entry& entry : kEntries) {
    if (!entry.kind.empty() && entry.kind != finding.kind) continue;
    if (finding.reason.find(entry.reason) == std::string::npos) continue;
    if (finding.message.find(entry.message) == std::string::npos) continue;
    return Filled(entry.advice, finding);
  }
  return "";
}

}  // namespace millrace::cli
