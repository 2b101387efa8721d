#include <cstdio>

#include "cli/api_client.h"
#include "cli/command.h"
#include "cli/documents.h"
#include "cli/resource_path.h"

namespace millrace::cli {
namespace {

// Applies one document and says what became of it: "stream/orders created".
Status ApplyDocument(ApiClient& client, const Document& document, const std::string& default_ns) {
  const std::string& kind = document.value["kind"].AsString();
  if (kind.empty()) return InvalidArgument(document.source + ": kind is missing");
  const std::string& version = document.value["apiVersion"].AsString();
  const bool is_secret = kind == "Secret" && version == "v1";
  if (version != "millrace.dev/v1alpha1" && !is_secret) {
    return InvalidArgument(document.source + ": apiVersion is '" + version +
                           "', not millrace.dev/v1alpha1");
  }
  Result<std::string> plural = PluralOf(kind);
  if (!plural.ok()) return plural.status().WithContext(document.source);
  const json::Value& metadata = document.value["metadata"];
  const std::string& name = metadata["name"].AsString();
  if (name.empty()) return InvalidArgument(document.source + ": metadata.name is missing");
  std::string ns =
      metadata["namespace"].AsString().empty() ? default_ns : metadata["namespace"].AsString();
  Result<json::Value> before = client.Resource("GET", ResourcePath(ns, *plural, name));
  Result<json::Value> after =
      client.Resource("PUT", ResourcePath(ns, *plural, name), document.value);
  if (!after.ok()) return after.status().WithContext(document.source);
  const char* outcome =
      !before.ok() ? "created"
      : before->At("metadata", "generation") == after->At("metadata", "generation") && !is_secret
          ? "unchanged"
          : "configured";
  std::printf("%s/%s %s\n", plural->substr(0, plural->size() - 1).c_str(), name.c_str(), outcome);
  return OkStatus();
}

}  // namespace

int RunApply(const Arguments& arguments) {
  config::Settings settings(
      "millrace apply -f FILE|DIR|- [FLAG]...",
      "Creates the resources of YAML files, or changes them to what the files say.");
  const auto& files = settings.List(
      "filename", "A file, a folder of files, or - for standard input.", "FILE|DIR|-");
  settings.Letter("filename", 'f');
  const std::string& ns =
      settings.String("namespace", "default", "Where resources go that name no namespace.");
  settings.Letter("namespace", 'n');
  ApiFlags flags(settings);
  settings.ParseOrExit(arguments);
  if (files.empty()) {
    std::fprintf(stderr, "millrace apply: say what to apply: -f FILE, -f DIR or -f -\n");
    return 2;
  }
  ApiOptions options = flags.Options();
  ApiClient client(options);
  int exit_code = 0;
  for (const std::string& file : files) {
    Result<std::vector<Document>> documents = ReadDocuments(file);
    if (!documents.ok()) return Fail(documents.status(), options);
    for (const Document& document : *documents) {
      Status applied = ApplyDocument(client, document, ns);
      if (!applied.ok()) exit_code = Fail(applied, options);
    }
  }
  return exit_code;
}

}  // namespace millrace::cli
