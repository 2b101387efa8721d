#pragma once

#include <memory>
#include <string>

#include "common/base/clock.h"
#include "common/delivery/delivery_plan.h"
#include "common/http_client/http_client.h"
#include "dataplane/delivery/model/sink.h"

namespace millrace::delivery {

// The sink of a destination that takes records and not objects, and what its refusals are called in
// the error output.
struct RecordSink {
  std::unique_ptr<Sink> sink;
  std::string failure_type;
};

// Unsupported names a destination that is not offered yet.
Result<RecordSink> MakeRecordSink(const resources::DeliveryPlan& plan, Clock& clock);

// How calls to a destination are made, with the certificates that the resource names.
net::HttpClientOptions HttpOptions(const resources::DeliveryPlan& plan,
                                   const resources::TlsOptions& tls);

}  // namespace millrace::delivery
