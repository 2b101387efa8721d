#include "common/aws/operation.h"

#include <gtest/gtest.h>

#include <set>

#include "common/aws/cbor.h"

namespace millrace::aws {
namespace {

// A call as a client makes it.
struct Request {
  std::string method = "POST";
  std::string content_type = "application/x-amz-json-1.1";
  std::string target = "Kinesis_20131202.Echo";
  std::string body = R"({"Name":"x"})";

  net::HttpRequest View() const {
    net::HttpRequest request;
    request.method = method;
    request.path = request.target = "/";
    request.headers = {{"Content-Type", content_type}, {"X-Amz-Target", target}};
    request.body = Slice::Static(body);
    return request;
  }
};

std::string Body(const net::HttpResponse& response) {
  std::string text;
  for (const Slice& slice : response.body) text += slice.view();
  return text;
}

std::string Header(const net::HttpResponse& response, std::string_view wanted) {
  for (const auto& [name, value] : response.headers) {
    if (name == wanted) return value;
  }
  return "";
}

class DispatcherTest : public testing::Test {
 protected:
  DispatcherTest() {
    Member name;
    name.name = "Name";
    name.required = true;
    name.max = 8;
    dispatcher_.Add({"Echo", {name}, [this](const RequestContext& context, json::Value input) {
                       context_ = context;
                       if (!failure_.ok()) return Result<json::Value>(failure_);
                       return Result<json::Value>(std::move(input));
                     }});
    dispatcher_.AddNotOffered("CreateQueue");
  }

  net::HttpResponse Dispatch(const Request& request) const {
    RequestContext context;
    context.request_id = "id-1";
    context.identity.account_id = "123456789012";
    context.endpoint = "http://localhost:4566";
    return dispatcher_.Dispatch(request.View(), context);
  }

