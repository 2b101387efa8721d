#include "common/http_server/http_server.h"

#include <future>

#include "common/http_server/acceptor.h"
#include "common/http_server/server_context.h"

namespace millrace::net {
namespace {

// Runs `fn` on the executor and waits for it.
void RunOn(Executor& executor, const std::function<void()>& fn) {
  std::promise<void> done;
  executor.Post([&] {
    fn();
    done.set_value();
  });
  done.get_future().wait();
}

}  // namespace

struct HttpServer::Impl {
  Impl(IoThreads& io, HttpServerOptions options, HttpHandler handler)
      : context(std::make_shared<ServerContext>(io, std::move(options), std::move(handler))) {}

  std::shared_ptr<ServerContext> context;
  std::vector<std::shared_ptr<Acceptor>> acceptors;
  bool stopped = false;
};

HttpServer::HttpServer(IoThreads& io, HttpServerOptions options, HttpHandler handler)
    : impl_(std::make_unique<Impl>(io, std::move(options), std::move(handler))) {
  for (auto& worker : impl_->context->workers) {
    worker->executor().Post([context = impl_->context, &worker] { worker->StartTicking(context); });
  }
}

HttpServer::~HttpServer() { Stop(); }

Result<uint16_t> HttpServer::Listen(const std::string& address, std::shared_ptr<TlsContext> tls) {
  CHECK(!impl_->stopped);
  ASSIGN_OR_RETURN(auto acceptor, Acceptor::Listen(impl_->context, impl_->acceptors.size(), address,
                                                   std::move(tls)));
  RunOn(acceptor->worker().executor(), [&] { acceptor->Start(); });
  impl_->acceptors.push_back(acceptor);
  return acceptor->port();
}

void HttpServer::TurnAway() { impl_->context->turning_away = true; }

void HttpServer::Stop(std::chrono::milliseconds grace) {
  if (std::exchange(impl_->stopped, true)) return;
  ServerContext& context = *impl_->context;
  for (auto& acceptor : impl_->acceptors) {
    RunOn(acceptor->worker().executor(), [&] { acceptor->Stop(); });
  }
  for (auto& worker : context.workers) {
    RunOn(worker->executor(), [&] { worker->Drain(); });
  }
  {
    std::unique_lock lock(context.mu);
    context.changed.wait_for(lock, grace, [&] { return context.connections_open == 0; });
  }
  for (auto& worker : context.workers) {
    RunOn(worker->executor(), [&] { worker->CloseAll(); });
  }
  std::lock_guard lock(context.mu);
  CHECK(context.connections_open == 0);
}

}  // namespace millrace::net
