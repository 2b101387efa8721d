#include "operator/certificates/certificate_reconciler.h"

#include <gtest/gtest.h>

#include <atomic>

#include "common/json/text.h"
#include "common/resources/conditions.h"
#include "tests/common/kube/kube_fixture.h"

namespace millrace::op {
namespace {

using json::Value;
using kube::Eventually;
namespace types = kube::types;

const kube::ResourceType kPool = kube::MillraceType("StreamPool", "streampools");

class CertificateReconcilerTest : public kube::KubeTest {
 protected:
  void TearDown() override { reconciler_.Stop(); }
  CertificateReconcilerOptions Options() {
    CertificateReconcilerOptions options;
    options.settings.client_names = {"streams.example"};
    options.pods_speak_tls = [this]() -> std::optional<bool> {
      if (speak_tls_ < 0) return std::nullopt;
      return speak_tls_ == 1;
    };
    return options;
  }
  void CreatePool(const std::string& name, const std::string& ns, std::string_view spec = "{}") {
    Value pool;
    pool["metadata"].Set("name", name);
    pool["metadata"].Set("namespace", ns);
    pool.Set("spec", *json::ParseJson(spec));
    ASSERT_TRUE(client_.Create(kPool, pool).ok());
  }
  std::optional<PoolCertificate> Given(const std::string& ns, const std::string& secret) {
    const auto found = client_.Get(types::Secret(), {ns, secret});
    return found.ok() ? PoolCertificateIn(*found) : std::nullopt;
  }
  std::string Reason(const std::string& ns, const std::string& pool) {
    const auto found = client_.Get(kPool, {ns, pool});
    if (!found.ok()) return "";
    return resources::FindCondition((*found)["status"], "CertificatesIssued")["reason"].AsString();
  }
  size_t Writes() { return api_.CountOf("PUT ") + api_.CountOf("POST ") + api_.CountOf("PATCH "); }

