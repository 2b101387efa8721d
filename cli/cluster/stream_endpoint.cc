#include "cli/cluster/stream_endpoint.h"

#include "cli/cluster/cluster_view.h"
#include "common/http_client/http_client.h"

namespace millrace::cli {

using json::Value;

namespace {

constexpr std::string_view kForwarded = "http://127.0.0.1:4567";

// Of the stream, else of its pool, which may be in any namespace.
std::string EndpointOf(kube::Client& client, const Value& stream) {
  const std::string& own = stream.At("status", "endpoint").AsString();
  if (!own.empty()) return own;
  ClusterView view;
  Result<kube::ListPage> pools = client.ListAll(types::StreamPool());
  if (!pools.ok()) {
    kube::ListOptions options;
    options.ns = kube::NameOf(stream).ns;
    pools = client.ListAll(types::StreamPool(), options);
  }
  if (pools.ok()) view.pools = std::move(pools->items);
  const Value* pool = PoolOf(view, stream);
  return pool ? pool->At("status", "endpoint").AsString() : "";
}

}  // namespace

bool Answers(const std::string& url) {
  net::HttpClientOptions options;
  options.connect_time_max = std::chrono::seconds(2);
  options.read_time_max = std::chrono::seconds(3);
  options.verify_certificate = false;
  net::ClientRequest request;
  request.method = "GET";
  return net::HttpClient(url, options).Send(request).ok();
}

std::string PortForwardLine(const std::string& url) {
  const size_t scheme = url.find("://");
  std::string host = scheme == std::string::npos ? url : url.substr(scheme + 3);
  host = host.substr(0, host.find_first_of(":/"));
  const size_t first = host.find('.');
  const size_t second = first == std::string::npos ? first : host.find('.', first + 1);
  if (second == std::string::npos || host.compare(second, 4, ".svc") != 0) return "";
  return "kubectl -n " + host.substr(first + 1, second - first - 1) + " port-forward service/" +
         host.substr(0, first) + " 4567:80";
}

Result<StreamEndpoint> FindEndpoint(kube::Client& client, const kube::ObjectName& stream,
                                    const std::string& command,
                                    const std::function<bool(const std::string&)>& answers) {
  Result<Value> found = client.Get(types::Stream(), stream);
  if (!found.ok()) {
    if (found.status().code() != Code::kNotFound) return found.status();
    return NotFound("there is no stream " + stream.name + " in namespace " + stream.ns +
                    "; `kubectl get streams -A` lists all");
  }
  StreamEndpoint out;
  out.url = EndpointOf(client, *found);
  out.stream_name = found->At("spec", "streamName").AsString();
  if (out.stream_name.empty()) out.stream_name = stream.name;
  if (out.url.empty()) {
    return Unavailable("stream " + stream.name +
                       " has no endpoint yet; `kubectl millrace why stream/" + stream.name +
                       " -n " + stream.ns + "` says what it waits for");
  }
  if (answers(out.url)) return out;
  const std::string forward = PortForwardLine(out.url);
  std::string text =
      "stream " + stream.name + " is served at " + out.url + ", which does not answer this machine";
  if (forward.empty()) return Unavailable(text + "; give an address that does by --endpoint");
  return Unavailable(text + ". In another terminal run\n  " + forward +
                     "\nand then\n  kubectl millrace " + command + " --endpoint " +
                     std::string(kForwarded));
}

}  // namespace millrace::cli
