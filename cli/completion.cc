#include <cstdio>
#include <string>

#include "cli/command.h"

namespace millrace::cli {
namespace {

std::string CommandNames() {
  std::string names;
  for (const Command& command : Commands())
    names += (names.empty() ? "" : " ") + std::string(command.name);
  return names;
}

std::string Bash() {
  return "_millrace() {\n"
         "  local word=\"${COMP_WORDS[COMP_CWORD]}\" command=\"${COMP_WORDS[1]}\"\n"
         "  if [ \"$COMP_CWORD\" -eq 1 ]; then\n"
         "    COMPREPLY=($(compgen -W \"" +
         CommandNames() +
         "\" -- \"$word\"))\n"
         "  elif [[ \"$word\" == -* ]]; then\n"
         "    COMPREPLY=($(compgen -W \"$(millrace \"$command\" --help 2>/dev/null | grep -oE -- "
         "'--[a-z-]+' | sort -u)\" -- \"$word\"))\n"
         "  else\n"
         "    case \"$command\" in\n"
         "      put|tail|shards|bench) COMPREPLY=($(compgen -W \"$(millrace streams -o json "
         "2>/dev/null | grep -oE '\"StreamName\": *\"[^\"]+' | sed 's/.*\"//')\" -- \"$word\")) "
         ";;\n"
         "      get|describe|delete) COMPREPLY=($(compgen -W \"streams\" -- \"$word\")) ;;\n"
         "      completion) COMPREPLY=($(compgen -W \"bash zsh fish\" -- \"$word\")) ;;\n"
         "      *) COMPREPLY=($(compgen -f -- \"$word\")) ;;\n"
         "    esac\n"
         "  fi\n"
         "}\n"
         "complete -F _millrace millrace\n";
}

std::string Fish() {
  std::string script;
  for (const Command& command : Commands()) {
    script += "complete -c millrace -n __fish_use_subcommand -f -a " + std::string(command.name) +
              " -d '" + std::string(command.help) + "'\n";
  }
  return script;
}

}  // namespace

int RunCompletion(const Arguments& arguments) {
  std::string shell = arguments.size() == 1 ? arguments[0] : "";
  if (shell == "bash") {
    std::fputs(Bash().c_str(), stdout);
  } else if (shell == "zsh") {
    std::fputs(("autoload -U +X bashcompinit && bashcompinit\n" + Bash()).c_str(), stdout);
  } else if (shell == "fish") {
    std::fputs(Fish().c_str(), stdout);
  } else {
    std::fprintf(
        shell == "--help" ? stdout : stderr,
        "Usage: millrace completion bash|zsh|fish\n\nTry it: source <(millrace completion bash)\n");
    return shell == "--help" ? 0 : 2;
  }
  return 0;
}

}  // namespace millrace::cli
