#pragma once

#include <chrono>
#include <functional>
#include <string>

#include "cli/cluster/pod_load.h"
#include "common/kube/client.h"

namespace millrace::cli {

struct DrainOptions {
  kube::ObjectName pod;
  std::chrono::milliseconds time_max{120'000};  // 0: ask, and do not wait
  std::chrono::milliseconds look_every{1'000};
};

// Asks by an annotation on the pod that its write heads move to other pods and stay away; the pod
// goes on running and serves reads. Blocks until no head and no unsealed extent is on it; `tell`
// hears each change of what is still there. Refused where heads have nowhere to go. kTimeout: it
// was asked and goes on by itself. The pod that one day comes in this one's place is not asked.
Status DrainPod(kube::Client& client, const DrainOptions& options,
                const std::function<void(const PodLoad&)>& tell);
// Takes that back: heads may come again.
Status UndrainPod(kube::Client& client, const kube::ObjectName& pod);

}  // namespace millrace::cli
