#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <set>

#include "common/log/log.h"
#include "tests/dataplane/gateway/running_shard.h"

namespace millrace::gateway {
namespace {

using Map = resources::ShardMap;
using Answer = RunningShard::Answer;

uint16_t FreePort() {
  const int fd = ::socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  EXPECT_EQ(::bind(fd, reinterpret_cast<sockaddr*>(&address), size), 0);
  ::getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size);
  ::close(fd);
  return ntohs(address.sin_port);
}

// Three pods over one folder of maps, in this process.
class PeersTest : public ::testing::Test {
 protected:
  static constexpr size_t kPods = 3;

  void SetUp() override {
    log::Configure("test", log::Level::kError);
    std::string peers;
    std::vector<uint16_t> ports;
    for (size_t i = 0; i < kPods; ++i) {
      ports.push_back(FreePort());
      peers += Name(i) + "=127.0.0.1:" + std::to_string(ports[i]) + ",";
    }
    for (size_t i = 0; i < kPods; ++i) {
      pods_.push_back(std::make_unique<RunningShard>());
      ShardServerOptions& options = pods_[i]->options;
      options.name = Name(i);
      options.store = pods_[0]->options.store;
      options.peers = peers;
      options.peer_listen = "127.0.0.1:" + std::to_string(ports[i]);
    }
  }
  void TearDown() override {
    while (!pods_.empty()) pods_.pop_back();
  }

  static std::string Name(size_t pod) { return "shard-" + std::to_string(pod); }
  // Shard i of "orders" is written at pod i % kPods.
  static Map Spread(uint32_t shards) {
    Map map = RunningShard::MapOf("orders", shards);
    for (uint32_t i = 0; i < shards; ++i) map.shards[i].extents[0].owner = Name(i % kPods);
    map.last_epoch += 100;
    return map;
  }
  // The next version, in which the shard is written at another pod.
  static Map Moved(Map map, uint32_t shard, size_t to) {
    ++map.version;
    map.shards[shard].extents.push_back({.epoch = ++map.last_epoch, .owner = Name(to)});
    return map;
  }
  void StartAll(const Map& map) {
    pods_[0]->PutMap(map);
    for (auto& pod : pods_) pod->Start();
  }
  void Publish(const Map& map) {
    pods_[0]->PutMap(map);
    for (auto& pod : pods_) {
      if (pod->server != nullptr) pod->AwaitVersion(map.stream_uid, map.version);
    }
  }
  Answer PutMany(size_t pod, const std::string& prefix, int count) {
    json::Array records;
    for (int i = 0; i < count; ++i) {
      const std::string name = prefix + std::to_string(i);
      records.push_back(RunningShard::Entry(name, name));
    }
    return pods_[pod]->Call("PutRecords",
                            json::Object{{"StreamName", "orders"}, {"Records", std::move(records)}},
                            aws::Protocol::kCbor);
  }
  // Folders of certificates as the operator gives them; `mode` for what is in that file.
  void GiveCertificates(size_t pod, const std::string& mode) {
    const std::string folder = pods_[0]->Folder() + "/peer-tls";
    std::filesystem::create_directories(folder);
    const std::string certificate = folder + "/tls.crt";
    const std::string key = folder + "/tls.key";
    ASSERT_TRUE(net::EnsureSelfSignedCertificate(certificate, key, "pods").ok());
    pods_[pod]->options.peer_tls_cert = pods_[pod]->options.peer_tls_ca = certificate;
    pods_[pod]->options.peer_tls_key = key;
    pods_[pod]->options.peer_tls_mode = folder + "/mode";
    std::ofstream(folder + "/mode") << mode;
  }
  // All records, as one pod shows them.
  std::vector<std::string> ReadAll(size_t pod, uint32_t shards) {
    std::vector<std::string> all;
    for (uint32_t i = 0; i < shards; ++i) {
      for (std::string& data : pods_[pod]->ReadShard("orders", resources::ShardIdName(i)))
        all.push_back(std::move(data));
    }
    return all;
  }

