#include "common/config/setting.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <map>

namespace millrace::config {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

// A command with one setting of each kind.
struct Command {
  Settings settings{"millrace up [FLAG]...", "Runs everything."};
  const std::string& listen =
      settings.String("listen", "127.0.0.1:4566", "Where to serve.", "HOST:PORT");
  const std::string& auth =
      settings.Choice("auth", "none", {"none", "sigv4"}, "How callers are known.");
  const int64_t& lanes = settings.Int("lanes", 2, {1, 64}, "Write-ahead logs.");
  const uint64_t& cap =
      settings.Size("log-bytes-max", 10ULL << 30, {1ULL << 20, 1ULL << 50}, "Cap of the log.");
  const bool& limits = settings.Bool("aws-limits", false, "Restores AWS's limits a shard.");
  const std::vector<std::string>& files = settings.List("filename", "Resources to apply.", "FILE");
  std::map<std::string, std::string> environment;

  Command() { settings.Letter("filename", 'f'); }

  Status Parse(const std::vector<std::string>& arguments) {
    return settings.Parse(arguments, [this](const std::string& name) -> std::optional<std::string> {
      auto it = environment.find(name);
      if (it == environment.end()) return std::nullopt;
      return it->second;
    });
  }
  std::string ErrorOf(const std::vector<std::string>& arguments) {
    const Status status = Parse(arguments);
    EXPECT_EQ(status.code(), Code::kInvalidArgument);
    return status.message();
  }
};

class ConfigFile : public testing::Test {
 protected:
  ~ConfigFile() override { std::filesystem::remove(path_); }
  std::string Write(std::string_view text) {
    std::ofstream(path_) << text;
    return path_;
  }
  std::string path_ = testing::TempDir() + "setting_test." + std::to_string(getpid()) + ".yaml";
};

TEST(Settings, DefaultsHoldWhereNothingIsSaid) {
  Command command;
  ASSERT_TRUE(command.Parse({}).ok());
  EXPECT_EQ(command.listen, "127.0.0.1:4566");
  EXPECT_EQ(command.lanes, 2);
  EXPECT_EQ(command.cap, 10ULL << 30);
  EXPECT_FALSE(command.limits);
  EXPECT_FALSE(command.settings.IsSet("listen"));
}

TEST(Settings, FlagsTakeTheirValueEitherWay) {
  Command command;
  ASSERT_TRUE(
      command
          .Parse({"--listen", "0.0.0.0:1", "--auth=sigv4", "here", "--log-bytes-max", "64Mi", "-f",
                  "a", "-fb", "--filename=c", "--aws-limits", "--lanes", "8", "--", "--lanes"})
          .ok());
  EXPECT_EQ(command.listen, "0.0.0.0:1");
  EXPECT_EQ(command.auth, "sigv4");
  EXPECT_EQ(command.cap, 64ULL << 20);
  EXPECT_EQ(command.lanes, 8);
  EXPECT_TRUE(command.limits);
  EXPECT_TRUE(command.settings.IsSet("listen"));
  EXPECT_THAT(command.files, ElementsAre("a", "b", "c"));
  EXPECT_THAT(command.settings.positional(), ElementsAre("here", "--lanes"));
}

TEST(Settings, SwitchesTurnOffToo) {
  Command command;
  command.environment["MILLRACE_AWS_LIMITS"] = "true";
  ASSERT_TRUE(command.Parse({"--no-aws-limits"}).ok());
  EXPECT_FALSE(command.limits);
}

TEST_F(ConfigFile, FlagBeatsEnvironmentBeatsFileBeatsDefault) {
  Command command;
  command.environment = {
      {"MILLRACE_LISTEN", "env:1"}, {"MILLRACE_LANES", "3"}, {"MILLRACE_FILENAME", "x,y"}};
  const std::string path =
      Write("listen: file:1\nlanes: 4\nauth: sigv4\naws-limits: true\nlog-bytes-max: 1Gi\n");
  ASSERT_TRUE(command.Parse({"--config", path, "--listen", "flag:1"}).ok());
  EXPECT_EQ(command.listen, "flag:1");
  EXPECT_EQ(command.lanes, 3);
  EXPECT_EQ(command.auth, "sigv4");
  EXPECT_TRUE(command.limits);
  EXPECT_EQ(command.cap, 1ULL << 30);
  EXPECT_THAT(command.files, ElementsAre("x", "y"));
}

TEST_F(ConfigFile, MayBeEmpty) { EXPECT_TRUE(Command().Parse({"--config", Write("")}).ok()); }

TEST_F(ConfigFile, MayHoldLists) {
  Command command;
  ASSERT_TRUE(command.Parse({"--config", Write("filename: [a, b]\n")}).ok());
  EXPECT_THAT(command.files, ElementsAre("a", "b"));
}

TEST_F(ConfigFile, MistakesNameTheFileAndTheSetting) {
  EXPECT_EQ(Command().ErrorOf({"--config", Write("lisen: x\n")}),
            path_ + ": there is no setting 'lisen'; did you mean 'listen'?");
  EXPECT_EQ(Command().ErrorOf({"--config", Write("lanes: 0\n")}),
            path_ + ": lanes: 0 is below the least allowed, 1");
  EXPECT_EQ(Command().ErrorOf({"--config", Write("listen: {a: 1}\n")}),
            path_ + ": listen must be a plain value");
  EXPECT_EQ(Command().ErrorOf({"--config", Write("- a\n")}),
            path_ + ": must be one mapping of setting names to values");
  EXPECT_THAT(Command().ErrorOf({"--config", Write("a: [\n")}), HasSubstr("YAML: line"));
  EXPECT_EQ(Command().ErrorOf({"--config", path_ + ".none"}),
            "cannot read the settings file " + path_ + ".none");
}

TEST(Settings, MistakesSayWhatWouldDo) {
  EXPECT_EQ(Command().ErrorOf({"--lisen", "x"}),
            "--lisen: there is no setting 'lisen'; did you mean 'listen'?");
  EXPECT_EQ(Command().ErrorOf({"-x"}), "-x: there is no setting 'x'");
  EXPECT_EQ(Command().ErrorOf({"--lanes", "65"}), "--lanes: 65 is above the most allowed, 64");
  EXPECT_EQ(Command().ErrorOf({"--lanes", "two"}), "--lanes: 'two' is not a whole number");
  EXPECT_EQ(Command().ErrorOf({"--lanes"}), "--lanes needs a value (N)");
  EXPECT_EQ(Command().ErrorOf({"--lanes", "--auth"}), "--lanes needs a value (N)");
  EXPECT_EQ(Command().ErrorOf({"--auth", "basic"}), "--auth: 'basic' is none of none, sigv4");
  EXPECT_EQ(Command().ErrorOf({"--aws-limits=maybe"}),
            "--aws-limits: 'maybe' is neither true nor false");
  EXPECT_EQ(Command().ErrorOf({"--log-bytes-max", "1k"}),
            "--log-bytes-max: 1000 is below the least allowed, 1Mi");
  Command command;
  command.environment["MILLRACE_LANES"] = "x";
  EXPECT_EQ(command.ErrorOf({}), "environment variable MILLRACE_LANES: 'x' is not a whole number");
}

TEST(Settings, SizesTakeBinaryAndDecimalUnits) {
  EXPECT_EQ(*ParseSize("0"), 0U);
  EXPECT_EQ(*ParseSize("123"), 123U);
  EXPECT_EQ(*ParseSize("1KiB"), 1024U);
  EXPECT_EQ(*ParseSize("2G"), 2'000'000'000U);
  EXPECT_EQ(*ParseSize("2GB"), 2'000'000'000U);
  for (const char* wrong : {"", "x", "-1", "1.5Gi", "1X", "99999999999Ti", "1 Ki"}) {
    EXPECT_FALSE(ParseSize(wrong).ok()) << wrong;
  }
  EXPECT_EQ(SizeText(0), "0");
  EXPECT_EQ(SizeText(1000), "1000");
  EXPECT_EQ(SizeText(3ULL << 30), "3Gi");
}

TEST(Settings, HelpShowsEverySettingWithItsFacts) {
  Command command;
  ASSERT_TRUE(command.Parse({"--help"}).ok());
  EXPECT_TRUE(command.settings.help_wanted());
  const std::string help = command.settings.HelpText();
  EXPECT_THAT(help, HasSubstr("Usage: millrace up [FLAG]...\n\nRuns everything.\n"));
  EXPECT_THAT(help, HasSubstr("      --lanes N                 Write-ahead logs. [default 2; 1 to "
                              "64; MILLRACE_LANES]\n"));
  EXPECT_THAT(
      help, HasSubstr("  -f, --filename FILE ...       Resources to apply. [MILLRACE_FILENAME]\n"));
  for (const Setting& setting : command.settings.all())
    EXPECT_THAT(help, HasSubstr("--" + setting.name));
}

TEST(Settings, MarkdownHasARowForEach) {
  Command command;
  const std::string text = command.settings.Markdown();
  EXPECT_THAT(text, HasSubstr("## millrace up\n\nRuns everything.\n\n| Flag |"));
  EXPECT_THAT(
      text,
      HasSubstr("| `--lanes` | `MILLRACE_LANES` | N | `2` | 1 to 64 | Write-ahead logs. |\n"));
  EXPECT_THAT(
      text,
      HasSubstr(
          "| `--auth` | `MILLRACE_AUTH` | none\\|sigv4 | `none` |  | How callers are known. |\n"));
}

TEST(Settings, SectionsStandUnderTheirHeadings) {
  Settings settings("millrace-shard [FLAG]...", "Serves.");
  settings.Section("Log");
  settings.Int("lanes", 2, {1, 64}, "Write-ahead logs.");
  EXPECT_THAT(settings.Markdown(), HasSubstr("\n### Log\n\n| Flag |"));
  EXPECT_THAT(settings.HelpText(), HasSubstr("\nLog\n      --lanes N"));
}

TEST(SettingsDeathTest, DeclaringANameTwiceAborts) {
  Command command;
  EXPECT_DEATH(command.settings.Bool("lanes", false, "Again."), "FindByName");
}

}  // namespace
}  // namespace millrace::config
