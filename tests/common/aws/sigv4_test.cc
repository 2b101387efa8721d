#include "common/aws/sigv4.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <map>
#include <memory>
#include <thread>

#include "common/aws/sigv4_request.h"
#include "common/json/value.h"
#include "tests/common/aws/samples.h"

namespace millrace::aws {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

constexpr WallMs kMinuteMs = 60'000;

class FixedClock final : public Clock {
 public:
  WallMs WallNow() const override { return now; }
  MonoTime Now() const override { return {}; }
  WallMs now = 0;
};

class MapKeyStore final : public KeyStore {
 public:
  std::optional<Credentials> Find(std::string_view id) const override {
    auto found = keys.find(id);
    if (found == keys.end()) return std::nullopt;
    return found->second;
  }
  std::map<std::string, Credentials, std::less<>> keys;
};

// A request as a client sends it, which lends its strings to net::HttpRequest.
struct SentRequest {
  std::string name;
  std::string method = "POST";
  std::string target = "/";
  std::vector<net::OwnedHeader> headers;
  std::string body;
  std::string region;

  std::string* Header(std::string_view wanted) {
    for (auto& [header, value] : headers) {
      if (header == wanted) return &value;
    }
    return nullptr;
  }
  net::HttpRequest View() const {
    net::HttpRequest request;
    request.method = method;
    request.target = target;
    size_t mark = target.find('?');
    request.path = std::string_view(target).substr(0, mark);
    if (mark != std::string::npos) request.query = std::string_view(target).substr(mark + 1);
    for (const auto& [header, value] : headers) {
      if (header == "Host") request.authority = value;
      request.headers.push_back({header, value});
    }
    request.body = Slice::Static(body);
    return request;
  }
};

class SigV4 : public testing::Test {
 protected:
  SigV4() {
    const json::Value& sample = ReadSample("sigv4.json");
    credentials_ = {sample["access_key"].AsString(), sample["secret_key"].AsString(),
                    "123456789012", "someone"};
    keys_.keys[credentials_.access_key_id] = credentials_;
    clock_.now = sample["now_ms"].AsInt();
    for (const json::Value& request : sample["requests"].AsArray()) {
      SentRequest& sent = vectors_.emplace_back();
      sent.name = request["name"].AsString();
      sent.method = request["method"].AsString();
      sent.target = request["target"].AsString();
      sent.body = request["body"].AsString();
      sent.region = request["region"].AsString();
      for (const json::Value& header : request["headers"].AsArray()) {
        sent.headers.emplace_back(header.AsArray()[0].AsString(), header.AsArray()[1].AsString());
      }
    }
    verifier_ = std::make_unique<SigV4Verifier>(keys_, clock_, "kinesis");
  }

  SigV4Verifier::Outcome Verify(const SentRequest& sent) const {
    return verifier_->Verify(sent.View(), codec::Sha256(sent.body));
  }
  // "" where the request is accepted.
  std::string Refusal(const SentRequest& sent) const {
    auto outcome = Verify(sent);
    EXPECT_NE(outcome.identity.has_value(), outcome.error.has_value());
    return outcome.error ? outcome.error->type + ": " + outcome.error->message : "";
  }
  const SentRequest& Vector(std::string_view name) const {
    for (const SentRequest& sent : vectors_) {
      if (sent.name == name) return sent;
    }
    ADD_FAILURE() << "no vector " << name;
    return vectors_.front();
  }
  // The plain vector with other text in its Authorization header.
  SentRequest Plain(std::string_view from = "", std::string_view to = "") const {
    SentRequest sent = Vector("plain");
    std::string* authorization = sent.Header("Authorization");
    if (!from.empty()) authorization->replace(authorization->find(from), from.size(), to);
    return sent;
  }

