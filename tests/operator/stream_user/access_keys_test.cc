#include "operator/stream_user/access_keys.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace millrace::op {
namespace {

using json::Value;
using testing::HasSubstr;
using testing::Not;

std::function<KeyPair()> Counting() {
  auto count = std::make_shared<int>(0);
  return [count] {
    const std::string number = std::to_string(++*count);
    return KeyPair{"id" + number, "secret" + number};
  };
}

Value User() {
  return *json::ParseJson(
      R"({"metadata":{"name":"checkout","namespace":"shop","uid":"u1"},"spec":{}})");
}

TEST(AccessKeys, PairsHaveTheFormOfAwsAndDiffer) {
  const KeyPair pair = NewKeyPair();
  EXPECT_EQ(pair.id.size(), 20u);
  EXPECT_EQ(pair.secret.size(), 40u);
  EXPECT_NE(NewKeyPair().secret, pair.secret);
}

TEST(AccessKeys, AreMadeOnceAndAnewWithEachRotation) {
  const auto make = Counting();
  resources::StreamUserSpec spec;
  spec.previous_key_seconds = 10;
  UserKeys keys = PlanKeys(spec, std::nullopt, 0, make);
  EXPECT_EQ(keys.current.id, "id1");
  EXPECT_EQ(PlanKeys(spec, keys, 1'000, make), keys);
  spec.rotation = 1;
  keys = PlanKeys(spec, keys, 1'000, make);
  EXPECT_EQ(keys.current.id, "id2");
  EXPECT_EQ(keys.previous->id, "id1");
  EXPECT_EQ(PlanKeys(spec, keys, 10'999, make), keys);
  keys = PlanKeys(spec, keys, 11'000, make);
  EXPECT_FALSE(keys.previous);
  EXPECT_EQ(keys.current.id, "id2");
  // A spec that was set back gives no old key anew.
  spec.rotation = 0;
  EXPECT_EQ(PlanKeys(spec, keys, 12'000, make), keys);
}

TEST(AccessKeys, SecretReadsBackAndHasASnippetForAShell) {
  UserKeys keys{.current = {"id2", "secret2"},
                .previous = KeyPair{"id1", "secret1"},
                .previous_until_ms = 60'000,
                .rotation = 1};
  const Value secret = UserSecret(User(), keys, {"http://streams", "eu-west-1"});
  EXPECT_EQ(kube::NameOf(secret).ToString(), "shop/checkout-credentials");
  EXPECT_EQ(KeysIn(secret), keys);
  EXPECT_TRUE(IsSecretOf(secret, User()));
  Value other = User();
  other["metadata"].Set("uid", "u2");
  EXPECT_FALSE(IsSecretOf(secret, other));
  EXPECT_FALSE(KeysIn(Value(json::Object{})));
}

TEST(AccessKeys, FileHasEveryValidKeyWithItsPermissions) {
  const UserEntry user{.name = "checkout",
                       .keys = {.current = {"id2", "secret2"},
                                .previous = KeyPair{"id1", "secret1"},
                                .previous_until_ms = 60'000,
                                .rotation = 1},
                       .permissions = {{{"kinesis:PutRecord*"}, {"orders"}}}};
  const std::string file = AccessKeyFile({user}, "000000000001", 1'000);
  EXPECT_THAT(file, HasSubstr(R"("accessKeyId":"id2")"));
  EXPECT_THAT(file, HasSubstr(R"("accessKeyId":"id1")"));
  EXPECT_THAT(
      file,
      HasSubstr(R"("permissions":[{"actions":["kinesis:PutRecord*"],"streams":["orders"]}])"));
  EXPECT_THAT(AccessKeyFile({user}, "000000000001", 60'000), Not(HasSubstr("id1")));
  // Nobody is not everybody.
  EXPECT_EQ(AccessKeyFile({}, "000000000001", 0), "[]");
  EXPECT_THAT(AccessKeyFile({{.name = "a", .keys = {}, .permissions = {}}}, "1", 0),
              HasSubstr(R"("permissions":[])"));
}

}  // namespace
}  // namespace millrace::op
