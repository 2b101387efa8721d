#include "cli/agent/record_converter.h"

#include <gtest/gtest.h>

namespace millrace::cli {
namespace {

RecordConverter Converter(ProcessingOption option) {
  return std::move(RecordConverter::Make({std::move(option)})).value();
}

TEST(RecordConverter, WithoutOptionsARecordStaysAsItIs) {
  EXPECT_EQ(RecordConverter::Make({})->Convert("a line\n"), "a line\n");
}

TEST(RecordConverter, SingleLineJoinsLines) {
  EXPECT_EQ(Converter({.name = "SINGLELINE"}).Convert("{\n  \"a\": 1\n}\n"), "{\"a\": 1}\n");
}

TEST(RecordConverter, CsvBecomesJsonWithQuotesAndMissingFields) {
  RecordConverter converter = Converter({.name = "CSVTOJSON", .field_names = {"a", "b", "c"}});
  EXPECT_EQ(converter.Convert("1,\"x, \"\"y\"\"\"\n"), R"({"a":"1","b":"x, \"y\"","c":null})"
                                                       "\n");
}

TEST(RecordConverter, CommonApacheLogBecomesJson) {
  RecordConverter converter = Converter({.name = "LOGTOJSON", .log_format = "COMMONAPACHELOG"});
  EXPECT_EQ(
      converter.Convert(
          "64.242.88.10 - - [07/Mar/2004:16:10:02 -0800] \"GET /mailman HTTP/1.1\" 200 6291\n"),
      R"({"host":"64.242.88.10","ident":"-","authuser":"-","datetime":"07/Mar/2004:16:10:02 -0800",)"
      R"("request":"GET /mailman HTTP/1.1","response":"200","bytes":"6291"})"
      "\n");
}

TEST(RecordConverter, SyslogBecomesJson) {
  RecordConverter converter = Converter({.name = "LOGTOJSON", .log_format = "SYSLOG"});
  EXPECT_EQ(
      converter.Convert("Mar 12 12:00:00 server0 ftpd[25001]: lost connection\n"),
      R"({"timestamp":"Mar 12 12:00:00","hostname":"server0","program":"ftpd","processid":"25001",)"
      R"("message":"lost connection"})"
      "\n");
}

TEST(RecordConverter, ALineThatDoesNotMatchIsDropped) {
  EXPECT_EQ(Converter({.name = "LOGTOJSON", .log_format = "SYSLOG"}).Convert("nonsense\n"),
            std::nullopt);
}

TEST(RecordConverter, OwnPatternsNeedFieldNames) {
  EXPECT_FALSE(RecordConverter::Make({{.name = "LOGTOJSON", .match_pattern = "(a)(b)"}}).ok());
  EXPECT_FALSE(RecordConverter::Make({{.name = "LOGTOJSON", .log_format = "NOPE"}}).ok());
  EXPECT_FALSE(
      RecordConverter::Make({{.name = "LOGTOJSON", .field_names = {"x"}, .match_pattern = "("}})
          .ok());
}

TEST(RecordConverter, OptionsRunInTheirOrder) {
  std::vector<ProcessingOption> options;
  options.push_back({.name = "CSVTOJSON", .field_names = {"a"}});
  options.push_back(
      {.name = "ADDMETADATA", .metadata = json::Value(json::Object{{"host", json::Value("h")}})});
  auto converter = RecordConverter::Make(options);
  EXPECT_EQ(converter->Convert("1\n"), "{\"metadata\":{\"host\":\"h\"},\"data\":{\"a\":\"1\"}}\n");
}

}  // namespace
}  // namespace millrace::cli