  std::vector<std::unique_ptr<RunningShard>> pods_;
};

TEST_F(PeersTest, AnyPodTakesRecordsForAllAndShowsAll) {
  StartAll(Spread(6));
  for (size_t pod = 0; pod < kPods; ++pod) {
    const Answer answer = PutMany(pod, "p" + std::to_string(pod) + "-", 60);
    ASSERT_EQ(answer.status, 200) << answer.message();
    EXPECT_EQ(answer.body["FailedRecordCount"].AsInt(1), 0);
  }
  for (size_t pod = 0; pod < kPods; ++pod) {
    const auto all = ReadAll(pod, 6);
    EXPECT_EQ(all.size(), 180u);
    EXPECT_EQ(std::set<std::string>(all.begin(), all.end()).size(), 180u);
  }
}

TEST_F(PeersTest, ASingleRecordIsWrittenThroughAnotherPod) {
  StartAll(Spread(1));
  const Answer answer = pods_[2]->Call(
      "PutRecord",
      json::Object{{"StreamName", "orders"}, {"Data", json::Blob{"x"}}, {"PartitionKey", "k"}});
  ASSERT_EQ(answer.status, 200) << answer.message();
  EXPECT_EQ(answer.body["ShardId"].AsString(), "shardId-000000000000");
  EXPECT_EQ(ReadAll(1, 1), (std::vector<std::string>{"x"}));
}

TEST_F(PeersTest, RecordsOfAMovedShardAreReadInOrderFromEveryPod) {
  Map map = Spread(1);
  StartAll(map);
  std::vector<std::string> expected;
  for (int round = 0; round < 4; ++round) {
    for (int i = 0; i < 5; ++i) {
      const std::string name = std::to_string(round) + "." + std::to_string(i);
      const Answer answer = pods_[static_cast<size_t>(i) % kPods]->Call(
          "PutRecord",
          json::Object{
              {"StreamName", "orders"}, {"Data", json::Blob{name}}, {"PartitionKey", "k"}});
      ASSERT_EQ(answer.status, 200) << answer.message();
      expected.push_back(name);
    }
    map = Moved(map, 0, static_cast<size_t>(round + 1) % kPods);
    Publish(map);
  }
  for (size_t pod = 0; pod < kPods; ++pod) EXPECT_EQ(ReadAll(pod, 1), expected);
}

TEST_F(PeersTest, APutRoutedByAnOldMapFindsItsWay) {
  Map map = Spread(3);
  StartAll(map);
  // Written while the pods still serve the old one.
  for (int round = 0; round < 10; ++round) {
    for (uint32_t shard = 0; shard < 3; ++shard)
      map = Moved(map, shard, (shard + static_cast<size_t>(round) + 1) % kPods);
    pods_[0]->PutMap(map);
    for (size_t pod = 0; pod < kPods; ++pod) {
      const Answer answer =
          PutMany(pod, std::to_string(round) + "/" + std::to_string(pod) + "/", 20);
      ASSERT_EQ(answer.status, 200) << answer.message();
      EXPECT_EQ(answer.body["FailedRecordCount"].AsInt(1), 0);
    }
  }
  Publish(map);
  const auto all = ReadAll(1, 3);
  EXPECT_EQ(all.size(), 600u);
  EXPECT_EQ(std::set<std::string>(all.begin(), all.end()).size(), 600u);
}

TEST_F(PeersTest, ReadersWaitAtAnExtentWhosePodIsAwayAndPassItWhenItIsBack) {
  Map map = Spread(1);
  StartAll(map);
  ASSERT_EQ(PutMany(1, "before-", 3).body["FailedRecordCount"].AsInt(1), 0);
  pods_[0]->server.reset();
  map = Moved(map, 0, 2);
  Publish(map);
  ASSERT_EQ(PutMany(1, "after-", 3).body["FailedRecordCount"].AsInt(1), 0);
  std::string at = pods_[1]->Iterator("orders", "shardId-000000000000");
  for (int i = 0; i < 3; ++i) {
    const Answer answer = pods_[1]->Call("GetRecords", json::Object{{"ShardIterator", at}});
    ASSERT_EQ(answer.status, 200) << answer.message();
    EXPECT_TRUE(answer.body["Records"].AsArray().empty());
    EXPECT_GT(answer.body["MillisBehindLatest"].AsInt(0), 0);
    at = answer.body["NextShardIterator"].AsString();
  }
  pods_[0]->Start();
  EXPECT_EQ(ReadAll(1, 1), (std::vector<std::string>{"before-0", "before-1", "before-2", "after-0",
                                                     "after-1", "after-2"}));
}

TEST_F(PeersTest, ASubscriptionFollowsItsShardFromPodToPod) {
  Map map = Spread(1);
  StartAll(map);
  RunningSubscription subscription(
      *pods_[1],
      json::Object{{"ConsumerARN", map.consumers[0].arn},
                   {"ShardId", "shardId-000000000000"},
                   {"StartingPosition", json::Object{{"Type", "TRIM_HORIZON"}}}},
      aws::Protocol::kCbor);
  std::vector<std::string> expected;
  for (int round = 0; round < 6; ++round) {
    ASSERT_EQ(PutMany(2, std::to_string(round) + "-", 2).body["FailedRecordCount"].AsInt(1), 0);
    expected.push_back(std::to_string(round) + "-0");
    expected.push_back(std::to_string(round) + "-1");
    EXPECT_EQ(subscription.Records(expected.size()), expected);
    map = Moved(map, 0, static_cast<size_t>(round + 1) % kPods);
    Publish(map);
  }
}

TEST_F(PeersTest, IteratorsOfEveryKindAreResolvedAtTheOwner) {
  StartAll(Spread(1));
  const Answer put = PutMany(2, "r", 3);
  const std::string number = put.body["Records"].AsArray()[1]["SequenceNumber"].AsString();
  const auto read = [&](json::Object more) {
    json::Object input{{"StreamName", "orders"}, {"ShardId", "shardId-000000000000"}};
    for (auto& [name, value] : more) input.emplace_back(name, std::move(value));
    const Answer answer = pods_[1]->Call("GetShardIterator", json::Value(std::move(input)));
    EXPECT_EQ(answer.status, 200) << answer.message();
    const Answer records =
        pods_[2]->Call("GetRecords", json::Object{{"ShardIterator", answer.body["ShardIterator"]}});
    return records.body["Records"].AsArray().size();
  };
  EXPECT_EQ(read({{"ShardIteratorType", "TRIM_HORIZON"}}), 3u);
  EXPECT_EQ(read({{"ShardIteratorType", "LATEST"}}), 0u);
  EXPECT_EQ(read({{"ShardIteratorType", "AT_SEQUENCE_NUMBER"}, {"StartingSequenceNumber", number}}),
            2u);
  EXPECT_EQ(
      read({{"ShardIteratorType", "AFTER_SEQUENCE_NUMBER"}, {"StartingSequenceNumber", number}}),
      1u);
  EXPECT_EQ(read({{"ShardIteratorType", "AT_TIMESTAMP"}, {"Timestamp", 1.0}}), 3u);
}

TEST_F(PeersTest, TheOwnerEnforcesAShardsLimitsOnWhoeverWrites) {
  Map map = Spread(1);
  map.enforce_shard_limits = true;
  StartAll(map);
  int64_t failed = 0;
  for (size_t pod : {1, 2, 1, 2}) {
    const Answer answer = PutMany(pod, "x" + std::to_string(pod), 400);
    ASSERT_EQ(answer.status, 200);
    failed += answer.body["FailedRecordCount"].AsInt();
    for (const json::Value& entry : answer.body["Records"].AsArray()) {
      if (entry["ErrorCode"].is_null()) continue;
      EXPECT_EQ(entry["ErrorCode"].AsString(), "ProvisionedThroughputExceededException");
    }
  }
  EXPECT_GT(failed, 300);
  EXPECT_EQ(ReadAll(0, 1).size(), 1600u - static_cast<size_t>(failed));
}

TEST_F(PeersTest, AMapReachesAPodThatCannotReadTheSource) {
  Map map = Spread(1);
  StartAll(map);
  pods_[2]->options.store = pods_[2]->Folder() + "/nowhere";
  pods_[2]->Start();
  map = Moved(map, 0, 1);
  Publish(map);  // waits for pod 2, too
  ASSERT_EQ(PutMany(2, "r", 3).body["FailedRecordCount"].AsInt(1), 0);
}

TEST_F(PeersTest, NobodyWritesToAnExtentAnyMoreOnceTheNextOneIsServed) {
  Map map = Spread(1);
  StartAll(map);
  pods_[2]->options.store = pods_[2]->Folder() + "/nowhere";
  pods_[2]->Start();
  const auto put = [&](size_t pod) {
    return pods_[pod]
        ->Call("PutRecord",
               json::Object{
                   {"StreamName", "orders"}, {"Data", json::Blob{"x"}}, {"PartitionKey", "k"}})
        .body["SequenceNumber"]
        .AsString();
  };
  std::string last;
  for (int round = 0; round < 12; ++round) {
    // To the pod without a source, and away from it.
    map = Moved(map, 0, round % 2 == 0 ? 2 : 1);
    pods_[0]->PutMap(map);
    pods_[1]->AwaitVersion(map.stream_uid, map.version);
    for (const size_t pod : {1, 2, 0}) {
      const std::string number = put(pod);
      EXPECT_GT(number, last) << "round " << round << " pod " << pod;
      last = number;
    }
  }
}

// As one whose node is cut off: connections are taken by the kernel, nothing is answered.
TEST_F(PeersTest, APutIsGivenUpSoonAfterItsShardHasLeftASilentPod) {
  const int silent = ::socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  const std::string& listen = pods_[2]->options.peer_listen;
  address.sin_port = htons(static_cast<uint16_t>(std::stoi(listen.substr(listen.find(':') + 1))));
  ASSERT_EQ(::bind(silent, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
  ASSERT_EQ(::listen(silent, 64), 0);
  const Map map = Spread(3);
  pods_[0]->PutMap(map);
  pods_[0]->Start();
  pods_[1]->Start();
  const auto put = [&] {
    return pods_[1]->Call(
        "PutRecord", json::Object{{"StreamName", "orders"},
                                  {"Data", json::Blob{"x"}},
                                  {"PartitionKey", "k"},
                                  {"ExplicitHashKey", "340282366920938463463374607431768211455"}});
  };
  std::thread mover([&] {
    std::this_thread::sleep_for(std::chrono::milliseconds(1000));
    pods_[0]->PutMap(Moved(map, 2, 0));
  });
  const auto began = std::chrono::steady_clock::now();
  EXPECT_EQ(put().status, 500);  // nobody knows whether it was done
  EXPECT_LT(std::chrono::steady_clock::now() - began, std::chrono::milliseconds(2500));
  EXPECT_EQ(put().status, 200);
  mover.join();
  ::close(silent);
}

TEST_F(PeersTest, APodThatHearsOfNobodyStopsAcknowledging) {
  StartAll(Spread(3));
  pods_[2]->options.store = pods_[2]->Folder() + "/nowhere";
  pods_[2]->Start();
  ASSERT_EQ(PutMany(2, "r", 30).body["FailedRecordCount"].AsInt(1), 0);
  pods_[0]->server.reset();
  pods_[1]->server.reset();
  std::this_thread::sleep_for(std::chrono::milliseconds(4000));
  EXPECT_GE(PutMany(2, "s", 3).status, 500);
}

TEST_F(PeersTest, PodsProveThemselvesWithCertificatesThatMayBeReplaced) {
  const std::string folder = pods_[0]->Folder();
  const std::string certificate = folder + "/peer.crt";
  const std::string key = folder + "/peer.key";
  // Its own authority, for 127.0.0.1.
  ASSERT_TRUE(net::EnsureSelfSignedCertificate(certificate, key, "pods").ok());
  for (auto& pod : pods_) {
    pod->options.peer_tls_cert = certificate;
    pod->options.peer_tls_key = key;
    pod->options.peer_tls_ca = certificate;
  }
  StartAll(Spread(6));
  ASSERT_EQ(PutMany(1, "a", 60).body["FailedRecordCount"].AsInt(1), 0);
  EXPECT_EQ(ReadAll(2, 6).size(), 60u);

  std::filesystem::remove(certificate);
  std::filesystem::remove(key);
  ASSERT_TRUE(net::EnsureSelfSignedCertificate(certificate, key, "pods").ok());
  for (auto& pod : pods_) pod->server->Refresh();
  // A pod that starts now knows the new one only.
  pods_[1]->Start();
  ASSERT_EQ(PutMany(1, "b", 60).body["FailedRecordCount"].AsInt(1), 0);
  EXPECT_EQ(ReadAll(1, 6).size(), 120u);

  // One of another authority gets nowhere.
  pods_[2]->options.peer_tls_cert = pods_[2]->options.peer_tls_ca = folder + "/other.crt";
  pods_[2]->options.peer_tls_key = folder + "/other.key";
  ASSERT_TRUE(
      net::EnsureSelfSignedCertificate(folder + "/other.crt", folder + "/other.key", "pods").ok());
  pods_[2]->Start();
  EXPECT_GT(PutMany(2, "c", 30).body["FailedRecordCount"].AsInt(0), 0);
}

TEST_F(PeersTest, PodsThatKnowNoTlsWorkWithThoseThatDoUntilClearTextIsRefused) {
  GiveCertificates(1, "prefer");
  GiveCertificates(2, "prefer");
  StartAll(Spread(6));
  size_t records = 0;
  const auto all_work = [&](const std::string& when) {
    for (size_t pod = 0; pod < kPods; ++pod) {
      const Answer answer = PutMany(pod, when + std::to_string(pod) + "-", 60);
      ASSERT_EQ(answer.status, 200) << answer.message();
      EXPECT_EQ(answer.body["FailedRecordCount"].AsInt(1), 0) << when << pod;
      records += 60;
    }
    for (size_t pod = 0; pod < kPods; ++pod) EXPECT_EQ(ReadAll(pod, 6).size(), records) << when;
  };
  all_work("mixed");
  GiveCertificates(0, "prefer");
  pods_[0]->Start();
  all_work("all know TLS");
  GiveCertificates(0, "require");
  // Not all are told at the same time.
  pods_[2]->server->Refresh();
  all_work("one requires it");
  for (auto& pod : pods_) pod->server->Refresh();
  all_work("all require it");

  pods_[0]->options.peer_tls_cert = pods_[0]->options.peer_tls_mode = "";
  pods_[0]->Start();
  EXPECT_GT(PutMany(1, "refused", 60).body["FailedRecordCount"].AsInt(0), 0);
  GiveCertificates(1, "prefer");
  for (auto& pod : pods_) pod->server->Refresh();
  EXPECT_EQ(PutMany(1, "let in again", 60).body["FailedRecordCount"].AsInt(1), 0);
}

TEST_F(PeersTest, StrangersAreRefused) {
  StartAll(Spread(1));
  net::HttpClient client("http://127.0.0.1:" + std::to_string(pods_[0]->server->peer_port()));
  net::ClientRequest request;
  request.target = "/peer/v1/read";
  EXPECT_EQ(client.Send(request)->status, 403);
  request.headers = {{"x-millrace-token", "another"}};
  EXPECT_EQ(client.Send(request)->status, 403);
  request.headers = {{"x-millrace-token", pods_[0]->options.token}};
  for (const char* path : {"append", "read", "extent", "hello", "map"}) {
    request.target = std::string("/peer/v1/") + path;
    for (const std::string& body : {std::string(), std::string("\1"), std::string(64, '\xff')}) {
      request.body = body;
      EXPECT_EQ(client.Send(request)->status, 400) << path;
    }
  }
}

}  // namespace
}  // namespace millrace::gateway
