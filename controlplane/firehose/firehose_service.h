#pragma once

#include <functional>
#include <map>
#include <string>
#include <string_view>

#include "common/aws/operation.h"
#include "controlplane/catalog/delivery_catalog.h"

namespace millrace::controlplane {

// What every control operation of Firehose works with. Made in main, outlives the service;
// operations keep nothing between calls.
struct FirehoseControl {
  DeliveryCatalog& deliveries;
  Catalog& streams;
  Clock& clock;
  // Puts a Secret there, or in place of the one there is. Its entries are in clear.
  std::function<Status(const resources::ResourceKey&, const std::map<std::string, std::string>&)>
      write_secret;
};

// The control operations of Firehose by the name in `X-Amz-Target: Firehose_20150804.<name>`.
// Constant after its making; Dispatch on any thread, blocks on the store.
class FirehoseService {
 public:
  static constexpr std::string_view kTargetPrefix = "Firehose_20150804";

  explicit FirehoseService(FirehoseControl& control);
  // The whole way of a request: decode, validate, call, encode. Not as aws::Dispatcher: a lost race
  // for a version is the caller's to hear of here.
  net::HttpResponse Dispatch(const net::HttpRequest& request, aws::RequestContext context) const;

 private:
  std::map<std::string_view, aws::OperationHandler> operations_;
};

}  // namespace millrace::controlplane
