#pragma once

#include <string>
#include <vector>

#include "cli/api_client.h"

namespace millrace::cli {

struct TemplateOptions {
  std::string stream;
  size_t records_per_call = 500;  // 1 sends PutRecord, more PutRecords
  size_t record_bytes = 1024;
  bool cbor = false;
  size_t count = 32;           // different requests, sent in turn
  std::string shard_hash_key;  // ExplicitHashKey of every record; "" for random partition keys
};

// Whole HTTP/1.1 requests, head and body, signed where there are credentials. A signature is good
// for a quarter of an hour, so that sending them again and again costs the client nothing but the
// socket.
std::vector<std::string> MakeRequests(const TemplateOptions& options, const ApiOptions& api);

}  // namespace millrace::cli
