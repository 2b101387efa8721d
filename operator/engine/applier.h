#pragma once

#include <map>
#include <mutex>
#include <string>

#include "common/kube/client.h"

namespace millrace::op {

// Brings objects to what they should be by server-side apply, and only where something may have
// changed: what we want, or what there is. So a reconcile at rest writes nothing, and drift is
// repaired. Any thread; calls block.
class Applier {
 public:
  explicit Applier(kube::Client& client) : client_(client) {}
  // `live` is what a cache shows, null where there is none; without a cache pass kUnwatched, and
  // only what we want is compared. The object as it is afterwards where it was written, else null.
  Result<json::Value> Apply(const kube::ResourceType& type, const json::Value& wanted,
                            const json::Value* live);
  static const json::Value* const kUnwatched;
  // What is known of the object is forgotten: it is to be written again.
  void Forget(const kube::ResourceType& type, const kube::ObjectName& name);

 private:
  struct Applied {
    std::string wanted;
    std::string uid;
    std::string stamp;  // generation where the kind has one, else the version
  };
  static std::string StampOf(const json::Value& object);
  static std::string KeyOf(const kube::ResourceType& type, const kube::ObjectName& name);

  kube::Client& client_;
  std::mutex mu_;
  std::map<std::string, Applied> applied_;  // guarded by mu_
};

}  // namespace millrace::op
