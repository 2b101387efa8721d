#include "dataplane/delivery/sinks/s3/s3_sink.h"

namespace millrace::delivery {

namespace {

constexpr int kOk = 200;
constexpr int kNoContent = 204;
constexpr std::string_view kUnreachable = "S3.Unreachable";

Delivery Failed(const Result<net::ClientResponse>& response) {
  Delivery out{.verdict = Delivery::Verdict::kRetry};
  if (!response.ok()) {
    out.code = kUnreachable;
    out.message = response.status().message();
    return out;
  }
  const S3Error error = ReadS3Error(*response);
  out.code = "S3." + error.code;
  out.message = error.message;
  out.retry_after = response->RetryAfter();
  return out;
}

bool IsOk(const Result<net::ClientResponse>& response) {
  return response.ok() && (response->status == kOk || response->status == kNoContent);
}

class S3Sink final : public Sink {
 public:
  S3Sink(S3SinkOptions options, Clock& clock)
      : options_(std::move(options)), client_(options_.client, clock) {}

  Delivery Deliver(const Parcel& parcel) override {
    const std::string path = "/" + EncodeS3Key(options_.bucket) + "/" + EncodeS3Key(parcel.name);
    Delivery outcome =
        parcel.body.size() > kS3PartBytes ? DeliverParts(path, parcel) : DeliverWhole(path, parcel);
    if (outcome.code != kUnreachable) return outcome;
    // Stores that refuse a body may close before it is sent, and their words are lost with it.
    if (const auto response = List(); response.ok() && !IsOk(response)) return Failed(response);
    return outcome;
  }

  Status Probe() override {
    const auto response = List();
    if (IsOk(response)) return OkStatus();
    if (!response.ok()) return response.status();
    const S3Error error = ReadS3Error(*response);
    // A key that may write need not be allowed to list.
    if (error.code == "AccessDenied") return OkStatus();
    return Unavailable("S3." + error.code + ": " + error.message + " (bucket " + options_.bucket +
                       ")");
  }

  void Stop() override { client_.Stop(); }

 private:
  Result<net::ClientResponse> List() {
    return client_.Send("GET", "/" + EncodeS3Key(options_.bucket), "list-type=2&max-keys=1", "",
                        {});
  }

  Delivery DeliverWhole(const std::string& path, const Parcel& parcel) {
    const auto response = client_.Send("PUT", path, "", parcel.body, ObjectHeaders(parcel));
    return IsOk(response) ? Delivery{} : Failed(response);
  }

  std::vector<net::OwnedHeader> ObjectHeaders(const Parcel& parcel) const {
    std::vector<net::OwnedHeader> headers{{"content-type", parcel.content_type}};
    if (!parcel.content_encoding.empty())
      headers.emplace_back("content-encoding", parcel.content_encoding);
    if (options_.encryption_type == "SSES3")
      headers.emplace_back("x-amz-server-side-encryption", "AES256");
    if (options_.encryption_type == "KMS") {
      headers.emplace_back("x-amz-server-side-encryption", "aws:kms");
      if (!options_.encryption_key_id.empty())
        headers.emplace_back("x-amz-server-side-encryption-aws-kms-key-id",
                             options_.encryption_key_id);
    }
    return headers;
  }

  Delivery DeliverParts(const std::string& path, const Parcel& parcel) {
    const auto begun = client_.Send("POST", path, "uploads=", "", ObjectHeaders(parcel));
    if (!IsOk(begun)) return Failed(begun);
    const std::string upload = EncodeS3Key(XmlText(begun->body, "UploadId"));
    if (upload.empty())
      return {.verdict = Delivery::Verdict::kRetry,
              .code = "S3.InvalidResponse",
              .message = "CreateMultipartUpload answered without an UploadId"};
    Delivery outcome = SendParts(path, upload, parcel.body);
    if (outcome.verdict != Delivery::Verdict::kDelivered)
      // What can't be aborted is left to the bucket's lifecycle rules; the next try begins anew.
      (void)client_.Send("DELETE", path, "uploadId=" + upload, "", {}).ok();
    return outcome;
  }

  Delivery SendParts(const std::string& path, const std::string& upload, std::string_view body) {
    std::string list = "<CompleteMultipartUpload>";
    for (int part = 1; !body.empty(); ++part) {
      const std::string_view piece = body.substr(0, kS3PartBytes);
      body.remove_prefix(piece.size());
      const std::string number = std::to_string(part);
      const auto sent =
          client_.Send("PUT", path, "partNumber=" + number + "&uploadId=" + upload, piece, {});
      if (!IsOk(sent)) return Failed(sent);
      list += "<Part><PartNumber>" + number + "</PartNumber><ETag>" +
              std::string(sent->FindHeader("etag")) + "</ETag></Part>";
    }
    list += "</CompleteMultipartUpload>";
    const auto done = client_.Send("POST", path, "uploadId=" + upload, list,
                                   {{"content-type", "application/xml"}});
    // S3 may answer 200 and then say in the body that it failed.
    if (!IsOk(done) || !XmlText(done->body, "Code").empty()) return Failed(done);
    return {};
  }

  const S3SinkOptions options_;
  S3Client client_;
};

}  // namespace

std::unique_ptr<Sink> MakeS3Sink(S3SinkOptions options, Clock& clock) {
  return std::make_unique<S3Sink>(std::move(options), clock);
}

}  // namespace millrace::delivery
