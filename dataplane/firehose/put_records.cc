#include <utility>

#include "common/base/random.h"
#include "dataplane/firehose/operations.h"
#include "dataplane/firehose/put_input.h"
#include "dataplane/firehose/put_reply.h"
#include "dataplane/kinesis/operations.h"
#include "dataplane/kinesis/permissions.h"

namespace millrace::firehose {

using kinesis::Call;
using kinesis::CallPtr;
using kinesis::DataPlane;

namespace {

// Takes the answer of Kinesis for `call` and gives it on as Firehose's. Lives on the connection's
// executor, as long as the inner call.
class ReplyWriter final : public net::ResponseWriter {
 public:
  ReplyWriter(CallPtr call, bool single, Elsewhere elsewhere)
      : call_(std::move(call)), single_(single), elsewhere_(std::move(elsewhere)) {}

  Executor& executor() override { return call_->executor(); }
  void Send(net::HttpResponse response) override {
    std::string body;
    for (const Slice& part : response.body) body.append(part.view());
    const Result<json::Value> said = aws::DecodeBody(aws::Protocol::kCbor, body);
    if (!said.ok()) return call_->Fail(Internal("the reply of PutRecords is not readable"));
    if (response.status == 200) {
      const PutReply reply = ReplyOf(*said, single_);
      return reply.error ? call_->Fail(*reply.error) : call_->Ok(reply.body);
    }
    const auto refusal =
        RefusalOf(response.status, (*said)["__type"].AsString(), (*said)["message"].AsString());
    return refusal ? call_->Fail(*refusal) : elsewhere_(call_);
  }
  // PutRecords never streams its answer.
  void Begin(int status, std::vector<net::OwnedHeader> headers) override {
    call_->writer->Begin(status, std::move(headers));
  }
  void Write(Slice data) override { call_->writer->Write(std::move(data)); }
  void End() override { call_->writer->End(); }
  size_t QueuedBytes() const override { return call_->writer->QueuedBytes(); }
  void OnDrained(std::function<void()> on_drained) override {
    call_->writer->OnDrained(std::move(on_drained));
  }
  void OnClosed(std::function<void()> on_closed) override {
    call_->writer->OnClosed(std::move(on_closed));
  }
  bool closed() const override { return call_->writer->closed(); }
  bool HasRoomFor(size_t bytes) const override { return call_->writer->HasRoomFor(bytes); }

 private:
  const CallPtr call_;
  const bool single_;
  const Elsewhere elsewhere_;
};

void Put(DataPlane& plane, const CallPtr& call, bool single, const Elsewhere& elsewhere) {
  thread_local Random random(SecureRandom64());
  const std::optional<PutInput> input = ReadPut(*call, single);
  if (!input) return;
  const std::string action = "firehose:" + std::string(call->operation);
  const Status allowed = kinesis::CheckPermission(call->identity, action, input->delivery_stream);
  if (!allowed.ok()) return call->Fail(allowed);
  auto inner = std::make_shared<Call>();
  inner->request.body = Slice::FromString(KinesisBody(*input, random));
  inner->request_id = call->request_id;
  inner->protocol = aws::Protocol::kCbor;
  inner->operation = "PutRecords";
  inner->identity = call->identity;
  // Judged above, by the name that the caller knows.
  inner->identity.grants = nullptr;
  inner->started = call->started;
  inner->writer = std::make_shared<ReplyWriter>(call, single, elsewhere);
  kinesis::PutRecords(plane, inner);
}

}  // namespace

void PutRecord(DataPlane& plane, const CallPtr& call, const Elsewhere& elsewhere) {
  Put(plane, call, /*single=*/true, elsewhere);
}

void PutRecordBatch(DataPlane& plane, const CallPtr& call, const Elsewhere& elsewhere) {
  Put(plane, call, /*single=*/false, elsewhere);
}

}  // namespace millrace::firehose
