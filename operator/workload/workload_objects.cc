#include "operator/workload/workload_objects.h"

#include "operator/workload/observe.h"

namespace millrace::op {
namespace {

using json::Value;

Value Metadata(const Value& workload, std::string name) {
  Value labels = json::Object{};
  for (const auto& [key, text] : workload.At("spec", "selector").AsObject()) labels.Set(key, text);
  labels.Set(kWorkloadLabel, kube::NameOf(workload).name);
  Value out;
  out.Set("name", std::move(name));
  out.Set("namespace", kube::NameOf(workload).ns);
  out.Set("labels", std::move(labels));
  return out;
}

Value Owners(const Value& workload) {
  return json::Array{kube::ControllerReference(WorkloadType(), workload)};
}

Value DataVolume(const std::string& pod) {
  Value claim;
  claim.Set("claimName", ClaimName(pod));
  Value volume;
  volume.Set("name", "data");
  volume.Set("persistentVolumeClaim", std::move(claim));
  return volume;
}

}  // namespace

const kube::ResourceType& WorkloadType() {
  static const auto* const type =
      new kube::ResourceType(kube::MillraceType("Workload", "workloads"));
  return *type;
}

Value PodObject(const Value& workload, const std::string& pod, const std::string& revision,
                const Value& pod_template) {
  Value metadata = Metadata(workload, pod);
  for (const char* part : {"labels", "annotations"}) {
    for (const auto& [key, text] : pod_template.At("metadata", part).AsObject()) {
      metadata[part].Set(key, text);
    }
  }
  metadata["labels"].Set(kRevisionLabel, revision);
  metadata.Set("ownerReferences", Owners(workload));
  Value spec = pod_template["spec"];
  // Its name in the headless Service.
  spec.Set("hostname", pod);
  if (workload.At("spec", "volume").is_object()) spec["volumes"].Append(DataVolume(pod));
  Value out;
  out.Set("apiVersion", "v1");
  out.Set("kind", "Pod");
  out.Set("metadata", std::move(metadata));
  out.Set("spec", std::move(spec));
  return out;
}

Value ClaimObject(const Value& workload, const resources::WorkloadSpec& spec,
                  const std::string& pod) {
  Value requests;
  requests.Set("storage", spec.volume_size);
  Value claim;
  claim.Set("accessModes", json::Array{"ReadWriteOnce"});
  claim["resources"].Set("requests", std::move(requests));
  if (!spec.storage_class.empty()) claim.Set("storageClassName", spec.storage_class);
  Value out;
  out.Set("apiVersion", "v1");
  out.Set("kind", "PersistentVolumeClaim");
  out.Set("metadata", Metadata(workload, ClaimName(pod)));
  out.Set("spec", std::move(claim));
  return out;
}

std::string RevisionName(const std::string& workload, const std::string& revision) {
  return workload + "-" + revision;
}

Value RevisionObject(const Value& workload, const resources::WorkloadSpec& spec, int64_t number) {
  Value metadata = Metadata(workload, RevisionName(kube::NameOf(workload).name, spec.revision));
  metadata["labels"].Set(kRevisionLabel, spec.revision);
  metadata.Set("ownerReferences", Owners(workload));
  Value data;
  data.Set("template", spec.pod_template);
  Value out;
  out.Set("apiVersion", "apps/v1");
  out.Set("kind", "ControllerRevision");
  out.Set("metadata", std::move(metadata));
  out.Set("data", std::move(data));
  out.Set("revision", number);
  return out;
}

const std::string& RevisionKeptIn(const Value& controller_revision) {
  return controller_revision.At("metadata", "labels")[kRevisionLabel].AsString();
}

}  // namespace millrace::op
