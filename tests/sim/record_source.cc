#include "tests/sim/record_source.h"

#include <cstring>

namespace millrace::sim {
namespace {

uint64_t Mix(uint64_t x) {
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9ULL;
  x = (x ^ (x >> 27)) * 0x94d049bb133111ebULL;
  return x ^ (x >> 31);
}

}  // namespace

void RecordSource::Fill(const RecordName& name, std::string* key, std::string* data) {
  uint64_t state = Mix(name.extent.stream + Mix(name.extent.shard + Mix(name.extent.epoch)));
  state = Mix(state ^ Mix(name.append * 2 + 1)) + name.record;
  state = Mix(state);
  *key = "key-" + std::to_string(state % 1000);
  const size_t size = name.bytes_max == 0 ? 0 : Mix(state + 1) % (name.bytes_max + 1);
  data->resize(size);
  for (size_t at = 0; at < size; at += sizeof state) {
    state = state * 6364136223846793005ULL + 1442695040888963407ULL;
    std::memcpy(data->data() + at, &state, std::min(sizeof state, size - at));
  }
}

void RecordSource::Add(const RecordName& name, storage::RecordBatch* batch) {
  thread_local std::string key;
  thread_local std::string data;
  Fill(name, &key, &data);
  batch->Add(key, data);
}

bool RecordSource::Matches(const RecordName& name, const storage::RecordView& record) {
  thread_local std::string key;
  thread_local std::string data;
  Fill(name, &key, &data);
  return record.key == key && record.data == data;
}

}  // namespace millrace::sim
