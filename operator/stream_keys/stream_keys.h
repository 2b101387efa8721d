#pragma once

#include <map>
#include <mutex>
#include <set>
#include <string>

#include "common/kube/client.h"
#include "common/resources/stream_resource.h"

namespace millrace::op {

// The 32 bytes of a Secret's entry, as hexadecimal digits, base64 or themselves; and the name under
// which pods find them, which says nothing of them. kInvalidArgument where they are something else.
// Pure.
struct StreamKey {
  std::string name;
  std::string hex;
};
Result<StreamKey> ReadStreamKey(const json::Value& secret, const std::string& entry);

// Keys that people keep in Secrets, for the pods of pools: each is copied into `<pool>-stream-keys`
// beside the pool, under its name, where it stays, since what was encrypted under it is read for as
// long as it is retained. Pods need no right to read Secrets. Any thread; calls block.
class StreamKeys {
 public:
  explicit StreamKeys(kube::Client& client) : client_(client) {}

  // The name of the key that the stream's new extents are to be wrapped by, once it is in the
  // pool's Secret, which pods read within a second or two, mostly. kNotFound and kInvalidArgument
  // are for people to mend.
  Result<std::string> Give(const std::string& stream_ns, const resources::StreamSpec& spec,
                           const std::string& pool_ns);

 private:
  Status GiveTo(const kube::ObjectName& pool_secret, const StreamKey& key, const std::string& pool);

  kube::Client& client_;
  std::mutex mu_;
  // What is known to be in pools' Secrets, so that a look costs one call. Guarded by mu_.
  std::map<kube::ObjectName, std::set<std::string>> given_;
};

}  // namespace millrace::op
