#pragma once

#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>
#include <type_traits>

namespace millrace::log {

enum class Level { kDebug, kInfo, kWarning, kError };

// One key and value of a line; numbers are rendered as they are, text is quoted where it must be.
struct Field {
  std::string_view key;
  std::string value;

  Field(std::string_view k, std::string_view v) : key(k), value(v) {}
  Field(std::string_view k, const char* v) : key(k), value(v) {}
  Field(std::string_view k, const std::string& v) : key(k), value(v) {}
  template <typename T>
    requires std::is_arithmetic_v<T>
  Field(std::string_view k, T v) : key(k), value(std::to_string(v)) {}
};

// Where lines go and from which level on; called once, in main, before any thread starts. Default:
// kInfo to standard error. `component` stands in every line.
void Configure(std::string_view component, Level level);

// One line of key=value pairs (logfmt): time, level, component, msg, then `fields`. `message` is a
// constant; what varies is a field. Never pass a secret, a payload or a signature. Any thread.
void Write(Level level, std::string_view message, std::initializer_list<Field> fields = {});

inline void Debug(std::string_view m, std::initializer_list<Field> f = {}) {
  Write(Level::kDebug, m, f);
}
inline void Info(std::string_view m, std::initializer_list<Field> f = {}) {
  Write(Level::kInfo, m, f);
}
inline void Warning(std::string_view m, std::initializer_list<Field> f = {}) {
  Write(Level::kWarning, m, f);
}
inline void Error(std::string_view m, std::initializer_list<Field> f = {}) {
  Write(Level::kError, m, f);
}

}  // namespace millrace::log
