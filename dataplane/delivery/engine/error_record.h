#pragma once

#include <string>

#include "dataplane/delivery/model/record.h"

namespace millrace::delivery {

// The table that format conversion was meant for, as it stands in its error records.
struct CatalogTable {
  std::string catalog_id;
  std::string database_name;
  std::string table_name;
  std::string region;
  std::string version_id;
};

// One line of the error output, with its newline, in Firehose's form for the failure's output type:
// format conversion calls its fields lastErrorCode and lastErrorMessage and names the place in the
// source and `table`; OpenSearch names document and index; a function its ARN. rawData is base64.
// Pure.
std::string ErrorLine(const FailedRecord& failed, const CatalogTable& table = {});

}  // namespace millrace::delivery
