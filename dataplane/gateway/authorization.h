#pragma once

#include "dataplane/kinesis/call.h"

namespace millrace::gateway {

// Whether the caller may make a call that the control plane is to serve. Data operations check by
// themselves, where they know the stream. Pure.
Status AuthorizeControlCall(const kinesis::Call& call);

}  // namespace millrace::gateway
