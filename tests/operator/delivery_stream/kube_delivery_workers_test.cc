#include "operator/delivery_stream/kube_delivery_workers.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/codec/base64.h"
#include "tests/common/kube/kube_fixture.h"

namespace millrace::op {
namespace {

using json::Value;
using kube::ObjectName;
namespace types = kube::types;

// Workers over an API server in memory, which answers for the admin port of a pod as well.
class KubeDeliveryWorkersTest : public kube::KubeTest {
 protected:
  static DeliveryPodSettings Settings() {
    DeliveryPodSettings settings;
    settings.image = "millrace:1";
    return settings;
  }
  uint16_t Port() const {
    const std::string& server = api_.access().server;
    return static_cast<uint16_t>(std::stoi(server.substr(server.rfind(':') + 1)));
  }
  DeliveryParts Look(const ObjectName& name) {
    const auto workload = client_.Get(DeliveryWorkloadType(), name);
    DeliveryParts parts;
    if (workload.ok()) parts.workload = *workload;
    parts.pods = client_.ListAll(types::Pod())->items;
    return parts;
  }
  void MakePod(const std::string& name) {
    Value pod = kube::Pod(name, "millrace");
    ASSERT_TRUE(client_.Create(types::Pod(), pod).ok());
    Value running;
    running["state"]["running"].Set("startedAt", "2026-01-01T00:00:00Z");
    running.Set("restartCount", int64_t{2});
    running["lastState"]["terminated"].Set("exitCode", int64_t{137});
    running["lastState"]["terminated"].Set("reason", "OOMKilled");
    pod["status"].Set("phase", "Running");
    pod["status"].Set("podIP", "127.0.0.1");
    pod["status"]["containerStatuses"].Append(running);
    ASSERT_TRUE(client_.UpdateStatus(types::Pod(), pod).ok());
  }
  void AnswerForPods(const std::string& report) {
    api_.Intercept([report](const net::HttpRequest& request,
                            const testing_support::FakeKubeApi::Writer& writer) {
      if (request.path != "/internal/v1/delivery") return false;
      writer->Send({200, {}, {Slice::FromString(report)}});
      return true;
    });
  }
  std::string PlanThere() {
    const auto secret =
        client_.Get(types::Secret(), {"millrace", DeliveryPlanSecretName(orders_.key)});
    if (!secret.ok()) return secret.status().ToString();
    return codec::Base64Decode(secret->At("data", "plan.json").AsString()).value_or("");
  }
  size_t Writes() {
    return api_.CountOf("PUT ") + api_.CountOf("POST ") + api_.CountOf("PATCH ") +
           api_.CountOf("DELETE ");
  }

  DeliveryOrders orders_{{"shop", "clicks"}, "u-1", "plan 1", 1};
  const ObjectName name_{"millrace", DeliveryObjectsName({"shop", "clicks"})};
  KubeDeliveryWorkers workers_{client_, Settings(),
                               [this](const ObjectName& name) { return Look(name); }, Port()};
};

TEST_F(KubeDeliveryWorkersTest, MakesWhatPodsNeedAndTheSecondTimeWritesNothing) {
  ASSERT_TRUE(workers_.Apply(orders_).ok());
  EXPECT_EQ(PlanThere(), "plan 1");
  EXPECT_TRUE(client_.Get(DeliveryWorkloadType(), name_).ok());
  EXPECT_TRUE(client_.Get(types::PodDisruptionBudget(), name_).ok());
  const size_t writes = Writes();
  ASSERT_TRUE(workers_.Apply(orders_).ok());
  EXPECT_EQ(Writes(), writes);
}

TEST_F(KubeDeliveryWorkersTest, PodsAreToldOnceOfEachPlan) {
  ASSERT_TRUE(workers_.Apply(orders_).ok());
  MakePod("clicks-0");
  const auto told = [&] {
    return client_.Get(types::Pod(), {"millrace", "clicks-0"})
        ->At("metadata", "annotations")[kPlanVersionOfPod]
        .AsString();
  };
  ASSERT_TRUE(workers_.Apply(orders_).ok());
  const std::string first = told();
  EXPECT_FALSE(first.empty());
  orders_.plan = "plan 2";
  ASSERT_TRUE(workers_.Apply(orders_).ok());
  EXPECT_EQ(PlanThere(), "plan 2");
  EXPECT_NE(told(), first);
  const size_t writes = Writes();
  ASSERT_TRUE(workers_.Apply(orders_).ok());
  EXPECT_EQ(Writes(), writes);
}

TEST_F(KubeDeliveryWorkersTest, SaysWhatPodsSayAndHowTheirLastOnesEnded) {
  MakePod("clicks-0");
  EXPECT_FALSE(workers_.Observe(orders_.key).report);
  AnswerForPods(R"({"generation": 4, "state": "Running"})");
  const DeliveryObservation seen = workers_.Observe(orders_.key);
  ASSERT_TRUE(seen.report);
  EXPECT_EQ(seen.report->generation, 4);
  EXPECT_EQ(seen.running, 1);
  EXPECT_EQ(seen.restarts, 2);
  EXPECT_EQ(seen.last_exit, "exited with 137, OOMKilled");
}

TEST_F(KubeDeliveryWorkersTest, NothingIsDrainedWhileAPodIsSilent) {
  MakePod("clicks-0");
  ASSERT_TRUE(CreatePod("clicks-1").ok());  // no address
  AnswerForPods(R"({"state": "Flushing", "drained": true})");
  const DeliveryObservation seen = workers_.Observe(orders_.key);
  ASSERT_TRUE(seen.report);
  EXPECT_FALSE(seen.report->drained);
}

TEST_F(KubeDeliveryWorkersTest, WhyNoPodRunsIsPassedOn) {
  ASSERT_TRUE(workers_.Apply(orders_).ok());
  Value workload = *client_.Get(DeliveryWorkloadType(), name_);
  Value ready;
  ready.Set("type", "Ready");
  ready.Set("status", "False");
  ready.Set("message", "0 of 1 pods are ready; ErrImagePull");
  workload["status"]["conditions"].Append(ready);
  ASSERT_TRUE(client_.UpdateStatus(DeliveryWorkloadType(), workload).ok());
  EXPECT_THAT(workers_.Observe(orders_.key).trouble, testing::HasSubstr("ErrImagePull"));
}

TEST_F(KubeDeliveryWorkersTest, RemoveLeavesNothingAndWaitsForPods) {
  ASSERT_TRUE(workers_.Apply(orders_).ok());
  MakePod("clicks-0");
  EXPECT_EQ(workers_.Remove(orders_.key).code(), Code::kUnavailable);
  EXPECT_TRUE(workers_.Remove(orders_.key).ok());
  EXPECT_EQ(client_.Get(DeliveryWorkloadType(), name_).status().code(), Code::kNotFound);
  EXPECT_EQ(client_.Get(types::PodDisruptionBudget(), name_).status().code(), Code::kNotFound);
  EXPECT_THAT(PlanThere(), testing::HasSubstr("NotFound"));
  // Made again under its name, it is whole.
  ASSERT_TRUE(workers_.Apply(orders_).ok());
  EXPECT_EQ(PlanThere(), "plan 1");
}

}  // namespace
}  // namespace millrace::op
