#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/status.h"
#include "common/json/value.h"

namespace millrace::config {

// Where an environment variable comes from; a test passes its own.
using Environment = std::function<std::optional<std::string>(const std::string& name)>;
std::optional<std::string> ProcessEnvironment(const std::string& name);

template <typename T>
struct Bounds {
  T min;
  T max;
};

// One declared setting, as help and documents show it. `assign` checks and takes a value.
struct Setting {
  std::string name;         // "tls-listen": the flag; MILLRACE_TLS_LISTEN in the environment
  std::string placeholder;  // "HOST:PORT", a unit, or "a|b"; empty for a switch
  std::string fallback;     // the default, as text
  std::string range;        // "1 to 64"; empty where anything goes
  std::string help;         // one sentence
  std::string section;
  char letter = 0;  // -f
  bool is_switch = false;
  bool is_list = false;
  bool is_set = false;
  std::function<Status(std::string_view)> assign;
};

// The settings of one program or command. Each is declared once, by the module that uses it, and
// then comes from the command line, else from the environment (MILLRACE_<NAME>), else from the YAML
// file that --config names, else from its default:
//
//   Settings settings("millrace-shard [FLAG]...", "Serves the shards of one pod.");
//   const std::string& listen = settings.String("listen", "127.0.0.1:4566", "Where to serve.");
//   settings.ParseOrExit(argc, argv);
//
// Lives in main (or the command), one thread; the references hold as long as it does and change
// only in Parse. A name declared twice is a broken invariant.
class Settings {
 public:
  Settings(std::string usage, std::string description);
  Settings(const Settings&) = delete;

  // A heading that the settings declared from here on stand under.
  void Section(std::string name) { section_ = std::move(name); }

  const std::string& String(std::string_view name, std::string_view fallback, std::string_view help,
                            std::string_view placeholder = "TEXT");
  const std::string& Choice(std::string_view name, std::string_view fallback,
                            const std::vector<std::string>& choices, std::string_view help);
  const int64_t& Int(std::string_view name, int64_t fallback, Bounds<int64_t> bounds,
                     std::string_view help, std::string_view unit = "N");
  // Bytes: 1048576, 64Mi, 64MiB, 10G.
  const uint64_t& Size(std::string_view name, uint64_t fallback, Bounds<uint64_t> bounds,
                       std::string_view help);
  // A switch: --name, --no-name, --name=true.
  const bool& Bool(std::string_view name, bool fallback, std::string_view help);
  // May be given several times; separated by commas in the environment.
  const std::vector<std::string>& List(std::string_view name, std::string_view help,
                                       std::string_view placeholder = "TEXT");
  // A one-letter flag for a declared setting: -f FILE.
  void Letter(std::string_view name, char letter);

  // Reads all sources; `arguments` without the program's name. InvalidArgument names the source,
  // what is wrong and what would do. After `--`, and where no dash leads, arguments are positional.
  Status Parse(const std::vector<std::string>& arguments,
               const Environment& environment = ProcessEnvironment);
  // For mains: prints the help and exits with 0 on --help, the mistake and 2 on a mistake.
  void ParseOrExit(int argc, char** argv);
  void ParseOrExit(const std::vector<std::string>& arguments);

  const std::vector<std::string>& positional() const { return positional_; }
  // Whether any source but the default set it.
  bool IsSet(std::string_view name) const;
  bool help_wanted() const { return help_wanted_; }

  std::string HelpText() const;
  // A table a section, for docs/settings.md; also printed by --help=markdown.
  std::string Markdown() const;
  const std::deque<Setting>& all() const { return settings_; }

 private:
  struct Cursor;

  Setting& Declare(std::string_view name, std::string_view help);
  Setting* FindByName(std::string_view name);
  Setting* FindByLetter(char letter);
  Status ParseArguments(const std::vector<std::string>& arguments);
  Status TakeLong(std::string_view flag, Cursor& cursor);
  Status TakeShort(std::string_view flag, Cursor& cursor);
  Status TakeValue(Setting& setting, std::string_view flag, std::optional<std::string_view> value,
                   Cursor& cursor);
  Status ParseEnvironment(const Environment& environment);
  Status ParseFile(const std::string& path);
  Status UnknownName(std::string_view source, std::string_view name) const;

  const std::string usage_;
  const std::string description_;
  std::string section_ = "General";
  std::deque<Setting> settings_;  // deques: references into them stay
  std::deque<std::string> strings_;
  std::deque<int64_t> ints_;
  std::deque<uint64_t> sizes_;
  std::deque<bool> bools_;
  std::deque<std::vector<std::string>> lists_;
  std::vector<std::string> positional_;
  const std::string* config_path_ = nullptr;
  bool help_wanted_ = false;
  bool markdown_wanted_ = false;
};

// "tls-listen" -> "MILLRACE_TLS_LISTEN".
std::string EnvironmentName(std::string_view setting);

Result<int64_t> ParseInt(std::string_view text);
Result<bool> ParseBool(std::string_view text);
// "64Mi" -> 67108864; binary (Ki, KiB) and decimal (k, kB) suffixes up to T.
Result<uint64_t> ParseSize(std::string_view text);
// The largest binary unit that is exact: "64Mi".
std::string SizeText(uint64_t bytes);

}  // namespace millrace::config