  Credentials credentials_;
  MapKeyStore keys_;
  FixedClock clock_;
  std::vector<SentRequest> vectors_;
  std::unique_ptr<SigV4Verifier> verifier_;
};

TEST_F(SigV4, RequestsThatBotocoreSignedAreAccepted) {
  ASSERT_GE(vectors_.size(), 15U);
  for (int round = 0; round < 2; ++round) {  // with and without a cached key
    for (const SentRequest& sent : vectors_) {
      auto outcome = Verify(sent);
      ASSERT_TRUE(outcome.identity.has_value())
          << sent.name << ": " << (outcome.error ? outcome.error->message : "");
      EXPECT_EQ(outcome.identity->access_key_id, credentials_.access_key_id);
      EXPECT_EQ(outcome.identity->account_id, "123456789012");
      EXPECT_EQ(outcome.identity->user_name, "someone");
      EXPECT_EQ(outcome.identity->region, sent.region);
    }
  }
}

TEST_F(SigV4, EveryChangedCharOfTheTargetIsRefused) {
  for (const SentRequest& sent : vectors_) {
    if (sent.target.find("..") != std::string::npos) continue;  // what ".." undoes is not signed
    for (size_t i = 0; i < sent.target.size(); ++i) {
      SentRequest changed = sent;
      changed.target[i] = changed.target[i] == 'x' ? 'y' : 'x';
      EXPECT_NE(Refusal(changed), "") << sent.name << " at " << i;
    }
  }
}

TEST_F(SigV4, EveryChangedCharOfASignedHeaderIsRefused) {
  for (const SentRequest& sent : vectors_) {
    for (size_t h = 0; h < sent.headers.size(); ++h) {
      if (sent.headers[h].first == "Content-Length") continue;
      for (size_t i = 0; i < sent.headers[h].second.size(); ++i) {
        SentRequest changed = sent;
        char& c = changed.headers[h].second[i];
        if (c == ' ') continue;
        c = c == 'x' ? 'y' : 'x';
        EXPECT_NE(Refusal(changed), "")
            << sent.name << ": " << sent.headers[h].first << " at " << i;
      }
    }
  }
}

TEST_F(SigV4, EveryRemovedHeaderIsRefused) {
  for (const SentRequest& sent : vectors_) {
    for (size_t h = 0; h < sent.headers.size(); ++h) {
      if (sent.headers[h].first == "Content-Length") continue;
      SentRequest changed = sent;
      changed.headers.erase(changed.headers.begin() + static_cast<ptrdiff_t>(h));
      EXPECT_NE(Refusal(changed), "") << sent.name << ": " << sent.headers[h].first;
    }
  }
}

TEST_F(SigV4, ASecondValueOfASignedHeaderIsRefused) {
  SentRequest sent = Plain();
  sent.headers.emplace_back("x-amz-target", "Kinesis_20131202.DeleteStream");
  EXPECT_THAT(Refusal(sent), StartsWith("InvalidSignatureException: The request signature we"));
}

TEST_F(SigV4, EveryChangedByteOfTheBodyIsRefused) {
  for (const SentRequest& sent : vectors_) {
    SentRequest longer = sent;
    longer.body += ' ';
    EXPECT_NE(Refusal(longer), "") << sent.name;
    for (size_t i = 0; i < sent.body.size(); ++i) {
      SentRequest changed = sent;
      changed.body[i] = static_cast<char>(changed.body[i] ^ 1);
      EXPECT_NE(Refusal(changed), "") << sent.name << " at " << i;
    }
  }
}

TEST_F(SigV4, AnotherMethodIsRefused) {
  for (SentRequest sent : vectors_) {
    sent.method = "GET";
    EXPECT_NE(Refusal(sent), "") << sent.name;
  }
}

TEST_F(SigV4, ParametersOfAPresignedQueryMayComeInAnyOrder) {
  SentRequest sent = Vector("presigned with a query");
  size_t mark = sent.target.find('?');
  std::string query = sent.target.substr(mark + 1);
  size_t cut = query.find("&X-Amz-Date");
  sent.target = "/?" + query.substr(cut + 1) + "&" + query.substr(0, cut);
  EXPECT_EQ(Refusal(sent), "");
}

TEST_F(SigV4, AnUnsignedBodyIsRefused) {
  for (std::string declared :
       {"UNSIGNED-PAYLOAD", "STREAMING-AWS4-HMAC-SHA256-PAYLOAD",
        "0000000000000000000000000000000000000000000000000000000000000000"}) {
    SentRequest sent = Plain();
    sent.headers.emplace_back("x-amz-content-sha256", declared);
    EXPECT_THAT(Refusal(sent), StartsWith("InvalidSignatureException")) << declared;
  }
  SentRequest sent = Plain();
  sent.headers.emplace_back("x-amz-content-sha256",
                            "44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a");
  EXPECT_EQ(Refusal(sent), "");
}

TEST_F(SigV4, NoSignatureIsAMissingAuthenticationToken) {
  SentRequest sent = Plain();
  sent.headers.erase(sent.headers.end() - 2);  // Authorization
  EXPECT_EQ(Refusal(sent), "MissingAuthenticationTokenException: Missing Authentication Token");
}

TEST_F(SigV4, BothFormsAtOnceAreRefused) {
  SentRequest sent = Vector("presigned");
  sent.headers.emplace_back("Authorization", *Plain().Header("Authorization"));
  EXPECT_EQ(Refusal(sent),
            "InvalidSignatureException: Found both 'X-Amz-Algorithm' as a query-string param and "
            "'Authorization' as HTTP header.");
}

TEST_F(SigV4, MissingPartsAreNamedAsAwsNamesThem) {
  SentRequest sent;
  sent.headers = {{"Host", "h"}, {"Authorization", "X"}};
  EXPECT_EQ(Refusal(sent),
            "IncompleteSignatureException: Authorization header requires 'Credential' parameter. "
            "Authorization header requires 'Signature' parameter. Authorization header requires "
            "'SignedHeaders' parameter. Authorization header requires existence of either a "
            "'X-Amz-Date' or a 'Date' header. Authorization=X");
  sent.headers = {
      {"Host", "h"}, {"Date", "a"}, {"Authorization", "AWS4- Signature=b, Credential=a"}};
  EXPECT_EQ(
      Refusal(sent),
      "IncompleteSignatureException: Authorization header requires 'SignedHeaders' parameter. "
      "Authorization=AWS4- Signature=b, Credential=a");
  sent.headers = {{"Host", "h"}};
  sent.target = "/?X-Amz-Algorithm";
  EXPECT_EQ(Refusal(sent),
            "IncompleteSignatureException: AWS query-string parameters must include "
            "'X-Amz-Algorithm'. AWS query-string parameters must include 'X-Amz-Credential'. AWS "
            "query-string parameters must include 'X-Amz-Signature'. AWS query-string parameters "
            "must include 'X-Amz-SignedHeaders'. AWS query-string parameters must include "
            "'X-Amz-Date'. Re-examine the query-string parameters.");
}

TEST_F(SigV4, AParameterGivenTwiceIsRefused) {
  SentRequest header = Plain("Signature=", "Signature=0, Signature=");
  EXPECT_THAT(Refusal(header), HasSubstr("parameter 'Signature' twice"));
  SentRequest query = Vector("presigned");
  query.target += "&X-Amz-Expires=60";
  EXPECT_THAT(Refusal(query), HasSubstr("'X-Amz-Expires' twice"));
}

TEST_F(SigV4, AnotherAlgorithmIsRefused) {
  EXPECT_EQ(Refusal(Plain("AWS4-HMAC-SHA256", "AWS4-HMAC-SHA1")),
            "IncompleteSignatureException: Unsupported AWS 'algorithm': 'AWS4-HMAC-SHA1'.");
}

TEST_F(SigV4, TheScopeHasToFit) {
  EXPECT_EQ(
      Refusal(Plain("/kinesis/", "/firehose/")),
      "InvalidSignatureException: Credential should be scoped to correct service: 'kinesis'.");
  EXPECT_EQ(Refusal(Plain("aws4_request", "aws5_request")),
            "InvalidSignatureException: Credential should be scoped with a valid terminator: "
            "'aws4_request', not 'aws5_request'.");
  EXPECT_EQ(
      Refusal(Plain("20261121", "20261120")),
      "InvalidSignatureException: Date in Credential scope does not match YYYYMMDD from "
      "ISO-8601 version of date from HTTP: '20261120' != '20261121', from '20261121T120000Z'.");
  EXPECT_EQ(
      Refusal(Plain("/us-east-1/", "/")),
      "IncompleteSignatureException: Credential must have exactly 5 slash-delimited elements, "
      "e.g. keyid/date/region/service/term, got "
      "'AKIDEXAMPLE0000000AA/20261121/kinesis/aws4_request'");
  EXPECT_THAT(Refusal(Plain("/us-east-1/", "//")), HasSubstr("valid region"));
}

TEST_F(SigV4, TheClockMayBeFifteenMinutesOff) {
  WallMs signed_at = clock_.now;
  clock_.now = signed_at + 15 * kMinuteMs;
  EXPECT_EQ(Refusal(Plain()), "");
  clock_.now = signed_at - 15 * kMinuteMs;
  EXPECT_EQ(Refusal(Plain()), "");
  clock_.now = signed_at + 15 * kMinuteMs + 1000;
  EXPECT_EQ(Refusal(Plain()),
            "InvalidSignatureException: Signature expired: 20261121T120000Z is now earlier than "
            "20261121T120001Z (20261121T121501Z - 15 min.)");
  clock_.now = signed_at - 15 * kMinuteMs - 1000;
  EXPECT_EQ(Refusal(Plain()),
            "InvalidSignatureException: Signature not yet current: 20261121T120000Z is still later "
            "than 20261121T115959Z (20261121T114459Z + 15 min.)");
}

TEST_F(SigV4, APresignedRequestLivesAsLongAsItSays) {
  WallMs signed_at = clock_.now;
  clock_.now = signed_at + 60'000;
  EXPECT_EQ(Refusal(Vector("presigned with a query")), "");
  clock_.now = signed_at + 61'000;
  EXPECT_EQ(Refusal(Vector("presigned with a query")),
            "InvalidSignatureException: Signature expired: 20261121T120000Z is now earlier than "
            "20261121T120001Z (20261121T120101Z - 60 sec.)");
  EXPECT_EQ(Refusal(Vector("presigned for a week")), "");
  for (std::string expires : {"604801", "0", "-1", "1e3", ""}) {
    SentRequest sent = Vector("presigned");
    size_t at = sent.target.find("X-Amz-Expires=900");
    sent.target.replace(at, 17, "X-Amz-Expires=" + expires);
    EXPECT_NE(Refusal(sent), "") << expires;
  }
}

TEST_F(SigV4, ADateThatIsNoneIsRefused) {
  for (std::string date : {"20261121T12000Z", "20261321T120000Z", "20261131T120000Z",
                           "20261121T240000Z", "20261121 120000Z", "2026112xT120000Z",
                           "Sat, 21 Nov 2026 12:00:00 GMT", "-0261121T120000Z"}) {
    SentRequest sent = Plain();
    *sent.Header("X-Amz-Date") = date;
    EXPECT_THAT(Refusal(sent), StartsWith("IncompleteSignatureException: Date must be in ISO-8601"))
        << date;
  }
}

TEST_F(SigV4, HostAndTargetHaveToBeSigned) {
  EXPECT_THAT(Refusal(Plain("content-type;host;x-amz-date", "content-type;x-amz-date")),
              HasSubstr("'Host' or ':authority' must be a 'SignedHeader'"));
  EXPECT_THAT(Refusal(Plain(";x-amz-target", "")),
              HasSubstr("'X-Amz-Target' must be a 'SignedHeader'"));
}

TEST_F(SigV4, AnUnknownKeyIsAnUnrecognizedClient) {
  EXPECT_EQ(Refusal(Plain("AKIDEXAMPLE0000000AA", "AKIDEXAMPLE0000000AB")),
            "UnrecognizedClientException: The security token included in the request is invalid.");
}

TEST_F(SigV4, TheDummySecretOfUnknownKeysOpensNothing) {
  Credentials forged = credentials_;
  forged.access_key_id = "AKIDNOBODY0000000000";
  forged.secret_access_key = std::string(40, '0');
  SignRequest request;
  request.host = "localhost";
  SentRequest sent;
  for (auto& [name, value] : SignV4(request, forged, clock_.now)) {
    sent.headers.emplace_back(name == "host" ? "Host" : name, value);
  }
  EXPECT_THAT(Refusal(sent), StartsWith("UnrecognizedClientException"));
}

TEST_F(SigV4, ANewSecretUnderTheSameKeyReplacesTheCachedOne) {
  EXPECT_EQ(Refusal(Plain()), "");
  keys_.keys[credentials_.access_key_id].secret_access_key = "another";
  EXPECT_THAT(Refusal(Plain()), StartsWith("InvalidSignatureException"));
  keys_.keys.clear();
  EXPECT_THAT(Refusal(Plain()), StartsWith("UnrecognizedClientException"));
}

TEST_F(SigV4, MoreKeysThanTheCacheHoldsAreVerifiedFromManyThreads) {
  constexpr int kKeys = 5000;
  for (int i = 0; i < kKeys; ++i) {
    std::string id = "AKID" + std::to_string(i);
    keys_.keys[id] = {id, "secret of " + id, "000000000000", ""};
  }
  std::atomic<int> accepted = 0;
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < kKeys / 2; ++i) {
        const Credentials& key = keys_.keys.at("AKID" + std::to_string((2 * i + t) % kKeys));
        SignRequest request;
        request.host = "localhost";
        SentRequest sent;
        for (auto& [name, value] : SignV4(request, key, clock_.now)) {
          sent.headers.emplace_back(name == "host" ? "Host" : name, value);
        }
        auto outcome = Verify(sent);
        if (outcome.identity && outcome.identity->access_key_id == key.access_key_id) ++accepted;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(accepted, 4 * kKeys / 2);
}

TEST_F(SigV4, OurOwnSignaturesAreBotocores) {
  for (const SentRequest& sent : vectors_) {
    if (sent.target.find("X-Amz-Signature") != std::string::npos) continue;
    SignRequest request;
    net::HttpRequest view = sent.View();
    request.method = sent.method;
    request.path = view.path;
    request.query = view.query;
    request.body = sent.body;
    request.region = sent.region;
    std::string expected;
    for (const auto& [name, value] : sent.headers) {
      if (name == "Host") {
        request.host = value;
      } else if (name == "Authorization") {
        expected = value;
      } else if (name != "X-Amz-Date" && name != "Content-Length") {
        request.headers.emplace_back(name, value);
      }
    }
    auto added = SignV4(request, credentials_, clock_.now);
    ASSERT_EQ(added.size(), 3U);
    EXPECT_EQ(added[2].second, expected) << sent.name;
  }
}

TEST_F(SigV4, TheClaimedIdentityIsReadFromBothForms) {
  Identity header = ClaimedIdentity(Vector("unusual region").View());
  EXPECT_EQ(header.access_key_id, credentials_.access_key_id);
  EXPECT_EQ(header.region, "localstack");
  EXPECT_EQ(header.account_id, "000000000000");
  EXPECT_EQ(ClaimedIdentity(Vector("presigned for a week").View()).region, "eu-west-1");
  SentRequest account = Plain("AKIDEXAMPLE0000000AA", "111122223333");
  EXPECT_EQ(ClaimedIdentity(account.View()).account_id, "111122223333");
  EXPECT_EQ(ClaimedIdentity(SentRequest().View()).region, "us-east-1");
}

TEST(SigV4Canonical, ValuesLoseWhiteSpaceThatMeansNothing) {
  auto canonical = [](std::string_view value) {
    std::string out;
    AppendCanonicalValue(out, value);
    return out;
  };
  EXPECT_EQ(canonical("  a \t b  "), "a b");
  EXPECT_EQ(canonical(" \t "), "");
  EXPECT_EQ(canonical("a"), "a");
}

TEST(SigV4Canonical, PathsAreNormalisedAndEncodedOnceMore) {
  auto canonical = [](std::string_view path) {
    std::string out;
    AppendCanonicalPath(out, path);
    return out;
  };
  EXPECT_EQ(canonical(""), "/");
  EXPECT_EQ(canonical("/"), "/");
  EXPECT_EQ(canonical("//a//b/"), "/a/b/");
  EXPECT_EQ(canonical("/../../a/.."), "/");
  EXPECT_EQ(canonical("/a%20b"), "/a%2520b");
}

TEST(SigV4Canonical, QueriesAreSortedByWhatIsEncoded) {
  auto canonical = [](std::string_view query) {
    std::string out;
    AppendCanonicalQuery(out, query, "left");
    return out;
  };
  EXPECT_EQ(canonical("b&a=2&a=1&left=x&&c=%zz"), "a=1&a=2&b=&c=%25zz");
  EXPECT_EQ(canonical("a=%2f%41"), "a=%2FA");
}

TEST(SigV4Canonical, SigningTimesRoundTrip) {
  for (WallMs ms : {WallMs{0}, WallMs{1795262400000}, WallMs{951782399000}}) {
    EXPECT_EQ(ParseSigningTime(FormatSigningTime(ms)), ms);
  }
}

}  // namespace
}  // namespace millrace::aws
