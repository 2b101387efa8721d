#pragma once

namespace millrace {

// Prints the broken invariant with its place and aborts; the log is what we recover from.
[[noreturn]] void CheckFailed(const char* expression, const char* file, int line);

}  // namespace millrace

// For our own invariants only, never for anything a user, a peer or a disk can cause.
#define MILLRACE_CHECK(expr) \
  (static_cast<bool>(expr) ? void(0) : ::millrace::CheckFailed(#expr, __FILE__, __LINE__))
#define CHECK(expr) MILLRACE_CHECK(expr)
#ifdef NDEBUG
#define DCHECK(expr) ((void)sizeof(expr))
#else
#define DCHECK(expr) MILLRACE_CHECK(expr)
#endif