  Dispatcher dispatcher_;
  mutable RequestContext context_;
  Status failure_;
};

TEST_F(DispatcherTest, ACallGoesThroughItsHandlerInBothProtocols) {
  net::HttpResponse json = Dispatch({});
  EXPECT_EQ(json.status, 200);
  EXPECT_EQ(Body(json), R"({"Name":"x"})");
  EXPECT_EQ(Header(json, "Content-Type"), "application/x-amz-json-1.1");
  EXPECT_EQ(Header(json, "x-amzn-RequestId"), "id-1");
  EXPECT_EQ(Header(json, "x-amz-id-2").size(), 96U);
  EXPECT_NE(Header(json, "x-amz-id-2"), Header(Dispatch({}), "x-amz-id-2"));
  EXPECT_EQ(context_.identity.account_id, "123456789012");
  EXPECT_EQ(context_.endpoint, "http://localhost:4566");
  EXPECT_EQ(context_.protocol, Protocol::kJson);

  Request request;
  request.content_type = "application/x-amz-cbor-1.1";
  request.body = EncodeBody(Protocol::kCbor, *json::ParseJson(request.body));
  net::HttpResponse cbor = Dispatch(request);
  EXPECT_EQ(Body(cbor), request.body);
  EXPECT_EQ(Header(cbor, "Content-Type"), "application/x-amz-cbor-1.1");
  EXPECT_EQ(context_.protocol, Protocol::kCbor);
}

TEST_F(DispatcherTest, RequestsThatNameNoOperationAreAnsweredAsAwsAnswersThem) {
  std::string denied =
      "<AccessDeniedException>\n  <Message>Unable to determine service/operation name to be "
      "authorized</Message>\n</AccessDeniedException>\n";
  struct Row {
    Request request;
    int status;
    std::string body;
  };
  std::string unknown = R"({"__type":"UnknownOperationException"})";
  std::string json = "application/x-amz-json-1.1";
  std::vector<Row> rows = {
      {{"GET", json, "Kinesis_20131202.Echo", ""}, 403, denied},
      {{"POST", "", "", "{}"}, 403, denied},
      {{"POST", "text/plain", "Echo", "{}"}, 403, denied},
      {{"POST", "text/plain", "Kinesis_20131202.Echo", "{}"},
       404,
       "<UnknownOperationException/>\n"},
      {{"POST", json, "", "{}"}, 400, unknown},
      {{"POST", json, "Kinesis_20131202.", "{}"}, 400, unknown},
      {{"POST", json, "Firehose_20150804.Echo", "{}"}, 400, unknown},
      {{"POST", json, "Kinesis_20131202.Nothing", "{}"}, 400, unknown},
  };
  for (const Row& row : rows) {
    net::HttpResponse response = Dispatch(row.request);
    EXPECT_EQ(response.status, row.status) << row.request.target;
    EXPECT_EQ(Body(response), row.body) << row.request.target;
    EXPECT_EQ(Header(response, "x-amzn-RequestId"), "id-1");
  }
}

TEST_F(DispatcherTest, AnOperationThatIsNotOfferedSaysSo) {
  Request request;
  request.target = "Kinesis_20131202.CreateQueue";
  net::HttpResponse response = Dispatch(request);
  EXPECT_EQ(response.status, 400);
  EXPECT_EQ(
      Body(response),
      R"({"__type":"UnknownOperationException","message":"CreateQueue is an operation of this API that Millrace does not offer."})");
}

TEST_F(DispatcherTest, ABodyThatDoesNotParseIsASerializationException) {
  Request request;
  request.body = "hello";
  net::HttpResponse response = Dispatch(request);
  EXPECT_EQ(response.status, 400);
  EXPECT_EQ(Header(response, "x-amzn-ErrorType"), "SerializationException");
  EXPECT_EQ((*json::ParseJson(Body(response)))["__type"].AsString(), "SerializationException");
  EXPECT_TRUE((*json::ParseJson(Body(response))).Has("Message"));
  request.content_type = "application/x-amz-cbor-1.1";
  response = Dispatch(request);
  EXPECT_EQ((*ParseCbor(Body(response)))["__type"].AsString(), "SerializationException");
}

TEST_F(DispatcherTest, AnInputThatIsRefusedDoesNotReachItsHandler) {
  Request request;
  request.body = R"({"Name":"too long a name"})";
  net::HttpResponse response = Dispatch(request);
  EXPECT_EQ(response.status, 400);
  EXPECT_EQ(Header(response, "x-amzn-ErrorType"), "ValidationException");
  EXPECT_EQ(context_.request_id, "");
}

TEST_F(DispatcherTest, AFailureOfTheHandlerIsTheCallersException) {
  failure_ = NotFound("Stream x under account 123456789012 not found.");
  net::HttpResponse response = Dispatch({});
  EXPECT_EQ(response.status, 400);
  EXPECT_EQ(
      Body(response),
      R"({"__type":"ResourceNotFoundException","message":"Stream x under account 123456789012 not found."})");
  EXPECT_EQ(Header(response, "Content-Type"), "application/x-amz-json-1.1");
}

TEST(ErrorShape, EveryCodeHasItsException) {
  struct Row {
    Code code;
    int http_status;
    std::string type;
  };
  for (const Row& row : {Row{Code::kInvalidArgument, 400, "InvalidArgumentException"},
                         Row{Code::kValidation, 400, "ValidationException"},
                         Row{Code::kNotFound, 400, "ResourceNotFoundException"},
                         Row{Code::kResourceInUse, 400, "ResourceInUseException"},
                         Row{Code::kLimitExceeded, 400, "LimitExceededException"},
                         Row{Code::kThrottled, 400, "ProvisionedThroughputExceededException"},
                         Row{Code::kAccessDenied, 400, "AccessDeniedException"},
                         Row{Code::kExpiredIterator, 400, "ExpiredIteratorException"},
                         Row{Code::kExpiredToken, 400, "ExpiredNextTokenException"},
                         Row{Code::kDryRun, 400, "DryRunOperationException"},
                         Row{Code::kUnsupported, 400, "UnknownOperationException"}}) {
    ErrorShape shape = ShapeOf(Status(row.code, "why"));
    EXPECT_EQ(shape.http_status, row.http_status);
    EXPECT_EQ(shape.type, row.type);
    EXPECT_EQ(shape.message, "why");
  }
}

TEST(ErrorShape, WhatIsOurOwnAffairIsNotTold) {
  for (Code code : {Code::kIo, Code::kCorrupt, Code::kFenced, Code::kInternal}) {
    ErrorShape shape = ShapeOf(Status(code, "open /secret: no"));
    EXPECT_EQ(shape.http_status, 500);
    EXPECT_EQ(shape.type, "InternalFailure");
    EXPECT_EQ(shape.message.find("secret"), std::string::npos);
  }
  for (Code code : {Code::kUnavailable, Code::kTimeout, Code::kConflict}) {
    ErrorShape shape = ShapeOf(Status(code, "peer 10.0.0.7"));
    EXPECT_EQ(shape.http_status, 503);
    EXPECT_EQ(shape.type, "ServiceUnavailable");
    EXPECT_EQ(shape.message.find("10.0"), std::string::npos);
  }
  ErrorShape full = ShapeOf(Status(Code::kNoSpace, "write /data/7: no space"));
  EXPECT_EQ(full.http_status, 400);
  EXPECT_EQ(full.type, "ProvisionedThroughputExceededException");
  EXPECT_EQ(full.message.find("/data"), std::string::npos);
}

}  // namespace
}  // namespace millrace::aws
