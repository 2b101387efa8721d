#include "common/admin/admin_server.h"

#include <gtest/gtest.h>

#include "common/http_client/http_client.h"

namespace millrace::admin {
namespace {

class AdminServerTest : public testing::Test {
 protected:
  AdminServerTest() { port_ = server_.Start().value(); }
  net::ClientResponse Get(const std::string& path, const std::string& method = "GET") {
    net::HttpClient client("http://127.0.0.1:" + std::to_string(port_));
    net::ClientRequest request;
    request.method = method;
    request.target = path;
    return client.Send(request).value();
  }

  std::string problem_ = "the caches are not filled";
  metrics::Registry registry_;
  IoThreads io_{1, "admin"};
  AdminServer server_{io_,
                      registry_,
                      {"127.0.0.1:0", [this] { return problem_; },
                       [this] { registry_.GetGauge("millrace_test_depth", "").Set(7); }}};
  uint16_t port_ = 0;
};

TEST_F(AdminServerTest, ARunningProcessIsHealthyAndSaysWhyItIsNotReady) {
  EXPECT_EQ(Get("/healthz").status, 200);
  EXPECT_EQ(Get("/readyz").status, 503);
  EXPECT_EQ(Get("/readyz").body, "the caches are not filled\n");
}

TEST_F(AdminServerTest, GaugesAreBroughtUpToDateBeforeTheyAreShown) {
  EXPECT_NE(Get("/metrics").body.find("millrace_test_depth 7"), std::string::npos);
}

TEST_F(AdminServerTest, AnythingElseIsRefused) {
  EXPECT_EQ(Get("/").status, 404);
  EXPECT_EQ(Get("/healthz", "POST").status, 405);
}

}  // namespace
}  // namespace millrace::admin
