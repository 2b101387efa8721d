#pragma once

#include <functional>
#include <map>
#include <string>
#include <vector>

#include "common/delivery/delivery_stream_resource.h"
#include "controlplane/catalog/catalog.h"

namespace millrace::controlplane {

// One delivery stream as the API sees it.
struct DeliveryView {
  resources::Resource resource;
  resources::DeliveryStreamSpec spec;
  std::string name;  // the AWS DeliveryStreamName
  std::string arn;
  std::string status;  // CREATING, CREATING_FAILED, DELETING, ACTIVE
  int64_t version = 1;
};

// The delivery streams there are, by their AWS names, over a ResourceStore: the sibling of Catalog.
// Failures carry AWS's messages. Blocks on the store; any thread, never an Executor.
class DeliveryCatalog {
 public:
  using Changer =
      std::function<Status(resources::Resource& resource, resources::DeliveryStreamSpec& spec)>;

  DeliveryCatalog(resources::ResourceStore& store, CatalogOptions options)
      : store_(store), options_(std::move(options)) {}

  // kNotFound: "Firehose x under account 000000000000 not found."
  Result<DeliveryView> Find(const std::string& name);
  // In the order of their names.
  Result<std::vector<DeliveryView>> List();
  Result<DeliveryView> Create(const std::string& name, const resources::DeliveryStreamSpec& spec,
                              const std::map<std::string, std::string>& annotations);
  // Changes the resource by compare-and-set until it holds; `change` may refuse. VersionId rises
  // with the destination, in the same update. Durable on return.
  Status Change(const DeliveryView& view, const Changer& change);
  Status Delete(const DeliveryView& view);

  // The AWS name of the Stream that `view` reads; the resource's where it is gone.
  std::string SourceStreamName(const DeliveryView& view);

  const CatalogOptions& options() const { return options_; }
  resources::ResourceKey KeyFor(const std::string& name) const;

 private:
  Result<DeliveryView> View(resources::Resource resource) const;

  resources::ResourceStore& store_;
  const CatalogOptions options_;
};

}  // namespace millrace::controlplane
