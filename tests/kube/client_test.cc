#include "common/kube/client.h"

#include "common/kube/events.h"
#include "tests/kube/real_api.h"

namespace millrace::kube {
namespace {

using json::Value;

class RealClient : public RealApi {};

TEST_F(RealClient, CreatesReadsUpdatesAndDeletes) {
  Result<Value> made = client_.Create(types::ConfigMap(), ConfigMap("a"));
  ASSERT_TRUE(made.ok()) << made.status().ToString();
  EXPECT_FALSE((*made)["metadata"].Has("managedFields"));
  EXPECT_EQ(client_.Create(types::ConfigMap(), ConfigMap("a")).status().code(),
            Code::kResourceInUse);
  Value next = *made;
  next["data"].Set("key", "2");
  Result<Value> updated = client_.Update(types::ConfigMap(), next);
  ASSERT_TRUE(updated.ok()) << updated.status().ToString();
  EXPECT_TRUE(IsAtLeast(ResourceVersionOf(*updated), ResourceVersionOf(*made)));
  Status lost = client_.Update(types::ConfigMap(), next).status();
  EXPECT_EQ(lost.code(), Code::kConflict) << lost.ToString();
  DeleteOptions other;
  other.uid = "00000000-0000-0000-0000-000000000000";
  EXPECT_EQ(client_.Delete(types::ConfigMap(), {ns_, "a"}, other).status().code(), Code::kConflict);
  DeleteOptions old;
  old.uid = UidOf(*made);
  old.resource_version = ResourceVersionOf(*made);
  EXPECT_EQ(client_.Delete(types::ConfigMap(), {ns_, "a"}, old).status().code(), Code::kConflict);
  DeleteOptions exact = old;
  exact.resource_version = ResourceVersionOf(*updated);
  Result<Value> deleted = client_.Delete(types::ConfigMap(), {ns_, "a"}, exact);
  ASSERT_TRUE(deleted.ok()) << deleted.status().ToString();
  EXPECT_EQ((*deleted)["kind"].AsString(), "Status");
  EXPECT_EQ(client_.Get(types::ConfigMap(), {ns_, "a"}).status().code(), Code::kNotFound);
}

TEST_F(RealClient, TellsAMissingKindFromAMissingObject) {
  const ResourceType nothing = MillraceType("Nothing", "nothings");
  EXPECT_EQ(client_.Get(nothing, {ns_, "a"}).status().code(), Code::kUnsupported);
  EXPECT_EQ(client_.ListAll(nothing).status().code(), Code::kUnsupported);
  EXPECT_FALSE(*client_.Serves(nothing));
  EXPECT_FALSE(*client_.Serves({"nowhere.example", "v1", "X", "xs"}));
  EXPECT_TRUE(*client_.Serves(MillraceType("Stream", "streams")));
  EXPECT_TRUE(*client_.Serves(types::Lease()));
}

TEST_F(RealClient, ARefusalCarriesTheMessageOfTheSchema) {
  Value stream;
  stream["metadata"].Set("name", "a");
  stream["metadata"].Set("namespace", ns_);
  stream["spec"].Set("shardCount", 0);
  Status refused = client_.Create(MillraceType("Stream", "streams"), stream).status();
  EXPECT_EQ(refused.code(), Code::kValidation);
  EXPECT_NE(refused.message().find("spec.shardCount"), std::string::npos) << refused.message();
}

TEST_F(RealClient, ListsInPages) {
  for (int i = 0; i < 25; ++i) {
    ASSERT_TRUE(client_.Create(types::ConfigMap(), ConfigMap("m" + std::to_string(100 + i))).ok());
  }
  ListOptions options;
  options.ns = ns_;
  options.limit = 10;
  Result<ListPage> first = client_.List(types::ConfigMap(), options, "");
  ASSERT_TRUE(first.ok());
  EXPECT_EQ(first->items.size(), 10u);
  EXPECT_FALSE(first->continue_token.empty());
  EXPECT_EQ(client_.ListAll(types::ConfigMap(), options)->items.size(), 25u);
  options.field_selector = "metadata.name=m107";
  EXPECT_EQ(client_.ListAll(types::ConfigMap(), options)->items.size(), 1u);
}

TEST_F(RealClient, AppliesWithItsFieldManager) {
  Result<Value> applied = client_.Apply(types::ConfigMap(), ConfigMap("a"));
  ASSERT_TRUE(applied.ok()) << applied.status().ToString();
  Result<Value> again = client_.Apply(types::ConfigMap(), ConfigMap("a"));
  ASSERT_TRUE(again.ok());
  EXPECT_EQ(ResourceVersionOf(*again), ResourceVersionOf(*applied));
  ClientOptions options;
  options.field_manager = "somebody-else";
  Client other(Access(), options);
  EXPECT_EQ(other.Apply(types::ConfigMap(), ConfigMap("a", "9"), false).status().code(),
            Code::kConflict);
  EXPECT_TRUE(other.Apply(types::ConfigMap(), ConfigMap("a", "9"), true).ok());
  // What we no longer apply goes, what others manage stays.
  Value less = ConfigMap("a");
  less.Remove("data");
  ASSERT_TRUE(client_.Apply(types::ConfigMap(), less).ok());
  EXPECT_EQ(client_.Get(types::ConfigMap(), {ns_, "a"})->At("data", "key").AsString(), "9");
}

TEST_F(RealClient, StatusAndScaleAreApart) {
  const ResourceType type = MillraceType("Stream", "streams");
  Value stream;
  stream["metadata"].Set("name", "orders");
  stream["metadata"].Set("namespace", ns_);
  stream["spec"].Set("shardCount", 3);
  stream["spec"]["streamModeDetails"].Set("streamMode", "PROVISIONED");
  Result<Value> made = client_.Create(type, stream);
  ASSERT_TRUE(made.ok()) << made.status().ToString();
  (*made)["status"].Set("openShardCount", 3);
  (*made)["spec"].Set("shardCount", 9);
  Result<Value> status = client_.UpdateStatus(type, *made);
  ASSERT_TRUE(status.ok()) << status.status().ToString();
  EXPECT_EQ(status->At("spec", "shardCount").AsInt(), 3);
  EXPECT_EQ(status->At("metadata", "generation").AsInt(), 1);
  Result<Value> scale = client_.GetScale(type, {ns_, "orders"});
  ASSERT_TRUE(scale.ok()) << scale.status().ToString();
  EXPECT_EQ(scale->At("spec", "replicas").AsInt(), 3);
  EXPECT_EQ(scale->At("status", "replicas").AsInt(), 3);
  ASSERT_TRUE(client_.SetScale(type, {ns_, "orders"}, 5).ok());
  EXPECT_EQ(client_.Get(type, {ns_, "orders"})->At("spec", "shardCount").AsInt(), 5);
  Value part;
  part["metadata"] = (*made)["metadata"];
  part["metadata"].Remove("resourceVersion");
  part["status"].Set("streamStatus", "ACTIVE");
  ASSERT_TRUE(client_.ApplyStatus(type, part).ok());
}

TEST_F(RealClient, EventsAreWrittenAndBecomeSeries) {
  Result<Value> map = client_.Create(types::ConfigMap(), ConfigMap("a"));
  ASSERT_TRUE(map.ok());
  EventRecorder events(client_, SystemClock(), "millrace.dev/operator", "pod-1");
  for (int i = 0; i < 2; ++i) events.Note(*map, {true, "PodReplaced", "Replace", "node is gone"});
  events.Stop();
  ListOptions options;
  options.ns = ns_;
  Result<ListPage> written = client_.ListAll(types::Event(), options);
  ASSERT_TRUE(written.ok()) << written.status().ToString();
  ASSERT_EQ(written->items.size(), 1u);
  EXPECT_EQ(written->items[0].At("series", "count").AsInt(), 2);
  EXPECT_EQ(written->items[0].At("regarding", "name").AsString(), "a");
}

TEST_F(RealClient, ATokenServesAsWellAsACertificate) {
  ClusterAccess access = Access();
  ASSERT_FALSE(access.client_certificate_pem.empty());
  access.client_certificate_pem.clear();
  access.client_key_pem.clear();
  EXPECT_EQ(Client(access).Get(types::ConfigMap(), {ns_, "a"}).status().code(),
            Code::kAccessDenied);
  access.token = TokenSource::Fixed(std::getenv("MILLRACE_TEST_TOKEN"));
  EXPECT_EQ(Client(access).Get(types::ConfigMap(), {ns_, "a"}).status().code(), Code::kNotFound);
  // Somebody else's authority: no connection at all.
  access = Access();
  access.ca_pem = access.client_certificate_pem;
  EXPECT_EQ(Client(access).Get(types::ConfigMap(), {ns_, "a"}).status().code(), Code::kUnavailable);
}

}  // namespace
}  // namespace millrace::kube
