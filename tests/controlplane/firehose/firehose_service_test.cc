// Requests of an SDK against answers, over a store of files; boto3 asks the same in
// tests/integration/python/firehose_test.py.
#include "controlplane/firehose/firehose_service.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/resources/file_store.h"
#include "controlplane/firehose/shape_text.h"
#include "controlplane/firehose/shapes.h"
#include "tests/support/temp_folder.h"

namespace millrace::controlplane {
namespace {

using json::Value;
using testing::HasSubstr;

constexpr std::string_view kS3 =
    R"({"RoleARN":"arn:aws:iam::1:role/r","BucketARN":"arn:aws:s3:::lake"})";

class FirehoseServiceTest : public testing::Test {
 protected:
  FirehoseServiceTest()
      : store_(*resources::FileStore::Open(folder_.path().string(), SystemClock())),
        streams_(*store_, {}),
        deliveries_(*store_, {}),
        control_{deliveries_, streams_, SystemClock(),
                 [this](const resources::ResourceKey& key, const auto& entries) {
                   secret_name_ = key.name;
                   secrets_ = entries;
                   return OkStatus();
                 }},
        service_(control_) {}

  Value Call(const std::string& operation, const std::string& body) {
    net::HttpRequest request;
    request.method = "POST";
    const std::string target = "Firehose_20150804." + operation;
    request.headers = {{"content-type", "application/x-amz-json-1.1"}, {"x-amz-target", target}};
    request.body = Slice::FromString(body);
    const net::HttpResponse response = service_.Dispatch(request, {});
    std::string text;
    for (const Slice& part : response.body) text.append(part.view());
    auto answer = json::ParseJson(text);
    EXPECT_TRUE(answer.ok()) << text;
    return *answer;
  }
  Value Create(const std::string& name, const std::string& rest) {
    return Call("CreateDeliveryStream", R"({"DeliveryStreamName":")" + name + "\"," + rest + "}");
  }
  Value Describe(const std::string& name) {
    return Call("DescribeDeliveryStream",
                R"({"DeliveryStreamName":")" + name + "\"}")["DeliveryStreamDescription"];
  }
  // As the operator would.
  void Activate(const std::string& name) {
    auto resource = store_->Get("DeliveryStream", {"default", name});
    ASSERT_TRUE(resource.ok());
    resource->status.Set("deliveryStreamStatus", "ACTIVE");
    ASSERT_TRUE(store_->UpdateStatus(*resource).ok());
  }
  static std::string S3(const std::string& more = "") {
    return R"("ExtendedS3DestinationConfiguration":)" + std::string(kS3.substr(0, kS3.size() - 1)) +
           more + "}";
  }

  testing_support::TempFolder folder_;
  std::unique_ptr<resources::ResourceStore> store_;
  Catalog streams_;
  DeliveryCatalog deliveries_;
  std::string secret_name_;
  std::map<std::string, std::string> secrets_;
  FirehoseControl control_;
  FirehoseService service_;
};

TEST(FirehoseShapes, EveryOperationHasOne) {
  for (const char* name :
       {"CreateDeliveryStream", "DeleteDeliveryStream", "DescribeDeliveryStream",
        "ListDeliveryStreams", "ListTagsForDeliveryStream", "PutRecord", "PutRecordBatch",
        "StartDeliveryStreamEncryption", "StopDeliveryStreamEncryption", "TagDeliveryStream",
        "UntagDeliveryStream", "UpdateDestination"}) {
    EXPECT_FALSE(FirehoseInputShape(name).empty()) << name;
  }
}

TEST(FirehoseShapes, TextSaysTypesBoundsAndWhatIsNeeded) {
  const aws::Shape shape = ParseShape("A*:s1..64,B:[=i0..9]1..5,C:{D*:X/Y,E:bool},F:i5..");
  ASSERT_EQ(shape.size(), 4u);
  EXPECT_TRUE(shape[0].required);
  EXPECT_EQ(*shape[0].max, 64);
  EXPECT_EQ(shape[1].type, aws::Type::kList);
  EXPECT_EQ(*shape[1].max, 5);
  EXPECT_EQ(shape[1].members[0].type, aws::Type::kInteger);
  EXPECT_EQ(shape[2].members[0].one_of.size(), 2u);
  EXPECT_EQ(*shape[3].min, 5);
  EXPECT_FALSE(shape[3].max);
}

TEST_F(FirehoseServiceTest, CreatedIsAResourceAndComesBack) {
  const Value made = Create("Clicks", S3(R"(,"Prefix":"p/","CompressionFormat":"GZIP")"));
  EXPECT_EQ(made["DeliveryStreamARN"].AsString(),
            "arn:aws:firehose:us-east-1:000000000000:deliverystream/Clicks");
  const Value seen = Describe("Clicks");
  EXPECT_EQ(seen["DeliveryStreamStatus"].AsString(), "CREATING");
  EXPECT_EQ(seen["VersionId"].AsString(), "1");
  const Value& shown = seen["Destinations"].AsArray()[0]["ExtendedS3DestinationDescription"];
  EXPECT_EQ(shown["RoleARN"].AsString(), "arn:aws:iam::1:role/r");
  EXPECT_EQ(shown["Prefix"].AsString(), "p/");
  EXPECT_EQ(Create("Clicks", S3())["__type"].AsString(), "ResourceInUseException");
}

