#include <algorithm>
#include <array>
#include <cctype>

#include "cli/cluster/support_bundle.h"

namespace millrace::cli {
namespace {

using json::Value;

constexpr std::string_view kBlack = "<blacked out>";

bool SoundsSecret(std::string_view name) {
  name.remove_prefix(std::min(name.find_first_not_of('-'), name.size()));
  std::string lower(name);
  std::transform(lower.begin(), lower.end(), lower.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  // What names a Secret or a file is no secret.
  for (std::string_view end : {"-secret", "_secret_name", "-file", "_file", "-name"}) {
    if (lower.ends_with(end) && lower != "client-secret") return false;
  }
  static constexpr std::array<std::string_view, 6> kWords = {
      "token", "secret", "passw", "credential", "access_key", "master-key"};
  return std::any_of(kWords.begin(), kWords.end(),
                     [&](std::string_view word) { return lower.find(word) != lower.npos; });
}

void BlackOutContainer(Value& container) {
  if (container.Has("env")) {
    for (Value& variable : container["env"].MutableArray()) {
      const bool is_literal = variable.Has("value");
      if (is_literal && SoundsSecret(variable.At("name").AsString())) variable.Set("value", kBlack);
    }
  }
  for (const char* list : {"command", "args"}) {
    if (!container.Has(list)) continue;
    bool is_value = false;
    for (Value& argument : container[list].MutableArray()) {
      const std::string text = argument.AsString();
      const size_t equals = text.find('=');
      if (is_value && !text.starts_with("-")) {
        argument = kBlack;
        is_value = false;
        continue;
      }
      const bool is_secret = text.starts_with("-") && SoundsSecret(text.substr(0, equals));
      if (is_secret && equals != text.npos)
        argument = text.substr(0, equals + 1) + std::string(kBlack);
      is_value = is_secret && equals == text.npos;
    }
  }
}

void BlackOutPodSpec(Value& spec) {
  for (const char* list : {"initContainers", "containers", "ephemeralContainers"}) {
    if (!spec.Has(list)) continue;
    for (Value& container : spec[list].MutableArray()) BlackOutContainer(container);
  }
}

}  // namespace

void BlackOut(Value& object) {
  if (object.At("metadata").Has("annotations")) {
    object["metadata"]["annotations"].Remove("kubectl.kubernetes.io/last-applied-configuration");
  }
  if (object.At("spec").Has("containers")) BlackOutPodSpec(object["spec"]);
  if (object.At("spec", "template").Has("spec")) {
    BlackOutPodSpec(object["spec"]["template"]["spec"]);
  }
  // ControllerRevisions keep a template.
  if (object.At("data").Has("spec")) BlackOutPodSpec(object["data"]["spec"]);
  if (object.At("data", "template").Has("spec")) {
    BlackOutPodSpec(object["data"]["template"]["spec"]);
  }
}

}  // namespace millrace::cli
