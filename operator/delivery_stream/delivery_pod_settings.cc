#include "common/base/quantity.h"
#include "common/resources/field_reader.h"
#include "operator/delivery_stream/delivery_pods.h"

namespace millrace::op {

using resources::FieldReader;
using resources::Problems;

namespace {

constexpr FieldReader::TextRule kMaybe = {.chars_min = 0};
constexpr size_t kItemsMax = 32;

void ReadNames(FieldReader& in, std::string_view name, std::vector<std::string>& names) {
  names.clear();
  for (const json::Value& item : in.List(name, kItemsMax)) {
    names.push_back(item.is_object() ? item["name"].AsString() : item.AsString());
    if (names.back().empty()) in.Add(name, "has an entry without a name");
  }
}

void ReadResources(FieldReader& in, DeliveryPodSettings& pods, Problems& problems) {
  FieldReader both(in.Object("resources"), in.Path("resources"), problems);
  FieldReader requests(both.Object("requests"), both.Path("requests"), problems);
  requests.PodQuantity("cpu", pods.cpu_request, true);
  requests.PodQuantity("memory", pods.memory_request, false);
  FieldReader limits(both.Object("limits"), both.Path("limits"), problems);
  limits.PodQuantity("cpu", pods.cpu_limit, true);
  limits.PodQuantity("memory", pods.memory_limit, false);
}

}  // namespace

Status DeliveryPodSettings::Read(const json::Value& document) {
  Problems problems;
  {
    FieldReader in(document, "delivery", problems);
    in.Text("image", image, {});
    in.OneOf("imagePullPolicy", image_pull_policy, {"Always", "IfNotPresent", "Never"});
    if (in.Has("imagePullSecrets")) ReadNames(in, "imagePullSecrets", image_pull_secrets);
    ReadResources(in, *this, problems);
    in.Quantity("spillSize", spill_size);
    FieldReader folder(in.Object("folder"), in.Path("folder"), problems);
    folder.Quantity("size", folder_size);
    folder.Text("storageClassName", folder_storage_class, kMaybe);
    in.Text("s3SecretName", default_s3_secret, kMaybe);
    in.OneOf("logLevel", log_level, {"debug", "info", "warning", "error"});
    if (in.Has("topologyKeys")) ReadNames(in, "topologyKeys", topology_keys);
    in.Map("nodeSelector", node_selector, kItemsMax, kMaybe);
    tolerations = in.Take("tolerations");
    in.Text("priorityClassName", priority_class, kMaybe);
  }
  return problems.ToStatus();
}

}  // namespace millrace::op
