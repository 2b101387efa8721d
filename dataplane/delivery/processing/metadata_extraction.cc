extern "C" {
#include <jq.h>
#include <jv.h>
}

#include "dataplane/delivery/processing/processors.h"
#include "dataplane/delivery/processing/record_failure.h"

namespace millrace::delivery {

namespace {

constexpr const char* kInvalidJson = "MetadataExtraction.InvalidJson";
constexpr const char* kNotExtracted = "MetadataExtraction.QueryFailed";

// A jv that is freed with its scope.
class Jv {
 public:
  explicit Jv(jv value) : value_(value) {}
  ~Jv() { jv_free(value_); }
  Jv(const Jv&) = delete;
  Jv& operator=(const Jv&) = delete;
  // A reference of the callee's own, as jv's functions consume theirs.
  jv Copy() const { return jv_copy(value_); }
  // For functions that consume nothing.
  jv Peek() const { return value_; }
  jv_kind kind() const { return jv_get_kind(value_); }
  bool is_valid() const { return kind() != JV_KIND_INVALID; }

 private:
  jv value_;
};

std::string TextOf(const Jv& string) {
  const auto size = static_cast<size_t>(jv_string_length_bytes(string.Copy()));
  return {jv_string_value(string.Peek()), size};
}

std::string ErrorOf(const Jv& invalid) {
  const Jv message(jv_invalid_get_msg(invalid.Copy()));
  return message.kind() == JV_KIND_STRING ? TextOf(message) : "no message";
}

// What a partition key is made of: texts as they are, numbers and truths as JSON has them.
std::string KeyText(const Jv& value) {
  if (value.kind() == JV_KIND_STRING) return TextOf(value);
  const Jv text(jv_dump_string(value.Copy(), 0));
  return TextOf(text);
}

bool IsScalar(jv_kind kind) {
  return kind == JV_KIND_STRING || kind == JV_KIND_NUMBER || kind == JV_KIND_TRUE ||
         kind == JV_KIND_FALSE;
}

// Firehose's MetadataExtraction with JQ-1.6, interpreted by libjq itself.
class MetadataExtraction final : public Processor {
 public:
  explicit MetadataExtraction(const Clock& clock) : clock_(clock), jq_(jq_init()) {
    jq_set_error_cb(jq_, &MetadataExtraction::NoteError, this);
  }
  ~MetadataExtraction() override { jq_teardown(&jq_); }
  MetadataExtraction(const MetadataExtraction&) = delete;
  MetadataExtraction& operator=(const MetadataExtraction&) = delete;

  Status Compile(const std::string& query) {
    if (jq_compile(jq_, query.c_str()) != 0) return OkStatus();
    return InvalidArgument("MetadataExtractionQuery is no query of jq 1.6: " + error_);
  }

  Status Process(Batch& batch) override {
    std::vector<Record> out;
    out.reserve(batch.records.size());
    const std::vector<Record> in = std::move(batch.records);
    for (Record record : in)
      if (Extract(batch, record)) out.push_back(std::move(record));
    batch.records = std::move(out);
    return OkStatus();
  }

 private:
  static void NoteError(void* self, jv message) {
    const Jv text(message);
    if (text.kind() != JV_KIND_STRING) return;
    std::string& error = static_cast<MetadataExtraction*>(self)->error_;
    if (!error.empty()) error += "; ";
    error += TextOf(text);
  }

  bool Fail(Batch& batch, const Record& record, const char* code, std::string message) {
    FailRecord(batch, record, code, std::move(message), clock_.WallNow());
    return false;
  }

  // Fills the record's query_keys; false where it went to the failed ones.
  bool Extract(Batch& batch, Record& record) {
    const Jv input(jv_parse_sized(record.data.data(), static_cast<int>(record.data.size())));
    if (!input.is_valid()) return Fail(batch, record, kInvalidJson, ErrorOf(input));
    jq_start(jq_, input.Copy(), 0);
    const Jv keys(jq_next(jq_));
    if (!keys.is_valid()) return Fail(batch, record, kNotExtracted, ErrorOf(keys));
    if (keys.kind() != JV_KIND_OBJECT)
      return Fail(batch, record, kNotExtracted, "the query's outcome is no object");
    // jv's own order of members is by hash; names are sorted here.
    const Jv names(jv_keys(keys.Copy()));
    const int count = jv_array_length(names.Copy());
    for (int i = 0; i < count; ++i) {
      const Jv name(jv_array_get(names.Copy(), i));
      const Jv value(jv_object_get(keys.Copy(), name.Copy()));
      if (!IsScalar(value.kind()))
        return Fail(batch, record, kNotExtracted,
                    "partition key '" + TextOf(name) + "' is no text, number or truth");
      record.query_keys.emplace_back(batch.Keep(TextOf(name)), batch.Keep(KeyText(value)));
    }
    return true;
  }

  const Clock& clock_;
  jq_state* jq_;
  std::string error_;
};

}  // namespace

Result<std::unique_ptr<Processor>> MakeMetadataExtraction(const std::string& query,
                                                          const Clock& clock) {
  auto made = std::make_unique<MetadataExtraction>(clock);
  RETURN_IF_ERROR(made->Compile(query));
  return std::unique_ptr<Processor>(std::move(made));
}

}  // namespace millrace::delivery