TEST_F(FirehoseServiceTest, WrongRequestsAreRefusedInAwssWords) {
  EXPECT_EQ(Call("DescribeDeliveryStream", R"({"DeliveryStreamName":"a b"})")["__type"].AsString(),
            "ValidationException");
  EXPECT_THAT(Create("x", R"("Tags":[{"Key":"a"}])")["message"].AsString(),
              HasSubstr("Exactly one destination"));
  EXPECT_THAT(Describe("x").is_null(), true);
  EXPECT_EQ(Call("Nonsense", "{}")["__type"].AsString(), "UnknownOperationException");
  EXPECT_THAT(Create("x", S3(R"(,"DataFormatConversionConfiguration":{"Enabled":true})"))["message"]
                  .AsString(),
              HasSubstr("SchemaConfiguration cannot be null"));
}

TEST_F(FirehoseServiceTest, SecretsGoIntoASecretAndNowhereElse) {
  Create("http", R"("HttpEndpointDestinationConfiguration":{"EndpointConfiguration":{"Url":)"
                 R"("http://a","AccessKey":"hush"},"S3Configuration":)" +
                     std::string(kS3) + "}");
  EXPECT_EQ(secret_name_, "http-firehose");
  EXPECT_EQ(secrets_.at("api_key"), "hush");
  const auto resource = store_->Get("DeliveryStream", {"default", "http"});
  ASSERT_TRUE(resource.ok());
  EXPECT_EQ(json::WriteJson(resource->ToValue()).find("hush"), std::string::npos);
  EXPECT_EQ(
      resource->spec.At("destination", "httpEndpoint", "accessKeySecretRef", "name").AsString(),
      "http-firehose");
}

TEST_F(FirehoseServiceTest, UpdatesMergeAndOfTwoWithOneVersionOneIsTold) {
  Create("clicks", S3(R"(,"Prefix":"kept/")"));
  const std::string update =
      R"({"DeliveryStreamName":"clicks","DestinationId":"destinationId-000000000001",)"
      R"("CurrentDeliveryStreamVersionId":"1","ExtendedS3DestinationUpdate":{"CompressionFormat":"GZIP"}})";
  EXPECT_EQ(Call("UpdateDestination", update)["__type"].AsString(), "ResourceInUseException");
  Activate("clicks");
  EXPECT_EQ(json::WriteJson(Call("UpdateDestination", update)), "{}");
  EXPECT_EQ(Call("UpdateDestination", update)["__type"].AsString(),
            "ConcurrentModificationException");
  const Value seen = Describe("clicks");
  EXPECT_EQ(seen["VersionId"].AsString(), "2");
  const Value& shown = seen["Destinations"].AsArray()[0]["ExtendedS3DestinationDescription"];
  EXPECT_EQ(shown["Prefix"].AsString(), "kept/");
  EXPECT_EQ(shown["CompressionFormat"].AsString(), "GZIP");
}

TEST_F(FirehoseServiceTest, BackupOnceEnabledStays) {
  Create("clicks", S3(R"(,"S3BackupMode":"Enabled","S3BackupConfiguration":)" + std::string(kS3)));
  Activate("clicks");
  const Value refused = Call(
      "UpdateDestination",
      R"({"DeliveryStreamName":"clicks","DestinationId":"destinationId-000000000001",)"
      R"("CurrentDeliveryStreamVersionId":"1","ExtendedS3DestinationUpdate":{"S3BackupMode":"Disabled"}})");
  EXPECT_EQ(refused["__type"].AsString(), "InvalidArgumentException");
  EXPECT_THAT(refused["message"].AsString(), HasSubstr("can't change from Enabled"));
}

TEST_F(FirehoseServiceTest, NamesAreListedInPagesOfTen) {
  for (char c = 'a'; c < 'm'; ++c) Create(std::string("d-") + c, S3());
  Value page = Call("ListDeliveryStreams", "{}");
  EXPECT_EQ(page["DeliveryStreamNames"].AsArray().size(), 10u);
  EXPECT_TRUE(page["HasMoreDeliveryStreams"].AsBool());
  page = Call("ListDeliveryStreams", R"({"ExclusiveStartDeliveryStreamName":"d-j"})");
  EXPECT_EQ(page["DeliveryStreamNames"].AsArray().size(), 2u);
  EXPECT_FALSE(page["HasMoreDeliveryStreams"].AsBool());
}

}  // namespace
}  // namespace millrace::controlplane
