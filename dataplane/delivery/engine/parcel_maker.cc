#include "dataplane/delivery/engine/parcel_maker.h"

#include <mutex>

namespace millrace::delivery {

namespace {

using KeyViews = std::vector<std::pair<std::string_view, std::string_view>>;

KeyViews Views(const PartitionKeys& keys) { return {keys.begin(), keys.end()}; }

class ObjectParcels final : public ParcelMaker {
 public:
  ObjectParcels(ObjectNaming naming, std::unique_ptr<EncoderFactory> encoders)
      : naming_(std::move(naming)), encoders_(std::move(encoders)), random_(SecureRandom64()) {}

  Result<Parcel> Make(const Bundle& bundle, const std::vector<Record>& records,
                      std::vector<FailedRecord>& failed) override {
    Parcel parcel;
    parcel.id = NewUuid();
    parcel.oldest_arrival_ms = bundle.records.oldest_arrival_ms();
    ASSIGN_OR_RETURN(std::string prefix, Evaluated(bundle));
    parcel.name =
        prefix + ObjectName(naming_.stream, naming_.version, parcel.oldest_arrival_ms, parcel.id,
                            naming_.extension.empty() ? encoders_->extension() : naming_.extension);
    parcel.content_type = encoders_->content_type();
    parcel.content_encoding = encoders_->content_encoding();
    const std::unique_ptr<Encoder> encoder = encoders_->Make();
    const size_t failed_before = failed.size();
    RETURN_IF_ERROR(encoder->Add(records, failed));
    parcel.record_count = records.size() - (failed.size() - failed_before);
    if (parcel.record_count == 0) return parcel;
    ASSIGN_OR_RETURN(parcel.body, encoder->Finish());
    return parcel;
  }

 private:
  Result<std::string> Evaluated(const Bundle& bundle) {
    const PrefixInput input{.oldest_arrival_ms = bundle.records.oldest_arrival_ms(),
                            .query_keys = Views(bundle.partition.query_keys),
                            .function_keys = Views(bundle.partition.function_keys),
                            .error_output_type = bundle.partition.error_output_type};
    std::lock_guard lock(mu_);
    return naming_.prefix.Evaluate(input, random_);
  }

  const ObjectNaming naming_;
  const std::unique_ptr<EncoderFactory> encoders_;
  std::mutex mu_;
  Random random_;  // guarded by mu_
};

class RecordParcels final : public ParcelMaker {
 public:
  Result<Parcel> Make(const Bundle& bundle, const std::vector<Record>& records,
                      std::vector<FailedRecord>&) override {
    Parcel parcel;
    parcel.id = NewUuid();
    parcel.records = records;
    parcel.record_count = records.size();
    parcel.oldest_arrival_ms = bundle.records.oldest_arrival_ms();
    return parcel;
  }
};

}  // namespace

std::unique_ptr<ParcelMaker> MakeObjectParcels(ObjectNaming naming,
                                               std::unique_ptr<EncoderFactory> encoders) {
  return std::make_unique<ObjectParcels>(std::move(naming), std::move(encoders));
}

std::unique_ptr<ParcelMaker> MakeRecordParcels() { return std::make_unique<RecordParcels>(); }

}  // namespace millrace::delivery
