#include <cstdio>

#include "cli/api_client.h"
#include "cli/command.h"
#include "cli/output.h"

namespace millrace::cli {
namespace {

// Every stream's summary, over all pages of ListStreams.
Result<json::Value> Summaries(ApiClient& client) {
  json::Value summaries = json::Array{};
  json::Value input = json::Object{};
  while (true) {
    ASSIGN_OR_RETURN(json::Value page, client.Kinesis("ListStreams", input));
    for (const json::Value& name : page["StreamNames"].AsArray()) {
      json::Value ask;
      ask.Set("StreamName", name);
      Result<json::Value> summary = client.Kinesis("DescribeStreamSummary", ask);
      // One deleted while we looked is no failure.
      if (summary.ok()) summaries.Append((*summary)["StreamDescriptionSummary"]);
    }
    if (!page["HasMoreStreams"].AsBool()) return summaries;
    input.Set("NextToken", page["NextToken"]);
  }
}

}  // namespace

int RunStreams(const Arguments& arguments) {
  config::Settings settings("millrace streams [FLAG]...", "Lists streams as the API sees them.");
  const std::string& output = OutputFlag(settings);
  ApiFlags flags(settings);
  settings.ParseOrExit(arguments);
  ApiOptions options = flags.Options();
  ApiClient client(options);
  Result<json::Value> summaries = Summaries(client);
  if (!summaries.ok()) return Fail(summaries.status(), options);
  if (output != "table") {
    PrintDocument(*summaries, output);
    return 0;
  }
  if (summaries->AsArray().empty()) {
    std::fprintf(stderr,
                 "No streams yet. Make one: millrace apply -f examples/quickstart/, or "
                 "CreateStream by an SDK.\n");
    return 0;
  }
  std::vector<std::vector<std::string>> rows;
  for (const json::Value& s : summaries->AsArray()) {
    rows.push_back({s["StreamName"].AsString(), s["StreamStatus"].AsString(),
                    s.At("StreamModeDetails", "StreamMode").AsString(),
                    std::to_string(s["OpenShardCount"].AsInt()),
                    std::to_string(s["RetentionPeriodHours"].AsInt()) + "h",
                    std::to_string(s["ConsumerCount"].AsInt()), s["EncryptionType"].AsString()});
  }
  std::fputs(
      RenderTable({"STREAM", "STATUS", "MODE", "SHARDS", "RETENTION", "CONSUMERS", "ENCRYPTION"},
                  rows)
          .c_str(),
      stdout);
  return 0;
}

}  // namespace millrace::cli
