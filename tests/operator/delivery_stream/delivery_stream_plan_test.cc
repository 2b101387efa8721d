#include "operator/delivery_stream/delivery_stream_plan.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/resources/conditions.h"

namespace millrace::op {
namespace {

using resources::Resource;
using testing::HasSubstr;

json::Value Yaml(std::string_view text) { return (*json::ParseYaml(text))[0]; }

DeliveryInput Input(std::string_view spec = "destination: {type: S3, s3: {bucket: lake}}") {
  DeliveryInput input;
  input.resource.kind = resources::kDeliveryStreamKind;
  input.resource.key = {"shop", "clicks"};
  input.resource.uid = "u-1";
  input.resource.generation = 1;
  input.resource.spec = Yaml(spec);
  input.now = 1'700'000'000'000;
  return input;
}

// With finalizer and version, as after the first reconcile.
DeliveryInput Taken(DeliveryInput input) {
  input.resource.finalizers = {std::string(kDeliveryFinalizer)};
  SetVersion(input.resource, *resources::DeliveryStreamSpec::Parse(input.resource.spec));
  return input;
}

Resource ActiveStream(const std::string& name) {
  Resource stream;
  stream.kind = "Stream";
  stream.key = {"shop", name};
  stream.spec = json::Object{};
  stream.status.Set("streamStatus", "ACTIVE");
  stream.status.Set("streamARN", "arn:" + name);
  return stream;
}

DeliveryInput Running(std::string_view spec = "destination: {type: S3, s3: {bucket: lake}}") {
  DeliveryInput input = Taken(Input(spec));
  input.source = ActiveStream("clicks-direct-put");
  input.observed.running = 1;
  input.observed.report.emplace().generation = 1;
  return input;
}

std::string Why(const DeliverySteps& steps, std::string_view type) {
  if (!steps.status) return "no status";
  const json::Value& condition = resources::FindCondition(*steps.status, type);
  return condition["status"].AsString() + " " + condition["reason"].AsString() + ": " +
         condition["message"].AsString();
}

std::string Word(const DeliverySteps& steps) {
  return steps.status ? (*steps.status)["deliveryStreamStatus"].AsString() : "no status";
}

TEST(DeliveryStreamPlan, FirstComesTheFinalizerWithTheVersion) {
  const DeliverySteps steps = PlanDelivery({}, Input());
  EXPECT_TRUE(steps.update_metadata);
  EXPECT_FALSE(steps.create_source || steps.orders || steps.status);
}

TEST(DeliveryStreamPlan, DirectPutGetsAHiddenDurableStream) {
  const DeliverySteps steps = PlanDelivery({}, Taken(Input()));
  ASSERT_TRUE(steps.create_source);
  EXPECT_EQ(steps.create_source->key.name, "clicks-direct-put");
  EXPECT_EQ(steps.create_source->spec["streamName"].AsString(), "millrace.firehose.clicks");
  EXPECT_EQ(steps.create_source->annotations.at("millrace.dev/hidden"), "true");
  EXPECT_FALSE(steps.orders) << "nothing to read yet";
  EXPECT_EQ(Word(steps), "CREATING");
}

TEST(DeliveryStreamPlan, OrdersNameSourceCursorsAndVersion) {
  DeliverySettings settings;
  settings.source_endpoint = "http://127.0.0.1:1";
  settings.internal_token = "t";
  const DeliverySteps steps = PlanDelivery(settings, Running());
  ASSERT_TRUE(steps.orders);
  auto plan = resources::DeliveryPlan::Parse(steps.orders->plan);
  ASSERT_TRUE(plan.ok()) << plan.status().ToString();
  EXPECT_EQ(plan->source.stream_name, "clicks-direct-put");
  EXPECT_EQ(plan->source.internal_token, "t");
  EXPECT_EQ(plan->cursor_table, "delivery/u-1");
  EXPECT_EQ(plan->version_id, "1");
  EXPECT_EQ(Word(steps), "ACTIVE");
  EXPECT_THAT(Why(steps, "Ready"), HasSubstr("True Delivering"));
}

TEST(DeliveryStreamPlan, PlanningTheSameWorldTwiceWritesNothing) {
  DeliveryInput input = Running();
  input.resource.status = *PlanDelivery({}, input).status;
  EXPECT_FALSE(PlanDelivery({}, input).status);
}

TEST(DeliveryStreamPlan, AnotherDestinationIsAnotherVersion) {
  DeliveryInput input = Running();
  input.resource.spec = Yaml("destination: {type: S3, s3: {bucket: lake2}}");
  EXPECT_TRUE(PlanDelivery({}, input).update_metadata);
  input = Taken(input);
  EXPECT_EQ(input.resource.annotations.at("millrace.dev/version-id"), "2");
  input.resource.spec.Set("tags", Yaml("{a: b}"));
  EXPECT_FALSE(PlanDelivery({}, input).update_metadata) << "tags are no new version";
}

TEST(DeliveryStreamPlan, WhatIsMissingIsSaidInTheCondition) {
  DeliveryInput input = Running(
      "source: {type: Stream, stream: {streamRef: {name: orders}}}\n"
      "destination: {type: Folder, folder: {path: a}}");
  input.source.reset();
  EXPECT_THAT(Why(PlanDelivery({}, input), "SourceResolved"),
              HasSubstr("False StreamNotFound: source.stream.streamRef: there is no Stream "
                        "shop/orders"));
  EXPECT_EQ(Word(PlanDelivery({}, input)), "CREATING_FAILED");
  input = Running();
  input.secrets_missing = {"keys"};
  EXPECT_THAT(Why(PlanDelivery({}, input), "SourceResolved"), HasSubstr("no Secret keys"));
  input = Running();
  input.resource.spec = Yaml("destination: {type: Iceberg}");
  const DeliverySteps steps = PlanDelivery({}, input);
  EXPECT_THAT(Why(steps, "Ready"),
              HasSubstr("False InvalidSpec: spec.destination.type: 'Iceberg'"));
  EXPECT_FALSE(steps.orders);
}

TEST(DeliveryStreamPlan, DestinationsOwnWordsAreInTheCondition) {
  DeliveryInput input = Running();
  input.observed.report->destination = {"Failing", "S3.NoSuchBucket",
                                        "The specified bucket does not exist", 1};
  const DeliverySteps steps = PlanDelivery({}, input);
  EXPECT_EQ(Why(steps, "DestinationReachable"),
            "False LastTryFailed: S3.NoSuchBucket: The specified bucket does not exist");
  EXPECT_EQ(Word(steps), "ACTIVE") << "a destination that is down is no failure of the object";
}

TEST(DeliveryStreamPlan, FiguresAreCoarse) {
  DeliveryInput input = Running();
  input.observed.report->oldest_undelivered_ms = input.now - 47'000;
  input.observed.report->records_failed = 3;
  const DeliverySteps steps = PlanDelivery({}, input);
  EXPECT_EQ((*steps.status)["secondsBehind"].AsInt(), 40);
  EXPECT_EQ((*steps.status)["failedRecords"].AsInt(), 3);
}

DeliveryInput Deleting() {
  DeliveryInput input = Running();
  input.resource.deletion_timestamp = resources::FormatTime(input.now - 5000);
  return input;
}

TEST(DeliveryStreamPlan, DeletionFlushesFirst) {
  DeliveryInput input = Deleting();
  const DeliverySteps steps = PlanDelivery({}, input);
  ASSERT_TRUE(steps.orders);
  EXPECT_EQ(resources::DeliveryPlan::Parse(steps.orders->plan)->state, "Flushing");
  EXPECT_FALSE(steps.stop || steps.remove_finalizer || steps.delete_source);
  EXPECT_EQ(Word(steps), "DELETING");
}

TEST(DeliveryStreamPlan, DrainedProcessesAreStoppedWithTheirStream) {
  DeliveryInput input = Deleting();
  input.observed.report->state = "Flushing";
  input.observed.report->drained = true;
  const DeliverySteps steps = PlanDelivery({}, input);
  EXPECT_TRUE(steps.stop && steps.remove_finalizer && steps.delete_source);
}

TEST(DeliveryStreamPlan, StoppingProcessesThatSayNothingMoreAreNotStartedAgain) {
  DeliveryInput input = Deleting();
  input.observed.report->state = "Flushing";
  input.observed.report->drained = true;
  const DeliverySteps first = PlanDelivery({}, input);
  EXPECT_THAT(Why(first, "Ready"), HasSubstr("False Drained"));
  input.resource.status = *first.status;
  input.observed = {};
  const DeliverySteps second = PlanDelivery({}, input);
  EXPECT_FALSE(second.orders);
  EXPECT_TRUE(second.stop && second.remove_finalizer);
}

TEST(DeliveryStreamPlan, DeletionPolicyDeleteDoesNotWait) {
  DeliveryInput input = Deleting();
  input.resource.spec.Set("deletionPolicy", "Delete");
  EXPECT_TRUE(PlanDelivery({}, input).stop);
}

TEST(DeliveryStreamPlan, SomebodyElsesStreamIsNotDeleted) {
  DeliveryInput input = Running(
      "deletionPolicy: Delete\n"
      "source: {type: Stream, stream: {streamRef: {name: orders}}}\n"
      "destination: {type: Folder, folder: {path: a}}");
  input.resource.deletion_timestamp = resources::FormatTime(input.now);
  const DeliverySteps steps = PlanDelivery({}, input);
  EXPECT_TRUE(steps.stop && steps.remove_finalizer);
  EXPECT_FALSE(steps.delete_source);
}

TEST(DeliveryStreamPlan, ObservedOnlyMeansNothingIsTouched) {
  DeliveryInput input =
      Input("managementPolicy: Observe\ndestination: {type: S3, s3: {bucket: abc}}");
  const DeliverySteps steps = PlanDelivery({}, input);
  EXPECT_FALSE(steps.update_metadata || steps.create_source || steps.orders);
  EXPECT_TRUE(steps.status);
}

TEST(DeliveryStreamPlan, TheInstallationsS3IsMissedOnlyByThoseWhoUseIt) {
  DeliveryInput input = Running();
  input.s3_default_problem = "there is no Secret millrace/lake";
  EXPECT_THAT(Why(PlanDelivery({}, input), "SourceResolved"),
              HasSubstr("False SecretMissing: there is no Secret millrace/lake"));
  DeliveryInput own =
      Running("destination: {type: S3, s3: {bucket: lake, credentialsSecretRef: {name: mine}}}");
  own.s3_default_problem = input.s3_default_problem;
  EXPECT_TRUE(PlanDelivery({}, own).orders);
}

TEST(DeliveryStreamPlan, WaitsUntilItIsKnownWhereStreamsAre) {
  DeliveryInput input = Running();
  input.source_problem = "waiting for the certificates of pool a/b";
  const DeliverySteps steps = PlanDelivery({}, input);
  EXPECT_FALSE(steps.orders);
  EXPECT_EQ(Word(steps), "CREATING");
}

TEST(DeliveryStreamPlan, TheAuthorityOfTheGatewayIsPartOfThePlan) {
  DeliverySettings settings;
  settings.source_endpoint = "https://a";
  settings.source_ca = "PEM";
  const DeliverySteps steps = PlanDelivery(settings, Running());
  ASSERT_TRUE(steps.orders);
  const auto plan = resources::DeliveryPlan::Parse(steps.orders->plan);
  ASSERT_TRUE(plan.ok()) << plan.status().ToString();
  EXPECT_EQ(plan->source.ca_pem, "PEM");
  EXPECT_FALSE(steps.orders->keeps_files);
}

TEST(DeliveryStreamPlan, FilesOfAFolderAreToOutliveTheProcesses) {
  const DeliverySteps steps =
      PlanDelivery({}, Running("destination: {type: Folder, folder: {path: out}}"));
  ASSERT_TRUE(steps.orders);
  EXPECT_TRUE(steps.orders->keeps_files);
}

TEST(DeliveryStreamPlan, WorkersFollowTheAgeOfWhatWaitsAndTheDecisionIsInTheStatus) {
  DeliverySettings settings;
  settings.workers_max = 100;
  DeliveryInput input = Running();
  input.source->status.Set("openShardCount", int64_t{4});
  DeliverySteps steps = PlanDelivery(settings, input);
  ASSERT_TRUE(steps.orders && steps.status);
  EXPECT_EQ(steps.orders->workers, 1);
  EXPECT_EQ(steps.status->At("scaling", "lastReason").AsString(), "First");
  input.resource.status = *steps.status;
  input.now += 100'000;
  EXPECT_EQ(PlanDelivery(settings, input).orders->workers, 1);
  // The buffer's 300 s, the 60 s that are allowed and the window.
  input.observed.report->oldest_undelivered_ms = input.now - 366'000;
  steps = PlanDelivery(settings, input);
  EXPECT_EQ(steps.orders->workers, 2);
  EXPECT_EQ(steps.status->At("scaling", "recommendedWorkers").AsInt(), 2);
  EXPECT_EQ(PlanDelivery({}, input).orders->workers, 1) << "on a laptop";
}

}  // namespace
}  // namespace millrace::op
