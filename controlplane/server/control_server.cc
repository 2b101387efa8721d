#include "controlplane/server/control_server.h"

#include "common/codec/digest.h"
#include "common/json/value.h"
#include "common/log/log.h"

namespace millrace::controlplane {
namespace {

constexpr size_t kBodyBytesMax = 1024 * 1024;

net::HttpServerOptions ServerOptions() {
  net::HttpServerOptions options;
  options.body_bytes_max = [](const net::HttpRequest&) { return kBodyBytesMax; };
  return options;
}

// The identity that the gateway verified; what it does not say stays at its default.
aws::Identity IdentityOf(const net::HttpRequest& request) {
  aws::Identity identity;
  Result<json::Value> parsed = json::ParseJson(request.FindHeader("x-millrace-identity"));
  if (!parsed.ok()) return identity;
  identity.access_key_id = (*parsed)["accessKeyId"].AsString();
  identity.user_name = (*parsed)["userName"].AsString();
  if (parsed->Has("accountId")) identity.account_id = (*parsed)["accountId"].AsString();
  if (parsed->Has("region")) identity.region = (*parsed)["region"].AsString();
  return identity;
}

}  // namespace

ControlServer::ControlServer(IoThreads& io, ControlServerOptions options,
                             const aws::Dispatcher& dispatcher, resources::ResourceStore& store)
    : options_(std::move(options)),
      dispatcher_(dispatcher),
      resources_(store, options_.keeps_secrets),
      workers_(options_.workers, options_.waiting_max, "control"),
      server_(io, ServerOptions(),
              [this](net::HttpRequest request, std::shared_ptr<net::ResponseWriter> writer) {
                Take(std::move(request), std::move(writer));
              }) {}

Result<uint16_t> ControlServer::Start() { return server_.Listen(options_.listen); }

void ControlServer::Stop() {
  server_.Stop();
  workers_.Stop();
}

void ControlServer::Take(net::HttpRequest request, std::shared_ptr<net::ResponseWriter> writer) {
  auto shared = std::make_shared<net::HttpRequest>(std::move(request));
  bool taken = workers_.TrySubmit([this, shared, writer] {
    auto response = std::make_shared<net::HttpResponse>(Answer(*shared));
    writer->executor().Post([writer, response] { writer->Send(std::move(*response)); });
  });
  if (!taken) {
    writer->Send(aws::ErrorResponse(
        aws::NamedError(503, "ServiceUnavailable",
                        "The control plane has too many calls waiting. Try again."),
        aws::Protocol::kJson, shared->FindHeader("x-millrace-request-id")));
  }
}

net::HttpResponse ControlServer::Answer(const net::HttpRequest& request) {
  std::string_view request_id = request.FindHeader("x-millrace-request-id");
  if (!codec::ConstantTimeEqual(request.FindHeader("x-millrace-token"), options_.token)) {
    return aws::ErrorResponse(
        aws::NamedError(403, "AccessDeniedException", "This port is for gateways only."),
        aws::Protocol::kJson, request_id);
  }
  if (request.path.starts_with("/apis/")) return resources_.Handle(request);
  aws::RequestContext context;
  context.identity = IdentityOf(request);
  context.request_id = request_id;
  context.endpoint = options_.endpoint;
  for (const ControlService& service : options_.services) {
    if (request.FindHeader("x-amz-target").starts_with(service.target_prefix)) {
      return service.dispatch(request, std::move(context));
    }
  }
  return dispatcher_.Dispatch(request, std::move(context));
}

}  // namespace millrace::controlplane
