#pragma once

#include <string>

#include "common/kube/client.h"

namespace millrace::op {

// Has the kubelets of a pool's pods read their Secrets again: each looks about once a minute, and
// at once when its pod changes, which an annotation does. What fails is logged, since it comes by
// itself later. Any thread; blocks.
void TouchPods(kube::Client& client, const kube::ObjectName& pool, const std::string& annotation,
               const std::string& value);

}  // namespace millrace::op
