#include "dataplane/delivery/service/pipeline_builder.h"

#include "common/log/log.h"
#include "dataplane/delivery/formats/compression.h"
#include "dataplane/delivery/processing/processors.h"
#include "dataplane/delivery/service/record_sinks.h"
#include "dataplane/delivery/sinks/folder/folder_sink.h"
#include "dataplane/delivery/sinks/s3/s3_sink.h"

namespace millrace::delivery {

namespace {

using resources::DeliveryPlan;
using resources::FolderDestination;
using resources::ObjectLayout;
using resources::S3Destination;

// Output types of the error output that may be buffered side by side.
constexpr size_t kErrorTypesMax = 32;

// One place for objects: where, and how they look.
struct ObjectPlace {
  const S3Destination* s3 = nullptr;
  const FolderDestination* folder = nullptr;
  const ObjectLayout& layout() const { return s3 ? s3->objects : folder->objects; }
};

std::optional<ObjectPlace> PlaceOf(const std::optional<S3Destination>& s3,
                                   const std::optional<FolderDestination>& folder) {
  if (s3) return ObjectPlace{.s3 = &*s3};
  if (folder) return ObjectPlace{.folder = &*folder};
  return std::nullopt;
}

Result<std::unique_ptr<Sink>> MakeObjectSink(const DeliveryPlan& plan, const ObjectPlace& place,
                                             Clock& clock) {
  if (place.folder) return MakeFolderSink(plan.PathOf(*place.folder));
  ASSIGN_OR_RETURN(resources::S3Access access, plan.AccessFor(*place.s3));
  S3SinkOptions options;
  options.client.endpoint = access.endpoint;
  options.client.region = access.region;
  options.client.access_key_id = access.access_key_id;
  options.client.secret_access_key = access.secret_access_key;
  options.client.session_token = access.session_token;
  options.client.http = HttpOptions(plan, place.s3->tls);
  options.bucket = place.s3->bucket;
  options.encryption_type = place.s3->encryption_type;
  options.encryption_key_id = place.s3->encryption_key_id;
  return MakeS3Sink(std::move(options), clock);
}

Result<std::unique_ptr<ParcelMaker>> MakeObjects(const DeliveryPlan& plan,
                                                 const ObjectLayout& layout, Prefix prefix,
                                                 std::string_view compression) {
  ASSIGN_OR_RETURN(auto encoders, MakeCompressor(compression));
  return MakeObjectParcels({.prefix = std::move(prefix),
                            .stream = plan.delivery_stream_name,
                            .version = plan.version_id,
                            .extension = layout.file_extension},
                           std::move(encoders));
}

BufferLimits Limits(const resources::BufferingHints& hints, size_t partitions, size_t memory_bytes,
                    const BuildOptions& options) {
  return {.bundle_bytes = static_cast<size_t>(hints.size_in_mbs) << 20,
          .interval = std::chrono::seconds(hints.interval_in_seconds),
          .partitions_max = partitions,
          .memory_bytes_max = memory_bytes,
          .spill_bytes_max = options.spill_bytes_max,
          .spill_folder = options.spill_folder};
}

Status AddRecordDestination(const DeliveryPlan& plan, const BuildOptions& options, Clock& clock,
                            PipelineParts& parts) {
  ASSIGN_OR_RETURN(RecordSink made, MakeRecordSink(plan, clock));
  parts.destination_parcels = MakeRecordParcels();
  parts.destination = std::move(made.sink);
  parts.destination_options = {
      .name = "destination",
      .buffers = Limits(plan.spec.buffering(), 1, options.memory_bytes_max / 4 * 3, options),
      .retry_time = std::chrono::seconds(plan.spec.retry_duration_in_seconds()),
      .failure_type = std::move(made.failure_type)};
  return OkStatus();
}

Status AddDestination(const DeliveryPlan& plan, const BuildOptions& options, Clock& clock,
                      PipelineParts& parts) {
  const auto& destination = plan.spec.destination;
  const auto place = PlaceOf(destination.s3, destination.folder);
  if (!place) return AddRecordDestination(plan, options, clock, parts);
  const ObjectLayout& layout = place->layout();
  if (layout.converts()) return {Code::kUnsupported, "dataFormatConversion is not offered yet"};
  ASSIGN_OR_RETURN(TimeZone zone, TimeZone::Find(layout.custom_time_zone));
  ASSIGN_OR_RETURN(Prefix prefix, Prefix::Parse(layout.prefix, Prefix::Use::kData, zone));
  ASSIGN_OR_RETURN(parts.destination_parcels,
                   MakeObjects(plan, layout, std::move(prefix), layout.compression_format));
  ASSIGN_OR_RETURN(parts.destination, MakeObjectSink(plan, *place, clock));
  const size_t partitions =
      layout.partitions() ? static_cast<size_t>(layout.dynamic_partitioning->active_partitions_max)
                          : 1;
  parts.destination_options = {
      .name = "destination",
      .buffers = Limits(layout.buffering, partitions, options.memory_bytes_max / 4 * 3, options),
      .retry_time = std::nullopt,
      .failure_type = "s3-failed"};
  return OkStatus();
}

// Error lines go to the backup where there is one, else beside the destination's objects.
Status AddErrorOutput(const DeliveryPlan& plan, const BuildOptions& options, Clock& clock,
                      PipelineParts& parts) {
  auto place = PlaceOf(plan.spec.backup.s3, plan.spec.backup.folder);
  if (!place) place = PlaceOf(plan.spec.destination.s3, plan.spec.destination.folder);
  if (!place) return InvalidArgument("backup is needed: refused records have nowhere to go");
  const ObjectLayout& layout = place->layout();
  ASSIGN_OR_RETURN(TimeZone zone, TimeZone::Find(layout.custom_time_zone));
  auto prefix = layout.error_output_prefix.empty()
                    ? DefaultErrorPrefix(layout.prefix, zone)
                    : Prefix::Parse(layout.error_output_prefix, Prefix::Use::kError, zone);
  if (!prefix.ok()) return prefix.status();
  ASSIGN_OR_RETURN(parts.error_parcels,
                   MakeObjects(plan, layout, std::move(*prefix), layout.compression_format));
  ASSIGN_OR_RETURN(parts.error_output, MakeObjectSink(plan, *place, clock));
  parts.error_options = {
      .name = "error output",
      .buffers = Limits(layout.buffering, kErrorTypesMax, options.memory_bytes_max / 8, options),
      .retry_time = std::nullopt,
      .failure_type = "error-output-failed"};
  return OkStatus();
}

Status AddBackup(const DeliveryPlan& plan, const BuildOptions& options, Clock& clock,
                 PipelineParts& parts) {
  if (!plan.spec.backs_up_all()) return OkStatus();
  const auto place = PlaceOf(plan.spec.backup.s3, plan.spec.backup.folder);
  if (!place) return InvalidArgument("backup is needed, since everything is to be backed up");
  const ObjectLayout& layout = place->layout();
  ASSIGN_OR_RETURN(TimeZone zone, TimeZone::Find(layout.custom_time_zone));
  ASSIGN_OR_RETURN(Prefix prefix, Prefix::Parse(layout.prefix, Prefix::Use::kData, zone));
  ASSIGN_OR_RETURN(parts.backup_parcels,
                   MakeObjects(plan, layout, std::move(prefix), layout.compression_format));
  ASSIGN_OR_RETURN(parts.backup, MakeObjectSink(plan, *place, clock));
  parts.backup_options = {
      .name = "backup",
      .buffers = Limits(layout.buffering, 1, options.memory_bytes_max / 8, options),
      .retry_time = std::nullopt,
      .failure_type = "backup-failed"};
  return OkStatus();
}

}  // namespace

Result<PipelineParts> BuildPipeline(const DeliveryPlan& plan, const BuildOptions& options,
                                    Clock& clock) {
  PipelineParts parts;
  RETURN_IF_ERROR(AddDestination(plan, options, clock, parts));
  RETURN_IF_ERROR(AddErrorOutput(plan, options, clock, parts));
  RETURN_IF_ERROR(AddBackup(plan, options, clock, parts));
  auto specs = plan.spec.processing_enabled ? plan.spec.processors
                                            : std::vector<resources::DeliveryProcessor>();
  // Made once here so that what is wrong with them is said now.
  const ProcessorContext context{
      .delivery_stream_arn = plan.delivery_stream_arn,
      .region = plan.region,
      .source_stream_arn = plan.spec.source.type == "Stream" ? plan.source.stream_arn : ""};
  RETURN_IF_ERROR(MakeProcessors(specs, context, clock).status());
  parts.make_processors = [specs = std::move(specs), context, &clock] {
    return std::move(MakeProcessors(specs, context, clock)).value();
  };
  return parts;
}

}  // namespace millrace::delivery
