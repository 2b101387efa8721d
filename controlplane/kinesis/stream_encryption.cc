#include "controlplane/kinesis/operations.h"

namespace millrace::controlplane {

using resources::Resource;
using resources::StreamSpec;

Handler StartStreamEncryption(KinesisControl& control) {
  return [&control](const aws::RequestContext&, json::Value input) -> Result<json::Value> {
    ASSIGN_OR_RETURN(StreamView view, control.catalog.FindActive(input));
    if (input["EncryptionType"].AsString() != "KMS")
      return InvalidArgument("EncryptionType must be KMS.");
    std::string key = input["KeyId"].AsString();
    auto changed = control.catalog.Change(view, [&](Resource&, StreamSpec& spec) {
      spec.encryption_type = "KMS";
      spec.key_id = key;
      return OkStatus();
    });
    if (!changed.ok()) return changed.status();
    return json::Value(json::Object{});
  };
}

Handler StopStreamEncryption(KinesisControl& control) {
  return [&control](const aws::RequestContext&, json::Value input) -> Result<json::Value> {
    ASSIGN_OR_RETURN(StreamView view, control.catalog.FindActive(input));
    if (input["EncryptionType"].AsString() != "KMS")
      return InvalidArgument("EncryptionType must be KMS.");
    if (view.spec.encryption_type != "KMS") return json::Value(json::Object{});
    if (input["KeyId"].AsString() != view.spec.key_id) {
      return InvalidArgument("KeyId is not the key that stream " + view.name +
                             " is encrypted with.");
    }
    auto changed = control.catalog.Change(view, [](Resource&, StreamSpec& spec) {
      spec.encryption_type = "NONE";
      spec.key_id.clear();
      return OkStatus();
    });
    if (!changed.ok()) return changed.status();
    return json::Value(json::Object{});
  };
}

}  // namespace millrace::controlplane
