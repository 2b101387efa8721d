#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "common/aws/error_shape.h"
#include "common/aws/protocol.h"
#include "common/aws/sigv4.h"
#include "common/aws/validation.h"
#include "common/base/status.h"
#include "common/json/value.h"
#include "common/net/http_types.h"

namespace millrace::aws {

// What an operation knows of its caller besides the input.
struct RequestContext {
  Identity identity;
  Protocol protocol = Protocol::kJson;
  std::string request_id;
  std::string endpoint;  // "http://host:4566", as the caller reached us
};

// Gets a validated input (types and constraints of the shape hold, nulls are gone, blobs and
// timestamps are of their own type) and gives the output document. Its Status goes to the caller
// through ShapeOf.
using OperationHandler =
    std::function<Result<json::Value>(const RequestContext& context, json::Value input)>;

struct Operation {
  std::string_view name;  // "CreateStream"; outlives the dispatcher
  Shape input;
  OperationHandler handler;
};

// What a request asks for, before its body is looked at.
struct Call {
  Protocol protocol = Protocol::kJson;
  std::string_view operation;  // "PutRecords"; points into the request
};
struct CallOrRefusal {
  std::optional<Call> call;
  std::optional<net::HttpResponse> refusal;  // set exactly where call is not
};

// Method, Content-Type and X-Amz-Target, in the order and with the answers of AWS: what is not a
// POST, or has neither a known content type nor a target, is answered in XML (403
// AccessDeniedException, 404 UnknownOperationException); a target of another service is an
// UnknownOperationException. Whether the operation exists is not looked at. Pure; any thread.
CallOrRefusal ReadCall(const net::HttpRequest& request, std::string_view target_prefix,
                       std::string_view request_id);

// The operations of one service, by the name in `X-Amz-Target: Kinesis_20131202.<name>`. Filled
// before the first request and constant from then on; Dispatch on any thread, blocks as long as the
// handler. Authentication is the caller's and comes first.
class Dispatcher {
 public:
  explicit Dispatcher(std::string target_prefix = "Kinesis_20131202")
      : target_prefix_(std::move(target_prefix)) {}

  // Twice the same name is a broken invariant.
  void Add(Operation operation);
  // A name of the service's model that this build does not serve: UnknownOperationException that
  // says so.
  void AddNotOffered(std::string_view name);
  bool Has(std::string_view operation) const { return operations_.contains(operation); }
  const std::string& target_prefix() const { return target_prefix_; }

  // The whole way of a request: decode, validate, call, encode; every failure is an answer in the
  // caller's protocol. `context.protocol` is set from the request.
  net::HttpResponse Dispatch(const net::HttpRequest& request, RequestContext context) const;
  // The same for a call that was read already.
  net::HttpResponse Dispatch(const Call& call, std::string_view body, RequestContext context) const;

 private:
  const std::string target_prefix_;
  std::unordered_map<std::string_view, Operation> operations_;
  std::vector<std::string_view> not_offered_;
};

}  // namespace millrace::aws
