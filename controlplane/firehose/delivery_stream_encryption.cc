#include "controlplane/firehose/operations.h"

namespace millrace::controlplane {

using json::Value;
using resources::DeliveryStreamSpec;
using resources::Resource;

namespace {

Result<DeliveryView> FindForEncryption(FirehoseControl& control, const Value& input) {
  ASSIGN_OR_RETURN(DeliveryView view,
                   control.deliveries.Find(input["DeliveryStreamName"].AsString()));
  if (view.status != "ACTIVE") {
    return Status(Code::kResourceInUse,
                  "Firehose " + view.name + " is not ACTIVE, instead in state " + view.status);
  }
  if (view.spec.source.type != "DirectPut") {
    return InvalidArgument("Encryption is not supported on " +
                           std::string(DeliveryStreamTypeOf(view.spec)) +
                           " delivery stream type: it is its source's.");
  }
  return view;
}

}  // namespace

Status TakeEncryption(const Value& input, DeliveryStreamSpec& spec) {
  if (input.is_null()) return OkStatus();
  const bool customers = input["KeyType"].AsString() == "CUSTOMER_MANAGED_CMK";
  if (customers != input.Has("KeyARN")) {
    return InvalidArgument(customers ? "KeyARN must be specified for CUSTOMER_MANAGED_CMK."
                                     : "KeyARN cannot be specified for AWS_OWNED_CMK.");
  }
  if (spec.source.type != "DirectPut") {
    return InvalidArgument("Encryption is not supported on " +
                           std::string(DeliveryStreamTypeOf(spec)) +
                           " delivery stream type: it is its source's.");
  }
  spec.encryption_type = "KMS";
  spec.encryption_key_id = input["KeyARN"].AsString();
  return OkStatus();
}

aws::OperationHandler StartDeliveryStreamEncryption(FirehoseControl& control) {
  return [&control](const aws::RequestContext&, const Value& input) -> Result<Value> {
    ASSIGN_OR_RETURN(const DeliveryView view, FindForEncryption(control, input));
    Value how = input["DeliveryStreamEncryptionConfigurationInput"];
    if (how.is_null()) how.Set("KeyType", "AWS_OWNED_CMK");
    RETURN_IF_ERROR(control.deliveries.Change(
        view, [&](Resource&, DeliveryStreamSpec& spec) { return TakeEncryption(how, spec); }));
    return Value(json::Object{});
  };
}

aws::OperationHandler StopDeliveryStreamEncryption(FirehoseControl& control) {
  return [&control](const aws::RequestContext&, const Value& input) -> Result<Value> {
    ASSIGN_OR_RETURN(const DeliveryView view, FindForEncryption(control, input));
    RETURN_IF_ERROR(control.deliveries.Change(view, [](Resource&, DeliveryStreamSpec& spec) {
      spec.encryption_type = "NONE";
      spec.encryption_key_id.clear();
      return OkStatus();
    }));
    return Value(json::Object{});
  };
}

}  // namespace millrace::controlplane
