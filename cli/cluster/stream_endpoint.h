#pragma once

#include <functional>
#include <string>

#include "common/config/setting.h"
#include "common/kube/client.h"

namespace millrace::cli {

// Where a stream is read and written from this machine, and what it is called there.
struct StreamEndpoint {
  std::string url;
  std::string stream_name;  // spec.streamName, where it is not the resource's
};

// Whether anything answers HTTP there, within a few seconds.
bool Answers(const std::string& url);

// By the stream's status (or its pool's). Where nothing answers there, which is the rule outside
// the cluster, the failure shows the port-forward to paste; `command` is what to run after it:
// "tail orders". `answers` is Answers.
Result<StreamEndpoint> FindEndpoint(kube::Client& client, const kube::ObjectName& stream,
                                    const std::string& command,
                                    const std::function<bool(const std::string&)>& answers);
// "kubectl -n ns port-forward service/name 4567:80" for http(s)://name.ns.svc...; "" for other
// hosts.
std::string PortForwardLine(const std::string& url);

}  // namespace millrace::cli
