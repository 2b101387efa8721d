#include <algorithm>
#include <unordered_map>

#include "common/base/random.h"
#include "common/codec/base64.h"
#include "common/http_client/client_pool.h"
#include "common/json/value.h"
#include "dataplane/delivery/processing/processors.h"

namespace millrace::delivery {

namespace {

constexpr int kOk = 200;
constexpr int kTooManyRequests = 429;
// Lambda's own limits.
constexpr std::chrono::minutes kCallTime(5);
constexpr size_t kAnswerBytesMax = size_t{6} << 20;
constexpr size_t kMessageMax = 1024;

struct Problem {
  std::string code;
  std::string message;
};

// What the function said of one record.
struct Verdict {
  enum class Kind { kMissing, kTaken, kDropped, kFailed };
  Kind kind = Kind::kMissing;
  std::string data{};
  std::vector<std::pair<std::string, std::string>> keys{};  // by name
  Problem problem{"Lambda.MissingRecordId", "the function's answer has no record of this id"};
};

Verdict Refused(std::string code, std::string message) {
  return {.kind = Verdict::Kind::kFailed, .problem = {std::move(code), std::move(message)}};
}

std::string KeyText(const json::Value& value) {
  return value.is_string() ? value.AsString() : json::WriteJson(value);
}

Verdict ReadVerdict(const json::Value& record) {
  const std::string& result = record["result"].AsString();
  if (result == "Dropped") return {.kind = Verdict::Kind::kDropped};
  if (result == "ProcessingFailed")
    return Refused("Lambda.ProcessingFailedStatus", "the function answered ProcessingFailed");
  if (result != "Ok")
    return Refused("Lambda.InvalidReturnFormat",
                   "result is '" + result.substr(0, 50) + "', not Ok, Dropped or ProcessingFailed");
  auto data = codec::Base64Decode(record["data"].AsString());
  if (!data) return Refused("Lambda.InvalidReturnFormat", "data is not base64");
  Verdict verdict{.kind = Verdict::Kind::kTaken, .data = std::move(*data)};
  const json::Value* metadata = record.Find("metadata");
  const json::Value* keys = metadata != nullptr ? metadata->Find("partitionKeys") : nullptr;
  if (keys != nullptr && keys->is_object()) {
    for (const auto& [name, value] : keys->AsObject())
      verdict.keys.emplace_back(name, KeyText(value));
    std::sort(verdict.keys.begin(), verdict.keys.end());
  }
  return verdict;
}

// Lambda's words for a call that failed as a whole.
Problem ProblemOf(const Result<net::ClientResponse>& response) {
  if (!response.ok()) {
    const bool late = response.status().code() == Code::kTimeout;
    return {late ? "Lambda.FunctionTimedOut" : "Lambda.InvokeFailed", response.status().message()};
  }
  const std::string said = response->body.substr(0, kMessageMax);
  if (response->status == kTooManyRequests) return {"Lambda.InvokeLimitExceeded", said};
  if (response->status != kOk)
    return {"Lambda.InvokeFailed", "HTTP " + std::to_string(response->status) + ": " + said};
  return {"Lambda.FunctionError", said};
}

class LambdaTransform final : public Processor {
 public:
  LambdaTransform(LambdaOptions options, const std::string& endpoint, std::string target,
                  const Clock& clock)
      : options_(std::move(options)),
        target_(std::move(target)),
        clock_(clock),
        pool_(endpoint, ClientOptions(options_)) {}

  Status Process(Batch& batch) override {
    if (batch.receipt == nullptr || batch_.lock() != batch.receipt) {
      batch_ = batch.receipt;
      verdicts_.clear();
      tries_ = 0;
    }
    while (verdicts_.size() < batch.records.size()) {
      const size_t first = verdicts_.size();
      const size_t last = EndOfCall(batch, first);
      std::optional<Problem> problem = Invoke(batch, first, last);
      if (problem && tries_++ < options_.retries)
        return Unavailable(problem->code + ": " + problem->message);
      if (problem) {
        for (size_t i = first; i < last; ++i)
          verdicts_.push_back(Refused(problem->code, problem->message));
      }
      tries_ = 0;
    }
    Apply(batch);
    batch_.reset();
    return OkStatus();
  }

  void Stop() override { pool_.Stop(); }

 private:
  static net::HttpClientOptions ClientOptions(const LambdaOptions& options) {
    net::HttpClientOptions http = options.http;
    http.read_time_max = kCallTime;
    return http;
  }

  size_t EndOfCall(const Batch& batch, size_t first) const {
    size_t bytes = 0;
    size_t last = first;
    while (last < batch.records.size()) {
      bytes += batch.records[last].data.size();
      if (bytes > options_.bytes_max && last > first) break;
      ++last;
    }
    return last;
  }

