#pragma once

#include <memory>
#include <string>

#include "common/base/clock.h"
#include "dataplane/client/stream_reader.h"
#include "dataplane/client/stream_writer.h"

namespace millrace::client {

// Where a stream is, and who we are there.
struct StreamAddress {
  std::string endpoint;  // "http://127.0.0.1:4566"
  std::string stream_name;
  std::string region = "us-east-1";
  // A call inside the installation; or else a key pair to sign with; or neither.
  std::string internal_token{};
  std::string access_key_id{};
  std::string secret_access_key{};
  std::string ca_pem{};  // of an https endpoint, PEM; "": the system's
};

// One connection each, Kinesis in CBOR over HTTP/1.1. Shape of errors: the Code that the
// exception's name stands for, with the service's own words.
std::unique_ptr<StreamReader> MakeHttpStreamReader(StreamAddress address, Clock& clock);
std::unique_ptr<StreamWriter> MakeHttpStreamWriter(StreamAddress address, Clock& clock);

}  // namespace millrace::client
