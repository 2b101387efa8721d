#include "common/kube_access/cluster_access.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>

#include "tests/support/temp_folder.h"

namespace millrace::kube {
namespace {

void Write(const std::string& path, const std::string& text) { std::ofstream(path) << text; }

class ClusterAccessTest : public ::testing::Test {
 protected:
  std::string Path(const std::string& name) { return (folder_.path() / name).string(); }
  Result<ClusterAccess> Kubeconfig(const std::string& user) {
    Write(Path("config"), R"(apiVersion: v1
kind: Config
current-context: here
contexts:
- {name: here, context: {cluster: c, user: u, namespace: shop}}
- {name: bad, context: {cluster: nowhere, user: u}}
clusters:
- name: c
  cluster: {server: "https://10.0.0.1:6443", certificate-authority-data: Q0E=}
users:
- name: u
  user: )" + user + "\n");
    return ClusterAccess::FromKubeconfig(Path("config"));
  }
  testing_support::TempFolder folder_;
};

TEST_F(ClusterAccessTest, AKubeconfigNamesServerAuthorityAndUser) {
  Write(Path("key.pem"), "KEY");
  auto access = Kubeconfig("{client-certificate-data: Q0VSVA==, client-key: key.pem, token: t0}");
  ASSERT_TRUE(access.ok()) << access.status().ToString();
  EXPECT_EQ(access->server, "https://10.0.0.1:6443");
  EXPECT_EQ(access->ca_pem, "CA");
  EXPECT_EQ(access->client_certificate_pem, "CERT");
  EXPECT_EQ(access->client_key_pem, "KEY");
  EXPECT_EQ(access->token->Token(), "t0");
  EXPECT_EQ(access->ns, "shop");
  EXPECT_EQ(ClusterAccess::FromKubeconfig(Path("config"), "bad").status().code(), Code::kNotFound);
  EXPECT_EQ(ClusterAccess::FromKubeconfig(Path("config"), "none").status().code(), Code::kNotFound);
}

TEST_F(ClusterAccessTest, AuthProvidersAreRefusedWithAWayOut) {
  Status refused = Kubeconfig("{auth-provider: {name: gcp}}").status();
  EXPECT_EQ(refused.code(), Code::kInvalidArgument);
  EXPECT_NE(refused.message().find("use an exec plugin"), std::string::npos);
}

TEST_F(ClusterAccessTest, ATokenFileIsReadAgainWhenItChanges) {
  auto token = TokenSource::File(Path("token"));
  EXPECT_EQ(token->Token(), "");
  Write(Path("token"), "first\n");
  EXPECT_EQ(token->Token(), "first");
  Write(Path("next"), "second-one\n");
  ASSERT_EQ(rename(Path("next").c_str(), Path("token").c_str()), 0);
  EXPECT_EQ(token->Token(), "second-one");
  ASSERT_EQ(unlink(Path("token").c_str()), 0);
  EXPECT_EQ(token->Token(), "second-one");
}

TEST_F(ClusterAccessTest, APodFindsItsServiceAccount) {
  Write(Path("token"), "pod-token");
  Write(Path("ca.crt"), "CA");
  Write(Path("namespace"), "millrace-system");
  unsetenv("KUBERNETES_SERVICE_HOST");
  EXPECT_EQ(ClusterAccess::InCluster(folder_.path()).status().code(), Code::kNotFound);
  setenv("KUBERNETES_SERVICE_HOST", "fd00::1", 1);
  setenv("KUBERNETES_SERVICE_PORT", "443", 1);
  auto access = ClusterAccess::InCluster(folder_.path());
  unsetenv("KUBERNETES_SERVICE_HOST");
  ASSERT_TRUE(access.ok()) << access.status().ToString();
  EXPECT_EQ(access->server, "https://[fd00::1]:443");
  EXPECT_EQ(access->ns, "millrace-system");
  EXPECT_EQ(access->token->Token(), "pod-token");
}

}  // namespace
}  // namespace millrace::kube
