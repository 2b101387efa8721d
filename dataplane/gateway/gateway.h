#pragma once

#include <memory>
#include <string>
#include <vector>

#include "common/async/io_threads.h"
#include "common/base/random.h"
#include "dataplane/gateway/auth_queue.h"
#include "dataplane/gateway/control_forwarder.h"
#include "dataplane/kinesis/data_plane.h"

namespace millrace::gateway {

// The one endpoint of an installation: knows who is calling (SigV4, or whoever they claim to be),
// serves the data operations and forwards everything else. Made in main before the server listens;
// Take runs on connections' executors.
class Gateway {
 public:
  // By service; null: everybody is who they say.
  struct Verifiers {
    const aws::SigV4Verifier* kinesis = nullptr;
    const aws::SigV4Verifier* firehose = nullptr;
  };
  // `internal_token`: whoever sends it (Authorization: Bearer) is a part of the installation; "":
  // nobody is.
  Gateway(IoThreads& io, kinesis::DataPlane& plane, ControlForwarder& control,
          const Verifiers& verifiers, std::string internal_token = "");
  void Take(net::HttpRequest request, std::shared_ptr<net::ResponseWriter> writer);
  // 16 MiB for puts, 1 MiB for the rest (docs/limits.md).
  static size_t BodyBytesMax(const net::HttpRequest& head);

 private:
  // What one executor's connections share.
  struct PerExecutor {
    Executor* executor;
    Random random;  // request ids need no secrecy
    std::unique_ptr<AuthQueue> auth;
    std::unique_ptr<AuthQueue> firehose_auth;
  };
  PerExecutor& Mine(Executor& executor);
  bool IsInternal(const net::HttpRequest& request) const;
  void Serve(const kinesis::CallPtr& call);
  void Forward(const kinesis::CallPtr& call);

  kinesis::DataPlane& plane_;
  ControlForwarder& control_;
  const std::string internal_token_;
  std::vector<PerExecutor> executors_;
};

}  // namespace millrace::gateway
