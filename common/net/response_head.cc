#include "common/net/response_head.h"

#include "common/net/ascii.h"

namespace millrace::net {

bool IsSetByServer(std::string_view name) {
  switch (name.size()) {
    case 4:
      return EqualsIgnoringCase(name, "Date");
    case 10:
      return EqualsIgnoringCase(name, "Connection");
    case 14:
      return EqualsIgnoringCase(name, "Content-Length");
    case 17:
      return EqualsIgnoringCase(name, "Transfer-Encoding");
    default:
      return false;
  }
}

bool HasNoBody(int status) { return status == 204 || status == 304 || status < 200; }

void AppendFieldValue(std::string_view value, std::string& out) {
  const size_t begin = out.size();
  out.append(value);
  for (size_t i = begin; i < out.size(); ++i) {
    if (out[i] == '\r' || out[i] == '\n' || out[i] == '\0') out[i] = ' ';
  }
}

}  // namespace millrace::net
