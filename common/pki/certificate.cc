#include "common/pki/certificate.h"

#include <arpa/inet.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>

#include <algorithm>
#include <cctype>
#include <ctime>
#include <memory>

namespace millrace::pki {
namespace {

constexpr size_t kCommonNameMax = 64;  // of X.520

template <auto free_function>
struct Freer {
  template <typename T>
  void operator()(T* pointer) const {
    free_function(pointer);
  }
};
using Key = std::unique_ptr<EVP_PKEY, Freer<EVP_PKEY_free>>;
using Certificate = std::unique_ptr<X509, Freer<X509_free>>;
using Bio = std::unique_ptr<BIO, Freer<BIO_free>>;
using Names = std::unique_ptr<GENERAL_NAMES, Freer<GENERAL_NAMES_free>>;

Status Failure(std::string_view what) {
  char text[256] = {};
  ERR_error_string_n(ERR_get_error(), text, sizeof text);
  ERR_clear_error();
  return Internal(std::string(what) + ": " + text);
}

Bio Reader(const std::string& text) {
  return Bio(BIO_new_mem_buf(text.data(), static_cast<int>(text.size())));
}

Certificate ParseCertificate(const std::string& pem) {
  const Bio bio = Reader(pem);
  Certificate certificate(PEM_read_bio_X509(bio.get(), nullptr, nullptr, nullptr));
  ERR_clear_error();
  return certificate;
}

Key ParseKey(const std::string& pem) {
  const Bio bio = Reader(pem);
  Key key(PEM_read_bio_PrivateKey(bio.get(), nullptr, nullptr, nullptr));
  ERR_clear_error();
  return key;
}

std::string TextIn(BIO* bio) {
  char* data = nullptr;
  const long size = BIO_get_mem_data(bio, &data);
  return {data, static_cast<size_t>(size)};
}

Result<Identity> ToPem(X509* certificate, EVP_PKEY* key) {
  const Bio certificate_pem(BIO_new(BIO_s_mem()));
  const Bio key_pem(BIO_new(BIO_s_mem()));
  if (certificate_pem == nullptr || key_pem == nullptr ||
      PEM_write_bio_X509(certificate_pem.get(), certificate) != 1 ||
      PEM_write_bio_PrivateKey(key_pem.get(), key, nullptr, nullptr, 0, nullptr, nullptr) != 1) {
    return Failure("write a certificate");
  }
  return Identity{TextIn(certificate_pem.get()), TextIn(key_pem.get())};
}

bool SetRandomSerial(X509* certificate) {
  unsigned char bytes[16];
  if (RAND_bytes(bytes, sizeof bytes) != 1) return false;
  bytes[0] = static_cast<unsigned char>((bytes[0] & 0x7f) | 0x40);  // positive, of full length
  BIGNUM* const number = BN_bin2bn(bytes, sizeof bytes, nullptr);
  const bool set = number != nullptr &&
                   BN_to_ASN1_INTEGER(number, X509_get_serialNumber(certificate)) != nullptr;
  BN_free(number);
  return set;
}

bool SetTimes(X509* certificate, const Validity& validity) {
  constexpr int64_t kMsPerSecond = 1000;
  return ASN1_TIME_set(X509_getm_notBefore(certificate),
                       static_cast<time_t>(validity.not_before_ms / kMsPerSecond)) != nullptr &&
         ASN1_TIME_set(X509_getm_notAfter(certificate),
                       static_cast<time_t>(validity.not_after_ms / kMsPerSecond)) != nullptr;
}

bool SetSubject(X509* certificate, const std::string& name) {
  const std::string shown = name.substr(0, kCommonNameMax);
  const auto* text = reinterpret_cast<const unsigned char*>(shown.c_str());
  return X509_NAME_add_entry_by_txt(X509_get_subject_name(certificate), "CN", MBSTRING_UTF8, text,
                                    -1, -1, 0) == 1;
}

bool AddExtension(X509* certificate, X509* issuer, int nid, const std::string& value) {
  X509V3_CTX context;
  X509V3_set_ctx_nodb(&context);
  X509V3_set_ctx(&context, issuer, certificate, nullptr, nullptr, 0);
  X509_EXTENSION* const extension = X509V3_EXT_conf_nid(nullptr, &context, nid, value.c_str());
  if (extension == nullptr) return false;
  const bool added = X509_add_ext(certificate, extension, -1) == 1;
  X509_EXTENSION_free(extension);
  return added;
}

bool IsAddress(const std::string& name) {
  unsigned char bytes[16];
  return ::inet_pton(AF_INET, name.c_str(), bytes) == 1 ||
         ::inet_pton(AF_INET6, name.c_str(), bytes) == 1;
}

// Names go into OpenSSL's configuration language, where commas and line ends have a meaning.
bool IsPlainName(const std::string& name) {
  return !name.empty() && std::all_of(name.begin(), name.end(), [](unsigned char c) {
    return std::isalnum(c) != 0 || c == '.' || c == '-' || c == '_' || c == '*' || c == ':';
  });
}

// All but extensions and signature.
Certificate Begin(EVP_PKEY* key, const std::string& name, const Validity& validity) {
  Certificate made(X509_new());
  const bool done = made != nullptr && X509_set_version(made.get(), X509_VERSION_3) == 1 &&
                    SetRandomSerial(made.get()) && SetTimes(made.get(), validity) &&
                    SetSubject(made.get(), name) && X509_set_pubkey(made.get(), key) == 1;
  return done ? std::move(made) : nullptr;
}

WallMs TimeOf(const ASN1_TIME* time) {
  std::tm parts{};
  return ASN1_TIME_to_tm(time, &parts) == 1 ? WallMs{::timegm(&parts)} * 1000 : 0;
}

std::string NameIn(const GENERAL_NAME* name) {
  if (name->type == GEN_DNS) {
    return {reinterpret_cast<const char*>(ASN1_STRING_get0_data(name->d.dNSName)),
            static_cast<size_t>(ASN1_STRING_length(name->d.dNSName))};
  }
  if (name->type != GEN_IPADD) return "";
  const bool v6 = ASN1_STRING_length(name->d.iPAddress) == 16;
  char text[INET6_ADDRSTRLEN] = {};
  ::inet_ntop(v6 ? AF_INET6 : AF_INET, ASN1_STRING_get0_data(name->d.iPAddress), text, sizeof text);
  return text;
}

}  // namespace

Result<Identity> MakeAuthority(const std::string& name, const Validity& validity) {
  const Key key(EVP_EC_gen("P-256"));
  if (key == nullptr) return Failure("make a key");
  const Certificate made = Begin(key.get(), name, validity);
  X509* const x = made.get();
  if (x == nullptr || X509_set_issuer_name(x, X509_get_subject_name(x)) != 1 ||
      !AddExtension(x, x, NID_basic_constraints, "critical,CA:TRUE,pathlen:0") ||
      !AddExtension(x, x, NID_key_usage, "critical,keyCertSign,cRLSign") ||
      !AddExtension(x, x, NID_subject_key_identifier, "hash") ||
      X509_sign(x, key.get(), EVP_sha256()) == 0) {
    return Failure("make an authority");
  }
  return ToPem(x, key.get());
}

Result<Identity> Issue(const Identity& authority, const std::string& common_name,
                       const std::vector<std::string>& names, const Validity& validity) {
  const Certificate issuer = ParseCertificate(authority.certificate);
  const Key issuer_key = ParseKey(authority.key);
  if (issuer == nullptr || issuer_key == nullptr ||
      X509_check_private_key(issuer.get(), issuer_key.get()) != 1) {
    ERR_clear_error();
    return InvalidArgument("the authority's certificate and key cannot be read or do not fit");
  }
  std::string list;
  for (const std::string& name : names) {
    if (!IsPlainName(name)) return InvalidArgument("no name for a certificate: " + name);
    list += (list.empty() ? "" : ",") + std::string(IsAddress(name) ? "IP:" : "DNS:") + name;
  }
  const Key key(EVP_EC_gen("P-256"));
  if (key == nullptr) return Failure("make a key");
  const Certificate made = Begin(key.get(), common_name, validity);
  X509* const x = made.get();
  if (x == nullptr || X509_set_issuer_name(x, X509_get_subject_name(issuer.get())) != 1 ||
      (!list.empty() && !AddExtension(x, issuer.get(), NID_subject_alt_name, list)) ||
      !AddExtension(x, issuer.get(), NID_basic_constraints, "critical,CA:FALSE") ||
      !AddExtension(x, issuer.get(), NID_key_usage, "critical,digitalSignature") ||
      !AddExtension(x, issuer.get(), NID_ext_key_usage, "serverAuth,clientAuth") ||
      !AddExtension(x, issuer.get(), NID_subject_key_identifier, "hash") ||
      !AddExtension(x, issuer.get(), NID_authority_key_identifier, "keyid:always") ||
      X509_sign(x, issuer_key.get(), EVP_sha256()) == 0) {
    return Failure("make a certificate");
  }
  return ToPem(x, key.get());
}

Result<CertificateFacts> Read(const std::string& pem) {
  const Certificate certificate = ParseCertificate(pem);
  if (certificate == nullptr) return InvalidArgument("no certificate in PEM");
  CertificateFacts facts;
  char name[256] = {};
  X509_NAME_get_text_by_NID(X509_get_subject_name(certificate.get()), NID_commonName, name,
                            sizeof name);
  facts.common_name = name;
  facts.validity = {TimeOf(X509_get0_notBefore(certificate.get())),
                    TimeOf(X509_get0_notAfter(certificate.get()))};
  const Names names(static_cast<GENERAL_NAMES*>(
      X509_get_ext_d2i(certificate.get(), NID_subject_alt_name, nullptr, nullptr)));
  for (int i = 0; names != nullptr && i < sk_GENERAL_NAME_num(names.get()); ++i) {
    std::string text = NameIn(sk_GENERAL_NAME_value(names.get(), i));
    if (!text.empty()) facts.names.push_back(std::move(text));
  }
  std::sort(facts.names.begin(), facts.names.end());
  return facts;
}

bool IsSignedBy(const std::string& pem, const std::string& authority) {
  const Certificate certificate = ParseCertificate(pem);
  const Certificate issuer = ParseCertificate(authority);
  if (certificate == nullptr || issuer == nullptr) return false;
  const bool is_signed = X509_verify(certificate.get(), X509_get0_pubkey(issuer.get())) == 1;
  ERR_clear_error();
  return is_signed;
}

bool KeyFits(const std::string& pem, const std::string& key) {
  const Certificate certificate = ParseCertificate(pem);
  const Key parsed = ParseKey(key);
  const bool fits = certificate != nullptr && parsed != nullptr &&
                    X509_check_private_key(certificate.get(), parsed.get()) == 1;
  ERR_clear_error();
  return fits;
}

std::vector<std::string> SplitBundle(const std::string& bundle) {
  constexpr std::string_view kBegin = "-----BEGIN CERTIFICATE-----";
  constexpr std::string_view kEnd = "-----END CERTIFICATE-----";
  std::vector<std::string> parts;
  for (size_t at = bundle.find(kBegin); at != std::string::npos; at = bundle.find(kBegin, at + 1)) {
    const size_t end = bundle.find(kEnd, at);
    if (end == std::string::npos) break;
    std::string part = bundle.substr(at, end + kEnd.size() - at) + "\n";
    if (ParseCertificate(part) != nullptr) parts.push_back(std::move(part));
  }
  return parts;
}

}  // namespace millrace::pki
