#include "common/delivery/delivery_report.h"

#include <utility>

namespace millrace::resources {
namespace {

using json::Value;

Value ContactValue(const DeliveryContact& contact) {
  Value out;
  out.Set("state", contact.state);
  if (!contact.code.empty()) out.Set("code", contact.code);
  if (!contact.message.empty()) out.Set("message", contact.message);
  out.Set("sinceMs", contact.since_ms);
  return out;
}

DeliveryContact ParseContact(const Value& value) {
  DeliveryContact contact;
  if (value["state"].is_string()) contact.state = value["state"].AsString();
  contact.code = value["code"].AsString();
  contact.message = value["message"].AsString();
  contact.since_ms = value["sinceMs"].AsInt();
  return contact;
}

struct Count {
  std::string_view name;
  int64_t DeliveryReport::* value;
};
constexpr Count kCounts[] = {{"generation", &DeliveryReport::generation},
                             {"oldestUndeliveredMs", &DeliveryReport::oldest_undelivered_ms},
                             {"recordsRead", &DeliveryReport::records_read},
                             {"recordsDelivered", &DeliveryReport::records_delivered},
                             {"recordsFailed", &DeliveryReport::records_failed},
                             {"recordsLost", &DeliveryReport::records_lost},
                             {"bytesDelivered", &DeliveryReport::bytes_delivered},
                             {"shards", &DeliveryReport::shards},
                             {"partitions", &DeliveryReport::partitions}};

}  // namespace

Result<DeliveryReport> DeliveryReport::Parse(std::string_view text) {
  ASSIGN_OR_RETURN(const Value document, json::ParseJson(text));
  if (!document.is_object()) return InvalidArgument("the report is no object");
  DeliveryReport report;
  report.uid = document["uid"].AsString();
  report.version_id = document["versionId"].AsString();
  report.state = document["state"].AsString();
  report.plan_error = document["planError"].AsString();
  for (const Count& count : kCounts) report.*count.value = document[count.name].AsInt();
  report.drained = document["drained"].AsBool();
  report.source = ParseContact(document["source"]);
  report.destination = ParseContact(document["destination"]);
  report.backup = ParseContact(document["backup"]);
  report.notes = document["notes"].AsString();
  return report;
}

std::string DeliveryReport::ToText() const {
  Value out;
  out.Set("uid", uid);
  out.Set("versionId", version_id);
  out.Set("state", state);
  if (!plan_error.empty()) out.Set("planError", plan_error);
  for (const Count& count : kCounts) out.Set(count.name, this->*count.value);
  out.Set("drained", drained);
  out.Set("source", ContactValue(source));
  out.Set("destination", ContactValue(destination));
  out.Set("backup", ContactValue(backup));
  if (!notes.empty()) out.Set("notes", notes);
  return json::WriteJson(out);
}

}  // namespace millrace::resources
