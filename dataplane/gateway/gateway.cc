#include "dataplane/gateway/gateway.h"

#include <algorithm>

#include "common/aws/operation.h"
#include "common/base/check.h"
#include "common/codec/digest.h"
#include "dataplane/firehose/operations.h"
#include "dataplane/gateway/authorization.h"
#include "dataplane/kinesis/operations.h"

namespace millrace::gateway {

using kinesis::Call;
using kinesis::CallPtr;
using kinesis::DataOperation;

namespace {

constexpr std::string_view kTargetPrefix = "Kinesis_20131202";
constexpr std::string_view kResourcePath = "/apis/";
constexpr size_t kDataBodyBytesMax = 16 * kMiB;
constexpr size_t kControlBodyBytesMax = 1 * kMiB;

// "f81d4fae-7dec-4d0a-a765-00a0c91e6bf6"
std::string MakeRequestId(Random& random) {
  constexpr std::string_view kHex = "0123456789abcdef";
  std::string id(36, '-');
  uint64_t bits = random.Next();
  int left = 16;
  for (size_t i = 0; i < id.size(); ++i) {
    if (i == 8 || i == 13 || i == 18 || i == 23) continue;
    if (left-- == 0) {
      bits = random.Next();
      left = 15;
    }
    id[i] = kHex[bits & 15];
    bits >>= 4;
  }
  id[14] = '4';
  return id;
}

}  // namespace

Gateway::Gateway(IoThreads& io, kinesis::DataPlane& plane, ControlForwarder& control,
                 const Verifiers& verifiers, std::string internal_token)
    : plane_(plane), control_(control), internal_token_(std::move(internal_token)) {
  const auto queue = [this](Executor& executor, const aws::SigV4Verifier* verifier) {
    if (verifier == nullptr) return std::unique_ptr<AuthQueue>();
    return std::make_unique<AuthQueue>(executor, *verifier,
                                       [this](const CallPtr& call) { Serve(call); });
  };
  for (size_t i = 0; i < io.size(); ++i) {
    PerExecutor mine{&io.at(i), Random(SecureRandom64()), queue(io.at(i), verifiers.kinesis),
                     queue(io.at(i), verifiers.firehose)};
    executors_.push_back(std::move(mine));
  }
}

size_t Gateway::BodyBytesMax(const net::HttpRequest& head) {
  const std::string_view target = head.FindHeader("x-amz-target");
  const bool is_data = target.starts_with("Kinesis_20131202.PutRecord") ||
                       target.starts_with("Firehose_20150804.PutRecord");
  return is_data ? kDataBodyBytesMax : kControlBodyBytesMax;
}

Gateway::PerExecutor& Gateway::Mine(Executor& executor) {
  const auto mine = std::find_if(executors_.begin(), executors_.end(),
                                 [&](const PerExecutor& e) { return e.executor == &executor; });
  CHECK(mine != executors_.end());
  return *mine;
}

void Gateway::Take(net::HttpRequest request, std::shared_ptr<net::ResponseWriter> writer) {
  PerExecutor& mine = Mine(writer->executor());
  auto call = std::make_shared<Call>();
  call->started = plane_.clock.Now();
  call->request_id = MakeRequestId(mine.random);
  call->request = std::move(request);
  call->writer = std::move(writer);
  if (!call->request.path.starts_with(kResourcePath)) {
    const std::string_view target = call->request.FindHeader("x-amz-target");
    const bool is_firehose = target.starts_with(firehose::kTargetPrefix);
    if (is_firehose) call->service = "firehose";
    aws::CallOrRefusal read = aws::ReadCall(
        call->request, is_firehose ? firehose::kTargetPrefix : kTargetPrefix, call->request_id);
    if (read.refusal) return call->writer->Send(*std::move(read.refusal));
    call->protocol = read.call->protocol;
    call->operation = read.call->operation;
  }
  if (IsInternal(call->request)) {
    call->is_internal = true;
    return Serve(call);
  }
  const auto& auth = call->service == "firehose" ? mine.firehose_auth : mine.auth;
  if (auth != nullptr) return auth->Add(std::move(call));
  call->identity = aws::ClaimedIdentity(call->request);
  Serve(call);
}

bool Gateway::IsInternal(const net::HttpRequest& request) const {
  constexpr std::string_view kBearer = "Bearer ";
  const std::string_view sent = request.FindHeader("authorization");
  return !internal_token_.empty() && sent.starts_with(kBearer) &&
         codec::ConstantTimeEqual(sent.substr(kBearer.size()), internal_token_);
}

void Gateway::Serve(const CallPtr& call) {
  if (call->service == "firehose") {
    for (const firehose::DataOperation& operation : firehose::kDataOperations) {
      if (operation.name != call->operation) continue;
      return operation.serve(plane_, call, [this](const CallPtr& other) { Forward(other); });
    }
    return Forward(call);
  }
  for (const DataOperation& operation : kinesis::kDataOperations) {
    if (operation.name == call->operation) return operation.serve(plane_, call);
  }
  Forward(call);
}

void Gateway::Forward(const CallPtr& call) {
  if (const Status no = AuthorizeControlCall(*call); !no.ok()) return call->Fail(no);
  control_.Forward(call);
}

}  // namespace millrace::gateway
