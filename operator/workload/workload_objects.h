#pragma once

#include <string>

#include "common/json/value.h"
#include "common/kube/object.h"
#include "common/resources/workload_resource.h"

namespace millrace::op {

inline constexpr std::string_view kVolumeFinalizer = "millrace.dev/volumes";
const kube::ResourceType& WorkloadType();

// Builders of what a Workload is made of. Pure; the same input gives the same object, so that a
// create may run twice.

// `pod_template` is the one that is kept under `revision`.
json::Value PodObject(const json::Value& workload, const std::string& pod,
                      const std::string& revision, const json::Value& pod_template);
// Without an owner: a volume outlives its workload unless deletionPolicy says otherwise.
json::Value ClaimObject(const json::Value& workload, const resources::WorkloadSpec& spec,
                        const std::string& pod);
std::string RevisionName(const std::string& workload, const std::string& revision);
// A ControllerRevision that keeps the template of spec.revision; `number` rises from one to the
// next.
json::Value RevisionObject(const json::Value& workload, const resources::WorkloadSpec& spec,
                           int64_t number);
// "" where it keeps none of ours.
const std::string& RevisionKeptIn(const json::Value& controller_revision);

}  // namespace millrace::op
