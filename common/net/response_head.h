#pragma once

#include <string>
#include <string_view>

namespace millrace::net {

// Headers that the server sets itself, whatever a handler gives.
bool IsSetByServer(std::string_view name);
// Answers of this status never have a body.
bool HasNoBody(int status);
// Adds a header's value, with spaces for what would end its line: handlers put others' text there.
void AppendFieldValue(std::string_view value, std::string& out);

}  // namespace millrace::net
