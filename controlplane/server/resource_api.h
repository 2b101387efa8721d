#pragma once

#include <string>

#include "common/net/http_types.h"
#include "common/resources/store.h"

namespace millrace::controlplane {

// The resources under Kubernetes' own paths and with Kubernetes' own answers:
//   GET            /apis/millrace.dev/v1alpha1/streams                     every namespace
//   GET POST       /apis/millrace.dev/v1alpha1/namespaces/{ns}/streams
//   GET PUT DELETE /apis/millrace.dev/v1alpha1/namespaces/{ns}/streams/{name}
// PUT without a resourceVersion replaces spec, labels and annotations whatever the version (apply);
// it creates what is not there. The same for deliverystreams, and, where the store keeps them, for
// secrets, whose values are never shown. Shard maps can be read, never written. Blocks on the
// store; any thread.
class ResourceApi {
 public:
  explicit ResourceApi(resources::ResourceStore& store, bool keeps_secrets = false)
      : store_(store), keeps_secrets_(keeps_secrets) {}
  net::HttpResponse Handle(const net::HttpRequest& request);

 private:
  struct Target {
    std::string kind;
    resources::ResourceKey key;  // name "" for a collection, ns "" for all
  };
  Result<Target> Parse(std::string_view path) const;
  net::HttpResponse Get(const Target& target);
  net::HttpResponse Put(const Target& target, const net::HttpRequest& request, bool create_only);
  net::HttpResponse Delete(const Target& target);

  resources::ResourceStore& store_;
  const bool keeps_secrets_;
};

// Whether a resource of this kind and spec may be made, or take the place of `before`; names the
// field.
Status CheckResource(const resources::Resource& wanted, const resources::Resource* before,
                     bool keeps_secrets);

}  // namespace millrace::controlplane
