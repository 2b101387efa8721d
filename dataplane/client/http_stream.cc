#include "dataplane/client/http_stream.h"

#include "common/aws/cbor.h"
#include "common/aws/sigv4.h"
#include "common/http_client/http_client.h"
#include "dataplane/client/records_page.h"

namespace millrace::client {

namespace {

constexpr int kOk = 200;
constexpr int kServerErrors = 500;
constexpr int kRecordsPerRead = 10'000;
constexpr size_t kShardPagesMax = 1'000;

std::string HostOf(const std::string& endpoint) {
  const size_t begin = endpoint.find("://");
  std::string host = begin == std::string::npos ? endpoint : endpoint.substr(begin + 3);
  while (host.ends_with('/')) host.pop_back();
  return host;
}

Code CodeOf(int status, std::string_view type) {
  if (type == "ExpiredIteratorException") return Code::kExpiredIterator;
  if (type == "ResourceNotFoundException") return Code::kNotFound;
  if (type == "ProvisionedThroughputExceededException" || type == "LimitExceededException")
    return Code::kThrottled;
  if (type == "AccessDeniedException") return Code::kAccessDenied;
  return status >= kServerErrors ? Code::kUnavailable : Code::kInvalidArgument;
}

const std::string& Text(const json::Value& object, std::string_view name) {
  static const std::string none;
  const json::Value* member = object.Find(name);
  return member ? member->AsString() : none;
}

net::HttpClientOptions OptionsOf(const StreamAddress& address) {
  net::HttpClientOptions options;
  options.ca_pem = address.ca_pem;
  return options;
}

// One operation at a time over one connection.
class Caller {
 public:
  Caller(StreamAddress address, Clock& clock)
      : address_(std::move(address)),
        host_(HostOf(address_.endpoint)),
        clock_(clock),
        client_(address_.endpoint, OptionsOf(address_)) {}

  const std::string& stream_name() const { return address_.stream_name; }

  // The answer's body, in CBOR.
  Result<std::string> Call(std::string_view operation, const json::Value& input) {
    net::ClientRequest request;
    aws::AppendCbor(request.body, input);
    request.headers = {{"content-type", "application/x-amz-cbor-1.1"},
                       {"x-amz-target", "Kinesis_20131202." + std::string(operation)}};
    Authorize(request);
    ASSIGN_OR_RETURN(net::ClientResponse response, client_.Send(request));
    if (response.status == kOk) return std::move(response.body);
    return ErrorOf(operation, response);
  }

  Result<json::Value> CallForValue(std::string_view operation, const json::Value& input) {
    ASSIGN_OR_RETURN(std::string body, Call(operation, input));
    return aws::ParseCbor(body);
  }

 private:
  void Authorize(net::ClientRequest& request) {
    if (!address_.internal_token.empty()) {
      request.headers.emplace_back("authorization", "Bearer " + address_.internal_token);
      return;
    }
    if (address_.access_key_id.empty()) return;
    aws::Credentials credentials;
    credentials.access_key_id = address_.access_key_id;
    credentials.secret_access_key = address_.secret_access_key;
    aws::SignRequest to_sign;
    to_sign.host = host_;
    to_sign.headers = request.headers;
    to_sign.body = request.body;
    to_sign.region = address_.region;
    for (auto& header : aws::SignV4(to_sign, credentials, clock_.WallNow()))
      request.headers.push_back(std::move(header));
  }

  Status ErrorOf(std::string_view operation, const net::ClientResponse& response) const {
    std::string type = "HTTP " + std::to_string(response.status);
    std::string message;
    if (auto body = aws::ParseCbor(response.body); body.ok()) {
      if (!Text(*body, "__type").empty()) type = Text(*body, "__type");
      message = Text(*body, "message");
    }
    type = type.substr(type.rfind('#') + 1);
    return {CodeOf(response.status, type), std::string(operation) + " of stream " +
                                               address_.stream_name + ": " + type + ": " + message};
  }

  const StreamAddress address_;
  const std::string host_;
  Clock& clock_;
  net::HttpClient client_;
};

class HttpStreamReader final : public StreamReader {
 public:
  HttpStreamReader(StreamAddress address, Clock& clock) : caller_(std::move(address), clock) {}