  static std::string IdOf(const Record& record, size_t index) {
    return std::string(record.origin.sequence_number) + "." + std::to_string(index);
  }

  std::string BodyOf(const Batch& batch, size_t first, size_t last) const {
    json::Array records;
    for (size_t i = first; i < last; ++i) {
      const Record& record = batch.records[i];
      json::Object one{{"recordId", IdOf(record, i)},
                       {"approximateArrivalTimestamp", record.arrival_ms},
                       {"data", codec::Base64Encode(record.data)}};
      if (!options_.source_stream_arn.empty())
        one.emplace_back("kinesisRecordMetadata",
                         json::Object{{"sequenceNumber", record.origin.sequence_number},
                                      {"subsequenceNumber", record.origin.sub_sequence_number},
                                      {"partitionKey", record.origin.partition_key},
                                      {"shardId", record.origin.shard},
                                      {"approximateArrivalTimestamp", record.arrival_ms}});
      records.push_back(std::move(one));
    }
    json::Object body{{"invocationId", NewUuid()},
                      {"deliveryStreamArn", options_.delivery_stream_arn},
                      {"region", options_.region}};
    if (!options_.source_stream_arn.empty())
      body.emplace_back("sourceKinesisStreamArn", options_.source_stream_arn);
    body.emplace_back("records", std::move(records));
    return json::WriteJson(std::move(body));
  }

  // Adds a verdict a record; or says why there are none.
  std::optional<Problem> Invoke(const Batch& batch, size_t first, size_t last) {
    const auto response = pool_.Send({.target = target_,
                                      .headers = {{"content-type", "application/json"}},
                                      .body = BodyOf(batch, first, last)});
    const bool failed = !response.ok() || response->status != kOk ||
                        !response->FindHeader("x-amz-function-error").empty();
    if (failed) return ProblemOf(response);
    if (response->body.size() > kAnswerBytesMax)
      return Problem{"Lambda.InvalidReturnFormat", "the answer is larger than 6 MiB"};
    const auto answer = json::ParseJson(response->body);
    const json::Value* records = answer.ok() ? answer->Find("records") : nullptr;
    if (records == nullptr || !records->is_array())
      return Problem{"Lambda.JsonProcessingException", "the answer is no JSON with records"};
    std::unordered_map<std::string, Verdict> by_id;
    for (const json::Value& record : records->AsArray()) {
      const auto [at, is_new] = by_id.try_emplace(record["recordId"].AsString());
      at->second = is_new ? ReadVerdict(record)
                          : Refused("Lambda.DuplicatedRecordId", "the answer has this id twice");
    }
    for (size_t i = first; i < last; ++i) {
      const auto found = by_id.find(IdOf(batch.records[i], i));
      verdicts_.push_back(found != by_id.end() ? std::move(found->second) : Verdict());
    }
    return std::nullopt;
  }

  void Apply(Batch& batch) {
    const std::vector<Record> in = std::exchange(batch.records, {});
    for (size_t i = 0; i < in.size(); ++i) {
      Verdict& verdict = verdicts_[i];
      if (verdict.kind == Verdict::Kind::kDropped) continue;
      if (verdict.kind != Verdict::Kind::kTaken) {
        batch.failed.push_back({in[i],
                                {.output_type = "processing-failed",
                                 .code = std::move(verdict.problem.code),
                                 .message = std::move(verdict.problem.message),
                                 .attempts = options_.retries + 1,
                                 .last_attempt_ms = clock_.WallNow(),
                                 .details = {{"lambdaArn", options_.function}}}});
        continue;
      }
      Record record = in[i];
      record.data = batch.Keep(std::move(verdict.data));
      for (auto& [name, value] : verdict.keys)
        record.function_keys.emplace_back(batch.Keep(std::move(name)),
                                          batch.Keep(std::move(value)));
      batch.records.push_back(std::move(record));
    }
    verdicts_.clear();
  }

  const LambdaOptions options_;
  const std::string target_;
  const Clock& clock_;
  net::ClientPool pool_;
  // Of the batch at hand, kept over tries.
  std::weak_ptr<Receipt> batch_;
  std::vector<Verdict> verdicts_;
  int tries_ = 0;
};

}  // namespace

Result<std::unique_ptr<Processor>> MakeLambdaTransform(LambdaOptions options, const Clock& clock) {
  if (options.function.starts_with("arn:"))
    return Status(Code::kUnsupported,
                  "Lambda: LambdaArn is to be the http(s) address of a function; there is no "
                  "Lambda service here to look an ARN up in");
  ASSIGN_OR_RETURN(net::UrlParts url, net::SplitUrl(options.function));
  return std::unique_ptr<Processor>(std::make_unique<LambdaTransform>(
      std::move(options), url.endpoint, std::move(url.target), clock));
}

}  // namespace millrace::delivery
