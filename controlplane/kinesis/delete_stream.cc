#include "controlplane/kinesis/operations.h"

namespace millrace::controlplane {

using resources::Resource;
using resources::StreamSpec;

Handler DeleteStream(KinesisControl& control) {
  return [&control](const aws::RequestContext&, json::Value input) -> Result<json::Value> {
    ASSIGN_OR_RETURN(StreamView view, control.catalog.FindFor(input));
    if (view.spec.deletion_protection == "Enabled") {
      return Status(
          Code::kAccessDenied,
          "Stream " + view.name + " has deletionProtection: Enabled; set it to Disabled first.");
    }
    bool enforce = input["EnforceConsumerDeletion"].AsBool() ||
                   view.spec.consumer_deletion_policy == "Enforce";
    if (!view.spec.consumers.empty() && !enforce) {
      return Status(Code::kResourceInUse, "Stream " + view.name + " under account " +
                                              control.catalog.options().account +
                                              " has registered consumers. Deregister them or set "
                                              "EnforceConsumerDeletion.");
    }
    // Deleting what is being deleted already is no failure, as on AWS.
    RETURN_IF_ERROR(control.catalog.Delete(view));
    return json::Value(json::Object{});
  };
}

}  // namespace millrace::controlplane
