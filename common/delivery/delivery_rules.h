#pragma once

#include <string>

#include "common/delivery/delivery_objects.h"

// Rules across fields, and forms of texts that a schema's pattern checks. Pure; problems go to the
// visitor under the field's name.
namespace millrace::resources {

// "" or http(s)://host...
void CheckUrl(FieldVisitor& in, std::string_view name, const std::string& url);
// jdbc:redshift://host:port/database or jdbc:postgresql://...
void CheckJdbcUrl(FieldVisitor& in, const std::string& url);
// postgresql://host:port/database, without a password.
void CheckPostgreSqlUri(FieldVisitor& in, const std::string& uri);
// No way out of the folder: no ".." part.
void CheckFolderPath(FieldVisitor& in, const std::string& path);
// What prefix, error prefix, compression, partitioning and conversion ask of each other.
void CheckLayout(FieldVisitor& in, const ObjectLayout& layout, ObjectRole role);

}  // namespace millrace::resources
