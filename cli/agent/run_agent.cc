#include <atomic>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <thread>

#include "cli/agent/flow.h"
#include "cli/command.h"
#include "cli/output.h"
#include "common/log/log.h"

namespace millrace::cli {
namespace {

std::atomic<bool> stop{false};

Result<AgentConfig> ReadConfig(const std::string& path) {
  std::ifstream in(path);
  if (!in) return NotFound(path + ": no such file, or it cannot be read");
  std::string text{std::istreambuf_iterator<char>(in), {}};
  Result<json::Value> document = json::ParseJson(text);
  if (!document.ok()) return document.status().WithContext(path);
  std::vector<std::string> ignored;
  Result<AgentConfig> config = ParseAgentConfig(*document, ignored);
  if (!config.ok()) return config.status().WithContext(path);
  for (const std::string& field : ignored)
    log::Warning("field has no effect here", {{"field", field}, {"file", path}});
  return config;
}

ApiOptions OptionsFor(const AgentConfig& config, ApiOptions options, bool endpoint_given) {
  if (!config.endpoint.empty() && !endpoint_given) options.endpoint = config.endpoint;
  if (!config.region.empty()) options.region = config.region;
  if (!config.access_key_id.empty()) {
    aws::Credentials credentials;
    credentials.access_key_id = config.access_key_id;
    credentials.secret_access_key = config.secret_access_key;
    options.credentials = credentials;
  }
  return options;
}

std::string DefaultCheckpointFile() {
  const char* home = std::getenv("HOME");
  return std::string(home && *home ? home : "/var/lib") + "/.millrace/agent-checkpoints.json";
}

// A line every few seconds: what has been delivered so far.
void Report(const std::vector<std::unique_ptr<Flow>>& flows, int64_t every_s) {
  auto slept = std::chrono::milliseconds(0);
  while (!stop) {
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
    slept += std::chrono::milliseconds(50);
    if (every_s == 0 || slept < std::chrono::seconds(every_s)) continue;
    slept = std::chrono::milliseconds(0);
    for (const auto& flow : flows) {
      const Flow::Counters& c = flow->counters();
      log::Info("delivered", {{"stream", flow->config().stream},
                              {"records", c.records.load()},
                              {"bytes", c.bytes.load()},
                              {"unmatched", c.unmatched.load()},
                              {"retries", c.failures.load()}});
    }
  }
}

}  // namespace

int RunAgent(const Arguments& arguments) {
  config::Settings settings(
      "millrace agent -c agent.json [FLAG]...",
      "Follows files and writes their lines to streams. Takes the Kinesis Agent's configuration.");
  const auto& path = settings.String("agent-config", "", "The configuration (agent.json).", "FILE");
  settings.Letter("agent-config", 'c');
  const auto& checkpoints_path =
      settings.String("checkpoints", "",
                      "Where to keep how far files are delivered; checkpointFile of the "
                      "configuration, else ~/.millrace/agent-checkpoints.json.",
                      "FILE");
  const auto& report_s = settings.Int("report-seconds", 10, {0, 3600},
                                      "How often to log what was delivered; 0 never.", "S");
  ApiFlags flags(settings);
  settings.ParseOrExit(arguments);
  if (path.empty()) {
    std::fprintf(stderr,
                 "millrace agent: say with which configuration: millrace agent -c agent.json\n");
    return 2;
  }
  std::signal(SIGINT, [](int) { stop = true; });
  std::signal(SIGTERM, [](int) { stop = true; });
  log::Configure("agent", log::Level::kInfo);
  Result<AgentConfig> config = ReadConfig(path);
  ApiOptions options = flags.Options();
  if (!config.ok()) {
    std::fprintf(stderr, "millrace agent: %s\n", config.status().message().c_str());
    return 1;
  }
  options = OptionsFor(*config, options, settings.IsSet("endpoint"));
  std::string store_path = !checkpoints_path.empty()          ? checkpoints_path
                           : !config->checkpoint_file.empty() ? config->checkpoint_file
                                                              : DefaultCheckpointFile();
  std::error_code error;
  std::filesystem::create_directories(std::filesystem::path(store_path).parent_path(), error);
  Result<std::unique_ptr<CheckpointStore>> checkpoints = CheckpointStore::Open(store_path);
  if (!checkpoints.ok()) {
    std::fprintf(stderr, "millrace agent: %s\n", checkpoints.status().message().c_str());
    return 1;
  }
  std::vector<std::unique_ptr<Flow>> flows;
  for (const FlowConfig& flow : config->flows) {
    Result<RecordConverter> converter = RecordConverter::Make(flow.processing);
    if (!converter.ok()) {
      std::fprintf(stderr, "millrace agent: %s: %s\n", path.c_str(),
                   converter.status().message().c_str());
      return 1;
    }
    flows.push_back(std::make_unique<Flow>(flow, std::move(*converter), **checkpoints, options));
  }
  std::vector<std::thread> threads;
  for (auto& flow : flows) threads.emplace_back([&flow] { flow->Run(stop); });
  Report(flows, report_s);
  for (std::thread& thread : threads) thread.join();
  return 0;
}

}  // namespace millrace::cli
