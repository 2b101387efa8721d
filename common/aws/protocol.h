#pragma once

#include <string>
#include <string_view>

#include "common/base/bytes.h"
#include "common/base/status.h"
#include "common/json/value.h"

namespace millrace::aws {

// The two bodies Kinesis speaks; an answer is in the protocol of its question.
enum class Protocol {
  kJson,  // application/x-amz-json-1.1: blobs base64, timestamps epoch seconds
  kCbor,  // application/x-amz-cbor-1.1: blobs byte strings, timestamps tag 1 + epoch milliseconds
};

std::string_view ContentType(Protocol protocol);
// From a Content-Type header, parameters ignored; Unsupported for any other.
Result<Protocol> ProtocolOf(std::string_view content_type);

// A body to a document within json::Limits; an empty body is an empty object. Definite and
// indefinite CBOR items are read; declared lengths are checked against what is left before anything
// is reserved.
Result<json::Value> DecodeBody(Protocol protocol, std::string_view body);
std::string EncodeBody(Protocol protocol, const json::Value& value);

// CBOR pieces for encoders that build no document.
void AppendCborHead(std::string& out, uint8_t major, uint64_t argument);
void AppendCborText(std::string& out, std::string_view text);
void AppendCborBytes(std::string& out, std::string_view bytes);
void AppendCborTimestamp(std::string& out, WallMs ms);

}  // namespace millrace::aws
