#include "dataplane/kinesis/operations.h"
#include "dataplane/kinesis/put_call.h"

namespace millrace::kinesis {

void PutRecords(DataPlane& plane, const CallPtr& call) {
  std::make_shared<PutCall>(plane, call, /*single=*/false)->Start();
}

}  // namespace millrace::kinesis
