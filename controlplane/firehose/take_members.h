#pragma once

#include <string>
#include <string_view>

#include "common/base/status.h"
#include "common/delivery/delivery_objects.h"
#include "common/json/value.h"

// Takes members of the API's shapes into parts of a DeliveryStreamSpec: a member that is absent
// leaves its target as it is. Pure.
namespace millrace::controlplane {

void Take(const json::Value& in, std::string_view name, std::string& target);
void Take(const json::Value& in, std::string_view name, int32_t& target);
void Take(const json::Value& in, std::string_view name, bool& target);
void Take(const json::Value& in, std::string_view name, double& target);
// Size and interval come together or not at all, as on AWS.
Status TakeHints(const json::Value& in, resources::BufferingHints& hints);
void TakeRetry(const json::Value& in, int32_t& seconds);
// An S3DestinationConfiguration, and what objects of ExtendedS3 have besides.
Status TakeS3(const json::Value& in, resources::S3Destination& s3);
Status TakeExtendedS3(const json::Value& in, resources::S3Destination& s3);
// "arn:aws:secretsmanager:...:secret:orders-AbCdEf" -> "orders"
std::string SecretNameIn(std::string_view arn);

}  // namespace millrace::controlplane
