#include "dataplane/kinesis/operations.h"
#include "dataplane/kinesis/put_call.h"

namespace millrace::kinesis {

void PutRecord(DataPlane& plane, const CallPtr& call) {
  std::make_shared<PutCall>(plane, call, /*single=*/true)->Start();
}

}  // namespace millrace::kinesis
