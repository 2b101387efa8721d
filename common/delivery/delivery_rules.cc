#include "common/delivery/delivery_rules.h"

#include <algorithm>

namespace millrace::resources {
namespace {

bool Contains(std::string_view text, std::string_view part) {
  return text.find(part) != std::string_view::npos;
}

// The part between scheme and the first '/', '?' or '#'; "" where the scheme is another.
std::string_view Authority(std::string_view url, std::string_view scheme) {
  if (!url.starts_with(scheme)) return {};
  url.remove_prefix(scheme.size());
  return url.substr(0, url.find_first_of("/?#"));
}

bool IsExtension(std::string_view text) {
  constexpr std::string_view kSigns = "!-_.*'()";
  return text.size() > 1 && text[0] == '.' && std::all_of(text.begin(), text.end(), [](char c) {
           return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || Contains(kSigns, {&c, 1});
         });
}

void CheckPrefixes(FieldVisitor& in, const ObjectLayout& layout, ObjectRole role) {
  const std::string& error = layout.error_output_prefix;
  if (role == ObjectRole::kStaging) {
    if (Contains(layout.prefix, "!{"))
      in.Add("prefix", "takes no expressions where objects are staged");
    return;
  }
  if (Contains(layout.prefix, "!{firehose:error-output-type}")) {
    in.Add("prefix", "!{firehose:error-output-type} is for errorOutputPrefix only");
  }
  if (Contains(error, "!{partitionKeyFrom")) {
    in.Add("errorOutputPrefix", "takes no partition keys: a failed record may have none");
  }
  const bool names_type = Contains(error, "!{firehose:error-output-type}");
  const bool expressions = Contains(layout.prefix, "!{") || Contains(error, "!{");
  if (expressions && !names_type) {
    in.Add("errorOutputPrefix",
           "must contain !{firehose:error-output-type} where a prefix has expressions");
  }
}

}  // namespace

void CheckUrl(FieldVisitor& in, std::string_view name, const std::string& url) {
  if (url.empty()) return;
  if (Authority(url, "http://").empty() && Authority(url, "https://").empty()) {
    in.Add(name, "must be an address such as https://host:port/path");
  }
}

void CheckJdbcUrl(FieldVisitor& in, const std::string& url) {
  if (url.empty()) return;
  for (const std::string_view scheme : {"jdbc:redshift://", "jdbc:postgresql://"}) {
    const std::string_view host = Authority(url, scheme);
    if (!host.empty() && url.size() > scheme.size() + host.size() + 1 &&
        url[scheme.size() + host.size()] == '/') {
      return;
    }
  }
  in.Add("jdbcURL",
         "must be jdbc:redshift://host:port/database or jdbc:postgresql://host:port/database");
}

void CheckPostgreSqlUri(FieldVisitor& in, const std::string& uri) {
  if (uri.empty()) return;
  const std::string_view host = Authority(uri, "postgresql://");
  if (host.empty()) return in.Add("connectionURI", "must be postgresql://host:port/database");
  if (Contains(host, "@") || Contains(uri, "password=")) {
    in.Add("connectionURI", "takes no user and no password; they belong in credentialsSecretRef");
  }
}

void CheckFolderPath(FieldVisitor& in, const std::string& path) {
  const std::string framed = "/" + path + "/";
  if (Contains(framed, "/../")) in.Add("path", "must not lead out with '..'");
}

void CheckLayout(FieldVisitor& in, const ObjectLayout& layout, ObjectRole role) {
  CheckPrefixes(in, layout, role);
  if (!layout.file_extension.empty() && !IsExtension(layout.file_extension)) {
    in.Add("fileExtension", "must begin with '.' and have 0-9, a-z and !-_.*'() only");
  }
  const std::string& compression = layout.compression_format;
  if (role == ObjectRole::kStaging && compression != "UNCOMPRESSED" && compression != "GZIP") {
    in.Add("compressionFormat", "COPY reads UNCOMPRESSED and GZIP only");
  }
  if (layout.converts() && compression != "UNCOMPRESSED") {
    in.Add("compressionFormat",
           "must be UNCOMPRESSED with dataFormatConversion, whose outputFormat has its own");
  }
  const bool keys = Contains(layout.prefix, "!{partitionKeyFrom");
  if (keys && !layout.partitions()) in.Add("prefix", "partition keys need dynamicPartitioning");
  if (layout.partitions() && !keys) {
    in.Add("prefix",
           "must name the partition keys, such as !{partitionKeyFromQuery:customer}, with "
           "dynamicPartitioning");
  }
}

}  // namespace millrace::resources
