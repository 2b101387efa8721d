#include "common/net/http_types.h"

#include "common/net/ascii.h"

namespace millrace::net {

std::string_view HttpRequest::FindHeader(std::string_view name) const {
  for (const Header& header : headers) {
    if (EqualsIgnoringCase(header.name, name)) return header.value;
  }
  return {};
}

bool HttpRequest::HasHeader(std::string_view name) const {
  for (const Header& header : headers) {
    if (EqualsIgnoringCase(header.name, name)) return true;
  }
  return false;
}

}  // namespace millrace::net
