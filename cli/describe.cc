#include <cstdio>

#include "cli/api_client.h"
#include "cli/command.h"
#include "cli/output.h"
#include "cli/resource_path.h"

namespace millrace::cli {
namespace {

void PrintSection(const char* title, const json::Value& value) {
  if (value.is_null() || (value.is_object() && value.AsObject().empty())) return;
  std::printf("%s:\n", title);
  std::string text = json::WriteYaml(value);
  size_t at = 0;
  while (at < text.size()) {
    size_t end = text.find('\n', at);
    if (end == std::string::npos) end = text.size();
    std::printf("  %s\n", text.substr(at, end - at).c_str());
    at = end + 1;
  }
}

void PrintConditions(const json::Value& resource) {
  std::vector<std::vector<std::string>> rows;
  for (const json::Value& c : resource.At("status", "conditions").AsArray()) {
    rows.push_back({c["type"].AsString(), c["status"].AsString(), c["reason"].AsString(),
                    AgeOf(c["lastTransitionTime"].AsString()), c["message"].AsString()});
  }
  if (rows.empty()) return;
  std::printf("Conditions:\n");
  std::string table = RenderTable({"  TYPE", "STATUS", "REASON", "SINCE", "MESSAGE"}, [&] {
    for (auto& row : rows) row[0] = "  " + row[0];
    return rows;
  }());
  std::fputs(table.c_str(), stdout);
}

}  // namespace

int RunDescribe(const Arguments& arguments) {
  config::Settings settings("millrace describe stream NAME [FLAG]...",
                            "Shows one resource: what was asked for, what is, and why.");
  const std::string& ns = settings.String("namespace", "default", "The namespace to look in.");
  settings.Letter("namespace", 'n');
  ApiFlags flags(settings);
  settings.ParseOrExit(arguments);
  if (settings.positional().size() != 2) {
    std::fprintf(stderr,
                 "millrace describe: say what to describe: millrace describe stream NAME\n");
    return 2;
  }
  ApiOptions options = flags.Options();
  Result<std::string> plural = PluralOf(settings.positional()[0]);
  if (!plural.ok()) return Fail(plural.status(), options);
  ApiClient client(options);
  Result<json::Value> answer =
      client.Resource("GET", ResourcePath(ns, *plural, settings.positional()[1]));
  if (!answer.ok()) return Fail(answer.status(), options);
  const json::Value& metadata = (*answer)["metadata"];
  std::printf(
      "Name:       %s\nNamespace:  %s\nKind:       %s\nCreated:    %s (%s ago)\nGeneration: %lld\n",
      metadata["name"].AsString().c_str(), metadata["namespace"].AsString().c_str(),
      (*answer)["kind"].AsString().c_str(), metadata["creationTimestamp"].AsString().c_str(),
      AgeOf(metadata["creationTimestamp"].AsString()).c_str(),
      static_cast<long long>(metadata["generation"].AsInt()));
  PrintSection("Labels", metadata["labels"]);
  PrintSection("Annotations", metadata["annotations"]);
  PrintSection("Spec", (*answer)["spec"]);
  json::Value status = (*answer)["status"];
  if (status.is_object()) status.Remove("conditions");
  PrintSection("Status", status);
  PrintConditions(*answer);
  return 0;
}

}  // namespace millrace::cli
