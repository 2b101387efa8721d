#include "common/kube/object_cache.h"

#include "common/kube/events.h"
#include "tests/common/kube/kube_fixture.h"

namespace millrace::kube {
namespace {

using json::Value;

Value Versioned(const std::string& name, int version, const std::string& uid = "u",
                const std::string& node = "n") {
  Value pod = Pod(name);
  pod["metadata"].Set("resourceVersion", std::to_string(version));
  pod["metadata"].Set("uid", uid);
  pod["spec"].Set("nodeName", node);
  return pod;
}

ObjectName Named(const std::string& name) { return {"default", name}; }

std::string VersionIn(const ObjectCache& cache, const std::string& name) {
  auto object = cache.Get(Named(name));
  return object ? ResourceVersionOf(*object) : "none";
}

TEST(ObjectCache, FailuresThatNobodyAsksForFollowEachOther) {
  ObjectCache cache;
  cache.OnHealth(Unavailable("away"));
  cache.OnHealth(Unavailable("still away"));
  EXPECT_EQ(cache.health().ToString(), "Unavailable: still away");
}

TEST(ObjectCache, WhatARelistDoesNotTellIsGone) {
  ObjectCache cache;
  std::vector<std::string> deleted;
  cache.AddListener([&](EventType type, const Value& object) {
    if (type == EventType::kDeleted) deleted.push_back(NameOf(object).name);
  });
  EXPECT_FALSE(cache.HasSynced());
  cache.OnRelistBegin();
  cache.OnEvent(EventType::kAdded, Versioned("a", 5));
  cache.OnEvent(EventType::kAdded, Versioned("b", 6));
  cache.OnRelistEnd("10");
  EXPECT_TRUE(cache.HasSynced());
  EXPECT_EQ(cache.size(), 2u);
  // Broken off and begun again.
  cache.OnRelistBegin();
  cache.OnEvent(EventType::kAdded, Versioned("a", 5));
  cache.OnRelistBegin();
  cache.OnEvent(EventType::kAdded, Versioned("b", 6));
  cache.OnRelistEnd("20");
  EXPECT_EQ(cache.Names(), std::vector<ObjectName>{Named("b")});
  EXPECT_EQ(deleted, std::vector<std::string>{"a"});
  EXPECT_EQ(cache.resource_version(), "20");
}

TEST(ObjectCache, NobodyReadsOlderThanHeWrote) {
  ObjectCache cache;
  cache.OnRelistBegin();
  cache.OnEvent(EventType::kAdded, Versioned("a", 5));
  cache.OnRelistEnd("5");
  cache.Wrote(Versioned("a", 9));
  cache.OnEvent(EventType::kModified, Versioned("a", 7));
  EXPECT_EQ(VersionIn(cache, "a"), "9");
  cache.OnEvent(EventType::kModified, Versioned("a", 12));
  EXPECT_EQ(VersionIn(cache, "a"), "12");
  // Made after the list that is on its way.
  cache.OnRelistBegin();
  cache.Wrote(Versioned("new", 31, "v"));
  cache.OnEvent(EventType::kAdded, Versioned("a", 12));
  cache.OnRelistEnd("30");
  EXPECT_EQ(VersionIn(cache, "new"), "31");
}

TEST(ObjectCache, WhatWeDeletedDoesNotComeBackFromAnOldEvent) {
  ObjectCache cache;
  cache.OnRelistBegin();
  cache.OnEvent(EventType::kAdded, Versioned("a", 5, "old"));
  cache.OnRelistEnd("5");
  cache.Gone(Named("a"), "old");
  EXPECT_EQ(VersionIn(cache, "a"), "none");
  cache.OnEvent(EventType::kModified, Versioned("a", 6, "old"));
  EXPECT_EQ(VersionIn(cache, "a"), "none");
  cache.Wrote(Versioned("a", 9, "new"));
  cache.OnEvent(EventType::kDeleted, Versioned("a", 7, "old"));
  EXPECT_EQ(VersionIn(cache, "a"), "9");
}

TEST(ObjectCache, AnAnswerThatComesAfterTheEndOfItsObjectDoesNotBringItBack) {
  ObjectCache cache;
  cache.OnRelistBegin();
  cache.OnEvent(EventType::kAdded, Versioned("a", 5));
  cache.OnRelistEnd("5");
  cache.OnEvent(EventType::kDeleted, Versioned("a", 8));
  cache.Wrote(Versioned("a", 8));
  EXPECT_EQ(VersionIn(cache, "a"), "none");
  cache.Wrote(Versioned("a", 9, "new"));
  EXPECT_EQ(VersionIn(cache, "a"), "9");
}

TEST(ObjectCache, IndexesFollowTheirObjects) {
  CacheOptions options;
  options.trim = [](Value& object) { object["spec"].Remove("secret"); };
  options.indexes["node"] = [](const Value& pod) {
    return std::vector<std::string>{pod.At("spec", "nodeName").AsString()};
  };
  ObjectCache cache(std::move(options));
  Value pod = Versioned("a", 5, "u", "n1");
  pod["spec"].Set("secret", "x");
  cache.OnEvent(EventType::kAdded, pod);
  cache.OnEvent(EventType::kAdded, Versioned("b", 6, "w", "n1"));
  EXPECT_FALSE((*cache.Get(Named("a")))["spec"].Has("secret"));
  EXPECT_EQ(cache.SelectNames("node", "n1").size(), 2u);
  cache.OnEvent(EventType::kModified, Versioned("a", 7, "u", "n2"));
  EXPECT_EQ(cache.SelectNames("node", "n1"), std::vector<ObjectName>{Named("b")});
  EXPECT_EQ(cache.Select("node", "n2").size(), 1u);
  cache.OnEvent(EventType::kDeleted, Versioned("a", 8, "u", "n2"));
  EXPECT_TRUE(cache.SelectNames("node", "n2").empty());
  EXPECT_TRUE(cache.SelectNames("no such index", "n2").empty());
}

TEST(ObjectCache, AnOrderIsReadFromAnyValueOn) {
  CacheOptions options;
  options.orders["node"] = [](const Value& pod) {
    return std::vector<std::string>{pod.At("spec", "nodeName").AsString()};
  };
  ObjectCache cache(std::move(options));
  for (int i = 0; i < 5; ++i) {
    const std::string uid = "u" + std::to_string(i);
    cache.OnEvent(EventType::kAdded,
                  Versioned("p" + std::to_string(i), 5 + i, uid, "n" + std::to_string(9 - i)));
  }
  auto names = [&](std::string_view after, size_t count) {
    std::string all;
    for (const Value& pod : cache.SelectAfter("node", after, count)) all += NameOf(pod).name;
    return all;
  };
  EXPECT_EQ(names("", 3), "p4p3p2");
  EXPECT_EQ(names("n7", 3), "p1p0");
  cache.OnEvent(EventType::kModified, Versioned("p0", 20, "u0", "n0"));
  cache.OnEvent(EventType::kDeleted, Versioned("p4", 21, "u4", "n5"));
  EXPECT_EQ(names("", 9), "p0p3p2p1");
  EXPECT_EQ(names("n9", 9), "");
  EXPECT_TRUE(cache.SelectAfter("no such order", "", 9).empty());
}

TEST(ObjectCache, ASumFollowsItsObjects) {
  CacheOptions options;
  options.sums["names"] = [](const Value& pod) {
    return static_cast<int64_t>(pod.At("spec", "nodeName").AsString().size());
  };
  ObjectCache cache(std::move(options));
  cache.OnEvent(EventType::kAdded, Versioned("a", 5, "u", "n1"));
  cache.OnEvent(EventType::kAdded, Versioned("b", 6, "v", "n1"));
  cache.OnEvent(EventType::kModified, Versioned("a", 7, "u", "node"));
  EXPECT_EQ(cache.Sum("names"), 6);
  cache.OnEvent(EventType::kDeleted, Versioned("b", 8, "v", "n1"));
  EXPECT_EQ(cache.Sum("names"), 4);
  EXPECT_EQ(cache.Sum("no such sum"), 0);
}

TEST(ObjectCache, WhatGrowsAfterTheFirstObjectStaysSmall) {
  ObjectCache cache;
  for (int round = 0; round < 2; ++round) {
    for (int i = 0; i < 100; ++i) {
      Value stream =
          Versioned("stream-" + std::to_string(i), 100 * (round + 1) + i, "u" + std::to_string(i));
      for (int c = 0; c < 20 * round; ++c) {
        stream["status"].Set("field" + std::to_string(c), std::to_string(c * 7919));
      }
      cache.OnEvent(round == 0 ? EventType::kAdded : EventType::kModified, stream);
    }
  }
  EXPECT_LT(cache.bytes(), 100 * 90u);
  for (int i = 0; i < 100; ++i) {
    const auto stream = cache.Get(Named("stream-" + std::to_string(i)));
    ASSERT_TRUE(stream);
    EXPECT_EQ((*stream)["status"]["field19"].AsString(), std::to_string(19 * 7919));
  }
}

TEST(ObjectCache, ObjectsThatResembleEachOtherTakeLittleRoom) {
  ObjectCache cache;
  size_t text_bytes = 0;
  for (int i = 0; i < 1'000; ++i) {
    Value stream = Versioned("stream-" + std::to_string(i), 100 + i, NewUuid());
    for (const char* type : {"Ready", "Progressing", "Degraded"}) {
      Value condition;
      condition.Set("type", type);
      condition.Set("status", "True");
      condition.Set("reason", "AllShardsServing");
      condition.Set("message", "All shards of the stream serve reads and writes.");
      condition.Set("lastTransitionTime", "2026-11-21T12:00:00Z");
      stream["status"]["conditions"].Append(condition);
    }
    text_bytes += json::WriteJson(stream).size();
    cache.OnEvent(EventType::kAdded, stream);
  }
  EXPECT_LT(cache.bytes(), text_bytes / 5);
  EXPECT_EQ(cache.List().size(), 1'000u);
  EXPECT_EQ(VersionIn(cache, "stream-999"), "1099");
}

// Each of them had been as small as it was long ago, and the room of then was kept for good.
TEST(ObjectCache, ObjectsThatGrowLeaveNoRoomBehind) {
  ObjectCache grown;
  ObjectCache fresh;
  constexpr int kRounds = 8;
  for (int round = 1; round <= kRounds; ++round) {
    for (int i = 0; i < 500; ++i) {
      Value stream = Versioned("stream-" + std::to_string(i), 1'000 * round + i, NewUuid());
      for (int c = 0; c < round; ++c) {
        stream["status"].Set("field" + std::to_string(c), NewUuid());
      }
      grown.OnEvent(round == 1 ? EventType::kAdded : EventType::kModified, stream);
      if (round == kRounds) fresh.OnEvent(EventType::kAdded, stream);
    }
  }
  EXPECT_LT(grown.bytes(), fresh.bytes() * 5 / 4 + 64 * 1024);
  for (int i = 0; i < 500; ++i)
    grown.OnEvent(EventType::kDeleted, *grown.Get(Named("stream-" + std::to_string(i))));
  EXPECT_LT(grown.bytes(), fresh.bytes() / 20);
}

class EventTest : public KubeTest {};

TEST_F(EventTest, TheSameNoteAgainBecomesASeries) {
  EventRecorder events(client_, SystemClock(), "millrace-operator", "pod-1");
  const Value pod = *CreatePod("a");
  for (int i = 0; i < 3; ++i) events.Note(pod, {false, "PodReplaced", "Replacing", "node is gone"});
  events.Note(pod, {true, "Stuck", "", "the class does not exist"});
  events.Stop();
  Result<ListPage> written = client_.ListAll(types::Event());
  ASSERT_TRUE(written.ok());
  ASSERT_EQ(written->items.size(), 2u);
  int64_t in_series = 0;
  for (const Value& event : written->items) {
    EXPECT_EQ(event.At("regarding", "kind").AsString(), "Pod");
    EXPECT_EQ(event.At("regarding", "name").AsString(), "a");
    in_series += event.At("series", "count").AsInt();
  }
  EXPECT_EQ(in_series, 3);
}

}  // namespace
}  // namespace millrace::kube
