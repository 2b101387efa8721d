#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "common/base/check.h"

namespace millrace {

// What went wrong, in the terms of whoever has to act on it. common/aws/error_shape.cc is the only
// place that turns one of these into an AWS exception.
enum class Code {
  kOk,
  // The caller's mistakes.
  kInvalidArgument,  // InvalidArgumentException
  kValidation,       // ValidationException: a shape constraint does not hold
  kNotFound,         // ResourceNotFoundException
  kResourceInUse,    // ResourceInUseException: exists already, or not in the state this needs
  kLimitExceeded,    // LimitExceededException
  kThrottled,        // ProvisionedThroughputExceededException
  kAccessDenied,     // AccessDeniedException
  kExpiredIterator,  // ExpiredIteratorException
  kExpiredToken,     // ExpiredNextTokenException
  kDryRun,           // DryRunOperationException: would have succeeded
  kUnsupported,      // UnknownOperationException: not offered by this build
  // The environment's.
  kConflict,     // a compare-and-set lost: read again
  kUnavailable,  // a peer or a part of ours is away: retry
  kNoSpace,      // the volume is full: retry when there is room
  kIo,           // a system call failed
  kTimeout,
  // Ours.
  kFenced,   // this log acknowledges nothing any more: restart and recover
  kCorrupt,  // bytes that do not carry the checksum they should
  kInternal,
};

std::string_view CodeName(Code code);

// The outcome of an operation: ok, or a code and a message for an administrator. A value; any
// thread. With MILLRACE_STATUS_CHECKED a failed Status that nobody looked at aborts when it is
// destroyed.
class [[nodiscard]] Status {
 public:
  Status() = default;
  Status(Code code, std::string message) : code_(code), message_(std::move(message)) {}
#ifdef MILLRACE_STATUS_CHECKED
  Status(const Status& other) : code_(other.code_), message_(other.message_) {
    other.checked_ = true;
  }
  Status(Status&& other) noexcept : code_(other.code_), message_(std::move(other.message_)) {
    other.checked_ = true;
  }
  Status& operator=(Status other) noexcept {
    MILLRACE_CHECK(checked_ || code_ == Code::kOk);
    code_ = other.code_;
    message_ = std::move(other.message_);
    checked_ = false;
    other.checked_ = true;
    return *this;
  }
  ~Status() { MILLRACE_CHECK(checked_ || code_ == Code::kOk); }
#endif

  bool ok() const {
    MarkChecked();
    return code_ == Code::kOk;
  }
  Code code() const {
    MarkChecked();
    return code_;
  }
  const std::string& message() const { return message_; }
  // "NotFound: stream orders does not exist"
  std::string ToString() const;
  // The same code with `context: ` before the message.
  Status WithContext(std::string_view context) const;
  // Says that a failure is dropped on purpose.
  void IgnoreError() const { MarkChecked(); }

 private:
#ifdef MILLRACE_STATUS_CHECKED
  void MarkChecked() const { checked_ = true; }
  mutable bool checked_ = false;
#else
  void MarkChecked() const {}
#endif
  Code code_ = Code::kOk;
  std::string message_;
};

inline Status OkStatus() { return {}; }
inline Status InvalidArgument(std::string m) { return {Code::kInvalidArgument, std::move(m)}; }
inline Status NotFound(std::string m) { return {Code::kNotFound, std::move(m)}; }
inline Status Unavailable(std::string m) { return {Code::kUnavailable, std::move(m)}; }
inline Status Corrupt(std::string m) { return {Code::kCorrupt, std::move(m)}; }
inline Status Internal(std::string m) { return {Code::kInternal, std::move(m)}; }
// A failed system call: "open /x: No such file or directory"; ENOSPC and EDQUOT become kNoSpace.
Status ErrnoStatus(int error, std::string_view what);

// A value, or the Status that says why there is none. Keeps the interface of std::expected where it
// can, so that it can be swapped for it.
template <typename T>
class [[nodiscard]] Result {
 public:
  Result(T value) : value_(std::move(value)) {}         // NOLINT(google-explicit-constructor)
  Result(Status status) : status_(std::move(status)) {  // NOLINT(google-explicit-constructor)
    MILLRACE_CHECK(!status_.ok());
  }
  bool ok() const { return has_value(); }
  bool has_value() const {
    status_.IgnoreError();  // asking is looking
    return value_.has_value();
  }
  explicit operator bool() const { return ok(); }
  const Status& status() const { return status_; }
  const Status& error() const { return status_; }
  T& value() & {
    MILLRACE_CHECK(ok());
    return *value_;
  }
  const T& value() const& {
    MILLRACE_CHECK(ok());
    return *value_;
  }
  T&& value() && {
    MILLRACE_CHECK(ok());
    return std::move(*value_);
  }
  T& operator*() & { return value(); }
  const T& operator*() const& { return value(); }
  T&& operator*() && { return std::move(*this).value(); }
  T* operator->() { return &value(); }
  const T* operator->() const { return &value(); }
  T value_or(T other) const { return ok() ? *value_ : std::move(other); }

 private:
  Status status_;
  std::optional<T> value_;
};

}  // namespace millrace

#define MILLRACE_CONCAT_INNER(a, b) a##b
#define MILLRACE_CONCAT(a, b) MILLRACE_CONCAT_INNER(a, b)
// RETURN_IF_ERROR(DoThing()); returns the failed Status from this function.
#define RETURN_IF_ERROR(expr)                                          \
  do {                                                                 \
    if (auto status_or_ = (expr); !status_or_.ok()) return status_or_; \
  } while (false)
// ASSIGN_OR_RETURN(auto x, MakeX()); returns the Status where there is no value.
#define ASSIGN_OR_RETURN(lhs, expr) \
  ASSIGN_OR_RETURN_INNER(MILLRACE_CONCAT(result_, __LINE__), lhs, expr)
#define ASSIGN_OR_RETURN_INNER(tmp, lhs, expr) \
  auto tmp = (expr);                           \
  if (!tmp.ok()) return tmp.status();          \
  lhs = std::move(tmp).value()
