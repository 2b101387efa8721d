#include "cli/cluster/support_bundle.h"

#include <gmock/gmock.h>
#include <zlib.h>

#include "tests/cli/cluster/cluster_world.h"

namespace millrace::cli {
namespace {

using testing::HasSubstr;
using testing::Not;

const BundleFile* Find(const Bundle& bundle, const std::string& part) {
  for (const BundleFile& file : bundle.files) {
    if (file.path.find(part) != std::string::npos) return &file;
  }
  return nullptr;
}

class SupportBundleTest : public ClusterTest {
 protected:
  void SetUp() override {
    MakeGoodCluster();
    Make(kube::types::Secret(), Json(R"({"metadata":{"namespace":"millrace","name":"m-internal"},
           "data":{"token":"aHVudGVyMg=="}})"));
    json::Value pod = UnschedulablePod("default-7");
    pod["spec"].Set("containers", Json(R"([{"name":"shard",
      "env":[{"name":"MILLRACE_INTERNAL_TOKEN","value":"hunter2"},{"name":"REGION","value":"eu"}],
      "args":["--internal-token=hunter2","--internal-token-secret=m-internal",
              "--password","hunter2","--listen=0.0.0.0:1"]}])"));
    pod["metadata"]["annotations"].Set("kubectl.kubernetes.io/last-applied-configuration",
                                       "hunter2");
    Make(kube::types::Pod(), pod);
    api_.Intercept(
        [](const net::HttpRequest& request, const testing_support::FakeKubeApi::Writer& writer) {
          if (!request.path.ends_with("/log")) return false;
          writer->Send({200, {{"Content-Type", "text/plain"}}, {Slice::FromString("a line\n")}});
          return true;
        });
  }
  Bundle Collect() {
    Result<Bundle> bundle = CollectBundle(client_, {"", 10, Noon()});
    EXPECT_TRUE(bundle.ok()) << bundle.status().ToString();
    return bundle.ok() ? *bundle : Bundle{};
  }
};

TEST_F(SupportBundleTest, HoldsResourcesLogsAndExplanationsAndListsThem) {
  const Bundle bundle = Collect();
  ASSERT_FALSE(bundle.files.empty());
  EXPECT_THAT(bundle.files[0].path, HasSubstr("contents.txt"));
  EXPECT_THAT(bundle.files[0].bytes, HasSubstr("resources/streams.yaml"));
  EXPECT_THAT(Find(bundle, "resources/streams.yaml")->bytes, HasSubstr("name: orders"));
  EXPECT_EQ(Find(bundle, "logs/millrace_default-0_shard.log")->bytes, "a line\n");
  EXPECT_THAT(Find(bundle, "why/pod_millrace_default-7")->bytes, HasSubstr("Insufficient memory"));
  EXPECT_THAT(Find(bundle, "status.txt")->bytes, HasSubstr("millrace/default"));
}

TEST_F(SupportBundleTest, SecretsAreNotAskedForAndLiteralOnesAreBlackedOut) {
  const Bundle bundle = Collect();
  EXPECT_EQ(api_.CountOf("GET /api/v1/secrets"), 0u);
  EXPECT_EQ(api_.CountOf("GET /api/v1/namespaces/millrace/secrets"), 0u);
  for (const BundleFile& file : bundle.files) {
    EXPECT_THAT(file.bytes, Not(HasSubstr("hunter2"))) << file.path;
    EXPECT_THAT(file.bytes, Not(HasSubstr("aHVudGVyMg"))) << file.path;
  }
  const std::string& pods = Find(bundle, "resources/pods.yaml")->bytes;
  EXPECT_THAT(pods, HasSubstr("--internal-token-secret=m-internal"));
  EXPECT_THAT(pods, HasSubstr("--listen=0.0.0.0:1"));
}

TEST_F(SupportBundleTest, WhatCannotBeReadIsListedAndTheRestIsTaken) {
  Forbid("/nodes");
  const Bundle bundle = Collect();
  EXPECT_THAT(bundle.files[0].bytes, HasSubstr("not taken: nodes: you may not list /nodes"));
  EXPECT_NE(Find(bundle, "resources/pods.yaml"), nullptr);
}

TEST(TarGz, UnpacksToTheSameBytes) {
  const std::string bytes(700, 'x');
  Result<std::string> packed = TarGz({{"a/one.txt", bytes}, {"b", ""}}, Noon());
  ASSERT_TRUE(packed.ok());
  std::string tar(10'000, '\0');
  z_stream stream{};
  ASSERT_EQ(inflateInit2(&stream, 15 + 16), Z_OK);
  stream.next_in = reinterpret_cast<Bytef*>(packed->data());
  stream.avail_in = static_cast<uInt>(packed->size());
  stream.next_out = reinterpret_cast<Bytef*>(tar.data());
  stream.avail_out = static_cast<uInt>(tar.size());
  EXPECT_EQ(inflate(&stream, Z_FINISH), Z_STREAM_END);
  tar.resize(stream.total_out);
  inflateEnd(&stream);
  EXPECT_EQ(tar.size(), 512u + 1024u + 512u + 1024u);
  EXPECT_EQ(tar.substr(0, 9), "a/one.txt");
  EXPECT_EQ(tar.substr(124, 11), "00000001274");
  EXPECT_EQ(tar.substr(512, 700), bytes);
  EXPECT_EQ(tar.substr(512 + 1024, 1), "b");
  EXPECT_FALSE(TarGz({{std::string(120, 'p'), ""}}, 0).ok());
}

}  // namespace
}  // namespace millrace::cli
