#include "dataplane/gateway/control_forwarder.h"

#include <strings.h>

#include "common/json/value.h"
#include "common/log/log.h"
#include "dataplane/kinesis/data_plane.h"

namespace millrace::gateway {

using kinesis::Call;
using kinesis::CallPtr;

namespace {

// What of an answer is the control plane's to say; the rest is this connection's.
bool IsPassedOn(std::string_view name) {
  constexpr std::string_view kNames[] = {"content-type", "x-amzn-requestid", "x-amz-id-2",
                                         "x-amzn-errortype"};
  for (const std::string_view passed : kNames) {
    if (name.size() == passed.size() && ::strncasecmp(name.data(), passed.data(), name.size()) == 0)
      return true;
  }
  return false;
}

std::string IdentityText(const aws::Identity& identity) {
  return json::WriteJson(json::Object{{"accessKeyId", identity.access_key_id},
                                      {"accountId", identity.account_id},
                                      {"userName", identity.user_name},
                                      {"region", identity.region}});
}

net::HttpResponse ResponseFrom(net::ClientResponse answer) {
  net::HttpResponse response;
  response.status = answer.status;
  for (auto& [name, value] : answer.headers) {
    if (IsPassedOn(name)) response.headers.emplace_back(name, std::move(value));
  }
  response.body.push_back(Slice::FromString(std::move(answer.body)));
  return response;
}

}  // namespace

ControlForwarder::ControlForwarder(ControlForwarderOptions options)
    : options_(std::move(options)), workers_(options_.workers, options_.waiting_max, "forward") {}

void ControlForwarder::Stop() { workers_.Stop(); }

net::ClientRequest ControlForwarder::RequestFor(const Call& call) const {
  net::ClientRequest request;
  request.method = call.request.method;
  request.target = call.request.target;
  request.body = call.request.body.view();
  request.headers = {{"x-millrace-token", options_.token},
                     {"x-millrace-identity", IdentityText(call.identity)},
                     {"x-millrace-request-id", call.request_id}};
  for (const char* name : {"content-type", "x-amz-target"}) {
    if (call.request.HasHeader(name))
      request.headers.emplace_back(name, call.request.FindHeader(name));
  }
  return request;
}

Result<net::ClientResponse> ControlForwarder::Send(const net::ClientRequest& request) {
  if (options_.endpoint.empty()) return Unavailable("no control plane is configured");
  std::unique_ptr<net::HttpClient> client;
  {
    std::lock_guard lock(mu_);
    if (!idle_.empty()) {
      client = std::move(idle_.back());
      idle_.pop_back();
    }
  }
  if (client == nullptr) client = std::make_unique<net::HttpClient>(options_.endpoint);
  Result<net::ClientResponse> answer = client->Send(request);
  std::lock_guard lock(mu_);
  idle_.push_back(std::move(client));
  return answer;
}

void ControlForwarder::Forward(const CallPtr& call) {
  const bool taken = workers_.TrySubmit([this, call] {
    Result<net::ClientResponse> answer = Send(RequestFor(*call));
    if (!answer.ok()) {
      log::Warning("control plane does not answer",
                   {{"request_id", call->request_id}, {"error", answer.status().ToString()}});
    }
    call->executor().Post([call, answer = std::move(answer)]() mutable {
      if (!answer.ok())
        return call->Fail(aws::ShapeOf(Unavailable("the control plane does not answer")));
      call->writer->Send(ResponseFrom(std::move(answer).value()));
    });
  });
  if (!taken) call->Fail(aws::ShapeOf(Unavailable("too many calls wait for the control plane")));
}

}  // namespace millrace::gateway
