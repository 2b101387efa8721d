#include "dataplane/delivery/sinks/s3/s3_client.h"

#include <gtest/gtest.h>

namespace millrace::delivery {
namespace {

TEST(EncodeS3Key, EncodesEverythingButPlainCharactersAndSlashes) {
  EXPECT_EQ(EncodeS3Key("a/b-c_d.e~f0"), "a/b-c_d.e~f0");
  EXPECT_EQ(EncodeS3Key("k=v x+y%\xc3\xa9"), "k%3Dv%20x%2By%25%C3%A9");
}

TEST(ReadS3Error, HasS3sOwnWords) {
  net::ClientResponse response;
  response.status = 404;
  response.body =
      "<?xml version=\"1.0\"?><Error><Code>NoSuchBucket</Code><Message>The &quot;x&quot; bucket "
      "&lt;gone&gt; &amp; "
      "forgotten</Message></Error>";
  const S3Error error = ReadS3Error(response);
  EXPECT_EQ(error.code, "NoSuchBucket");
  EXPECT_EQ(error.message, "The \"x\" bucket <gone> & forgotten");
}

TEST(ReadS3Error, IsTheStatusWhereThereIsNoXml) {
  net::ClientResponse response;
  response.status = 502;
  response.body = "bad gateway";
  EXPECT_EQ(ReadS3Error(response).code, "HTTP 502");
  EXPECT_EQ(ReadS3Error(response).message, "bad gateway");
  response.body = "<Code>never closed";
  EXPECT_EQ(ReadS3Error(response).code, "HTTP 502");
}

}  // namespace
}  // namespace millrace::delivery
