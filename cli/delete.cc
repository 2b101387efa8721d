#include <cstdio>

#include "cli/api_client.h"
#include "cli/command.h"
#include "cli/documents.h"
#include "cli/resource_path.h"

namespace millrace::cli {
namespace {

// What to delete: from files, or "streams NAME...".
struct Target {
  std::string ns;
  std::string plural;
  std::string name;
};

Result<std::vector<Target>> TargetsOfFiles(const std::vector<std::string>& files,
                                           const std::string& default_ns) {
  std::vector<Target> targets;
  for (const std::string& file : files) {
    ASSIGN_OR_RETURN(std::vector<Document> documents, ReadDocuments(file));
    for (const Document& document : documents) {
      Result<std::string> plural = PluralOf(document.value["kind"].AsString());
      if (!plural.ok()) return plural.status().WithContext(document.source);
      const json::Value& metadata = document.value["metadata"];
      const std::string& ns = metadata["namespace"].AsString();
      targets.push_back({ns.empty() ? default_ns : ns, *plural, metadata["name"].AsString()});
    }
  }
  return targets;
}

}  // namespace

int RunDelete(const Arguments& arguments) {
  config::Settings settings(
      "millrace delete stream NAME... | -f FILE|DIR [FLAG]...",
      "Deletes resources. Data is kept for a day unless deletionPolicy is Delete.");
  const auto& files = settings.List("filename", "Delete what these files name.", "FILE|DIR|-");
  settings.Letter("filename", 'f');
  const std::string& ns = settings.String("namespace", "default", "The namespace to look in.");
  settings.Letter("namespace", 'n');
  ApiFlags flags(settings);
  settings.ParseOrExit(arguments);
  ApiOptions options = flags.Options();
  const auto& words = settings.positional();
  Result<std::vector<Target>> targets = TargetsOfFiles(files, ns);
  if (!targets.ok()) return Fail(targets.status(), options);
  if (!words.empty()) {
    Result<std::string> plural = PluralOf(words[0]);
    if (!plural.ok()) return Fail(plural.status(), options);
    for (size_t i = 1; i < words.size(); ++i) targets->push_back({ns, *plural, words[i]});
  }
  if (targets->empty()) {
    std::fprintf(stderr, "millrace delete: say what to delete: millrace delete stream NAME\n");
    return 2;
  }
  ApiClient client(options);
  int exit_code = 0;
  for (const Target& target : *targets) {
    Result<json::Value> answer =
        client.Resource("DELETE", ResourcePath(target.ns, target.plural, target.name));
    if (!answer.ok()) {
      exit_code = Fail(answer.status(), options);
    } else {
      std::printf("%s \"%s\" deleted\n", target.plural.c_str(), target.name.c_str());
    }
  }
  return exit_code;
}

}  // namespace millrace::cli
