// Runs lanes through simulated lives, crashes and faults, one world a seed.
//   lane_sim --seed 7 --virtual-seconds 600      one world
//   lane_sim --seeds 1..200 --virtual-seconds 20 many; stops at the first problem
//   --twice     every seed twice: the traces must be the same
//   --expect-loss  on a disk that lies: the checker must find the loss
//   --room      a log that filled its own room must get out of that by itself
//   --verbose   the settings of each world, and the lane's own log lines
// A problem is printed with its seed, and the same arguments show it again.

#include <unistd.h>

#include <charconv>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <string>
#include <string_view>
#include <utility>

#include "tests/sim/lane_world.h"

namespace {

using millrace::sim::DrawSettings;
using millrace::sim::LaneWorld;
using millrace::sim::SimReport;
using millrace::sim::SimSettings;

struct Arguments {
  uint64_t first_seed = 1;
  uint64_t last_seed = 1;
  uint64_t virtual_seconds = 60;
  bool twice = false;
  bool expect_loss = false;
  bool room = false;
  bool verbose = false;
};

volatile uint64_t seed_under_way = 0;

// A failed CHECK names its line; this names the seed that shows it again.
void OnCrash(int signal) {
  char text[64];
  const int n = std::snprintf(text, sizeof text, "FAILED seed=%llu: signal %d\n",
                              static_cast<unsigned long long>(seed_under_way), signal);
  [[maybe_unused]] ssize_t written = write(STDOUT_FILENO, text, static_cast<size_t>(n));
  std::signal(signal, SIG_DFL);
  std::raise(signal);
}

uint64_t ParseNumber(std::string_view text) {
  uint64_t value = 0;
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) {
    std::fprintf(stderr, "not a number: %.*s\n", static_cast<int>(text.size()), text.data());
    std::exit(2);
  }
  return value;
}

Arguments Parse(int argc, char** argv) {
  Arguments arguments;
  for (int i = 1; i < argc; ++i) {
    const std::string_view name = argv[i];
    const std::string_view value = i + 1 < argc ? argv[i + 1] : "";
    if (name == "--seed") {
      arguments.first_seed = arguments.last_seed = ParseNumber(value);
      ++i;
    } else if (name == "--seeds") {
      const size_t dots = value.find("..");
      arguments.first_seed = ParseNumber(value.substr(0, dots));
      arguments.last_seed = ParseNumber(value.substr(dots + 2));
      ++i;
    } else if (name == "--virtual-seconds") {
      arguments.virtual_seconds = ParseNumber(value);
      ++i;
    } else if (name == "--twice") {
      arguments.twice = true;
    } else if (name == "--expect-loss") {
      arguments.expect_loss = true;
    } else if (name == "--room") {
      arguments.room = true;
    } else if (name == "--verbose") {
      arguments.verbose = true;
    } else {
      std::fprintf(stderr, "unknown argument %s\n", argv[i]);
      std::exit(2);
    }
  }
  return arguments;
}

SimReport RunSeed(uint64_t seed, const Arguments& arguments) {
  seed_under_way = seed;
  SimSettings settings = DrawSettings(seed);
  settings.checks_room = arguments.room;
  if (arguments.expect_loss) {
    settings.faults = {.lies = true};
    settings.disk.write_error_one_in = settings.disk.read_error_one_in = 0;
    settings.disk.folder_error_one_in = 0;
  }
  if (arguments.verbose) {
    std::printf("seed=%llu%s\n", static_cast<unsigned long long>(seed),
                settings.ToString().c_str());
  }
  LaneWorld world(seed, settings);
  return world.Run(std::chrono::seconds(arguments.virtual_seconds));
}

void Print(const char* what, const SimReport& r, double cpu_seconds) {
  const double virtual_seconds = static_cast<double>(r.virtual_time.count()) / 1e9;
  std::printf("%s virtual_s=%.1f ratio=%.0f", what, virtual_seconds, virtual_seconds / cpu_seconds);
  const std::pair<const char*, uint64_t> counts[] = {
      {"events", r.events},         {"crashes", r.crashes},
      {"closes", r.closes},         {"fenced", r.fenced},
      {"appends", r.appends},       {"refused", r.refused},
      {"reads", r.reads},           {"full", r.full},
      {"rotten", r.rotten},         {"lost", r.records_lost},
      {"reused", r.indexes_reused},
  };
  for (auto [name, count] : counts) {
    std::printf(" %s=%llu", name, static_cast<unsigned long long>(count));
  }
  if (r.trace_hash != 0)
    std::printf(" hash=%016llx", static_cast<unsigned long long>(r.trace_hash));
  if (!r.problem.empty()) std::printf(" PROBLEM: %s", r.problem.c_str());
  std::printf("\n");
}

double CpuSeconds() {
  timespec now{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) / 1e9;
}

// Whether this seed went as it should.
bool Passes(uint64_t seed, const Arguments& arguments, SimReport* total) {
  const double begin = CpuSeconds();
  const SimReport report = RunSeed(seed, arguments);
  bool passed = report.problem.empty();
  if (arguments.twice) {
    const SimReport again = RunSeed(seed, arguments);
    if (again.trace_hash != report.trace_hash || again.problem != report.problem) {
      std::printf("FAILED seed=%llu: two runs differ\n", static_cast<unsigned long long>(seed));
      passed = false;
    }
  }
  const double seconds = (CpuSeconds() - begin) / (arguments.twice ? 2 : 1);
  if (arguments.verbose || arguments.first_seed == arguments.last_seed || !passed) {
    Print(("seed=" + std::to_string(seed)).c_str(), report, seconds);
  }
  total->virtual_time += report.virtual_time;
  for (auto count :
       {&SimReport::events, &SimReport::crashes, &SimReport::closes, &SimReport::fenced,
        &SimReport::appends, &SimReport::refused, &SimReport::reads, &SimReport::full,
        &SimReport::rotten, &SimReport::records_lost, &SimReport::indexes_reused}) {
    total->*count += report.*count;
  }
  return passed;
}

}  // namespace

int main(int argc, char** argv) {
  const Arguments arguments = Parse(argc, argv);
  for (int signal : {SIGABRT, SIGSEGV, SIGFPE, SIGBUS}) std::signal(signal, OnCrash);
  // The lane logs every fence and every damaged block it meets.
  if (!arguments.verbose && std::freopen("/dev/null", "w", stderr) == nullptr) return 2;
  const double begin = CpuSeconds();
  SimReport total;
  bool passed = true;
  bool found = false;
  for (uint64_t seed = arguments.first_seed; seed <= arguments.last_seed; ++seed) {
    passed = Passes(seed, arguments, &total);
    found |= !passed;
    if (passed || arguments.expect_loss) continue;
    std::printf("FAILED seed=%llu (lane_sim --seed %llu --virtual-seconds %llu%s --verbose)\n",
                static_cast<unsigned long long>(seed), static_cast<unsigned long long>(seed),
                static_cast<unsigned long long>(arguments.virtual_seconds),
                arguments.room ? " --room" : "");
    break;
  }
  const double seconds = CpuSeconds() - begin;
  if (arguments.twice) total.virtual_time *= 2;
  Print("all", total, seconds);
  if (!arguments.expect_loss) return passed ? 0 : 1;
  std::printf(found ? "the loss was found\n" : "FAILED: the loss was not found\n");
  return found ? 0 : 1;
}
