#include "dataplane/delivery/service/delivery_service.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "tests/support/temp_folder.h"

namespace millrace::delivery {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing_support::TempFolder;

TEST(DeliveryService, WithoutItsPlanSaysSoAndTakesItOnceItIsThere) {
  TempFolder folder;
  const std::string path = folder.path() / "plan.json";
  metrics::Registry registry;
  DeliveryService service({.plan_path = path, .name = "orders-0", .build = {}}, registry,
                          SystemClock());
  service.Refresh();
  EXPECT_THAT(service.NotReady(), HasSubstr("No such file"));
  std::ofstream(path) << "{}";
  service.Refresh();
  const std::string refused = service.NotReady();
  EXPECT_THAT(refused, AllOf(Not(IsEmpty()), Not(HasSubstr("No such file"))));
  std::filesystem::remove(path);
  service.Refresh();
  EXPECT_THAT(service.NotReady(), HasSubstr("No such file"));
  std::ofstream(path) << "{}";
  service.Refresh();
  EXPECT_EQ(service.NotReady(), refused);
}

}  // namespace
}  // namespace millrace::delivery
