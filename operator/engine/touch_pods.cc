#include "operator/engine/touch_pods.h"

#include "common/log/log.h"

namespace millrace::op {

void TouchPods(kube::Client& client, const kube::ObjectName& pool, const std::string& annotation,
               const std::string& value) {
  kube::ListOptions scope;
  scope.ns = pool.ns;
  scope.label_selector = "millrace.dev/pool=" + pool.name;
  const Result<kube::ListPage> pods = client.ListAll(kube::types::Pod(), scope);
  if (!pods.ok()) return pods.status().IgnoreError();
  json::Value patch;
  patch["metadata"]["annotations"].Set(annotation, value);
  for (const json::Value& pod : pods->items) {
    const kube::ObjectName name = kube::NameOf(pod);
    const Status done = client.MergePatch(kube::types::Pod(), name, patch).status();
    if (done.ok()) continue;
    log::Info("pod not touched", {{"pod", name.ToString()}, {"error", done.ToString()}});
  }
}

}  // namespace millrace::op
