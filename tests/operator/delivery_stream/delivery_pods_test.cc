#include "operator/delivery_stream/delivery_pods.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/codec/base64.h"
#include "common/resources/workload_resource.h"

namespace millrace::op {
namespace {

using testing::HasSubstr;

DeliveryOrders Orders(const std::string& name = "clicks") {
  return {{"shop", name}, "u-1", "{\"token\": \"very secret\"}", 2};
}

DeliveryPodSettings Settings() {
  DeliveryPodSettings settings;
  settings.image = "millrace:1";
  return settings;
}

resources::WorkloadSpec SpecOf(const json::Value& workload) {
  auto spec = resources::WorkloadSpec::Parse(workload["spec"]);
  EXPECT_TRUE(spec.ok()) << spec.status().ToString();
  return *spec;
}

TEST(DeliveryPods, NamesFitALabelAndAreDifferentWhereDeliveryStreamsAre) {
  const std::string longest(253, 'a');
  EXPECT_LE(DeliveryObjectsName({"shop", longest}).size() + 3, 63u);
  EXPECT_NE(DeliveryObjectsName({"a", "clicks"}), DeliveryObjectsName({"b", "clicks"}));
  EXPECT_THAT(DeliveryObjectsName({"a", "eu.clicks"}), testing::StartsWith("eu-clicks-delivery-"));
  EXPECT_THAT(DeliveryObjectsName({"a", std::string(39, 'a') + ".b"}),
              testing::StartsWith(std::string(39, 'a') + "-delivery-"));
}

TEST(DeliveryPods, OnlyTheSecretHoldsThePlan) {
  const json::Value secret = DeliveryPlanSecret(Settings(), Orders());
  EXPECT_EQ(secret.At("metadata", "namespace").AsString(), "millrace");
  EXPECT_EQ(codec::Base64Decode(secret.At("data", "plan.json").AsString()), Orders().plan);
  const std::string workload = json::WriteJson(DeliveryWorkload(Settings(), Orders()));
  EXPECT_THAT(workload, testing::Not(HasSubstr("very secret")));
  EXPECT_THAT(workload, HasSubstr(DeliveryPlanSecretName(Orders().key)));
}

TEST(DeliveryPods, ANewPlanIsNoNewRevisionAndANewImageIs) {
  DeliveryOrders changed = Orders();
  changed.plan = "another";
  const std::string revision = SpecOf(DeliveryWorkload(Settings(), Orders())).revision;
  EXPECT_EQ(SpecOf(DeliveryWorkload(Settings(), changed)).revision, revision);
  DeliveryPodSettings newer = Settings();
  newer.image = "millrace:2";
  EXPECT_NE(SpecOf(DeliveryWorkload(newer, Orders())).revision, revision);
}

TEST(DeliveryPods, SpillGoesToScratchAndFilesToAVolumeThatStays) {
  const resources::WorkloadSpec scratch = SpecOf(DeliveryWorkload(Settings(), Orders()));
  EXPECT_FALSE(scratch.has_volumes());
  EXPECT_THAT(json::WriteJson(scratch.pod_template),
              HasSubstr(R"("emptyDir":{"sizeLimit":"4Gi"})"));
  DeliveryOrders files = Orders();
  files.keeps_files = true;
  const resources::WorkloadSpec kept = SpecOf(DeliveryWorkload(Settings(), files));
  EXPECT_EQ(kept.volume_size, "10Gi");
  EXPECT_EQ(kept.deletion_policy, "Retain");
  EXPECT_THAT(json::WriteJson(kept.pod_template), testing::Not(HasSubstr("4Gi")));
}

TEST(DeliveryPods, PodsHaveNoWordWithTheApiAndLittleRights) {
  const json::Value spec = SpecOf(DeliveryWorkload(Settings(), Orders())).pod_template["spec"];
  EXPECT_FALSE(spec["automountServiceAccountToken"].AsBool());
  EXPECT_TRUE(spec.Has("automountServiceAccountToken"));
  EXPECT_TRUE(spec.At("securityContext", "runAsNonRoot").AsBool());
  EXPECT_TRUE(
      spec["containers"].AsArray()[0].At("securityContext", "readOnlyRootFilesystem").AsBool());
}

TEST(DeliveryPods, SettingsComeFromAFileThatIsRefusedWithItsFields) {
  DeliveryPodSettings settings = Settings();
  const auto good = *json::ParseYaml(
      "resources: {limits: {memory: 2Gi}}\nspillSize: 8Gi\nfolder: {size: 50Gi, storageClassName: "
      "fast}\ns3SecretName: lake-keys\ntopologyKeys: [zone]\nimagePullSecrets: [{name: pull}]");
  ASSERT_TRUE(settings.Read(good[0]).ok());
  EXPECT_EQ(settings.memory_limit, "2Gi");
  EXPECT_EQ(settings.spill_size, "8Gi");
  EXPECT_EQ(settings.folder_storage_class, "fast");
  EXPECT_EQ(settings.default_s3_secret, "lake-keys");
  EXPECT_EQ(settings.image_pull_secrets, std::vector<std::string>{"pull"});
  EXPECT_EQ(settings.image, "millrace:1");
  const Status bad = settings.Read((*json::ParseYaml("spillSize: much\nsize: 1"))[0]);
  EXPECT_THAT(bad.message(), HasSubstr("delivery.spillSize"));
  EXPECT_THAT(bad.message(), HasSubstr("delivery.size"));
}

}  // namespace
}  // namespace millrace::op
