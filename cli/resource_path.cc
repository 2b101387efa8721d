#include "cli/resource_path.h"

#include <cctype>

namespace millrace::cli {

Result<std::string> PluralOf(std::string_view kind) {
  std::string lower;
  for (char c : kind) lower += static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  if (lower == "stream" || lower == "streams" || lower == "strm" || lower == "streams.millrace.dev")
    return std::string("streams");
  for (const char* name :
       {"deliverystream", "deliverystreams", "dstrm", "deliverystreams.millrace.dev"}) {
    if (lower == name) return std::string("deliverystreams");
  }
  if (lower == "secret" || lower == "secrets") return std::string("secrets");
  if (lower == "shardmap" || lower == "shardmaps") return std::string("shardmaps");
  return InvalidArgument("there is no resource type '" + std::string(kind) +
                         "'; there is: streams, deliverystreams, secrets");
}

std::string ResourcePath(const std::string& ns, const std::string& plural,
                         const std::string& name) {
  std::string path = ns.empty() ? plural : "namespaces/" + ns + "/" + plural;
  return name.empty() ? path : path + "/" + name;
}

}  // namespace millrace::cli