  std::atomic<int> speak_tls_{-1};
  kube::EventRecorder events_{client_, SystemClock(), "certificates", "test"};
  CertificateReconciler reconciler_{client_, SystemClock(), events_, Options()};
};

TEST_F(CertificateReconcilerTest, EveryPoolGetsCertificatesOfOneAuthority) {
  reconciler_.Start();
  CreatePool("fast", "millrace");
  CreatePool("slow", "elsewhere");
  ASSERT_TRUE(Eventually([&] { return Reason("elsewhere", "slow") == "Issued"; }));
  ASSERT_TRUE(Eventually([&] { return Reason("millrace", "fast") == "Issued"; }));
  const auto fast = Given("millrace", "fast-peer-tls");
  const auto slow = Given("elsewhere", "slow-peer-tls");
  ASSERT_TRUE(fast && slow);
  EXPECT_EQ(fast->authority, slow->authority);
  EXPECT_TRUE(pki::IsSignedBy(fast->identity.certificate, slow->authority));
  EXPECT_EQ(
      pki::Read(slow->identity.certificate)->names,
      (std::vector<std::string>{"*.slow.elsewhere.svc", "*.slow.elsewhere.svc.cluster.local"}));
  const auto clients = Given("millrace", "fast-tls");
  ASSERT_TRUE(clients);
  const auto names = pki::Read(clients->identity.certificate)->names;
  for (const char* name : {"streams.example", "millrace-streams.millrace.svc", "localhost",
                           "fast-clients.millrace.svc.cluster.local"}) {
    EXPECT_TRUE(std::find(names.begin(), names.end(), name) != names.end()) << name;
  }
  const auto authority = client_.Get(types::ConfigMap(), {"millrace", "fast-ca"});
  ASSERT_TRUE(authority.ok());
  EXPECT_EQ(authority->At("data", "ca.crt").AsString(), fast->authority);
  EXPECT_TRUE(client_.Get(types::Secret(), {"millrace", "millrace-pods-ca"}).ok());
  EXPECT_FALSE(client_.Get(types::Secret(), {"elsewhere", "millrace-pods-ca"}).ok());
}

TEST_F(CertificateReconcilerTest, ClearTextIsRefusedOnceAllPodsSpeakTlsAndLetInBeforeOthersCome) {
  reconciler_.Start();
  CreatePool("fast", "millrace");
  auto mode = [&] {
    const auto given = Given("millrace", "fast-peer-tls");
    return given ? given->mode : "";
  };
  ASSERT_TRUE(Eventually([&] { return mode() == "prefer"; }));
  const auto before = Given("millrace", "fast-peer-tls");
  speak_tls_ = 1;
  reconciler_.LookAgain();
  ASSERT_TRUE(Eventually([&] { return mode() == "require"; }));
  EXPECT_EQ(Given("millrace", "fast-peer-tls")->identity, before->identity);
  // A pod that does not answer is no reason for less.
  speak_tls_ = -1;
  reconciler_.LookAgain();
  std::this_thread::sleep_for(std::chrono::milliseconds(100));
  EXPECT_EQ(mode(), "require");
  speak_tls_ = 0;
  reconciler_.LookAgain();
  EXPECT_TRUE(Eventually([&] { return mode() == "prefer"; }));
}

TEST_F(CertificateReconcilerTest, AtRestNothingIsWrittenAndWhatIsRemovedComesBack) {
  reconciler_.Start();
  CreatePool("fast", "millrace");
  ASSERT_TRUE(Eventually([&] { return Reason("millrace", "fast") == "Issued"; }));
  std::this_thread::sleep_for(std::chrono::milliseconds(100));
  const size_t writes = Writes();
  reconciler_.LookAgain();
  std::this_thread::sleep_for(std::chrono::milliseconds(100));
  EXPECT_EQ(Writes(), writes);
  const std::string authority = Given("millrace", "fast-peer-tls")->authority;
  ASSERT_TRUE(client_.Delete(types::Secret(), {"millrace", "fast-peer-tls"}).ok());
  reconciler_.LookAgain();
  ASSERT_TRUE(Eventually([&] { return Given("millrace", "fast-peer-tls").has_value(); }));
  EXPECT_EQ(Given("millrace", "fast-peer-tls")->authority, authority);
}

TEST_F(CertificateReconcilerTest, APoolWithItsOwnCertificateGetsNoneForClients) {
  reconciler_.Start();
  CreatePool("fast", "millrace", R"({"tls":{"secretRef":{"name":"mine"}}})");
  ASSERT_TRUE(Eventually([&] { return Reason("millrace", "fast") == "Issued"; }));
  EXPECT_TRUE(Given("millrace", "fast-peer-tls"));
  EXPECT_FALSE(Given("millrace", "fast-tls"));
}

TEST_F(CertificateReconcilerTest, SecretsOfOthersAndABrokenAuthorityAreLeftAloneAndNamed) {
  Value secret;
  secret["metadata"].Set("name", "fast-tls");
  secret["metadata"].Set("namespace", "millrace");
  secret["data"].Set("tls.crt", json::Base64("somebody's"));
  ASSERT_TRUE(client_.Create(types::Secret(), secret).ok());
  reconciler_.Start();
  CreatePool("fast", "millrace");
  CreatePool("slow", "elsewhere");
  ASSERT_TRUE(Eventually([&] { return Reason("millrace", "fast") == "SecretTaken"; }));
  EXPECT_TRUE(Eventually([&] { return Reason("elsewhere", "slow") == "Issued"; }));
  EXPECT_EQ(client_.Get(types::Secret(), {"millrace", "fast-tls"})->At("data", "tls.crt"),
            secret.At("data", "tls.crt"));

  Value patch;
  patch["data"].Set("tls.key", json::Base64("rubbish"));
  ASSERT_TRUE(client_.MergePatch(types::Secret(), {"millrace", "millrace-pods-ca"}, patch).ok());
  reconciler_.LookAgain();
  EXPECT_TRUE(Eventually([&] { return Reason("elsewhere", "slow") == "AuthorityInvalid"; }));
}

}  // namespace
}  // namespace millrace::op
