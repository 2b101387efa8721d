#include "dataplane/delivery/engine/error_record.h"

#include "common/codec/base64.h"
#include "common/json/value.h"

namespace millrace::delivery {

std::string ErrorLine(const FailedRecord& failed, const CatalogTable& table) {
  const Failure& failure = failed.failure;
  const bool is_conversion = failure.output_type == "format-conversion-failed";
  json::Object line{{"attemptsMade", failure.attempts},
                    {"arrivalTimestamp", failed.record.arrival_ms},
                    {is_conversion ? "lastErrorCode" : "errorCode", failure.code},
                    {is_conversion ? "lastErrorMessage" : "errorMessage", failure.message},
                    {"attemptEndingTimestamp", failure.last_attempt_ms}};
  line.emplace_back("rawData", codec::Base64Encode(failed.record.data));
  if (is_conversion) {
    line.emplace_back("sequenceNumber", failed.record.origin.sequence_number);
    line.emplace_back("subSequenceNumber", failed.record.origin.sub_sequence_number);
    line.emplace_back("dataCatalogTable", json::Object{{"catalogId", table.catalog_id},
                                                       {"databaseName", table.database_name},
                                                       {"tableName", table.table_name},
                                                       {"region", table.region},
                                                       {"versionId", table.version_id}});
  }
  for (const auto& [name, value] : failure.details) line.emplace_back(name, value);
  return json::WriteJson(line) + "\n";
}

}  // namespace millrace::delivery
