// The reconciler over a store of files, with a program that only waits in the place of
// millrace-delivery.
#include "operator/delivery_stream/delivery_stream_reconciler.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>

#include "common/resources/conditions.h"
#include "common/resources/file_store.h"
#include "operator/delivery_stream/process_delivery_workers.h"
#include "operator/runtime/process_runtime.h"
#include "tests/support/temp_folder.h"

namespace millrace::op {
namespace {

namespace fs = std::filesystem;
using resources::Resource;

constexpr const char* kSpec =
    "deletionPolicy: Delete\n"
    "destination: {type: HttpEndpoint, httpEndpoint: {url: 'http://a', accessKeySecretRef: {name: "
    "keys, key: token}}}\n"
    "backup: {folder: {path: refused}}";

class DeliveryStreamReconcilerTest : public testing::Test {
 protected:
  DeliveryStreamReconcilerTest() {
    store_ = *resources::FileStore::Open(folder_.path().string() + "/store", SystemClock());
    const std::string program = folder_.path().string() + "/stand-in";
    std::ofstream(program) << "#!/bin/sh\nexec sleep 1000\n";
    fs::permissions(program, fs::perms::owner_all);
    workers_ = std::make_unique<ProcessDeliveryWorkers>(runtime_, program,
                                                        folder_.path().string() + "/delivery");
    reconciler_ = std::make_unique<DeliveryStreamReconciler>(
        *store_, SystemClock(), DeliverySettings{}, *workers_,
        [this](const resources::ResourceKey& key) { return SecretInStore(*store_, key); });
  }

  void Make(const std::string& kind, const std::string& name, json::Value spec) {
    Resource resource;
    resource.kind = kind;
    resource.key = {"shop", name};
    resource.spec = std::move(spec);
    ASSERT_TRUE(store_->Create(resource).ok());
  }
  void MakeSecret() {
    auto secret = Resource::Parse(
        (*json::ParseYaml("apiVersion: v1\nkind: Secret\nmetadata: {name: keys, namespace: shop}\n"
                          "data: {token: c2VjcmV0}"))[0]);
    ASSERT_TRUE(secret.ok());
    ASSERT_TRUE(store_->Create(*secret).ok());
  }
  // Until nothing is left to do at once.
  void Reconcile() {
    for (int i = 0; i < 5; ++i) {
      const Outcome outcome = reconciler_->Reconcile(key_);
      ASSERT_TRUE(outcome.error().ok()) << outcome.error().ToString();
      if (outcome.after() != Duration::zero()) break;
    }
  }
  void ActivateSource() {
    auto hidden = store_->Get("Stream", {"shop", "clicks-direct-put"});
    ASSERT_TRUE(hidden.ok());
    hidden->status.Set("streamStatus", "ACTIVE");
    ASSERT_TRUE(store_->UpdateStatus(*hidden).ok());
  }

  testing_support::TempFolder folder_;
  ProcessRuntime runtime_;
  std::unique_ptr<resources::ResourceStore> store_;
  std::unique_ptr<ProcessDeliveryWorkers> workers_;
  std::unique_ptr<DeliveryStreamReconciler> reconciler_;
  const resources::ResourceKey key_{"shop", "clicks"};
};

TEST_F(DeliveryStreamReconcilerTest, PlanAndProcessComeAndGoWithTheResource) {
  Make("DeliveryStream", "clicks", (*json::ParseYaml(kSpec))[0]);
  MakeSecret();
  Reconcile();
  ActivateSource();
  Reconcile();
  const std::string path = folder_.path().string() + "/delivery/shop/clicks/plan.json";
  std::ifstream file(path);
  std::stringstream text;
  text << file.rdbuf();
  auto plan = resources::DeliveryPlan::Parse(text.str());
  ASSERT_TRUE(plan.ok()) << plan.status().ToString();
  EXPECT_EQ(*plan->Secret(plan->spec.destination.http_endpoint->access_key), "secret");
  struct stat about{};
  ASSERT_EQ(stat(path.c_str(), &about), 0);
  EXPECT_EQ(about.st_mode & 0777, 0600u) << "it holds secrets";
  const int pid = runtime_.Observe("delivery/shop/clicks").pid;
  EXPECT_GT(pid, 0);
  Reconcile();
  EXPECT_EQ(runtime_.Observe("delivery/shop/clicks").pid, pid) << "nothing changed";
  EXPECT_EQ((*store_->Get("DeliveryStream", key_)).status["deliveryStreamStatus"].AsString(),
            "ACTIVE");

  ASSERT_TRUE(store_->Delete("DeliveryStream", key_).ok());
  Reconcile();
  EXPECT_EQ(store_->Get("DeliveryStream", key_).status().code(), Code::kNotFound);
  EXPECT_EQ(store_->Get("Stream", {"shop", "clicks-direct-put"}).status().code(), Code::kNotFound);
  EXPECT_FALSE(runtime_.Observe("delivery/shop/clicks").running);
  EXPECT_FALSE(fs::exists(path));
}

TEST_F(DeliveryStreamReconcilerTest, SecretThatIsMissingIsWaitedFor) {
  Make("DeliveryStream", "clicks", (*json::ParseYaml(kSpec))[0]);
  Reconcile();
  ActivateSource();
  Reconcile();
  EXPECT_FALSE(runtime_.Observe("delivery/shop/clicks").running);
  MakeSecret();
  Reconcile();
  EXPECT_TRUE(runtime_.Observe("delivery/shop/clicks").running);
}

TEST_F(DeliveryStreamReconcilerTest, SecretsThatAreWrittenAreReadBackWithThoseThereWere) {
  ASSERT_TRUE(WriteSecretInStore(*store_, {"shop", "own"}, {{"a", "1"}, {"b", "2"}}).ok());
  ASSERT_TRUE(WriteSecretInStore(*store_, {"shop", "own"}, {{"b", "3"}}).ok());
  const auto read = SecretInStore(*store_, {"shop", "own"});
  ASSERT_TRUE(read.ok()) << read.status().ToString();
  EXPECT_EQ(*read, (std::map<std::string, std::string>{{"a", "1"}, {"b", "3"}}));
}

TEST_F(DeliveryStreamReconcilerTest, AnAwsNameIsGivenOnce) {
  MakeSecret();
  Make("DeliveryStream", "clicks", (*json::ParseYaml(kSpec))[0]);
  Reconcile();
  json::Value spec = (*json::ParseYaml(kSpec))[0];
  spec.Set("deliveryStreamName", "clicks");
  Make("DeliveryStream", "later", spec);
  for (int i = 0; i < 3; ++i) (void)reconciler_->Reconcile({"shop", "later"});
  const auto later = store_->Get("DeliveryStream", {"shop", "later"});
  ASSERT_TRUE(later.ok());
  const json::Value& resolved = resources::FindCondition(later->status, "SourceResolved");
  EXPECT_EQ(resolved["reason"].AsString(), "NameTaken");
}

}  // namespace
}  // namespace millrace::op
