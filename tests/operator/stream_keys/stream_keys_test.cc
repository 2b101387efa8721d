#include "operator/stream_keys/stream_keys.h"

#include <gtest/gtest.h>

#include "common/json/text.h"
#include "tests/common/kube/kube_fixture.h"

namespace millrace::op {
namespace {

using json::Value;
namespace types = kube::types;

const std::string kHex(64, 'a');
const std::string kBytes(32, '\xaa');

Value SecretOf(const std::string& text) {
  Value secret;
  secret["metadata"].Set("name", "mine");
  secret["metadata"].Set("namespace", "team");
  secret["data"].Set("key", json::Base64(text));
  return secret;
}

resources::StreamSpec Spec() {
  resources::StreamSpec spec;
  spec.key_secret_name = "mine";
  spec.key_secret_key = "key";
  spec.pool_name = "fast";
  return spec;
}

TEST(StreamKey, IsTheSameHoweverItIsWritten) {
  const auto key = ReadStreamKey(SecretOf(kHex), "key");
  ASSERT_TRUE(key.ok());
  EXPECT_EQ(key->hex, kHex);
  for (const std::string& text :
       {kHex + "\n", std::string(64, 'A'), json::Base64(kBytes) + "\n", kBytes}) {
    const auto same = ReadStreamKey(SecretOf(text), "key");
    ASSERT_TRUE(same.ok()) << text;
    EXPECT_EQ(same->name, key->name);
    EXPECT_EQ(same->hex, key->hex);
  }
  EXPECT_NE(ReadStreamKey(SecretOf(std::string(64, 'b')), "key")->name, key->name);
  EXPECT_EQ(key->name.find(kHex.substr(0, 8)), std::string::npos);
}

TEST(StreamKey, WhatIsNoneIsNamed) {
  EXPECT_EQ(ReadStreamKey(SecretOf(kHex), "other").status().code(), Code::kNotFound);
  for (const std::string& text : {std::string(), std::string("short"), kHex + "a"}) {
    const auto key = ReadStreamKey(SecretOf(text), "key");
    EXPECT_EQ(key.status().code(), Code::kInvalidArgument) << text;
    EXPECT_NE(key.status().message().find("Secret mine, entry key"), std::string::npos);
  }
}

class StreamKeysTest : public kube::KubeTest {
 protected:
  Value PoolSecret() { return *client_.Get(types::Secret(), {"pools", "fast-stream-keys"}); }
  StreamKeys keys_{client_};
};

TEST_F(StreamKeysTest, PoolsGetKeysBesideThoseTheyHave) {
  ASSERT_TRUE(client_.Create(types::Secret(), SecretOf(kHex)).ok());
  const auto first = keys_.Give("team", Spec(), "pools");
  ASSERT_TRUE(first.ok()) << first.status().ToString();
  EXPECT_EQ(PoolSecret().At("data", *first).AsString(), json::Base64(kHex));

  Value rotated;
  rotated["data"].Set("key", json::Base64(std::string(64, 'b')));
  ASSERT_TRUE(client_.MergePatch(types::Secret(), {"team", "mine"}, rotated).ok());
  Value pod;
  pod["metadata"].Set("name", "fast-0");
  pod["metadata"].Set("namespace", "pools");
  pod["metadata"]["labels"].Set("millrace.dev/pool", "fast");
  ASSERT_TRUE(client_.Create(types::Pod(), pod).ok());
  const auto second = keys_.Give("team", Spec(), "pools");
  ASSERT_TRUE(second.ok());
  // Its kubelet reads the Secret at once when the pod changes.
  const Value touched = *client_.Get(types::Pod(), {"pools", "fast-0"});
  EXPECT_EQ(touched.At("metadata", "annotations")["millrace.dev/stream-keys"].AsString(), *second);
  EXPECT_NE(*second, *first);
  EXPECT_TRUE(PoolSecret()["data"].Has(*first));
  EXPECT_TRUE(PoolSecret()["data"].Has(*second));
  // At rest one call, and no write.
  const size_t writes = api_.CountOf("PUT ") + api_.CountOf("POST ");
  EXPECT_EQ(*keys_.Give("team", Spec(), "pools"), *second);
  EXPECT_EQ(api_.CountOf("PUT ") + api_.CountOf("POST "), writes);
}

TEST_F(StreamKeysTest, AMissingSecretIsSaid) {
  const auto given = keys_.Give("team", Spec(), "pools");
  EXPECT_EQ(given.status().code(), Code::kNotFound);
  EXPECT_NE(given.status().message().find("no Secret mine in team"), std::string::npos);
}

}  // namespace
}  // namespace millrace::op
