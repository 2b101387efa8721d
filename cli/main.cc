#include <algorithm>
#include <csignal>
#include <cstdio>
#include <string>

#include "cli/command.h"
#include "common/base/nearest_name.h"

namespace {

using millrace::cli::Command;
using millrace::cli::Commands;

void PrintHelp(std::FILE* out) {
  std::fputs(
      "Millrace: managed streaming on your own machines.\n\nUsage: millrace COMMAND "
      "[FLAG]...\n\nCommands:\n",
      out);
  for (const Command& command : Commands()) {
    std::fprintf(out, "  %-11s %s\n", std::string(command.name).c_str(),
                 std::string(command.help).c_str());
  }
  std::fputs(
      "\n`millrace COMMAND --help` explains a command. First steps: `millrace up`, then point an "
      "AWS SDK at\n"
      "http://127.0.0.1:4566 with AWS_ENDPOINT_URL.\n",
      out);
}

}  // namespace

int main(int argc, char** argv) {
  std::signal(SIGPIPE, SIG_IGN);
  if (argc < 2) {
    PrintHelp(stderr);
    return 2;
  }
  std::string name = argv[1];
  if (name == "--help" || name == "-h" || name == "help") {
    PrintHelp(stdout);
    return 0;
  }
  if (name == "--version") name = "version";
  millrace::cli::Arguments arguments(argv + 2, argv + argc);
  for (const Command& command : Commands()) {
    if (command.name == name) return command.run(arguments);
  }
  std::vector<std::string> names;
  for (const Command& command : Commands()) names.emplace_back(command.name);
  std::string nearest = millrace::NearestName(name, names);
  std::fprintf(stderr, "millrace: there is no command '%s'.%s `millrace help` lists them.\n",
               name.c_str(), nearest.empty() ? "" : (" Did you mean '" + nearest + "'?").c_str());
  return 2;
}
