#include <cstdio>

#include "cli/api_client.h"
#include "cli/command.h"
#include "cli/output.h"

namespace millrace::cli {

int RunShards(const Arguments& arguments) {
  config::Settings settings("millrace shards STREAM [FLAG]...",
                            "Lists the shards of a stream, closed ones too.");
  const bool& open_only = settings.Bool("open", false, "Only the shards that take writes.");
  const std::string& output = OutputFlag(settings);
  ApiFlags flags(settings);
  settings.ParseOrExit(arguments);
  if (settings.positional().size() != 1) {
    std::fprintf(stderr, "millrace shards: say of which stream: millrace shards STREAM\n");
    return 2;
  }
  ApiOptions options = flags.Options();
  ApiClient client(options);
  json::Value input;
  input.Set("StreamName", settings.positional()[0]);
  json::Value shards = json::Array{};
  while (true) {
    Result<json::Value> page = client.Kinesis("ListShards", input);
    if (!page.ok()) return Fail(page.status(), options);
    for (const json::Value& shard : (*page)["Shards"].AsArray()) {
      bool closed = shard["SequenceNumberRange"].Has("EndingSequenceNumber");
      if (!closed || !open_only) shards.Append(shard);
    }
    if (!page->Has("NextToken")) break;
    input = json::Object{};
    input.Set("NextToken", (*page)["NextToken"]);
  }
  if (output != "table") {
    PrintDocument(shards, output);
    return 0;
  }
  std::vector<std::vector<std::string>> rows;
  for (const json::Value& shard : shards.AsArray()) {
    std::string parents = shard["ParentShardId"].AsString();
    if (shard.Has("AdjacentParentShardId"))
      parents += " + " + shard["AdjacentParentShardId"].AsString();
    rows.push_back({shard["ShardId"].AsString(),
                    shard["SequenceNumberRange"].Has("EndingSequenceNumber") ? "CLOSED" : "OPEN",
                    shard.At("HashKeyRange", "StartingHashKey").AsString(),
                    shard.At("HashKeyRange", "EndingHashKey").AsString(), parents});
  }
  std::fputs(
      RenderTable({"SHARD", "STATE", "FROM HASH KEY", "TO HASH KEY", "PARENTS"}, rows).c_str(),
      stdout);
  return 0;
}

}  // namespace millrace::cli
