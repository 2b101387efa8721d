#include "operator/delivery_stream/object_reader.h"

#include "common/codec/base64.h"

namespace millrace::op {

Result<json::Value> ObjectReader::Get(const kube::ResourceType& type,
                                      const kube::ObjectName& name) {
  const MonoTime now = clock_.Now();
  const std::pair key(type.kind, name);
  {
    std::lock_guard lock(mu_);
    std::erase_if(read_, [&](const auto& item) { return now - item.second.at >= kGoodFor; });
    const auto known = read_.find(key);
    if (known != read_.end()) return known->second.object;
  }
  ASSIGN_OR_RETURN(json::Value object, client_.Get(type, name));
  std::lock_guard lock(mu_);
  read_[key] = {now, object};
  return object;
}

Result<std::map<std::string, std::string>> EntriesOfSecret(const json::Value& secret) {
  std::map<std::string, std::string> entries;
  for (const auto& [name, text] : secret["data"].AsObject()) {
    const std::optional<std::string> bytes = codec::Base64Decode(text.AsString());
    if (!bytes) {
      return InvalidArgument("Secret " + kube::NameOf(secret).ToString() + ": data." + name +
                             " is no base64");
    }
    entries[name] = *bytes;
  }
  for (const auto& [name, text] : secret["stringData"].AsObject()) {
    entries[name] = text.AsString();
  }
  return entries;
}

}  // namespace millrace::op
