#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "common/kube/object.h"
#include "operator/delivery_stream/delivery_workers.h"

namespace millrace::op {

// Names the DeliveryStream ("namespace/name") on its Workload: what has lost it is found by this.
inline constexpr std::string_view kDeliveryStreamAnnotation = "millrace.dev/delivery-stream";
// On a pod: the version of the plan's Secret. A change of it makes the kubelet look at once.
inline constexpr std::string_view kPlanVersionOfPod = "millrace.dev/plan-version";
inline constexpr uint16_t kDeliveryAdminPort = 8080;

// How pods of delivery streams look, the same for all of them: the chart's file delivery.yaml.
struct DeliveryPodSettings {
  std::string release = "millrace";  // of Helm
  std::string ns = "millrace";       // where all of the pods are
  std::string image;
  std::string image_pull_policy = "IfNotPresent";
  std::vector<std::string> image_pull_secrets;
  std::string cpu_request = "100m";
  std::string memory_request = "256Mi";
  std::string cpu_limit;
  std::string memory_limit = "1Gi";
  std::string spill_size = "4Gi";    // of what does not fit into memory
  std::string folder_size = "10Gi";  // of the volume of one that delivers into a folder
  std::string folder_storage_class;  // "": the cluster's default
  std::string default_s3_secret;     // in `ns`; "": none
  std::string log_level = "info";
  std::vector<std::string> topology_keys;
  std::map<std::string, std::string> node_selector;
  json::Value tolerations;  // a list as a pod has it
  std::string priority_class;

  // The file over these; InvalidArgument names the field.
  Status Read(const json::Value& document);
};

// The objects of one DeliveryStream. All of them are beside the operator, whatever namespace the
// DeliveryStream is in: the plan has the internal token and the installation's S3 keys, which
// nobody who only reads Secrets of his own namespace is to see. Builders are pure.

// Of the Workload, of its disruption budget and, with "-plan" behind it, of the Secret.
std::string DeliveryObjectsName(const resources::ResourceKey& delivery_stream);
std::string DeliveryPlanSecretName(const resources::ResourceKey& delivery_stream);
json::Value DeliveryPlanSecret(const DeliveryPodSettings& settings, const DeliveryOrders& orders);
json::Value DeliveryBudget(const DeliveryPodSettings& settings, const DeliveryOrders& orders);
json::Value DeliveryWorkload(const DeliveryPodSettings& settings, const DeliveryOrders& orders);
const kube::ResourceType& DeliveryWorkloadType();

}  // namespace millrace::op
