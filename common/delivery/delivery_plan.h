#pragma once

#include <map>
#include <string>

#include "common/base/status.h"
#include "common/delivery/delivery_stream_resource.h"

namespace millrace::resources {

// Where a millrace-delivery process reads a Stream, or writes one: the Kinesis API of the shard
// service.
struct StreamAccess {
  std::string endpoint;  // http://127.0.0.1:4566
  std::string stream_name;
  std::string stream_arn;
  std::string region;
  // Either the token of calls inside the installation (Authorization: Bearer), or a key pair to
  // sign with; none where the endpoint asks for nothing.
  std::string internal_token;
  std::string access_key_id;
  std::string secret_access_key;
  std::string ca_pem{};  // the authorities that signed an https endpoint; "": the system's
};

// Where S3 is and who we are there.
struct S3Access {
  std::string endpoint;  // "": AWS's own for the region
  std::string region = "us-east-1";
  std::string access_key_id;
  std::string secret_access_key;
  std::string session_token;
};

// The orders of one DeliveryStream's processes (docs/formats/delivery_plan.md): the resource,
// complete with defaults, and everything it refers to, resolved. Holds secrets: mode 0600, a Secret
// on Kubernetes, never logged. A value.
struct DeliveryPlan {
  std::string ns;
  std::string resource_name;
  std::string uid;
  int64_t generation = 0;
  int64_t created_at_ms = 0;  // the resource; where LATEST begins
  std::string delivery_stream_name;
  std::string delivery_stream_arn;
  std::string region = "us-east-1";
  std::string account_id = "000000000000";
  std::string version_id = "1";  // in object names
  // Running; Flushing: deliver what the source has at once, however little it is, and report it
  // drained; Paused: read and deliver nothing, keep every position.
  std::string state = "Running";
  DeliveryStreamSpec spec;
  StreamAccess source;       // of a Stream or DirectPut (its hidden Stream); empty for Kafka
  StreamAccess destination;  // of a Stream destination
  // The stream that cursors are kept in (docs/formats/cursor_log.md), reached like the source, and
  // our table in it.
  std::string cursor_stream;
  std::string cursor_table;
  S3Access s3_default;
  std::string folder_root;  // relative paths of folders start here
  // Secrets by name, then entry, values in clear.
  std::map<std::string, std::map<std::string, std::string>> secrets;

  // InvalidArgument names the field.
  static Result<DeliveryPlan> Parse(std::string_view text);
  std::string ToText() const;

  // The entry's value; NotFound names the Secret and the entry.
  Result<std::string> Secret(const SecretKey& key) const;
  // "" where there is no such Secret or entry.
  std::string SecretEntry(std::string_view secret, std::string_view entry) const;
  // The bucket's own endpoint, region and Secret over the installation's defaults.
  Result<S3Access> AccessFor(const S3Destination& s3) const;
  // The folder's absolute path.
  std::string PathOf(const FolderDestination& folder) const;
};

}  // namespace millrace::resources
