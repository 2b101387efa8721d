#include "dataplane/delivery/sinks/stream/stream_sink.h"

#include <mutex>

#include "common/base/random.h"

namespace millrace::delivery {

namespace {

constexpr size_t kRecordsMax = 500;
constexpr size_t kBytesMax = size_t{5} << 20;

// Writers for the threads that deliver: each has one to itself for a call.
class Writers {
 public:
  explicit Writers(MakeStreamWriter make) : make_(std::move(make)) {}

  std::unique_ptr<client::StreamWriter> Take() {
    {
      std::lock_guard lock(mu_);
      if (!idle_.empty()) {
        auto writer = std::move(idle_.back());
        idle_.pop_back();
        return writer;
      }
    }
    return make_();
  }
  void GiveBack(std::unique_ptr<client::StreamWriter> writer) {
    std::lock_guard lock(mu_);
    idle_.push_back(std::move(writer));
  }

 private:
  const MakeStreamWriter make_;
  std::mutex mu_;
  std::vector<std::unique_ptr<client::StreamWriter>> idle_;  // guarded by mu_
};

// One PutRecords call's records, with their places in the parcel.
struct StreamBatch {
  std::vector<client::NewRecord> records;
  size_t first = 0;
};

class StreamSink final : public Sink {
 public:
  StreamSink(MakeStreamWriter make, bool random_keys)
      : writers_(std::move(make)), random_keys_(random_keys) {}

  Delivery Deliver(const Parcel& parcel) override {
    auto writer = writers_.Take();
    Delivery out;
    std::vector<std::string> keys;
    size_t next = 0;
    size_t one_by_one_until = 0;
    while (next < parcel.records.size()) {
      const StreamBatch batch = Next(parcel, next, next < one_by_one_until ? 1 : kRecordsMax, keys);
      const auto outcomes = writer->Put(batch.records);
      if (outcomes.ok()) {
        TakeOutcomes(batch, *outcomes, out);
      } else if (outcomes.status().code() != Code::kInvalidArgument) {
        out.code = "Stream.Unavailable";
        out.message = outcomes.status().message();
        for (size_t i = next; i < parcel.records.size(); ++i) out.again.push_back(i);
        break;
      } else if (batch.records.size() > 1) {
        // One of them is wrong, and the call was refused for all.
        one_by_one_until = next + batch.records.size();
        continue;
      } else {
        out.rejected.push_back({.index = next,
                                .code = "Stream.InvalidRecord",
                                .message = outcomes.status().message()});
      }
      next += batch.records.size();
    }
    writers_.GiveBack(std::move(writer));
    return Judge(parcel, std::move(out));
  }

  // A stream that is away shows at the first record, and then waits with it.
  Status Probe() override { return OkStatus(); }
  void Stop() override {}

 private:
  static void TakeOutcomes(const StreamBatch& batch,
                           const std::vector<client::PutOutcome>& outcomes, Delivery& out) {
    for (size_t i = 0; i < outcomes.size(); ++i) {
      if (outcomes[i].error_code.empty()) continue;
      out.again.push_back(batch.first + i);
      out.code = "Stream." + outcomes[i].error_code;
      out.message = outcomes[i].error_message;
    }
  }

  static Delivery Judge(const Parcel& parcel, Delivery out) {
    if (!out.again.empty()) {
      out.verdict = Delivery::Verdict::kRetry;
    } else if (!out.rejected.empty()) {
      out.verdict = Delivery::Verdict::kRefused;
      out.code = out.rejected.front().code;
      out.message = out.rejected.front().message;
    }
    // About all of them: none is settled.
    if (out.rejected.empty() && out.again.size() == parcel.records.size()) out.again.clear();
    return out;
  }

  StreamBatch Next(const Parcel& parcel, size_t first, size_t records_max,
                   std::vector<std::string>& keys) const {
    StreamBatch batch{.records = {}, .first = first};
    keys.clear();
    keys.reserve(kRecordsMax);
    size_t bytes = 0;
    for (size_t i = first; i < parcel.records.size() && batch.records.size() < records_max; ++i) {
      const Record& record = parcel.records[i];
      std::string_view key = record.origin.partition_key;
      if (random_keys_ || key.empty()) key = keys.emplace_back(NewUuid());
      bytes += record.data.size() + key.size();
      if (bytes > kBytesMax && !batch.records.empty()) break;
      batch.records.push_back({record.data, key});
    }
    return batch;
  }

  Writers writers_;
  const bool random_keys_;
};

}  // namespace

std::unique_ptr<Sink> MakeStreamSink(MakeStreamWriter make_writer, bool random_keys) {
  return std::make_unique<StreamSink>(std::move(make_writer), random_keys);
}

}  // namespace millrace::delivery
