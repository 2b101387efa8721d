#include "controlplane/catalog/delivery_catalog.h"

#include <algorithm>

namespace millrace::controlplane {

using resources::DeliveryStreamSpec;
using resources::Resource;
using resources::ResourceKey;

namespace {

constexpr int kChangeTriesMax = 50;

std::string StatusOf(const Resource& resource) {
  if (resource.deletion_timestamp) return "DELETING";
  const std::string& status = resource.status["deliveryStreamStatus"].AsString();
  return status.empty() ? "CREATING" : status;
}

}  // namespace

ResourceKey DeliveryCatalog::KeyFor(const std::string& name) const {
  return {options_.ns, ResourceNameFor(name)};
}

Result<DeliveryView> DeliveryCatalog::View(Resource resource) const {
  DeliveryView view;
  Result<DeliveryStreamSpec> spec = DeliveryStreamSpec::Parse(resource.spec);
  if (spec.ok()) view.spec = *std::move(spec);
  view.name = DeliveryStreamNameOf(resource);
  view.arn = "arn:aws:firehose:" + options_.region + ":" + options_.account + ":deliverystream/" +
             view.name;
  view.status = StatusOf(resource);
  view.version = VersionOf(resource, view.spec);
  view.resource = std::move(resource);
  return view;
}

Result<DeliveryView> DeliveryCatalog::Find(const std::string& name) {
  Result<Resource> direct = store_.Get(resources::kDeliveryStreamKind, KeyFor(name));
  if (direct.ok() && DeliveryStreamNameOf(*direct) == name) return View(*std::move(direct));
  if (!direct.ok() && direct.status().code() != Code::kNotFound) return direct.status();
  ASSIGN_OR_RETURN(std::vector<Resource> all, store_.List(resources::kDeliveryStreamKind, ""));
  for (Resource& resource : all) {
    if (DeliveryStreamNameOf(resource) == name) return View(std::move(resource));
  }
  return NotFound("Firehose " + name + " under account " + options_.account + " not found.");
}

Result<std::vector<DeliveryView>> DeliveryCatalog::List() {
  ASSIGN_OR_RETURN(std::vector<Resource> all, store_.List(resources::kDeliveryStreamKind, ""));
  std::vector<DeliveryView> views;
  for (Resource& resource : all) {
    ASSIGN_OR_RETURN(DeliveryView view, View(std::move(resource)));
    views.push_back(std::move(view));
  }
  std::sort(views.begin(), views.end(), [](auto& a, auto& b) { return a.name < b.name; });
  return views;
}

Result<DeliveryView> DeliveryCatalog::Create(
    const std::string& name, const DeliveryStreamSpec& spec,
    const std::map<std::string, std::string>& annotations) {
  Resource resource;
  resource.kind = resources::kDeliveryStreamKind;
  resource.key = KeyFor(name);
  resource.annotations = annotations;
  DeliveryStreamSpec named = spec;
  named.delivery_stream_name = resource.key.name == name ? "" : name;
  SetVersion(resource, named);
  resource.spec = named.ToValue();
  // Whoever reads it by kubectl would have been refused what this would not be.
  RETURN_IF_ERROR(DeliveryStreamSpec::Parse(resource.spec).status());
  const auto taken = [&] {
    return Status(Code::kResourceInUse,
                  "Firehose " + name + " under accountId " + options_.account + " already exists");
  };
  if (Find(name).ok()) return taken();
  Result<Resource> created = store_.Create(std::move(resource));
  if (!created.ok()) {
    return created.status().code() == Code::kResourceInUse ? taken() : created.status();
  }
  return View(*std::move(created));
}

Status DeliveryCatalog::Change(const DeliveryView& view, const Changer& change) {
  for (int i = 0; i < kChangeTriesMax; ++i) {
    ASSIGN_OR_RETURN(Resource resource,
                     store_.Get(resources::kDeliveryStreamKind, view.resource.key));
    ASSIGN_OR_RETURN(const DeliveryStreamSpec before, DeliveryStreamSpec::Parse(resource.spec));
    DeliveryStreamSpec spec = before;
    RETURN_IF_ERROR(change(resource, spec));
    const json::Value next = spec.ToValue();
    RETURN_IF_ERROR(DeliveryStreamSpec::Parse(next).status());
    RETURN_IF_ERROR(CheckDeliveryStreamTransition(before, spec));
    SetVersion(resource, spec);
    resource.spec = next;
    const Result<Resource> updated = store_.Update(resource);
    if (updated.ok()) return OkStatus();
    if (updated.status().code() != Code::kConflict) return updated.status();
  }
  return Unavailable("the delivery stream is being changed by others; try again");
}

Status DeliveryCatalog::Delete(const DeliveryView& view) {
  return store_.Delete(resources::kDeliveryStreamKind, view.resource.key);
}

std::string DeliveryCatalog::SourceStreamName(const DeliveryView& view) {
  const std::string& name = view.spec.source.stream_ref;
  const Result<Resource> stream = store_.Get(resources::kStreamKind, {view.resource.key.ns, name});
  return stream.ok() ? StreamNameOf(*stream) : name;
}

}  // namespace millrace::controlplane
