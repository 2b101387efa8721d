#pragma once

#include <string>
#include <string_view>

#include "common/base/status.h"

namespace millrace::cli {

// "stream", "streams", "strm" -> "streams"; InvalidArgument names what there is.
Result<std::string> PluralOf(std::string_view kind);

// "namespaces/<ns>/<plural>[/<name>]", or "<plural>" for every namespace.
std::string ResourcePath(const std::string& ns, const std::string& plural, const std::string& name);

}  // namespace millrace::cli
