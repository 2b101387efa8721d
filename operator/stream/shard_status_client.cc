#include "operator/stream/shard_status_client.h"

#include <algorithm>
#include <charconv>
#include <chrono>
#include <set>
#include <utility>
#include <vector>

#include "common/json/value.h"
#include "common/log/log.h"

namespace millrace::op {
namespace {

// A process that is gone without a word is noticed by its silence, so polls are short: one that
// stands still for a second must have answered again before it counts as away
// (ShardFleet::kAwayAfter).
constexpr int kPollMs = 250;
constexpr std::chrono::milliseconds kAnswerMost(1000);
constexpr std::chrono::milliseconds kRetryFirst(20);
constexpr std::chrono::milliseconds kRetryMost(500);

uint64_t ParseUid(const std::string& text) {
  uint64_t uid = 0;
  std::from_chars(text.data(), text.data() + text.size(), uid);
  return uid;
}

// Versions that do not say which have been given it all the same.
std::optional<std::set<std::string>> KeyNamesOf(const json::Value& answer) {
  if (!answer.Has("streamKeyNames")) return std::nullopt;
  std::set<std::string> names;
  for (const json::Value& name : answer["streamKeyNames"].AsArray()) names.insert(name.AsString());
  return names;
}

std::vector<ObservedStream::SealedExtent> ParseEnds(const json::Value& ends) {
  std::vector<ObservedStream::SealedExtent> out;
  for (const json::Value& end : ends.AsArray()) {
    out.push_back({static_cast<uint32_t>(end["shard"].AsInt()),
                   static_cast<uint64_t>(end["epoch"].AsInt()),
                   static_cast<uint64_t>(end["endIndex"].AsInt())});
  }
  return out;
}

ObservedStream ParseStream(const json::Value& entry, const std::string& volume) {
  ObservedStream stream;
  stream.volume = volume;
  stream.applied_version = static_cast<uint64_t>(entry["appliedVersion"].AsInt());
  stream.dropped = entry["dropped"].AsBool();
  stream.lost_records = static_cast<uint64_t>(entry["lostRecords"].AsInt());
  stream.error = entry["error"].AsString();
  stream.sealed = ParseEnds(entry["sealed"]);
  stream.missing = ParseEnds(entry["missing"]);
  for (const json::Value& extent : entry["unbound"].AsArray()) {
    stream.unbound.emplace_back(static_cast<uint32_t>(extent["shard"].AsInt()),
                                static_cast<uint64_t>(extent["epoch"].AsInt()));
  }
  return stream;
}

}  // namespace

ShardStatusClient::ShardStatusClient(std::string endpoint, std::string token, Clock& clock,
                                     std::function<void(uint64_t)> on_change,
                                     std::function<void()> on_ready)
    : endpoint_(std::move(endpoint)),
      token_(std::move(token)),
      clock_(clock),
      on_change_(std::move(on_change)),
      on_ready_(std::move(on_ready)),
      last_answer_(clock.Now()) {
  net::HttpClientOptions options;
  options.connect_time_max = kAnswerMost;
  options.read_time_max = std::chrono::milliseconds(kPollMs) + kAnswerMost;
  client_ = std::make_unique<net::HttpClient>(endpoint_, options);
  thread_ = std::thread([this] { Follow(); });
}

void ShardStatusClient::Stop() {
  stop_ = true;
  client_->Abort();
  if (thread_.joinable()) thread_.join();
}

std::optional<ObservedStream> ShardStatusClient::Observed(uint64_t uid) const {
  std::lock_guard lock(mu_);
  return streams_.Find(uid);
}

std::optional<std::set<std::string>> ShardStatusClient::key_names() const {
  std::lock_guard lock(mu_);
  return key_names_;
}

VolumeWord ShardStatusClient::volume() const {
  std::lock_guard lock(mu_);
  return volume_;
}

std::optional<LogFigures> ShardStatusClient::log() const {
  std::lock_guard lock(mu_);
  return log_;
}

std::optional<bool> ShardStatusClient::peer_tls() const {
  std::lock_guard lock(mu_);
  return peer_tls_;
}

void ShardStatusClient::Follow() {
  auto retry = kRetryFirst;
  while (!stop_) {
    net::ClientRequest request;
    request.method = "GET";
    request.target = "/internal/v1/status?after=" + std::to_string(sequence_) +
                     "&changes=1&wait_ms=" + std::to_string(kPollMs);
    request.headers = {{"x-millrace-token", token_}};
    Result<net::ClientResponse> response = client_->Send(request);
    if (response.ok() && response->status == 200) {
      Result<json::Value> answer = json::ParseJson(response->body, {.tokens_max = 10'000'000});
      if (answer.ok()) {
        last_answer_ = clock_.Now();
        ever_answered_ = true;
        Take(*answer);
        retry = kRetryFirst;
        continue;
      }
      log::Error("shard status does not parse", {{"error", answer.status().ToString()}});
    }
    Lost();
    for (auto slept = std::chrono::milliseconds(0); slept < retry && !stop_; slept += kRetryFirst) {
      std::this_thread::sleep_for(kRetryFirst);
    }
    retry = std::min(retry * 2, kRetryMost);
  }
}

void ShardStatusClient::Take(const json::Value& answer) {
  std::vector<uint64_t> changed;
  bool came_back = false;
  bool lacked_before = false;
  std::optional<std::set<std::string>> key_names = KeyNamesOf(answer);
  bool keys_came = false;
  sequence_ = answer["sequence"].AsInt();
  {
    std::lock_guard lock(mu_);
    came_back = !ready_.exchange(true);
    peer_tls_ = answer["peerTls"].AsBool();
    stream_keys_ = answer["streamKeys"].AsBool();
    keys_came = std::exchange(key_names_, key_names) != key_names;
    log_ = {answer.At("log", "liveBytes").AsInt(), answer.At("log", "full").AsBool()};
    const std::string& volume = answer["volume"].AsString();
    lacked_before = std::exchange(volume_, {volume, static_cast<size_t>(std::max<int64_t>(
                                                        0, answer["missingExtents"].AsInt()))})
                        .missing_extents > 0;
    streams_.SetVolume(volume);
    std::set<uint64_t> told;
    for (const json::Value& entry : answer["streams"].AsArray()) {
      const uint64_t uid = ParseUid(entry["uid"].AsString());
      const bool is_news = streams_.Keep(uid, ParseStream(entry, volume));
      // Whoever hears that the process came looks at all of them.
      if (is_news && !came_back) changed.push_back(uid);
      told.insert(uid);
    }
    // A process that does not know of changes tells everything.
    if (answer["changesOnly"].AsBool()) {
      for (const json::Value& uid : answer["gone"].AsArray())
        streams_.Forget(ParseUid(uid.AsString()));
    } else {
      streams_.ForgetAllBut(told);
    }
  }
  for (uint64_t uid : changed) on_change_(uid);
  // Which pods may have write heads is another question then, for every stream; and of no key is
  // known whose it is.
  const bool lacks = volume().missing_extents > 0;
  if (came_back || lacks != lacked_before || keys_came) on_ready_();
}

void ShardStatusClient::Lost() {
  sequence_ = 0;
  if (ready_.exchange(false)) on_ready_();
}

}  // namespace millrace::op
