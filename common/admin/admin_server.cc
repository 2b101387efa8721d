#include "common/admin/admin_server.h"

namespace millrace::admin {
namespace {

constexpr size_t kBodyBytesMax = 1024;

net::HttpServerOptions ServerOptions() {
  net::HttpServerOptions options;
  options.body_bytes_max = [](const net::HttpRequest&) { return kBodyBytesMax; };
  return options;
}

net::HttpResponse Text(int status, std::string text,
                       std::string_view type = "text/plain; charset=utf-8") {
  return {status, {{"Content-Type", std::string(type)}}, {Slice::FromString(std::move(text))}};
}

}  // namespace

AdminServer::AdminServer(IoThreads& io, metrics::Registry& registry, AdminServerOptions options)
    : registry_(registry),
      options_(std::move(options)),
      server_(io, ServerOptions(),
              [this](const net::HttpRequest& request,
                     const std::shared_ptr<net::ResponseWriter>& writer) {
                writer->Send(Answer(request));
              }) {}

net::HttpResponse AdminServer::Answer(const net::HttpRequest& request) {
  if (request.method != "GET") return Text(405, "GET only\n");
  if (request.path == "/healthz") return Text(200, "ok\n");
  if (request.path == "/readyz") {
    const std::string why = options_.not_ready ? options_.not_ready() : "";
    return why.empty() ? Text(200, "ok\n") : Text(503, why + "\n");
  }
  if (request.path == "/metrics") {
    if (options_.before_metrics) options_.before_metrics();
    return Text(200, registry_.Render(), "text/plain; version=0.0.4; charset=utf-8");
  }
  if (options_.page) {
    std::string page = options_.page(request.path);
    if (!page.empty()) return Text(200, std::move(page), "application/json");
  }
  return Text(404, "/healthz, /readyz, /metrics\n");
}

}  // namespace millrace::admin
