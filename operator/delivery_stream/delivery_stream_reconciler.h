#pragma once

#include <functional>

#include "common/resources/store.h"
#include "operator/delivery_stream/delivery_stream_plan.h"
#include "operator/engine/controller.h"

namespace millrace::op {

// Reads a DeliveryStream, its source, its Secrets and what its processes report, plans
// (delivery_stream_plan.h), acts, writes status. Stateless between calls; any number of worker
// threads, one a key.
class DeliveryStreamReconciler {
 public:
  // The entries of a Secret; kNotFound where there is none. Any thread.
  using ReadSecret =
      std::function<Result<std::map<std::string, std::string>>(const resources::ResourceKey&)>;

  // Brings up to date what of the settings changes while we run. Any thread.
  using Refresh = std::function<Status(DeliverySettings&)>;

  DeliveryStreamReconciler(resources::ResourceStore& store, Clock& clock, DeliverySettings settings,
                           DeliveryWorkers& workers, ReadSecret read_secret, Refresh refresh = {});
  Outcome Reconcile(const resources::ResourceKey& key);

 private:
  Result<DeliveryInput> Read(resources::Resource resource);
  Result<std::optional<resources::Resource>> Find(std::string_view kind,
                                                  const resources::ResourceKey& key);
  Result<std::string> NameTakenBy(const resources::Resource& resource);
  Outcome Act(const DeliveryInput& input, const DeliverySteps& steps);
  Status DeleteHidden(resources::Resource stream);
  Status ActOnSource(const DeliveryInput& input, const DeliverySteps& steps);
  Outcome UpdateMetadata(resources::Resource resource);

  resources::ResourceStore& store_;
  Clock& clock_;
  const DeliverySettings settings_;
  DeliveryWorkers& workers_;
  const ReadSecret read_secret_;
  const Refresh refresh_;
};

// Secrets that lie in a resource store as Kubernetes has them (`data` in base64, or `stringData`).
Result<std::map<std::string, std::string>> SecretInStore(resources::ResourceStore& store,
                                                         const resources::ResourceKey& key);
// Makes such a Secret, or puts the entries over those that it has.
Status WriteSecretInStore(resources::ResourceStore& store, const resources::ResourceKey& key,
                          const std::map<std::string, std::string>& entries);

}  // namespace millrace::op
