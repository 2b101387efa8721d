#include "cli/standalone_delivery.h"

#include <cstdlib>
#include <filesystem>

#include "common/resources/stream_resource.h"

namespace millrace::cli {

using resources::Resource;
using resources::ResourceKey;
using resources::WatchEvent;

namespace {

constexpr size_t kReconcileWorkers = 4;

std::string FromEnvironment(const char* name, const char* other = nullptr) {
  for (const char* variable : {name, other}) {
    const char* value = variable == nullptr ? nullptr : std::getenv(variable);
    if (value != nullptr && *value != '\0') return value;
  }
  return "";
}

op::DeliverySettings WithDefaults(op::DeliverySettings settings, const std::string& data) {
  resources::S3Access& s3 = settings.s3_default;
  s3.endpoint = FromEnvironment("AWS_ENDPOINT_URL_S3");
  const std::string region = FromEnvironment("AWS_REGION", "AWS_DEFAULT_REGION");
  if (!region.empty()) s3.region = region;
  s3.access_key_id = FromEnvironment("AWS_ACCESS_KEY_ID");
  s3.secret_access_key = FromEnvironment("AWS_SECRET_ACCESS_KEY");
  s3.session_token = FromEnvironment("AWS_SESSION_TOKEN");
  settings.folder_root = std::filesystem::absolute(data) / "delivered";
  return settings;
}

// millrace-delivery stands beside this binary.
std::string DeliveryProgram() {
  return std::filesystem::read_symlink("/proc/self/exe").parent_path() / "millrace-delivery";
}

}  // namespace

StandaloneDelivery::StandaloneDelivery(resources::ResourceStore& store, op::Runtime& runtime,
                                       Options options)
    : store_(store),
      workers_(runtime, DeliveryProgram(), options.data + "/delivery"),
      reconciler_(store, SystemClock(), WithDefaults(options.settings, options.data), workers_,
                  [&store](const ResourceKey& key) { return op::SecretInStore(store, key); }),
      controller_("delivery stream", kReconcileWorkers, SystemClock(),
                  [this](const ResourceKey& key) { return reconciler_.Reconcile(key); }) {
  watch_ = store_.Watch(resources::kDeliveryStreamKind,
                        [this](WatchEvent, const Resource& made) { controller_.Add(made.key); });
  stream_watch_ = store_.Watch(resources::kStreamKind,
                               [this](WatchEvent, const Resource& stream) { TakeStream(stream); });
}

void StandaloneDelivery::Stop() {
  watch_.reset();
  stream_watch_.reset();
  controller_.Stop();
}

// What reads the stream may go on now.
void StandaloneDelivery::TakeStream(const Resource& stream) {
  const auto all = store_.List(resources::kDeliveryStreamKind, stream.key.ns);
  if (!all.ok()) return;
  for (const Resource& delivery : *all) {
    const bool hidden = op::HiddenStreamKey(delivery) == stream.key;
    const std::string& read = delivery.spec.At("source", "stream", "streamRef", "name").AsString();
    if (hidden || read == stream.key.name) controller_.Add(delivery.key);
  }
}

bool StandaloneDelivery::IsSettled() const {
  const auto all = store_.List(resources::kDeliveryStreamKind, "");
  if (!all.ok()) return false;
  for (const Resource& delivery : *all) {
    const std::string& word = delivery.status["deliveryStreamStatus"].AsString();
    if (!delivery.deletion_timestamp && (word.empty() || word == "CREATING")) return false;
  }
  return true;
}

}  // namespace millrace::cli
