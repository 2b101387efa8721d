#include "dataplane/delivery/formats/deflate.h"

#include <isa-l/igzip_lib.h>

#include <algorithm>
#include <limits>
#include <vector>

#include "common/base/check.h"

namespace millrace::delivery {

namespace {

constexpr uint32_t kLevel = 1;
constexpr size_t kRoomMin = 64 << 10;
constexpr uint32_t kInputMax = 1 << 30;  // isa-l counts in 32 bits

}  // namespace

struct DeflateStream::State {
  isal_zstream stream{};
  std::vector<uint8_t> level_buffer = std::vector<uint8_t>(ISAL_DEF_LVL1_DEFAULT);
};

DeflateStream::DeflateStream(Wrapper wrapper) : state_(std::make_unique<State>()) {
  isal_zstream& stream = state_->stream;
  isal_deflate_init(&stream);
  stream.level = kLevel;
  stream.level_buf = state_->level_buffer.data();
  stream.level_buf_size = static_cast<uint32_t>(state_->level_buffer.size());
  stream.gzip_flag = wrapper == Wrapper::kGzip ? IGZIP_GZIP : IGZIP_DEFLATE;
  stream.flush = NO_FLUSH;
}

DeflateStream::~DeflateStream() = default;

void DeflateStream::Write(std::string_view bytes, bool is_end, std::string& out) {
  isal_zstream& stream = state_->stream;
  do {
    const std::string_view piece = bytes.substr(0, kInputMax);
    bytes.remove_prefix(piece.size());
    stream.next_in = reinterpret_cast<uint8_t*>(const_cast<char*>(piece.data()));
    stream.avail_in = static_cast<uint32_t>(piece.size());
    stream.end_of_stream = is_end && bytes.empty() ? 1 : 0;
    do {
      const size_t room = std::max(kRoomMin, std::min<size_t>(piece.size() / 4, kInputMax));
      const size_t used = out.size();
      out.resize(used + room);
      stream.next_out = reinterpret_cast<uint8_t*>(out.data() + used);
      stream.avail_out = static_cast<uint32_t>(room);
      // Fails for wrong levels and buffers only, which are ours.
      MILLRACE_CHECK(isal_deflate(&stream) == COMP_OK);
      out.resize(used + room - stream.avail_out);
    } while (stream.avail_out == 0 || stream.avail_in > 0);
  } while (!bytes.empty());
}

std::string Gzip(std::string_view bytes) {
  std::string out;
  DeflateStream(DeflateStream::Wrapper::kGzip).Write(bytes, true, out);
  return out;
}

Result<std::string> Gunzip(std::string_view bytes, size_t size_max) {
  if (bytes.empty()) return Corrupt("an empty text is no gzip file");
  if (bytes.size() > std::numeric_limits<uint32_t>::max())
    return Status(Code::kLimitExceeded, "a gzip file of over 4 GiB");
  std::string out;
  auto state = std::make_unique<inflate_state>();
  state->next_in = reinterpret_cast<uint8_t*>(const_cast<char*>(bytes.data()));
  state->avail_in = static_cast<uint32_t>(bytes.size());
  while (state->avail_in > 0) {
    uint8_t* const begin = state->next_in;
    const uint32_t left = state->avail_in;
    isal_inflate_init(state.get());
    state->crc_flag = ISAL_GZIP;
    state->next_in = begin;
    state->avail_in = left;
    do {
      const size_t used = out.size();
      // One byte over the limit tells that there is more.
      const size_t room = std::min(std::max(kRoomMin, bytes.size() * 3), size_max + 1 - used);
      out.resize(used + room);
      state->next_out = reinterpret_cast<uint8_t*>(out.data() + used);
      state->avail_out = static_cast<uint32_t>(room);
      const int outcome = isal_inflate(state.get());
      out.resize(used + room - state->avail_out);
      if (outcome != ISAL_DECOMP_OK) return Corrupt("this is no gzip file, or it is damaged");
      if (out.size() > size_max)
        return Status(Code::kLimitExceeded, "the text is over " + std::to_string(size_max) +
                                                " bytes once it is decompressed");
      if (state->block_state != ISAL_BLOCK_FINISH && state->avail_in == 0 && state->avail_out > 0)
        return Corrupt("the gzip file is cut short");
    } while (state->block_state != ISAL_BLOCK_FINISH);
  }
  return out;
}

}  // namespace millrace::delivery
