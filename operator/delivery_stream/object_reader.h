#pragma once

#include <map>
#include <mutex>
#include <string>

#include "common/base/clock.h"
#include "common/kube/client.h"

namespace millrace::op {

// Objects that may be read and not watched, as Secrets are: asked for again only after a while,
// since whoever reconciles looks every other second. What is not there is asked for each time. Any
// thread; blocks for a call.
class ObjectReader {
 public:
  static constexpr Duration kGoodFor = std::chrono::seconds(20);
  ObjectReader(kube::Client& client, Clock& clock) : client_(client), clock_(clock) {}
  Result<json::Value> Get(const kube::ResourceType& type, const kube::ObjectName& name);

 private:
  struct Read {
    MonoTime at;
    json::Value object;
  };
  kube::Client& client_;
  Clock& clock_;
  std::mutex mu_;
  std::map<std::pair<std::string, kube::ObjectName>, Read> read_;  // by kind; guarded by mu_
};

// The entries of a Secret (`data` in base64, or `stringData`).
Result<std::map<std::string, std::string>> EntriesOfSecret(const json::Value& secret);

}  // namespace millrace::op
