#include "dataplane/gateway/admin.h"

#include <algorithm>
#include <charconv>

#include "common/codec/digest.h"
#include "common/json/value.h"

namespace millrace::gateway {

using net::HttpRequest;
using net::HttpResponse;
using net::ResponseWriter;
using WriterPtr = std::shared_ptr<ResponseWriter>;

namespace {

constexpr uint64_t kWaitMsMax = 60'000;

HttpResponse Text(int status, std::string text,
                  std::string_view type = "text/plain; charset=utf-8") {
  return {status, {{"Content-Type", std::string(type)}}, {Slice::FromString(std::move(text))}};
}

// A number in "after=7&wait_ms=5000"; 0 where it is not there.
uint64_t QueryNumber(std::string_view query, std::string_view name) {
  while (!query.empty()) {
    const std::string_view item = query.substr(0, query.find('&'));
    query.remove_prefix(std::min(query.size(), item.size() + 1));
    if (item.size() <= name.size() || !item.starts_with(name) || item[name.size()] != '=') continue;
    uint64_t value = 0;
    std::from_chars(item.data() + name.size() + 1, item.data() + item.size(), value);
    return value;
  }
  return 0;
}

// A long poll: the first of change and time answers.
struct Poll {
  shard::ApplyStatus& status;
  WriterPtr writer;
  uint64_t known = 0;  // what the reader has already, where changes are enough for it
  bool answered = false;
  Executor::TimerId timer = 0;

  void Answer() {
    if (answered) return;
    answered = true;
    writer->executor().Cancel(timer);
    writer->Send(Text(200, json::WriteJson(status.ToValue(known)), "application/json"));
    writer = nullptr;
  }
};

}  // namespace

void Admin::Take(const HttpRequest& request, const WriterPtr& writer) {
  if (request.method != "GET") return writer->Send(Text(405, "GET only\n"));
  if (request.path == "/healthz") {
    return writer->Send(fenced_ ? Text(503, "the log is fenced; the process is about to restart\n")
                                : Text(200, "ok\n"));
  }
  if (request.path == "/readyz") {
    return writer->Send(ready_ && !fenced_ ? Text(200, "ok\n") : Text(503, "not serving yet\n"));
  }
  if (request.path == "/metrics") {
    return writer->Send(Text(200, registry_.Render(), "text/plain; version=0.0.4; charset=utf-8"));
  }
  if (request.path == "/internal/v1/status") return Status(request, writer);
  writer->Send(Text(404, "/healthz, /readyz, /metrics\n"));
}

void Admin::Status(const HttpRequest& request, const WriterPtr& writer) {
  if (!codec::ConstantTimeEqual(request.FindHeader("x-millrace-token"), token_)) {
    return writer->Send(Text(403, "the token of this run is needed\n"));
  }
  const uint64_t wait_ms = std::min(QueryNumber(request.query, "wait_ms"), kWaitMsMax);
  const uint64_t after = QueryNumber(request.query, "after");
  const bool changes = QueryNumber(request.query, "changes") != 0;
  auto poll = std::make_shared<Poll>(Poll{status_, writer, changes ? after : 0});
  if (wait_ms == 0 || status_.sequence() > after) return poll->Answer();
  poll->timer =
      writer->executor().RunAfter(std::chrono::milliseconds(wait_ms), [poll] { poll->Answer(); });
  // The timer keeps the poll; a change that comes long after it finds nobody.
  const std::weak_ptr<Poll> weak = poll;
  status_.WhenAfter(after, writer->executor(), [weak] {
    if (const std::shared_ptr<Poll> waiting = weak.lock()) waiting->Answer();
  });
}

}  // namespace millrace::gateway
