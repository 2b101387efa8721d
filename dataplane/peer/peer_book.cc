#include "dataplane/peer/peer_book.h"

#include <charconv>

namespace millrace::peer {
namespace {

Result<PeerAddress> ParseAddress(std::string_view text) {
  const size_t colon = text.rfind(':');
  PeerAddress address;
  if (colon != std::string_view::npos) {
    const char* end = text.data() + text.size();
    const auto parsed = std::from_chars(text.data() + colon + 1, end, address.port);
    address.host = text.substr(0, colon);
    if (parsed.ec == std::errc() && parsed.ptr == end && !address.host.empty()) return address;
  }
  return InvalidArgument("peer address '" + std::string(text) + "' is not host:port");
}

}  // namespace

Result<PeerBook> PeerBook::Parse(const std::string& self, const std::string& list,
                                 std::string domain, uint16_t port) {
  PeerBook book;
  book.domain_ = std::move(domain);
  book.port_ = port;
  if (!book.domain_.empty() && port == 0) return InvalidArgument("a peer domain needs a peer port");
  std::string_view left = list;
  while (!left.empty()) {
    const std::string_view item = left.substr(0, left.find(','));
    left.remove_prefix(std::min(left.size(), item.size() + 1));
    if (item.empty()) continue;
    const size_t equals = item.find('=');
    if (equals == std::string_view::npos || equals == 0)
      return InvalidArgument("peer '" + std::string(item) + "' is not name=host:port");
    ASSIGN_OR_RETURN(PeerAddress address, ParseAddress(item.substr(equals + 1)));
    const std::string name(item.substr(0, equals));
    if (name != self) book.listed_[name] = std::move(address);
  }
  return book;
}

// A domain is <pool>.<namespace>.<rest>.
std::optional<PeerAddress> PeerBook::Find(const std::string& name, const std::string& ns) const {
  const auto listed = listed_.find(name);
  if (listed != listed_.end()) return listed->second;
  if (domain_.empty()) return std::nullopt;
  const std::string pool(PoolOf(name));
  const size_t pool_end = domain_.find('.');
  const std::string& other_ns = ns.empty() ? home_ : ns;
  if (domain_.substr(0, pool_end) == pool || other_ns.empty())
    return PeerAddress{name + "." + domain_, port_};
  const size_t ns_end = pool_end == std::string::npos ? pool_end : domain_.find('.', pool_end + 1);
  const std::string rest = ns_end == std::string::npos ? "" : domain_.substr(ns_end);
  return PeerAddress{name + "." + pool + "." + other_ns + rest, port_};
}

std::string_view PoolOf(std::string_view pod) { return pod.substr(0, pod.rfind('-')); }

std::vector<std::string> PeerBook::Names() const {
  std::vector<std::string> names;
  for (const auto& [name, address] : listed_) names.push_back(name);
  return names;
}

}  // namespace millrace::peer
