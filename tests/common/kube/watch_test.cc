#include "common/kube/watch.h"

#include "tests/common/kube/kube_fixture.h"

namespace millrace::kube {
namespace {

using testing_support::FakeKubeApi;
using Words = std::vector<std::string>;
using std::chrono::milliseconds;

class WatchTest : public KubeTest {
 protected:
  WatchOptions Options(bool watch_list = true) {
    WatchOptions options;
    options.watch_list = watch_list;
    options.backoff_first = milliseconds(5);
    options.scope.limit = 2;
    return options;
  }
  bool HasWatch() {
    return Eventually([&] { return api_.watch_count() == 1; });
  }
  void DeletePod(const std::string& name) {
    ASSERT_TRUE(client_.Delete(types::Pod(), {"default", name}).ok());
  }
  NotingSink sink_;
};

TEST_F(WatchTest, TellsEverythingThereIsAndThenEveryChange) {
  for (const char* name : {"a", "b", "c"}) ASSERT_TRUE(CreatePod(name).ok());
  for (bool watch_list : {true, false}) {
    NotingSink sink;
    Watch watch(client_, types::Pod(), sink, Options(watch_list));
    ASSERT_TRUE(sink.Hears("end"));
    EXPECT_EQ(sink.Heard(), (Words{"begin", "+a", "+b", "+c", "end"}));
    EXPECT_EQ(watch.uses_watch_list(), watch_list);
    ASSERT_TRUE(CreatePod("d").ok());
    ASSERT_TRUE(sink.Hears("+d"));
    DeletePod("d");
    ASSERT_TRUE(sink.Hears("-d"));
    watch.Stop();
    EXPECT_EQ(sink.problem_count(), 0u);
    ASSERT_TRUE(Eventually([&] { return api_.watch_count() > 0; }));
    api_.CutWatches();
  }
}

TEST_F(WatchTest, GoesOnFromWhereAStreamEndedAndMissesNothing) {
  ASSERT_TRUE(CreatePod("a").ok());
  Watch watch(client_, types::Pod(), sink_, Options());
  ASSERT_TRUE(sink_.Hears("end"));
  for (int i = 0; i < 5; ++i) {
    ASSERT_TRUE(Eventually([&] { return api_.watch_count() > 0; }));
    api_.CutWatches();
    ASSERT_TRUE(CreatePod("p" + std::to_string(i)).ok());
    ASSERT_TRUE(sink_.Hears("+p" + std::to_string(i)));
  }
  EXPECT_EQ(sink_.CountOf("begin"), 1u);
  EXPECT_EQ(sink_.CountOf("-a"), 0u);
}

TEST_F(WatchTest, ListsAgainWhenTheServerHasForgotten) {
  ASSERT_TRUE(CreatePod("a").ok());
  for (bool watch_list : {true, false}) {
    NotingSink sink;
    Watch watch(client_, types::Pod(), sink, Options(watch_list));
    ASSERT_TRUE(sink.Hears("end"));
    ASSERT_TRUE(Eventually([&] { return api_.watch_count() > 0; }));
    api_.SendError(410, "too old resource version");
    ASSERT_TRUE(Eventually([&] { return sink.CountOf("end") == 2; }));
    EXPECT_EQ(sink.CountOf("+a"), 2u);
    // As well when it says so only as a stream begins.
    ASSERT_TRUE(Eventually([&] { return api_.watch_count() > 0; }));
    ASSERT_TRUE(client_.Create(types::Node(), Pod(watch_list ? "x" : "y", "")).ok());
    api_.ForgetHistory();
    api_.CutWatches();
    ASSERT_TRUE(Eventually([&] { return sink.CountOf("end") == 3; }));
    watch.Stop();
    api_.CutWatches();
  }
}

TEST_F(WatchTest, BookmarksMoveItOnThroughQuietTimes) {
  Watch watch(client_, types::Pod(), sink_, Options());
  ASSERT_TRUE(sink_.Hears("end"));
  ASSERT_TRUE(HasWatch());
  ASSERT_TRUE(client_.Create(types::Node(), Pod("x", "")).ok());
  api_.SendBookmarks();
  ASSERT_TRUE(sink_.Hears("bookmark"));
  api_.ForgetHistory();
  api_.CutWatches();
  ASSERT_TRUE(HasWatch());
  EXPECT_EQ(sink_.CountOf("begin"), 1u);
}

TEST_F(WatchTest, ListsWhereTheServerHasNoWatchList) {
  api_.SetWatchList(false);
  ASSERT_TRUE(CreatePod("a").ok());
  Watch watch(client_, types::Pod(), sink_, Options());
  ASSERT_TRUE(sink_.Hears("end"));
  EXPECT_FALSE(watch.uses_watch_list());
  EXPECT_EQ(sink_.Heard(), (Words{"begin", "begin", "+a", "end"}));
  ASSERT_TRUE(CreatePod("b").ok());
  ASSERT_TRUE(sink_.Hears("+b"));
}

TEST_F(WatchTest, WaitsForAServerThatIsAway) {
  std::atomic<bool> away{true};
  api_.Intercept([&](const net::HttpRequest&, const FakeKubeApi::Writer& writer) {
    if (!away) return false;
    FakeKubeApi::SendStatus(writer, 503, "ServiceUnavailable", "starting");
    return true;
  });
  Watch watch(client_, types::Pod(), sink_, Options());
  ASSERT_TRUE(Eventually([&] { return sink_.problem_count() >= 3; }));
  EXPECT_EQ(sink_.CountOf("end"), 0u);
  away = false;
  EXPECT_TRUE(sink_.Hears("end"));
  EXPECT_TRUE(watch.uses_watch_list());
}

TEST_F(WatchTest, NoticesADeadConnection) {
  WatchOptions options = Options();
  options.idle_time_max = milliseconds(100);
  Watch watch(client_, types::Pod(), sink_, options);
  ASSERT_TRUE(sink_.Hears("end"));
  // Nothing comes on the first stream, so others follow it.
  ASSERT_TRUE(Eventually([&] { return api_.CountOf("GET /api/v1/pods?watch=true") >= 3; }));
  EXPECT_EQ(sink_.CountOf("begin"), 1u);
  EXPECT_EQ(sink_.problem_count(), 0u);
  ASSERT_TRUE(CreatePod("a").ok());
  EXPECT_TRUE(sink_.Hears("+a"));
}

TEST_F(WatchTest, AnEventCutInTheMiddleIsToldOnceAndWhole) {
  Watch watch(client_, types::Pod(), sink_, Options());
  ASSERT_TRUE(sink_.Hears("end"));
  ASSERT_TRUE(HasWatch());
  bool is_cut = false;
  api_.Intercept([&](const net::HttpRequest& request, const FakeKubeApi::Writer& writer) {
    if (is_cut || request.target.find("watch=true") == request.target.npos) return false;
    is_cut = true;
    writer->Begin(200, {});
    writer->Write(Slice::Static("{\"type\":\"ADDED\",\"object\":{\"metadata\":{\"na"));
    writer->End();
    return true;
  });
  api_.CutWatches();
  ASSERT_TRUE(CreatePod("whole").ok());
  ASSERT_TRUE(sink_.Hears("+whole"));
  EXPECT_EQ(sink_.CountOf("+whole"), 1u);
}

TEST_F(WatchTest, StopsAtOnce) {
  Watch watch(client_, types::Pod(), sink_, Options());
  ASSERT_TRUE(HasWatch());
  const auto began = std::chrono::steady_clock::now();
  watch.Stop();
  EXPECT_LT(std::chrono::steady_clock::now() - began, milliseconds(500));
}

}  // namespace
}  // namespace millrace::kube
