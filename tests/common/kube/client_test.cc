#include "common/kube/client.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/common/kube/kube_fixture.h"

namespace millrace::kube {
namespace {

using json::Value;
using testing_support::FakeKubeApi;

TEST_F(KubeTest, AnObjectSurvivesWithMembersWeDoNotKnow) {
  Value pod = Pod("a");
  pod["spec"]["somethingNew"].Set("deep", 7);
  Result<Value> created = client_.Create(types::Pod(), pod);
  ASSERT_TRUE(created.ok()) << created.status().ToString();
  EXPECT_FALSE((*created)["metadata"].Has("managedFields"));
  EXPECT_EQ((*created)["kind"].AsString(), "Pod");
  created->operator[]("spec").Set("nodeName", "node-2");
  Result<Value> updated = client_.Update(types::Pod(), *created);
  ASSERT_TRUE(updated.ok()) << updated.status().ToString();
  Result<Value> read = client_.Get(types::Pod(), {"default", "a"});
  ASSERT_TRUE(read.ok());
  EXPECT_EQ(read->At("spec", "somethingNew", "deep").AsInt(), 7);
  EXPECT_EQ(read->At("spec", "nodeName").AsString(), "node-2");
}

TEST_F(KubeTest, FailuresHaveCodesAndTheMessageOfTheApi) {
  ASSERT_TRUE(CreatePod("a").ok());
  EXPECT_EQ(client_.Get(types::Pod(), {"default", "none"}).status().code(), Code::kNotFound);
  EXPECT_EQ(CreatePod("a").status().code(), Code::kResourceInUse);
  Value stale = Pod("a");
  stale["metadata"].Set("resourceVersion", "1");
  Status conflict = client_.Update(types::Pod(), stale).status();
  EXPECT_EQ(conflict.code(), Code::kConflict);
  EXPECT_EQ(conflict.message(), "the object has been modified");
  auto answer = [this](int code, const char* reason) {
    api_.Intercept([=](const net::HttpRequest&, const FakeKubeApi::Writer& writer) {
      FakeKubeApi::SendStatus(writer, code, reason, "spec.shardCount: must be at least 1");
      return true;
    });
    return client_.Get(types::Pod(), {"default", "a"}).status();
  };
  EXPECT_EQ(answer(422, "Invalid").ToString(),
            Status(Code::kValidation, "spec.shardCount: must be at least 1").ToString());
  EXPECT_EQ(answer(403, "Forbidden").code(), Code::kAccessDenied);
  EXPECT_EQ(answer(410, "Expired").code(), Code::kExpiredToken);
  api_.Intercept([](const net::HttpRequest&, const FakeKubeApi::Writer& writer) {
    writer->Send(
        {404, {{"Content-Type", "text/plain"}}, {Slice::FromString("404 page not found")}});
    return true;
  });
  EXPECT_EQ(client_.ListAll(MillraceType("Stream", "streams")).status().code(), Code::kUnsupported)
      << "a group without kinds is no empty list, and no object that is not there";
  EXPECT_EQ(answer(500, "InternalError").code(), Code::kUnavailable);
  ClusterAccess nowhere;
  nowhere.server = "http://127.0.0.1:1";
  EXPECT_EQ(Client(nowhere).Get(types::Pod(), {"default", "a"}).status().code(),
            Code::kUnavailable);
}

TEST_F(KubeTest, TextIsHandedOverAsItIsAndItsRefusalsAsOfAnyCall) {
  api_.Intercept([](const net::HttpRequest& request, const FakeKubeApi::Writer& writer) {
    if (request.path != "/api/v1/namespaces/default/pods/a/log") return false;
    writer->Send({200, {{"Content-Type", "text/plain"}}, {Slice::FromString("{one\ntwo\n")}});
    return true;
  });
  Result<std::string> log = client_.GetText("/api/v1/namespaces/default/pods/a/log?tailLines=2");
  ASSERT_TRUE(log.ok()) << log.status().ToString();
  EXPECT_EQ(*log, "{one\ntwo\n");
  EXPECT_EQ(client_.GetText("/api/v1/namespaces/default/pods/none").status().code(),
            Code::kNotFound);
}

TEST_F(KubeTest, ListsComeInPagesAndStartOverWhenTheTokenExpires) {
  for (int i = 0; i < 25; ++i) ASSERT_TRUE(CreatePod("pod-" + std::to_string(100 + i)).ok());
  ListOptions options;
  options.limit = 10;
  Result<ListPage> all = client_.ListAll(types::Pod(), options);
  ASSERT_TRUE(all.ok()) << all.status().ToString();
  EXPECT_EQ(all->items.size(), 25u);
  EXPECT_EQ(api_.CountOf("GET /api/v1/pods?limit=10"), 3u);
  EXPECT_EQ(all->items[24]["kind"].AsString(), "Pod");

  int pages = 0;
  api_.Intercept([&](const net::HttpRequest& request, const FakeKubeApi::Writer& writer) {
    if (request.target.find("continue") == request.target.npos || ++pages != 2) return false;
    FakeKubeApi::SendStatus(writer, 410, "Expired", "the token is too old");
    return true;
  });
  all = client_.ListAll(types::Pod(), options);
  ASSERT_TRUE(all.ok()) << all.status().ToString();
  EXPECT_EQ(all->items.size(), 25u);
  EXPECT_EQ(pages, 4);
}

TEST_F(KubeTest, RetryAfterIsObeyed) {
  int refusals = 0;
  api_.Intercept([&](const net::HttpRequest&, const FakeKubeApi::Writer& writer) {
    if (++refusals > 2) return false;
    FakeKubeApi::SendStatus(writer, 429, "TooManyRequests", "slow down",
                            {{"Retry-After", refusals == 1 ? "0" : "1"}});
    return true;
  });
  const auto began = std::chrono::steady_clock::now();
  ASSERT_TRUE(CreatePod("a").ok());
  EXPECT_GE(std::chrono::steady_clock::now() - began, std::chrono::milliseconds(1'000));

  refusals = -1'000;
  ClientOptions options;
  options.retry_time_max = std::chrono::milliseconds(100);
  Client hasty(api_.access(), options);
  EXPECT_EQ(hasty.Create(types::Pod(), Pod("b")).status().code(), Code::kThrottled);
}

// Answers the first request of each connection and breaks off after the second.
class ForgetfulServer {
 public:
  ForgetfulServer() {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    CHECK(bind(listener_, reinterpret_cast<sockaddr*>(&address), size) == 0);
    CHECK(listen(listener_, 8) == 0);
    CHECK(getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size) == 0);
    access.server = "http://127.0.0.1:" + std::to_string(ntohs(address.sin_port));
    thread_ = std::thread([this] { Serve(); });
  }
  ~ForgetfulServer() {
    shutdown(listener_, SHUT_RDWR);
    thread_.join();
    close(listener_);
  }
  ClusterAccess access;
  std::atomic<int> connections{0};

 private:
  void Serve() {
    const std::string_view answer = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}";
    for (int fd; (fd = accept(listener_, nullptr, nullptr)) >= 0; close(fd)) {
      ++connections;
      char request[4096];
      if (recv(fd, request, sizeof request, 0) <= 0) continue;
      CHECK(send(fd, answer.data(), answer.size(), MSG_NOSIGNAL) > 0);
      // All of it: a request that could not be sent whole would be sent again.
      std::string next;
      for (ssize_t got = 1; got > 0 && !IsWhole(next);) {
        got = recv(fd, request, sizeof request, 0);
        if (got > 0) next.append(request, static_cast<size_t>(got));
      }
    }
  }
  static bool IsWhole(const std::string& request) {
    return request.ends_with(request.starts_with("GET") ? "\r\n\r\n" : "}");
  }
  int listener_ = socket(AF_INET, SOCK_STREAM, 0);
  std::thread thread_;
};

TEST(KubeClient, AReadIsTriedAgainOnAFreshConnectionAndAWriteIsNot) {
  ForgetfulServer server;
  Client client(server.access);
  ASSERT_TRUE(client.Get(types::Pod(), {"default", "a"}).ok());
  EXPECT_TRUE(client.Get(types::Pod(), {"default", "a"}).ok());
  EXPECT_EQ(server.connections, 2);
  EXPECT_EQ(client.Create(types::Pod(), Pod("b")).status().code(), Code::kUnavailable);
  EXPECT_EQ(server.connections, 2);
}

TEST_F(KubeTest, DeletesKeepTheirPreconditions) {
  Result<Value> pod = CreatePod("a");
  ASSERT_TRUE(pod.ok());
  DeleteOptions other;
  other.uid = "not-this-one";
  EXPECT_EQ(client_.Delete(types::Pod(), NameOf(*pod), other).status().code(), Code::kConflict);
  DeleteOptions old;
  old.uid = UidOf(*pod);
  old.resource_version = "1";
  EXPECT_EQ(client_.Delete(types::Pod(), NameOf(*pod), old).status().code(), Code::kConflict);
  DeleteOptions exact;
  exact.uid = UidOf(*pod);
  exact.resource_version = ResourceVersionOf(*pod);
  exact.propagation = Propagation::kForeground;
  EXPECT_TRUE(client_.Delete(types::Pod(), NameOf(*pod), exact).ok());
  EXPECT_EQ(client_.Delete(types::Pod(), NameOf(*pod)).status().code(), Code::kNotFound);
}

TEST_F(KubeTest, AFinalizerHoldsTheObjectAndTheDeleteShowsIt) {
  Value pod = Pod("a");
  pod["metadata"]["finalizers"].Append("millrace.dev/test");
  ASSERT_TRUE(client_.Create(types::Pod(), pod).ok());
  Result<Value> deleted = client_.Delete(types::Pod(), {"default", "a"});
  ASSERT_TRUE(deleted.ok());
  EXPECT_FALSE(deleted->At("metadata", "deletionTimestamp").AsString().empty());
  (*deleted)["metadata"].Remove("finalizers");
  ASSERT_TRUE(client_.Update(types::Pod(), *deleted).ok());
  EXPECT_EQ(client_.Get(types::Pod(), {"default", "a"}).status().code(), Code::kNotFound);
}

TEST_F(KubeTest, ApplyAndStatusGoTheirOwnWays) {
  const ResourceType stream = MillraceType("Stream", "streams");
  Value wanted;
  wanted["metadata"].Set("name", "orders");
  wanted["metadata"].Set("namespace", "default");
  wanted["spec"].Set("shardCount", 4);
  Result<Value> applied = client_.Apply(stream, wanted);
  ASSERT_TRUE(applied.ok()) << applied.status().ToString();
  applied = client_.Apply(stream, wanted);
  ASSERT_TRUE(applied.ok());
  EXPECT_EQ(api_.CountOf("PATCH /apis/millrace.dev/v1alpha1/namespaces/default/streams/orders"
                         "?fieldManager=millrace&force=true"),
            2u);
  (*applied)["status"].Set("openShardCount", 4);
  (*applied)["spec"].Set("shardCount", 9);
  Result<Value> status = client_.UpdateStatus(stream, *applied);
  ASSERT_TRUE(status.ok());
  EXPECT_EQ(status->At("spec", "shardCount").AsInt(), 4);
  EXPECT_EQ(status->At("status", "openShardCount").AsInt(), 4);
  EXPECT_EQ(status->At("metadata", "generation").AsInt(), 1);
}

TEST_F(KubeTest, ManyThreadsShareOneClient) {
  std::vector<std::thread> threads;
  std::atomic<int> created{0};
  for (int t = 0; t < 8; ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < 20; ++i)
        created += CreatePod("p" + std::to_string(t) + "-" + std::to_string(i)).ok() ? 1 : 0;
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(created, 160);
  EXPECT_EQ(client_.ListAll(types::Pod())->items.size(), 160u);
}

}  // namespace
}  // namespace millrace::kube
