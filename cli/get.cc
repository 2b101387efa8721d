#include <cstdio>

#include "cli/api_client.h"
#include "cli/command.h"
#include "cli/output.h"
#include "cli/resource_path.h"

namespace millrace::cli {
namespace {

std::string ConditionStatus(const json::Value& resource, std::string_view type,
                            std::string_view member) {
  for (const json::Value& condition : resource.At("status", "conditions").AsArray()) {
    if (condition["type"].AsString() == type) return condition[member].AsString();
  }
  return "Unknown";
}

// The columns of the CRD (crds/stream.yaml).
std::string StreamTable(const json::Array& items, bool with_namespace) {
  std::vector<std::string> headings = {"NAME",  "MODE",   "SHARDS", "RETENTION",
                                       "READY", "STATUS", "REASON", "AGE"};
  if (with_namespace) headings.insert(headings.begin(), "NAMESPACE");
  std::vector<std::vector<std::string>> rows;
  for (const json::Value& item : items) {
    const std::string& mode = item.At("spec", "streamModeDetails", "streamMode").AsString();
    std::vector<std::string> row = {
        item.At("metadata", "name").AsString(),
        mode.empty() ? "ON_DEMAND" : mode,
        std::to_string(item.At("status", "openShardCount").AsInt()),
        std::to_string(item.At("status", "retentionPeriodHours").AsInt()),
        ConditionStatus(item, "Ready", "status"),
        item.At("status", "streamStatus").AsString(),
        ConditionStatus(item, "Ready", "reason"),
        AgeOf(item.At("metadata", "creationTimestamp").AsString()),
    };
    if (with_namespace) row.insert(row.begin(), item.At("metadata", "namespace").AsString());
    rows.push_back(std::move(row));
  }
  return RenderTable(headings, rows);
}

// The columns of the CRD (crds/deliverystream.yaml).
std::string DeliveryStreamTable(const json::Array& items, bool with_namespace) {
  std::vector<std::string> headings = {"NAME",  "SOURCE", "DESTINATION", "BEHIND", "FAILED",
                                       "READY", "STATUS", "REASON",      "AGE"};
  if (with_namespace) headings.insert(headings.begin(), "NAMESPACE");
  std::vector<std::vector<std::string>> rows;
  for (const json::Value& item : items) {
    const std::string& source = item.At("spec", "source", "type").AsString();
    const json::Value& status = item["status"];
    const auto figure = [&](const char* name) {
      return status.Has(name) ? std::to_string(status[name].AsInt()) : std::string("-");
    };
    std::vector<std::string> row = {
        item.At("metadata", "name").AsString(),
        source.empty() ? "DirectPut" : source,
        item.At("spec", "destination", "type").AsString(),
        figure("secondsBehind"),
        figure("failedRecords"),
        ConditionStatus(item, "Ready", "status"),
        status["deliveryStreamStatus"].AsString(),
        ConditionStatus(item, "Ready", "reason"),
        AgeOf(item.At("metadata", "creationTimestamp").AsString()),
    };
    if (with_namespace) row.insert(row.begin(), item.At("metadata", "namespace").AsString());
    rows.push_back(std::move(row));
  }
  return RenderTable(headings, rows);
}

}  // namespace

int RunGet(const Arguments& arguments) {
  config::Settings settings("millrace get streams|deliverystreams [NAME] [FLAG]...",
                            "Shows resources as they are now.");
  const std::string& ns = settings.String("namespace", "default", "The namespace to look in.");
  settings.Letter("namespace", 'n');
  const bool& all = settings.Bool("all-namespaces", false, "Look in every namespace.");
  settings.Letter("all-namespaces", 'A');
  const std::string& output = OutputFlag(settings);
  ApiFlags flags(settings);
  settings.ParseOrExit(arguments);
  const auto& words = settings.positional();
  if (words.empty() || words.size() > 2) {
    std::fprintf(stderr, "millrace get: say what to get: millrace get streams [NAME]\n");
    return 2;
  }
  ApiOptions options = flags.Options();
  Result<std::string> plural = PluralOf(words[0]);
  if (!plural.ok()) return Fail(plural.status(), options);
  ApiClient client(options);
  Result<json::Value> answer = client.Resource(
      "GET", ResourcePath(all ? "" : ns, *plural, words.size() > 1 ? words[1] : ""));
  if (!answer.ok()) return Fail(answer.status(), options);
  const bool has_table = *plural == "streams" || *plural == "deliverystreams";
  if (output != "table" || !has_table) {
    PrintDocument(*answer, output == "table" ? "yaml" : output);
    return 0;
  }
  json::Array items = answer->Has("items") ? (*answer)["items"].AsArray() : json::Array{*answer};
  if (items.empty()) {
    std::fprintf(stderr, "No %s in %s.\n", plural->c_str(),
                 all ? "any namespace" : ("namespace " + ns).c_str());
    return 0;
  }
  const auto table = *plural == "streams" ? StreamTable : DeliveryStreamTable;
  std::fputs(table(items, all).c_str(), stdout);
  return 0;
}

}  // namespace millrace::cli
