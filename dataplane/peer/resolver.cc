#include "dataplane/peer/resolver.h"

#include <netdb.h>

#include <chrono>
#include <cstring>

namespace millrace::peer {
namespace {

// For so long an answer is new.
constexpr Duration kFresh = std::chrono::milliseconds(500);
// A name server that is there answers in a few milliseconds; after that the last answer will do.
constexpr Duration kPatience = std::chrono::milliseconds(100);
constexpr Duration kAskAgainAfter = std::chrono::milliseconds(500);
constexpr int kQuestionsMax = 3;
constexpr size_t kThreads = 8;

Result<SocketAddress> LookUp(const std::string& host, uint16_t port, int flags) {
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_NUMERICSERV | flags;
  addrinfo* found = nullptr;
  const int error = ::getaddrinfo(host.c_str(), std::to_string(port).c_str(), &hints, &found);
  if (error != 0) {
    return Status(error == EAI_NONAME ? Code::kNotFound : Code::kUnavailable,
                  "address of " + host + ": " + ::gai_strerror(error));
  }
  const std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)> owner(found, &::freeaddrinfo);
  SocketAddress address;
  std::memcpy(&address.storage, found->ai_addr, found->ai_addrlen);
  address.size = found->ai_addrlen;
  return address;
}

}  // namespace

Resolver::Resolver(Look look)
    : look_(look ? std::move(look)
                 : [](const std::string& host, uint16_t port) { return LookUp(host, port, 0); }),
      workers_(kThreads, kWaitingMax, "resolve") {}

void Resolver::Answer(const QuestionPtr& question, Result<SocketAddress> address) {
  if (!question->done) return address.status().IgnoreError();
  UniqueFunction<void(Result<SocketAddress>)> done = std::move(question->done);
  question->done = nullptr;
  done(std::move(address));
}

void Resolver::Resolve(const std::string& host, uint16_t port, Executor& executor,
                       UniqueFunction<void(Result<SocketAddress>)> done) {
  Result<SocketAddress> at_once = LookUp(host, port, AI_NUMERICHOST);
  if (at_once.ok()) return done(std::move(at_once));
  const Name name{host, port};
  auto question = std::make_shared<Question>(Question{&executor, std::move(done)});
  std::optional<SocketAddress> last;
  bool is_fresh = false;
  bool asks = false;
  {
    std::lock_guard lock(mu_);
    Host& known = hosts_[name];
    last = known.last;
    is_fresh = last && SystemClock().Now() - known.found_at < kFresh;
    if (!is_fresh) {
      known.waiting.push_back(question);
      const MonoTime now = SystemClock().Now();
      asks = known.questions == 0 ||
             (known.questions < kQuestionsMax && now - known.asked_at >= kAskAgainAfter);
      if (asks) {
        ++known.questions;
        known.asked_at = now;
      }
    }
  }
  if (is_fresh) return Answer(question, *last);
  if (asks) Ask(name);
  if (last) executor.RunAfter(kPatience, [question, last] { Answer(question, *last); });
}

void Resolver::Ask(const Name& name) {
  const bool taken =
      workers_.TrySubmit([this, name] { Told(name, look_(name.first, name.second)); });
  if (!taken) Told(name, Unavailable("too many host names are being looked up"));
}

void Resolver::Told(const Name& name, Result<SocketAddress> found) {
  std::vector<QuestionPtr> waiting;
  {
    std::lock_guard lock(mu_);
    Host& known = hosts_[name];
    --known.questions;
    const bool is_word = found.ok() || found.status().code() == Code::kNotFound;
    if (is_word || known.questions == 0) waiting.swap(known.waiting);
    if (found.ok()) {
      known.last = *found;
      known.found_at = SystemClock().Now();
    } else if (found.status().code() == Code::kNotFound) {
      known.last.reset();
    } else if (known.last) {
      found = *known.last;
    }
  }
  for (const QuestionPtr& question : waiting) {
    question->executor->Post([question, found] { Answer(question, found); });
  }
}

}  // namespace millrace::peer
