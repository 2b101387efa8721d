#include "operator/engine/applier.h"

namespace millrace::op {

using json::Value;

const Value* const Applier::kUnwatched = new Value(true);

std::string Applier::StampOf(const Value& object) {
  const int64_t generation = object.At("metadata", "generation").AsInt();
  // A status that changes is nobody's drift.
  return generation > 0 ? "g" + std::to_string(generation) : kube::ResourceVersionOf(object);
}

std::string Applier::KeyOf(const kube::ResourceType& type, const kube::ObjectName& name) {
  return type.kind + " " + name.ToString();
}

void Applier::Forget(const kube::ResourceType& type, const kube::ObjectName& name) {
  std::lock_guard lock(mu_);
  applied_.erase(KeyOf(type, name));
}

Result<Value> Applier::Apply(const kube::ResourceType& type, const Value& wanted,
                             const Value* live) {
  const std::string key = KeyOf(type, kube::NameOf(wanted));
  const std::string text = json::WriteJson(wanted);
  {
    std::lock_guard lock(mu_);
    const auto known = applied_.find(key);
    if (known != applied_.end() && known->second.wanted == text) {
      const bool is_as_left =
          live == kUnwatched || (live && kube::UidOf(*live) == known->second.uid &&
                                 StampOf(*live) == known->second.stamp);
      if (is_as_left) return Value();
    }
  }
  Result<Value> done = client_.Apply(type, wanted);
  if (!done.ok()) return done.status().WithContext(key);
  std::lock_guard lock(mu_);
  applied_[key] = {text, kube::UidOf(*done), StampOf(*done)};
  return done;
}

}  // namespace millrace::op
