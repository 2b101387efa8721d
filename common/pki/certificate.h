#pragma once

#include <string>
#include <vector>

#include "common/base/clock.h"
#include "common/base/status.h"

// X.509 certificates of our own: an authority, and what it signs. Everything is PEM text; P-256
// keys, SHA-256. Pure but for random keys and serial numbers; any thread.
namespace millrace::pki {

struct Identity {
  std::string certificate;
  std::string key;
  bool operator==(const Identity&) const = default;
};

struct Validity {
  WallMs not_before_ms = 0;
  WallMs not_after_ms = 0;
};

// One that signs others and nothing else. `name` is its common name.
Result<Identity> MakeAuthority(const std::string& name, const Validity& validity);

// For servers and clients. A name may begin with "*." for one label; what reads as an IPv4 or IPv6
// address is one. kInvalidArgument where the authority cannot be read.
Result<Identity> Issue(const Identity& authority, const std::string& common_name,
                       const std::vector<std::string>& names, const Validity& validity);

// What the first certificate of `pem` says. kInvalidArgument where there is none.
struct CertificateFacts {
  std::string common_name;
  Validity validity;
  std::vector<std::string> names;  // sorted
};
Result<CertificateFacts> Read(const std::string& pem);

// Whether the first certificate of `pem` bears the signature of `authority`'s key.
bool IsSignedBy(const std::string& pem, const std::string& authority);
// Whether the key is the first certificate's.
bool KeyFits(const std::string& pem, const std::string& key);
// The certificates of a bundle, each as its own text; what is none is left out.
std::vector<std::string> SplitBundle(const std::string& bundle);

}  // namespace millrace::pki