  Result<std::vector<StreamShard>> ListShards() override {
    std::vector<StreamShard> out;
    json::Value input = json::Object{{"StreamName", caller_.stream_name()}};
    for (size_t page = 0; page < kShardPagesMax; ++page) {
      ASSIGN_OR_RETURN(json::Value answer, caller_.CallForValue("ListShards", input));
      const json::Value* shards = answer.Find("Shards");
      if (!shards || !shards->is_array()) return Corrupt("ListShards answered without Shards");
      for (const json::Value& shard : shards->AsArray()) {
        StreamShard one{Text(shard, "ShardId"), {}};
        for (const char* name : {"ParentShardId", "AdjacentParentShardId"})
          if (!Text(shard, name).empty()) one.parents.push_back(Text(shard, name));
        out.push_back(std::move(one));
      }
      if (Text(answer, "NextToken").empty()) return out;
      input = json::Object{{"NextToken", Text(answer, "NextToken")}};
    }
    return Corrupt("ListShards never ended");
  }

  Result<std::string> Open(const std::string& shard, const ReadFrom& from) override {
    json::Object input{{"StreamName", caller_.stream_name()}, {"ShardId", shard}};
    switch (from.kind) {
      case ReadFrom::Kind::kOldest:
        input.emplace_back("ShardIteratorType", "TRIM_HORIZON");
        break;
      case ReadFrom::Kind::kLatest:
        input.emplace_back("ShardIteratorType", "LATEST");
        break;
      case ReadFrom::Kind::kTime:
        input.emplace_back("ShardIteratorType", "AT_TIMESTAMP");
        input.emplace_back("Timestamp", json::Timestamp{from.time_ms});
        break;
      case ReadFrom::Kind::kAfter:
        input.emplace_back("ShardIteratorType", "AFTER_SEQUENCE_NUMBER");
        input.emplace_back("StartingSequenceNumber", from.sequence_number);
        break;
    }
    ASSIGN_OR_RETURN(json::Value answer,
                     caller_.CallForValue("GetShardIterator", std::move(input)));
    return Text(answer, "ShardIterator");
  }

  Result<StreamPage> Read(const std::string& iterator) override {
    ASSIGN_OR_RETURN(std::string body,
                     caller_.Call("GetRecords", json::Object{{"ShardIterator", iterator},
                                                             {"Limit", kRecordsPerRead}}));
    return ReadRecordsPage(std::move(body));
  }

 private:
  Caller caller_;
};

class HttpStreamWriter final : public StreamWriter {
 public:
  HttpStreamWriter(StreamAddress address, Clock& clock) : caller_(std::move(address), clock) {}

  Result<std::vector<PutOutcome>> Put(const std::vector<NewRecord>& records) override {
    json::Array entries;
    for (const NewRecord& record : records)
      entries.push_back(json::Object{{"Data", json::Blob{std::string(record.data)}},
                                     {"PartitionKey", record.partition_key}});
    ASSIGN_OR_RETURN(
        json::Value answer,
        caller_.CallForValue("PutRecords", json::Object{{"StreamName", caller_.stream_name()},
                                                        {"Records", std::move(entries)}}));
    const json::Value* outcomes = answer.Find("Records");
    if (!outcomes || !outcomes->is_array() || outcomes->AsArray().size() != records.size())
      return Corrupt("PutRecords answered for another number of records");
    std::vector<PutOutcome> out;
    for (const json::Value& each : outcomes->AsArray())
      out.push_back(
          {Text(each, "SequenceNumber"), Text(each, "ErrorCode"), Text(each, "ErrorMessage")});
    return out;
  }

 private:
  Caller caller_;
};

}  // namespace

std::unique_ptr<StreamReader> MakeHttpStreamReader(StreamAddress address, Clock& clock) {
  return std::make_unique<HttpStreamReader>(std::move(address), clock);
}

std::unique_ptr<StreamWriter> MakeHttpStreamWriter(StreamAddress address, Clock& clock) {
  return std::make_unique<HttpStreamWriter>(std::move(address), clock);
}

}  // namespace millrace::client
