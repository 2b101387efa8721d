#include "common/base/status.h"

#include <cerrno>
#include <system_error>

namespace millrace {

std::string_view CodeName(Code code) {
  switch (code) {
    case Code::kOk:
      return "Ok";
    case Code::kInvalidArgument:
      return "InvalidArgument";
    case Code::kValidation:
      return "Validation";
    case Code::kNotFound:
      return "NotFound";
    case Code::kResourceInUse:
      return "ResourceInUse";
    case Code::kLimitExceeded:
      return "LimitExceeded";
    case Code::kThrottled:
      return "Throttled";
    case Code::kAccessDenied:
      return "AccessDenied";
    case Code::kExpiredIterator:
      return "ExpiredIterator";
    case Code::kExpiredToken:
      return "ExpiredToken";
    case Code::kDryRun:
      return "DryRun";
    case Code::kUnsupported:
      return "Unsupported";
    case Code::kConflict:
      return "Conflict";
    case Code::kUnavailable:
      return "Unavailable";
    case Code::kNoSpace:
      return "NoSpace";
    case Code::kIo:
      return "Io";
    case Code::kTimeout:
      return "Timeout";
    case Code::kFenced:
      return "Fenced";
    case Code::kCorrupt:
      return "Corrupt";
    case Code::kInternal:
      return "Internal";
  }
  return "Unknown";
}

std::string Status::ToString() const {
  if (code() == Code::kOk) return "Ok";
  return std::string(CodeName(code())) + ": " + message_;
}

Status Status::WithContext(std::string_view context) const {
  if (ok()) return *this;
  return {code_, std::string(context) + ": " + message_};
}

Status ErrnoStatus(int error, std::string_view what) {
  Code code = error == ENOSPC || error == EDQUOT ? Code::kNoSpace : Code::kIo;
  return {code, std::string(what) + ": " + std::generic_category().message(error)};
}

}  // namespace millrace
