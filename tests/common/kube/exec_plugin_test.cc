#include "common/kube_access/exec_plugin.h"

#include <sys/stat.h>

#include <fstream>
#include <sstream>

#include "tests/common/kube/kube_fixture.h"
#include "tests/support/temp_folder.h"

namespace millrace::kube {
namespace {

using testing_support::FakeKubeApi;

// A kubeconfig whose user is a script beside it, against an API server in memory.
class ExecPluginTest : public KubeTest {
 protected:
  std::string Path(const std::string& name) { return (folder_.path() / name).string(); }
  std::string Text(const std::string& name) {
    std::ostringstream text;
    text << std::ifstream(Path(name)).rdbuf();
    return text.str();
  }
  void WritePlugin(const std::string& script) {
    std::ofstream(Path("plugin")) << "#!/bin/sh\necho run >>" << Path("runs") << "\n" << script;
    ASSERT_EQ(chmod(Path("plugin").c_str(), 0755), 0);
  }
  // One that says `status`, a JSON object.
  void WritePluginOf(const std::string& status, const std::string& version = "v1") {
    WritePlugin(R"(echo '{"apiVersion": "client.authentication.k8s.io/)" + version +
                R"(", "kind": "ExecCredential", "status": )" + status + "}'\n");
  }
  size_t Runs() {
    const std::string text = Text("runs");
    return static_cast<size_t>(std::count(text.begin(), text.end(), '\n'));
  }
  Result<ClusterAccess> Access(const std::string& more = "", const std::string& version = "v1") {
    std::ofstream(Path("config")) << R"(apiVersion: v1
kind: Config
current-context: here
contexts: [{name: here, context: {cluster: c, user: u}}]
clusters:
- name: c
  cluster:
    server: )" << api_.access().server
                                  << R"(
    certificate-authority-data: Q0E=
    extensions: [{name: client.authentication.k8s.io/exec, extension: {audience: shop}}]
users:
- name: u
  user:
    exec:
      apiVersion: client.authentication.k8s.io/)"
                                  << version << R"(
      command: ./plugin
      args: [token, --for=shop]
      env: [{name: PLUGIN_MODE, value: quiet}]
      interactiveMode: Never
)" << more;
    return ClusterAccess::FromKubeconfig(Path("config"));
  }
  // The API takes the token "secret" only.
  void CountRefused() {
    api_.Intercept([this](const net::HttpRequest& request, const FakeKubeApi::Writer&) {
      if (request.FindHeader("authorization") != "Bearer secret") ++refused_;
      return false;
    });
  }
  testing_support::TempFolder folder_;
  std::atomic<int> refused_{0};
};

TEST_F(ExecPluginTest, ItsTokenIsUsedAndAskedForOnce) {
  WritePluginOf(R"({"token": "secret", "expirationTimestamp": "2099-01-01T00:00:00Z"})");
  CountRefused();
  auto access = Access();
  ASSERT_TRUE(access.ok()) << access.status().ToString();
  EXPECT_EQ(Runs(), 0u) << "not before it is needed";
  Client client(*access);
  ASSERT_TRUE(client.Create(types::Pod(), Pod("a")).ok());
  auto read = client.Get(types::Pod(), {"default", "a"});
  EXPECT_TRUE(read.ok()) << read.status().ToString();
  EXPECT_EQ(Runs(), 1u);
  EXPECT_EQ(refused_, 0);
}

TEST_F(ExecPluginTest, TheOlderVersionOfTheProtocolIsSpokenToo) {
  WritePluginOf(R"({"token": "secret"})", "v1beta1");
  auto access = Access("", "v1beta1");
  ASSERT_TRUE(access.ok()) << access.status().ToString();
  EXPECT_TRUE(Client(*access).Create(types::Pod(), Pod("a")).ok());
  WritePluginOf(R"({"token": "secret"})", "v1");
  Status other = Client(*Access("", "v1beta1")).Create(types::Pod(), Pod("b")).status();
  EXPECT_NE(other.message().find("client.authentication.k8s.io/v1beta1"), std::string::npos)
      << other.ToString();
  Status alpha = Access("", "v1alpha1").status();
  EXPECT_NE(alpha.message().find("newer release of the plugin"), std::string::npos);
}

TEST_F(ExecPluginTest, AnExpiredTokenIsReplacedBeforeItIsSent) {
  WritePlugin(R"(
n=$(wc -l <"$(dirname "$0")/runs")
until=2001-01-01T00:00:00.5+02:00
[ "$n" = 1 ] || until=2099-01-01T00:00:00Z
echo '{"apiVersion": "client.authentication.k8s.io/v1", "kind": "ExecCredential",
  "status": {"token": "t'$n'", "expirationTimestamp": "'$until'"}}')");
  auto access = Access();
  ASSERT_TRUE(access.ok());
  EXPECT_EQ(access->CurrentCredential()->token, "t1");
  EXPECT_EQ(access->CurrentCredential()->token, "t2");
  EXPECT_EQ(access->CurrentCredential()->token, "t2");
  EXPECT_EQ(Runs(), 2u);
}

