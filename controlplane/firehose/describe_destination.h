#pragma once

#include "controlplane/catalog/delivery_catalog.h"

namespace millrace::controlplane {

// The DestinationDescription that stands for the spec: {DestinationId, HttpEndpointDestination-
// Description, ...}. A destination that AWS has not (Folder, Kafka, PostgreSQL, Stream) has its id
// only. Pure.
json::Value DescribeDestination(const DeliveryView& view);
// Its member and type: "ExtendedS3DestinationDescription".
std::string DescriptionMember(const resources::DeliveryStreamSpec& spec);

}  // namespace millrace::controlplane
