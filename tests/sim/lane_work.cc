#include <algorithm>

#include "tests/sim/lane_world.h"
#include "tests/sim/lane_world_inl.h"
#include "tests/sim/record_source.h"

namespace millrace::sim {

using storage::AppendResult;
using storage::ExtentInfo;
using storage::ReadResult;

namespace {

constexpr uint64_t kStream = 42;
constexpr uint64_t kLargeRecordOneIn = 50;
constexpr auto kFullAgainMax = std::chrono::seconds(5);

}  // namespace

void LaneWorld::ScheduleTick() {
  executor_.RunAfter(Around(settings_.pause_mean), [this] { Tick(); });
}

void LaneWorld::Tick() {
  if (!ok()) return;
  RoomSince();
  MaybeFault();
  const uint64_t what = random_.Below(100);
  if (what < 60) {
    AppendSome();
  } else if (what < 80) {
    ReadOne();
  } else if (what < 85) {
    TrimAll();
  } else if (what < 88) {
    Roll();
  } else if (what < 91) {
    DropOne();
  } else if (what < 98) {
    AskQuestions();
  } else {
    Misuse();
  }
  if (settings_.clock_jump_one_in != 0 && random_.OneIn(settings_.clock_jump_one_in)) JumpClock();
  ScheduleTick();
}

ExtentModel* LaneWorld::PickOpenExtent() {
  const auto shard = static_cast<uint32_t>(random_.Below(settings_.shards));
  if (!current_[shard].has_value()) {
    OpenNext(shard);
    // Most wait for the extent before they append to it.
    if (!random_.OneIn(4)) return nullptr;
  }
  return current_[shard].has_value() ? Model(*current_[shard]) : nullptr;
}

ExtentModel* LaneWorld::PickExtent() {
  if (live_.empty()) return nullptr;
  ExtentModel* model = live_[random_.Below(live_.size())];
  return model->opened() && !model->gone() ? model : nullptr;
}

void LaneWorld::ForgetGone() {
  std::erase_if(live_, [](const ExtentModel* model) { return model->gone(); });
}

void LaneWorld::OpenNext(uint32_t shard) {
  const ExtentId id{kStream, shard, next_epoch_++};
  const bool encrypted =
      settings_.encrypted_one_in != 0 && random_.OneIn(settings_.encrypted_one_in);
  auto [it, made] = models_.emplace(id, std::make_unique<ExtentModel>(id, encrypted));
  ExtentModel* model = it->second.get();
  live_.push_back(model);
  current_[shard] = id;
  lane_->OpenExtent(id, encrypted, Answer([this, model, shard](const Status& status) {
                      executor_.Trace(static_cast<uint64_t>(status.code()));
                      if (status.ok()) return model->Opened();
                      CheckRefusal(*model, status);
                      // With an uncertain outcome the model keeps it; the recovery tells.
                      if (status.code() != Code::kFenced) model->Dropped();
                      if (current_[shard] == model->id()) current_[shard].reset();
                    }));
}

void LaneWorld::AppendSome() {
  uint64_t count = 1;
  if (settings_.burst_one_in != 0 && random_.OneIn(settings_.burst_one_in)) {
    count = 1 + random_.Below(60);
  }
  for (uint64_t i = 0; i < count && ok(); ++i) {
    if (ExtentModel* model = PickOpenExtent()) AppendOne(*model);
  }
}

void LaneWorld::AppendOne(ExtentModel& model) {
  auto records = 1 + static_cast<uint32_t>(random_.Below(settings_.append_records_max));
  uint32_t bytes_max = settings_.record_bytes_max;
  if (random_.OneIn(kLargeRecordOneIn)) {
    records = 1;
    bytes_max = static_cast<uint32_t>(settings_.lane.segment_bytes / 5);
  }
  storage::RecordBatch batch;
  const uint64_t append = model.Submit(records, bytes_max, lane_order_++);
  for (uint32_t i = 0; i < records; ++i) {
    RecordSource::Add({model.id(), append, i, bytes_max}, &batch);
  }
  const uint32_t crc = batch.crc();
  lane_->AppendRecords({model.id(), batch.Take(), records, crc},
                       Answer([this, &model, append](Result<AppendResult> result) {
                         AnswerAppend(model, append, std::move(result));
                       }));
}

void LaneWorld::AnswerAppend(ExtentModel& model, uint64_t append, Result<AppendResult> result) {
  executor_.Trace(static_cast<uint64_t>(result.status().code()));
  if (result.ok()) {
    ++report_.appends;
    executor_.Trace(result->first_index);
    if (fenced_) return Fail("an append was acknowledged after the log was fenced");
    return Check(model.Acknowledged(append, *result));
  }
  ++report_.refused;
  CheckRefusal(model, result.status());
  // Fenced: it may be on the disk.
  if (result.status().code() != Code::kFenced) model.Refused(append);
}

// Whether there was a reason to refuse.
void LaneWorld::CheckRefusal(const ExtentModel& model, const Status& status) {
  switch (status.code()) {
    case Code::kThrottled:
      return;
    case Code::kNoSpace:
      if (settings_.RoomIsShort() && !settings_.checks_room) return;
      if (clock_.Now() > RoomSince() + kFullAgainMax) Fail("the log is full, but there is space");
      return;
    case Code::kResourceInUse:
      if (!model.seal_submitted()) Fail("an open extent is called sealed");
      return;
    case Code::kNotFound:
      if (model.opened() && !model.drop_submitted()) Fail("an extent is not found");
      return;
    case Code::kFenced:
      if (!lane_->stats().fenced) Fail("called fenced, but it is not");
      return;
    case Code::kUnavailable:
      if (!closing_ && !model.may_have_lost_key()) Fail("refused: " + status.ToString());
      return;
    default:
      Fail("refused: " + status.ToString());
  }
}

void LaneWorld::ReadOne() {
  ExtentModel* model = PickExtent();
  if (model == nullptr) return;
  // Most readers follow the end.
  const uint64_t end = model->end_index();
  uint64_t from = random_.Below(end + 1);
  if (random_.OneIn(2)) from = end - std::min(end, random_.Below(5));
  ++report_.reads;
  // Not counted: closing does not wait for readers.
  auto done = [this, model, from, life = life_](Result<ReadResult> result) {
    if (life != life_) return Fail("an answer from before the crash");
    executor_.Trace(result.ok() ? result->next_index : UINT64_MAX);
    if (result.ok()) return Check(model->Read(from, *result));
    const Code code = result.status().code();
    if (code == Code::kNotFound && (model->drop_submitted() || model->gone())) return;
    if (code == Code::kIo && settings_.faults.disk_errors) return;
    if (code == Code::kUnavailable && model->may_have_lost_key()) return;
    Fail("a read failed: " + result.status().ToString());
  };
  lane_->Read(model->id(), from, size_t{1} << (6 + random_.Below(14)), std::move(done));
}

// A shard goes on in its next extent.
void LaneWorld::Roll() {
  const auto shard = static_cast<uint32_t>(random_.Below(settings_.shards));
  if (!current_[shard].has_value()) return;
  ExtentModel* model = Model(*current_[shard]);
  // Sometimes clients go on with the old one for a while, and are refused.
  if (!random_.OneIn(3)) current_[shard].reset();
  SealOne(*model);
}

void LaneWorld::SealOne(ExtentModel& model) {
  model.SubmitSeal();
  lane_->Seal(model.id(), Answer([this, &model](Result<uint64_t> end) {
                executor_.Trace(static_cast<uint64_t>(end.status().code()));
                if (!end.ok()) {
                  CheckRefusal(model, end.status());
                  if (end.status().code() != Code::kFenced) model.SealRefused();
                  return;
                }
                Check(model.Sealed(*end));
                auto& current = current_[model.id().shard];
                if (current == model.id()) current.reset();
              }));
}

void LaneWorld::DropOne() {
  ExtentModel* model = PickExtent();
  if (model == nullptr || !(model->sealed() || random_.OneIn(10))) return;
  auto& current = current_[model->id().shard];
  if (current == model->id()) current.reset();
  model->SubmitDrop();
  lane_->Drop(model->id(), Answer([this, model](const Status& status) {
                executor_.Trace(static_cast<uint64_t>(status.code()));
                if (status.ok()) {
                  model->Dropped();
                  if (lane_->Info(model->id()).has_value()) Fail("dropped and still there");
                  return;
                }
                CheckRefusal(*model, status);
                if (status.code() != Code::kFenced) model->DropRefused();
              }));
}

void LaneWorld::TrimAll() {
  const auto keep = std::chrono::duration_cast<std::chrono::milliseconds>(settings_.retention);
  const WallMs horizon = clock_.WallNow() - keep.count();
  ForgetGone();
  for (ExtentModel* model : live_) {
    if (!model->opened() || model->drop_submitted()) continue;
    lane_->Trim(model->id(), horizon);
    auto info = lane_->Info(model->id());
    if (!info.has_value()) return Fail("an extent is not there");
    Check(model->Trimmed(horizon, *info));
  }
}

void LaneWorld::AskQuestions() {
  ExtentModel* model = PickExtent();
  if (model == nullptr || model->drop_submitted()) return;
  auto info = lane_->Info(model->id());
  if (!info.has_value()) return Fail("an extent has no info");
  if (info->end_index != model->end_index() || info->begin_index != model->begin_index() ||
      info->encrypted != model->encrypted()) {
    Fail("info says [" + std::to_string(info->begin_index) + ", " +
         std::to_string(info->end_index) + "), expected [" + std::to_string(model->begin_index()) +
         ", " + std::to_string(model->end_index()) + ")");
  }
  const WallMs ms = clock_.WallNow() - static_cast<WallMs>(random_.Below(10'000));
  auto index = lane_->IndexAtTime(model->id(), ms);
  if (!index.ok()) return Fail("no index at a time: " + index.status().ToString());
  Check(model->IndexAtTime(ms, *index));
}

void LaneWorld::Misuse() {
  const ExtentId unknown{kStream, 0, next_epoch_++};
  storage::RecordBatch batch;
  batch.Add("key", "data");
  lane_->AppendRecords({unknown, batch.Take(), 1}, Answer([this](Result<AppendResult> result) {
                         if (result.ok()) return Fail("an unknown extent took an append");
                         if (result.status().code() == Code::kNotFound) return;
                         CheckRefusal(nobody_, result.status());
                       }));
  lane_->Drop(unknown, Answer([this](const Status& status) {
                if (!status.ok()) CheckRefusal(nobody_, status);
              }));
  ExtentModel* model = PickExtent();
  if (model == nullptr || model->drop_submitted()) return;
  if (model->sealed()) {
    SealOne(*model);
    AppendOne(*model);
  } else {
    lane_->OpenExtent(model->id(), model->encrypted(), Answer([this, model](const Status& status) {
                        if (!status.ok()) CheckRefusal(*model, status);
                      }));
  }
}

void LaneWorld::JumpClock() {
  const auto by = static_cast<WallMs>(random_.Below(7'200'000)) - 3'600'000;
  clock_.JumpWall(random_.OneIn(2) ? by : by / 1'000);
}

}  // namespace millrace::sim
