#include "operator/delivery_stream/delivery_stream_reconciler.h"

#include <algorithm>
#include <tuple>

#include "common/codec/base64.h"
#include "common/log/log.h"
#include "common/resources/stream_resource.h"
#include "operator/delivery_stream/object_reader.h"

namespace millrace::op {

using resources::DeliveryStreamSpec;
using resources::Resource;
using resources::ResourceKey;

DeliveryStreamReconciler::DeliveryStreamReconciler(resources::ResourceStore& store, Clock& clock,
                                                   DeliverySettings settings,
                                                   DeliveryWorkers& workers, ReadSecret read_secret,
                                                   Refresh refresh)
    : store_(store),
      clock_(clock),
      settings_(std::move(settings)),
      workers_(workers),
      read_secret_(std::move(read_secret)),
      refresh_(std::move(refresh)) {}

Outcome DeliveryStreamReconciler::Reconcile(const ResourceKey& key) {
  Result<Resource> resource = store_.Get(resources::kDeliveryStreamKind, key);
  if (!resource.ok()) {
    if (resource.status().code() != Code::kNotFound) return Outcome::Failed(resource.status());
    // Gone without us: nothing may go on delivering in its name.
    const Status removed = workers_.Remove(key);
    return removed.ok() ? Outcome::Done() : Outcome::Failed(removed);
  }
  DeliverySettings settings = settings_;
  if (refresh_) {
    const Status refreshed = refresh_(settings);
    if (!refreshed.ok()) return Outcome::Failed(refreshed);
  }
  Result<DeliveryInput> input = Read(*std::move(resource));
  if (!input.ok()) return Outcome::Failed(input.status());
  input->source_problem = settings.source_problem;
  input->s3_default_problem = settings.s3_default_problem;
  return Act(*input, PlanDelivery(settings, *input));
}

Result<std::optional<Resource>> DeliveryStreamReconciler::Find(std::string_view kind,
                                                               const ResourceKey& key) {
  Result<Resource> found = store_.Get(kind, key);
  if (found.ok()) return std::optional<Resource>(*std::move(found));
  if (found.status().code() == Code::kNotFound) return std::optional<Resource>();
  return found.status();
}

Result<std::string> DeliveryStreamReconciler::NameTakenBy(const Resource& resource) {
  const std::string name = DeliveryStreamNameOf(resource);
  ASSIGN_OR_RETURN(const std::vector<Resource> namesakes,
                   store_.ListByStreamName(resources::kDeliveryStreamKind, name));
  for (const Resource& other : namesakes) {
    const bool older = std::tie(other.creation_timestamp, other.key) <
                       std::tie(resource.creation_timestamp, resource.key);
    if (other.key != resource.key && older) return other.key.ToString();
  }
  return std::string();
}

Result<DeliveryInput> DeliveryStreamReconciler::Read(Resource resource) {
  DeliveryInput input;
  input.now = clock_.WallNow();
  input.resource = std::move(resource);
  const ResourceKey& key = input.resource.key;
  const Result<DeliveryStreamSpec> spec = DeliveryStreamSpec::Parse(input.resource.spec);
  if (!spec.ok()) return input;
  ASSIGN_OR_RETURN(input.name_taken_by, NameTakenBy(input.resource));
  if (spec->source.type == "DirectPut") {
    ASSIGN_OR_RETURN(input.source, Find(resources::kStreamKind, HiddenStreamKey(input.resource)));
  } else if (spec->source.type == "Stream") {
    ASSIGN_OR_RETURN(input.source, Find(resources::kStreamKind, {key.ns, spec->source.stream_ref}));
  }
  ASSIGN_OR_RETURN(input.cursors, Find(resources::kStreamKind, CursorStreamKey(input.resource)));
  if (spec->destination.stream) {
    ASSIGN_OR_RETURN(input.destination,
                     Find(resources::kStreamKind, {key.ns, spec->destination.stream->stream_ref}));
  }
  for (const std::string& name : spec->SecretNames()) {
    auto secret = read_secret_({key.ns, name});
    if (secret.ok()) {
      input.secrets[name] = *std::move(secret);
    } else if (secret.status().code() == Code::kNotFound) {
      input.secrets_missing.push_back(name);
    } else {
      return secret.status().WithContext("Secret " + name);
    }
  }
  input.observed = workers_.Observe(key);
  return input;
}

Outcome DeliveryStreamReconciler::UpdateMetadata(Resource resource) {
  const Result<DeliveryStreamSpec> spec = DeliveryStreamSpec::Parse(resource.spec);
  if (!spec.ok()) return Outcome::Failed(spec.status());
  SetVersion(resource, *spec);
  std::erase(resource.finalizers, std::string(kDeliveryFinalizer));
  resource.finalizers.emplace_back(kDeliveryFinalizer);
  const Result<Resource> updated = store_.Update(resource);
  return updated.ok() ? Outcome::After(Duration::zero()) : Outcome::Failed(updated.status());
}

Status DeliveryStreamReconciler::ActOnSource(const DeliveryInput& input,
                                             const DeliverySteps& steps) {
  if (steps.create_source) {
    const Result<Resource> created = store_.Create(*steps.create_source);
    if (!created.ok()) return created.status().WithContext("the stream of PutRecord");
  }
  if (steps.update_source) RETURN_IF_ERROR(store_.Update(*steps.update_source).status());
  if (steps.create_cursors) {
    const Result<Resource> created = store_.Create(*steps.create_cursors);
    if (!created.ok()) return created.status().WithContext("the stream of positions");
  }
  // All that was in them is delivered, so nothing is kept for regret.
  if (steps.delete_source && input.source) RETURN_IF_ERROR(DeleteHidden(*input.source));
  if (steps.delete_cursors && input.cursors) RETURN_IF_ERROR(DeleteHidden(*input.cursors));
  return OkStatus();
}

Status DeliveryStreamReconciler::DeleteHidden(Resource stream) {
  if (stream.deletion_timestamp) return OkStatus();
  stream.spec.Set("deletionPolicy", "Delete");
  RETURN_IF_ERROR(store_.Update(stream).status());
  return store_.Delete(resources::kStreamKind, stream.key);
}

Outcome DeliveryStreamReconciler::Act(const DeliveryInput& input, const DeliverySteps& steps) {
  if (steps.update_metadata) return UpdateMetadata(input.resource);
  if (steps.create_source || steps.update_source || steps.create_cursors) {
    const Status done = ActOnSource(input, steps);
    if (!done.ok()) return Outcome::Failed(done);
  }
  Status applied;
  if (steps.orders) applied = workers_.Apply(*steps.orders);
  if (steps.stop) applied = workers_.Remove(input.resource.key);
  Resource resource = input.resource;
  if (steps.status) {
    resource.status = *steps.status;
    const Result<Resource> updated = store_.UpdateStatus(resource);
    if (!updated.ok()) return Outcome::Failed(applied.ok() ? updated.status() : applied);
    resource = *updated;
  }
  // After the status, so that a missing program does not hide what the source is.
  if (!applied.ok()) return Outcome::Failed(applied);
  if (steps.delete_source || steps.delete_cursors) {
    const Status done = ActOnSource(input, steps);
    if (!done.ok()) return Outcome::Failed(done);
  }
  if (steps.remove_finalizer) {
    std::erase(resource.finalizers, std::string(kDeliveryFinalizer));
    const Result<Resource> updated = store_.Update(resource);
    if (!updated.ok()) return Outcome::Failed(updated.status());
    log::Info("delivery stream removed", {{"delivery_stream", resource.key.ToString()}});
  }
  return steps.again ? Outcome::After(*steps.again) : Outcome::Done();
}

Result<std::map<std::string, std::string>> SecretInStore(resources::ResourceStore& store,
                                                         const ResourceKey& key) {
  ASSIGN_OR_RETURN(const Resource secret, store.Get("Secret", key));
  json::Value document = secret.other;
  document["metadata"].Set("name", key.name);
  document["metadata"].Set("namespace", key.ns);
  return EntriesOfSecret(document);
}

Status WriteSecretInStore(resources::ResourceStore& store, const ResourceKey& key,
                          const std::map<std::string, std::string>& entries) {
  Result<Resource> there = store.Get("Secret", key);
  if (!there.ok() && there.status().code() != Code::kNotFound) return there.status();
  Resource secret;
  if (there.ok()) secret = *there;
  secret.api_version = "v1";
  secret.kind = "Secret";
  secret.key = key;
  for (const auto& [name, value] : entries) {
    secret.other["data"].Set(name, codec::Base64Encode(value));
  }
  return (there.ok() ? store.Update(secret) : store.Create(secret)).status();
}

}  // namespace millrace::op