TEST_F(ExecPluginTest, ARefusedTokenIsReplacedAndTheCallSentAgainOnce) {
  WritePluginOf(R"({"token": "old"})");
  CountRefused();
  auto access = Access();
  ASSERT_TRUE(access.ok());
  Client client(*access);
  EXPECT_EQ(client.Create(types::Pod(), Pod("a")).status().code(), Code::kAccessDenied);
  EXPECT_EQ(Runs(), 2u);
  EXPECT_EQ(refused_, 2) << "not for ever";
  WritePluginOf(R"({"token": "secret"})");
  auto created = client.Create(types::Pod(), Pod("a"));
  EXPECT_TRUE(created.ok()) << created.status().ToString();
  EXPECT_EQ(Runs(), 3u);
  EXPECT_EQ(refused_, 3);
}

TEST_F(ExecPluginTest, AWatchWhoseTokenIsRefusedGetsANewOne) {
  WritePluginOf(R"({"token": "old"})");
  auto access = Access();
  ASSERT_TRUE(access.ok());
  ASSERT_EQ(access->CurrentCredential()->token, "old");
  WritePluginOf(R"({"token": "secret"})");
  CountRefused();
  Client client(*access);
  NotingSink sink;
  ASSERT_TRUE(client.Create(types::Pod(), Pod("a")).ok());
  Watch watch(client, types::Pod(), sink, {});
  EXPECT_TRUE(sink.Hears("+a"));
  watch.Stop();
}

TEST_F(ExecPluginTest, AClientCertificateIsGivenToo) {
  WritePluginOf(R"({"clientCertificateData": "CERT", "clientKeyData": "KEY"})");
  auto access = Access();
  ASSERT_TRUE(access.ok());
  auto credential = access->CurrentCredential();
  ASSERT_TRUE(credential.ok()) << credential.status().ToString();
  EXPECT_EQ(credential->client_certificate_pem, "CERT");
  EXPECT_EQ(credential->client_key_pem, "KEY");
  WritePluginOf(R"({"clientCertificateData": "CERT"})");
  EXPECT_NE(Access()->CurrentCredential().status().message().find("without its key"),
            std::string::npos);
  WritePluginOf("{}");
  EXPECT_NE(Access()->CurrentCredential().status().message().find("neither a token nor"),
            std::string::npos);
}

TEST_F(ExecPluginTest, ThePluginLearnsItsArgumentsVariablesAndCluster) {
  WritePlugin(R"(echo "$* $PLUGIN_MODE" >)" + Path("asked") + R"(
printf '%s' "$KUBERNETES_EXEC_INFO" >)" +
              Path("info") + R"(
echo '{"apiVersion": "client.authentication.k8s.io/v1", "kind": "ExecCredential", "status": {"token": "t"}}'
)");
  ASSERT_TRUE(Access()->CurrentCredential().ok());
  EXPECT_EQ(Text("asked"), "token --for=shop quiet\n");
  auto info = json::ParseJson(Text("info"));
  ASSERT_TRUE(info.ok());
  EXPECT_EQ((*info)["kind"].AsString(), "ExecCredential");
  EXPECT_EQ((*info)["apiVersion"].AsString(), "client.authentication.k8s.io/v1");
  EXPECT_TRUE(info->At("spec", "interactive").is_bool());
  EXPECT_FALSE(info->At("spec", "interactive").AsBool());
  EXPECT_TRUE(info->At("spec", "cluster").is_null()) << "it has not been asked for";
  ASSERT_TRUE(Access("      provideClusterInfo: true\n")->CurrentCredential().ok());
  info = json::ParseJson(Text("info"));
  ASSERT_TRUE(info.ok());
  EXPECT_EQ(info->At("spec", "cluster", "server").AsString(), api_.access().server);
  EXPECT_EQ(info->At("spec", "cluster", "certificate-authority-data").AsString(), "Q0E=");
  EXPECT_EQ(info->At("spec", "cluster", "config")["audience"].AsString(), "shop");
}

TEST_F(ExecPluginTest, AFailureCarriesWhatThePluginSaid) {
  WritePlugin("echo 'Your session has expired: run cloud login' >&2; exit 7\n");
  Status failed = Client(*Access()).Get(types::Pod(), {"default", "a"}).status();
  EXPECT_EQ(failed.code(), Code::kAccessDenied);
  EXPECT_NE(failed.message().find("exit status 7: Your session has expired: run cloud login"),
            std::string::npos)
      << failed.ToString();
  WritePlugin("echo this is no JSON\n");
  EXPECT_NE(Access()->CurrentCredential().status().message().find("does not answer in JSON"),
            std::string::npos);
  WritePluginOf(R"({"token": "t", "expirationTimestamp": "tomorrow"})");
  EXPECT_NE(Access()->CurrentCredential().status().message().find("that is none: tomorrow"),
            std::string::npos);
  WritePlugin("sleep 5\n");
  auto slow = Access();
  slow->exec->set_time_max(std::chrono::milliseconds(100));
  EXPECT_EQ(slow->CurrentCredential().status().code(), Code::kTimeout);
}

TEST_F(ExecPluginTest, AMissingPluginIsNamedWithHowToInstallIt) {
  auto access = Access("      installHint: get it from the shop\n");
  ASSERT_TRUE(access.ok());
  Status missing = access->CurrentCredential().status();
  EXPECT_EQ(missing.code(), Code::kInvalidArgument);
  EXPECT_NE(missing.message().find(Path("plugin")), std::string::npos) << missing.ToString();
  EXPECT_NE(missing.message().find("get it from the shop"), std::string::npos);
}

}  // namespace
}  // namespace millrace::kube
