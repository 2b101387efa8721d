// Any request against the verifier: target, host, headers and body, a line each. Nothing here knows
// a secret, so nothing may be accepted.
#include <cstddef>
#include <cstdint>

#include "common/aws/sigv4.h"
#include "common/aws/sigv4_request.h"
#include "common/base/check.h"

using namespace millrace;

namespace {

class OneKey final : public aws::KeyStore {
 public:
  std::optional<aws::Credentials> Find(std::string_view id) const override {
    if (id != "AKID") return std::nullopt;
    return aws::Credentials{"AKID", "a secret that no input holds", "000000000000", ""};
  }
};

class FixedClock final : public Clock {
 public:
  WallMs WallNow() const override { return 1795262400000; }  // 20261121T120000Z
  MonoTime Now() const override { return {}; }
};

std::string_view TakeLine(std::string_view& text) {
  size_t end = text.find('\n');
  std::string_view line = text.substr(0, end);
  text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
  return line;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static const OneKey keys;
  static const FixedClock clock;
  static const aws::SigV4Verifier verifier(keys, clock, "kinesis");
  std::string_view text(reinterpret_cast<const char*>(data), size);
  net::HttpRequest request;
  request.method = "POST";
  request.target = TakeLine(text);
  size_t mark = request.target.find('?');
  request.path = request.target.substr(0, mark);
  if (mark != std::string_view::npos) request.query = request.target.substr(mark + 1);
  request.authority = TakeLine(text);
  for (std::string_view line = TakeLine(text); !line.empty(); line = TakeLine(text)) {
    size_t colon = line.find(':');
    if (colon == std::string_view::npos) break;
    request.headers.push_back({line.substr(0, colon), line.substr(colon + 1)});
  }
  auto outcome = verifier.Verify(request, codec::Sha256(text));
  CHECK(outcome.error.has_value() && !outcome.identity.has_value());
  (void)aws::ClaimedIdentity(request);

  aws::SignatureClaim claim;
  if (aws::ReadClaim(request, claim)) return 0;
  std::string canonical;
  if (aws::AppendCanonicalRequest(canonical, request, claim, codec::Sha256(text))) {
    CHECK(canonical.size() >= 64);
  }
  return 0;
}
