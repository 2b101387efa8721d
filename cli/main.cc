#include <algorithm>
#include <csignal>
#include <cstdio>
#include <string>

#include "cli/command.h"
#include "common/base/nearest_name.h"

namespace {

using millrace::cli::Command;

// What the binary is, by the name it was started under.
struct Program {
  std::string name;
  const char* about;
  const char* first_steps;
  const std::vector<Command>& commands;
};

// kubectl runs `kubectl-millrace why x` for `kubectl millrace why x`.
Program ProgramFor(std::string_view path) {
  if (path.ends_with("kubectl-millrace")) {
    return {"kubectl millrace", "Millrace in a Kubernetes cluster, as your kubeconfig sees it.",
            "First look: `kubectl millrace status -A`.\n", millrace::cli::ClusterCommands()};
  }
  return {"millrace", "Millrace: managed streaming on your own machines.",
          "First steps: `millrace up`, then point an AWS SDK at\n"
          "http://127.0.0.1:4566 with AWS_ENDPOINT_URL.\n",
          millrace::cli::Commands()};
}

void PrintHelp(const Program& program, std::FILE* out) {
  std::fprintf(out, "%s\n\nUsage: %s COMMAND [FLAG]...\n\nCommands:\n", program.about,
               program.name.c_str());
  for (const Command& command : program.commands) {
    std::fprintf(out, "  %-14s %s\n", std::string(command.name).c_str(),
                 std::string(command.help).c_str());
  }
  std::fprintf(out, "\n`%s COMMAND --help` explains a command. %s", program.name.c_str(),
               program.first_steps);
}

}  // namespace

int main(int argc, char** argv) {
  std::signal(SIGPIPE, SIG_IGN);
  const Program program = ProgramFor(argc > 0 ? argv[0] : "");
  if (argc < 2) {
    PrintHelp(program, stderr);
    return 2;
  }
  std::string name = argv[1];
  if (name == "--help" || name == "-h" || name == "help") {
    PrintHelp(program, stdout);
    return 0;
  }
  if (name == "--version") name = "version";
  millrace::cli::Arguments arguments(argv + 2, argv + argc);
  std::vector<std::string> names;
  for (const Command& command : program.commands) {
    if (command.name == name) return command.run(arguments);
    names.emplace_back(command.name);
  }
  std::string nearest = millrace::NearestName(name, names);
  std::fprintf(stderr, "%s: there is no command '%s'.%s `%s help` lists them.\n",
               program.name.c_str(), name.c_str(),
               nearest.empty() ? "" : (" Did you mean '" + nearest + "'?").c_str(),
               program.name.c_str());
  return 2;
}
