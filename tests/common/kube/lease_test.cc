#include "common/kube/lease.h"

#include "tests/common/kube/kube_fixture.h"

namespace millrace::kube {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;
using testing_support::FakeKubeApi;

class LeaseTest : public KubeTest {
 protected:
  // A tenth of the real times.
  static LeaseOptions Options(const std::string& identity) {
    LeaseOptions options;
    options.name = {"default", "operator"};
    options.identity = identity;
    options.duration = milliseconds(600);
    options.renew_every = milliseconds(150);
    options.renew_deadline = milliseconds(400);
    return options;
  }
  std::unique_ptr<LeaderElection> Candidate(Client& client, const std::string& identity) {
    LeaderElection::Callbacks callbacks;
    callbacks.on_leading = [this, identity](int64_t transitions) {
      std::lock_guard lock(mu_);
      said_.push_back(identity + " leads " + std::to_string(transitions));
    };
    callbacks.on_lost = [this, identity] {
      std::lock_guard lock(mu_);
      said_.push_back(identity + " lost");
    };
    return std::make_unique<LeaderElection>(client, SystemClock(), Options(identity),
                                            std::move(callbacks));
  }
  std::vector<std::string> Said() {
    std::lock_guard lock(mu_);
    return said_;
  }
  std::mutex mu_;
  std::vector<std::string> said_;
};

TEST_F(LeaseTest, OneLeadsAndHandsOverAtOnceWhenItStops) {
  auto first = Candidate(client_, "first");
  ASSERT_TRUE(Eventually([&] { return first->is_leading(); }));
  auto second = Candidate(client_, "second");
  // Renewals keep the standby quiet for longer than the lease lasts.
  std::this_thread::sleep_for(milliseconds(900));
  EXPECT_TRUE(first->is_leading());
  EXPECT_FALSE(second->is_leading());
  EXPECT_EQ(second->leader(), "first");
  const auto began = steady_clock::now();
  first->Stop();
  ASSERT_TRUE(Eventually([&] { return second->is_leading(); }));
  EXPECT_LT(steady_clock::now() - began, milliseconds(250));
  EXPECT_FALSE(first->is_leading());
  const std::vector<std::string> wanted{"first leads 0", "first lost", "second leads 1"};
  EXPECT_TRUE(Eventually([&] { return Said() == wanted; }));
}

TEST_F(LeaseTest, AStandbyTakesOverWhenTheLeaderFallsSilent) {
  std::atomic<bool> cut{false};
  api_.Intercept([&](const net::HttpRequest& request, const FakeKubeApi::Writer&) {
    return cut && request.FindHeader("user-agent") == "first";
  });
  ClientOptions options;
  options.user_agent = "first";
  Client isolated(api_.access(), options);
  auto first = Candidate(isolated, "first");
  ASSERT_TRUE(Eventually([&] { return first->is_leading(); }));
  auto second = Candidate(client_, "second");
  ASSERT_TRUE(Eventually([&] { return second->leader() == "first"; }));
  cut = true;
  const auto began = steady_clock::now();
  ASSERT_TRUE(Eventually([&] { return second->is_leading(); }));
  const auto took = steady_clock::now() - began;
  EXPECT_LT(took, milliseconds(1'200));
  // Never two of them: the first had given up by itself before.
  EXPECT_FALSE(first->is_leading());
  const std::vector<std::string> wanted{"first leads 0", "first lost", "second leads 1"};
  EXPECT_TRUE(Eventually([&] { return Said() == wanted; }));
  cut = false;
  EXPECT_TRUE(Eventually([&] { return first->leader() == "second"; }));
}

TEST_F(LeaseTest, GoesOnLeadingThroughAShortOutage) {
  std::atomic<bool> away{false};
  api_.Intercept([&](const net::HttpRequest&, const FakeKubeApi::Writer& writer) {
    if (!away) return false;
    FakeKubeApi::SendStatus(writer, 503, "ServiceUnavailable", "away");
    return true;
  });
  auto only = Candidate(client_, "only");
  ASSERT_TRUE(Eventually([&] { return only->is_leading(); }));
  away = true;
  std::this_thread::sleep_for(milliseconds(250));
  away = false;
  std::this_thread::sleep_for(milliseconds(300));
  EXPECT_TRUE(only->is_leading());
  EXPECT_EQ(Said().size(), 1u);
}

TEST_F(LeaseTest, LooksAtTheLeaseWhereItMayNotWatch) {
  api_.Intercept([](const net::HttpRequest& request, const FakeKubeApi::Writer& writer) {
    const bool is_list = request.method == "GET" && request.path.ends_with("/leases");
    if (is_list) FakeKubeApi::SendStatus(writer, 403, "Forbidden", "may not list leases");
    return is_list;
  });
  auto first = Candidate(client_, "first");
  ASSERT_TRUE(Eventually([&] { return first->is_leading(); }));
  auto second = Candidate(client_, "second");
  ASSERT_TRUE(Eventually([&] { return second->leader() == "first"; }));
  first->Stop();
  ASSERT_TRUE(Eventually([&] { return second->is_leading(); }));
}

TEST_F(LeaseTest, SaysOnceWhyItCannotLeadAndWhatToDoAndAsksLessAndLess) {
  std::atomic<bool> refused{true};
  std::atomic<int> asked{0};
  api_.Intercept([&](const net::HttpRequest& request, const FakeKubeApi::Writer& writer) {
    const bool is_lease = request.path.find("/leases") != std::string_view::npos;
    if (!refused || !is_lease || request.method == "GET") return false;
    ++asked;
    FakeKubeApi::SendStatus(writer, 403, "Forbidden", "may not create leases");
    return true;
  });
  ::testing::internal::CaptureStderr();
  auto only = Candidate(client_, "only");
  std::this_thread::sleep_for(milliseconds(1'000));
  const std::string said = ::testing::internal::GetCapturedStderr();
  // At 0, 200 and 600 ms.
  EXPECT_LE(asked, 4);
  EXPECT_GE(asked, 2);
  EXPECT_FALSE(only->is_leading());
  const std::string line = "the lease cannot be had";
  ASSERT_NE(said.find(line), std::string::npos) << said;
  EXPECT_EQ(said.find(line), said.rfind(line)) << said;
  EXPECT_NE(said.find("may not create leases"), std::string::npos) << said;
  EXPECT_NE(said.find("leases.coordination.k8s.io in namespace default"), std::string::npos)
      << said;
  refused = false;
  EXPECT_TRUE(Eventually([&] { return only->is_leading(); }));
}

TEST_F(LeaseTest, SaysSoWhereItMayNotEvenLook) {
  api_.Intercept([&](const net::HttpRequest& request, const FakeKubeApi::Writer& writer) {
    const bool is_lease = request.path.find("/leases") != std::string_view::npos;
    if (is_lease) FakeKubeApi::SendStatus(writer, 403, "Forbidden", "may not get leases");
    return is_lease;
  });
  ::testing::internal::CaptureStderr();
  auto only = Candidate(client_, "only");
  std::this_thread::sleep_for(milliseconds(800));
  const std::string said = ::testing::internal::GetCapturedStderr();
  EXPECT_NE(said.find("cannot_be=read"), std::string::npos) << said;
  EXPECT_LE(api_.CountOf("GET /apis/coordination.k8s.io/v1/namespaces/default/leases/operator"),
            5u);
}

TEST_F(LeaseTest, TakesALeaseThatADeadProcessOfItsNameLeft) {
  json::Value lease;
  lease["metadata"].Set("name", "operator");
  lease["metadata"].Set("namespace", "default");
  lease["spec"].Set("holderIdentity", "long-gone");
  lease["spec"].Set("leaseTransitions", 7);
  // In the far future, as a clock that is wrong would have it.
  lease["spec"].Set("renewTime", "2099-01-01T00:00:00.000000Z");
  ASSERT_TRUE(client_.Create(types::Lease(), lease).ok());
  auto next = Candidate(client_, "next");
  ASSERT_TRUE(Eventually([&] { return next->is_leading(); }));
  EXPECT_TRUE(Eventually([&] { return !Said().empty() && Said().back() == "next leads 8"; }));
}

}  // namespace
}  // namespace millrace::kube
