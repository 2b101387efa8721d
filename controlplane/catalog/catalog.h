#pragma once

#include <chrono>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "common/base/clock.h"
#include "common/resources/resource.h"
#include "common/resources/shard_map.h"
#include "common/resources/store.h"
#include "common/resources/stream_resource.h"

namespace millrace::controlplane {

// One stream as the API sees it: the resource, and what the operator has made of it so far.
struct StreamView {
  resources::Resource resource;
  resources::StreamSpec spec;
  std::string name;  // the AWS StreamName
  std::string arn;
  std::string status;                      // CREATING, ACTIVE, UPDATING, DELETING
  std::optional<resources::ShardMap> map;  // none while CREATING
};

// What all streams together have, as their Streams say.
struct AccountUse {
  int64_t open_shards = 0;
  int64_t on_demand = 0;  // streams
};

struct CatalogOptions {
  std::string region = "us-east-1";
  std::string account = "000000000000";
  std::string ns = "default";  // where API-made streams go
  // How long a call may wait for the operator where AWS answers at once.
  std::chrono::milliseconds wait_max{3000};
  // How a store of many streams answers Catalog's ListAfter and Use without reading them all; both
  // or none.
  std::function<Result<std::vector<resources::Resource>>(std::string_view stream_name,
                                                         size_t count)>
      list_after;
  std::function<Result<AccountUse>()> use;
};

// The streams there are, by their AWS names, over a ResourceStore: the control plane keeps no state
// of its own. Failures carry AWS's messages. Blocks on the store; any thread, never an Executor.
class Catalog {
 public:
  Catalog(resources::ResourceStore& store, CatalogOptions options)
      : store_(store), options_(std::move(options)) {}

  // kNotFound: "Stream x under account 000000000000 not found."
  Result<StreamView> Find(const std::string& stream_name);
  // Name, ARN or both, as every operation's input has them. kInvalidArgument where neither is there
  // or they differ.
  Result<StreamView> FindFor(const json::Value& input);
  // The same, and kResourceInUse where it is not ACTIVE.
  Result<StreamView> FindActive(const json::Value& input);
  // The first `count` whose names come after `stream_name`, in the order of those; without maps.
  Result<std::vector<StreamView>> ListAfter(std::string_view stream_name, size_t count);
  Result<AccountUse> Use();

  Result<StreamView> Create(const std::string& stream_name, const resources::StreamSpec& spec);
  // Changes the resource by compare-and-set until it holds; `change` may refuse. The result is
  // durable.
  Result<resources::Resource> Change(
      const StreamView& view,
      const std::function<Status(resources::Resource& resource, resources::StreamSpec& spec)>&
          change);
  // Change, then wait (bounded) until the operator has taken it up: for what is synchronous on AWS.
  Status ChangeAndWait(const StreamView& view,
                       const std::function<Status(resources::Resource& resource,
                                                  resources::StreamSpec& spec)>& change);
  Status Delete(const StreamView& view);
  // Looks again every few milliseconds until `holds` or wait_max has passed (kTimeout).
  Result<StreamView> WaitUntil(const std::string& stream_name,
                               const std::function<bool(const StreamView&)>& holds);

  resources::ResourceStore& store() { return store_; }
  const CatalogOptions& options() const { return options_; }
  std::string ArnOf(const std::string& stream_name) const;
  std::string NotFoundMessage(const std::string& stream_name) const;

 private:
  StreamView ViewWithoutMap(resources::Resource resource) const;
  Result<StreamView> View(resources::Resource resource);
  Result<resources::Resource> FindResource(const std::string& stream_name);

  resources::ResourceStore& store_;
  const CatalogOptions options_;
};

// A name that Kubernetes takes: lower-cased, with '-' for what DNS does not allow, and a short hash
// behind it where that changed it, so that "A.b" and "a_b" stay two. Pure.
std::string ResourceNameFor(const std::string& stream_name);

// CREATING, ACTIVE, UPDATING or DELETING (docs/designs/0001, "API status"). Pure.
std::string ApiStatus(const resources::Resource& stream);

}  // namespace millrace::controlplane
