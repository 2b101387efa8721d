#include <chrono>
#include <cstdio>
#include <functional>
#include <thread>

#include "cli/bench/cpu_usage.h"
#include "cli/bench/fan_out_latency.h"
#include "cli/bench/load_client.h"
#include "cli/bench/request_template.h"
#include "cli/command.h"
#include "cli/output.h"

namespace millrace::cli {
namespace {

// The server's CPU between two moments.
class CpuMeter {
 public:
  explicit CpuMeter(std::vector<int> pids) : pids_(std::move(pids)) {}
  void Mark(bool begin) { (begin ? begin_ : end_) = CpuSeconds(pids_); }
  double seconds() const { return end_ - begin_; }
  double resident() const { return ResidentBytes(pids_); }
  bool known() const { return !pids_.empty(); }

 private:
  const std::vector<int> pids_;
  double begin_ = 0;
  double end_ = 0;
};

struct Address {
  std::string host;
  uint16_t port = 0;
};

Result<Address> AddressOf(const std::string& endpoint) {
  if (!endpoint.starts_with("http://"))
    return InvalidArgument("the load client speaks clear-text HTTP only: " + endpoint);
  std::string rest = endpoint.substr(7);
  rest = rest.substr(0, rest.find('/'));
  size_t colon = rest.rfind(':');
  if (colon == std::string::npos) return Address{rest, 80};
  return Address{rest.substr(0, colon), static_cast<uint16_t>(std::stoi(rest.substr(colon + 1)))};
}

json::Value Rounded(double value) {
  return json::Value(static_cast<double>(static_cast<int64_t>(value * 1000)) / 1000);
}

// Makes the stream where it is not there, and waits until it serves.
Status EnsureStream(const ApiOptions& api, const std::string& stream, int64_t shards,
                    bool on_demand) {
  ApiClient client(api);
  json::Value by_name;
  by_name.Set("StreamName", stream);
  Result<json::Value> found = client.Kinesis("DescribeStreamSummary", by_name);
  if (!found.ok() && found.status().code() != Code::kNotFound) return found.status();
  if (!found.ok()) {
    json::Value create = by_name;
    if (on_demand) {
      json::Value mode;
      mode.Set("StreamMode", "ON_DEMAND");
      create.Set("StreamModeDetails", std::move(mode));
    } else {
      create.Set("ShardCount", shards);
    }
    Result<json::Value> created = client.Kinesis("CreateStream", create);
    if (!created.ok()) return created.status();
  }
  for (int i = 0; i < 2000; ++i) {
    found = client.Kinesis("DescribeStreamSummary", by_name);
    if (found.ok() && found->At("StreamDescriptionSummary", "StreamStatus").AsString() == "ACTIVE")
      return OkStatus();
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  return {Code::kTimeout, "stream " + stream + " does not become ACTIVE"};
}

json::Value ReportOf(const LoadResult& load, const TemplateOptions& t, const CpuMeter& meter) {
  double records = static_cast<double>(load.calls) * static_cast<double>(t.records_per_call) -
                   static_cast<double>(load.failed_records);
  json::Value report;
  report.Set("callsPerSecond", Rounded(static_cast<double>(load.calls) / load.seconds));
  report.Set("recordsPerSecond", Rounded(records / load.seconds));
  report.Set("mebibytesPerSecond",
             Rounded(records * static_cast<double>(t.record_bytes) / load.seconds / 1048576));
  report.Set("p50Ms", Rounded(load.Percentile(50)));
  report.Set("p99Ms", Rounded(load.Percentile(99)));
  report.Set("failedCalls", load.failed_calls);
  report.Set("failedRecords", load.failed_records);
  if (meter.known()) {
    report.Set("serverCpuCores", Rounded(meter.seconds() / load.seconds));
    report.Set("recordsPerCpuSecond", Rounded(records / meter.seconds()));
    report.Set("serverResidentMiB", Rounded(meter.resident() / 1048576));
  }
  if (!load.first_failure.empty()) report.Set("firstFailure", load.first_failure.substr(0, 300));
  return report;
}

json::Value ReportOf(const FanOutResult& fan_out, const FanOutOptions& options,
                     const CpuMeter& meter) {
  auto percentile = [&](double p) {
    if (fan_out.latencies_ms.empty()) return 0.0;
    return fan_out.latencies_ms[static_cast<size_t>(
        p * static_cast<double>(fan_out.latencies_ms.size() - 1))];
  };
  json::Value report;
  report.Set("consumers", static_cast<int64_t>(options.consumers));
  report.Set("sent", fan_out.sent);
  report.Set("received", fan_out.received);
  report.Set("putToEventP50Ms", Rounded(percentile(0.50)));
  report.Set("putToEventP99Ms", Rounded(percentile(0.99)));
  if (meter.known()) report.Set("serverCpuSeconds", Rounded(meter.seconds()));
  return report;
}

void Print(const json::Value& report, const std::string& output) {
  if (output != "table") return PrintDocument(report, output);
  for (const auto& [name, value] : report.AsObject()) {
    std::printf("%-22s %s\n", name.c_str(), json::WriteJson(value).c_str());
  }
}

}  // namespace

int RunBench(const Arguments& arguments) {
  config::Settings settings("millrace bench STREAM [FLAG]...",
                            "Measures a stream: PutRecords throughput, or the time from put to "
                            "SubscribeToShard. Makes the "
                            "stream where it is not there.");
  const auto& kind = settings.Choice("kind", "put", {"put", "fan-out"}, "What to measure.");
  const auto& records =
      settings.Int("records-per-call", 500, {1, 500}, "Records in a call; 1 uses PutRecord.");
  const auto& bytes =
      settings.Int("record-bytes", 1024, {1, 1024 * 1024}, "Size of a record's data.", "BYTES");
  const auto& connections =
      settings.Int("connections", 16, {1, 1000}, "Connections, each with one call at a time.");
  const auto& seconds = settings.Int("seconds", 10, {1, 3600}, "How long to measure.", "S");
  const auto& protocol =
      settings.Choice("protocol", "json", {"json", "cbor"}, "Encoding of the calls.");
  const auto& shards = settings.Int(
      "shards", 0, {0, 10000}, "Shards of a stream made here (PROVISIONED); 0 makes it ON_DEMAND.");
  const auto& consumers = settings.Int("consumers", 1, {1, 50}, "Consumers, for --kind fan-out.");
  const auto& rate =
      settings.Int("puts-per-second", 200, {1, 100000}, "Rate of puts, for --kind fan-out.");
  const auto& pids = settings.List(
      "server-pid", "Processes whose CPU counts as the server's; found by name if not given.",
      "PID");
  const std::string& output = OutputFlag(settings);
  ApiFlags flags(settings);
  settings.ParseOrExit(arguments);
  if (settings.positional().size() != 1) {
    std::fprintf(stderr, "millrace bench: say which stream: millrace bench STREAM\n");
    return 2;
  }
  ApiOptions api = flags.Options();
  const std::string& stream = settings.positional()[0];
  std::vector<int> server_pids;
  for (const std::string& pid : pids) server_pids.push_back(std::atoi(pid.c_str()));
  if (server_pids.empty()) server_pids = FindProcesses("millrace-shard");
  CpuMeter meter(server_pids);
  auto mark = [&](bool begin) { meter.Mark(begin); };
  Status ready = EnsureStream(api, stream, shards, shards == 0);
  if (!ready.ok()) return Fail(ready, api);

  if (kind == "fan-out") {
    FanOutOptions options{stream, static_cast<size_t>(consumers), static_cast<double>(seconds),
                          static_cast<double>(rate), static_cast<size_t>(bytes)};
    Result<FanOutResult> result = RunFanOut(options, api, mark);
    if (!result.ok()) return Fail(result.status(), api);
    Print(ReportOf(*result, options, meter), output);
    return 0;
  }
  Result<Address> address = AddressOf(api.endpoint);
  if (!address.ok()) return Fail(address.status(), api);
  TemplateOptions templates;
  templates.stream = stream;
  templates.records_per_call = static_cast<size_t>(records);
  templates.record_bytes = static_cast<size_t>(bytes);
  templates.cbor = protocol == "cbor";
  LoadOptions options{address->host, address->port, static_cast<size_t>(connections),
                      static_cast<double>(seconds), 1};
  Result<LoadResult> result = RunLoad(options, MakeRequests(templates, api), mark);
  if (!result.ok()) return Fail(result.status(), api);
  Print(ReportOf(*result, templates, meter), output);
  return result->failed_calls == 0 ? 0 : 1;
}

}  // namespace millrace::cli
