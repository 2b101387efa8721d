#include "dataplane/delivery/formats/compression.h"

#include <zstd.h>

#include <limits>

#include "common/base/check.h"
#include "common/codec/crc32.h"
#include "dataplane/delivery/formats/deflate.h"
#include "dataplane/delivery/formats/snappy_blocks.h"

namespace millrace::delivery {

namespace {

// An encoder of the records' bytes in a row. Add takes the text record by record.
class TextEncoder : public Encoder {
 public:
  Status Add(const std::vector<Record>& records, std::vector<FailedRecord>&) final {
    for (const Record& record : records) Append(record.data);
    return OkStatus();
  }

 protected:
  virtual void Append(std::string_view text) = 0;
};

class PlainEncoder final : public TextEncoder {
 public:
  size_t size() const override { return out_.size(); }
  Result<std::string> Finish() override { return std::move(out_); }

 protected:
  void Append(std::string_view text) override { out_ += text; }

 private:
  std::string out_;
};

// Collects short records into blocks, since every call of a compressor has its price.
class BlockEncoder : public TextEncoder {
 public:
  explicit BlockEncoder(size_t block_bytes) : block_bytes_(block_bytes) {
    block_.reserve(block_bytes);
  }
  size_t size() const override { return out_.size() + block_.size(); }
  Result<std::string> Finish() override {
    End(block_);
    return std::move(out_);
  }

 protected:
  void Append(std::string_view text) final {
    while (!text.empty()) {
      const std::string_view piece = text.substr(0, block_bytes_ - block_.size());
      block_ += piece;
      text.remove_prefix(piece.size());
      if (block_.size() < block_bytes_) continue;
      Block(block_);
      block_.clear();
    }
  }
  virtual void Block(std::string_view block) = 0;
  // The last block, shorter than the others, perhaps empty.
  virtual void End(std::string_view block) {
    if (!block.empty()) Block(block);
  }

  std::string out_;

 private:
  const size_t block_bytes_;
  std::string block_;
};

constexpr size_t kStreamBlockBytes = 256 << 10;

class GzipEncoder final : public BlockEncoder {
 public:
  GzipEncoder() : BlockEncoder(kStreamBlockBytes) {}

 protected:
  void Block(std::string_view block) override { stream_.Write(block, false, out_); }
  void End(std::string_view block) override { stream_.Write(block, true, out_); }

 private:
  DeflateStream stream_{DeflateStream::Wrapper::kGzip};
};

// One deflated entry (PKWARE's APPNOTE, 4.3). Sizes stand in a data descriptor after the bytes.
class ZipEncoder final : public BlockEncoder {
 public:
  ZipEncoder() : BlockEncoder(kStreamBlockBytes) {
    Put(0x04034b50, 4);
    PutEntry(0, 0, 0);
    out_ += kEntryName;
    data_begin_ = out_.size();
  }

 protected:
  void Block(std::string_view block) override {
    Count(block);
    stream_.Write(block, false, out_);
  }
  void End(std::string_view block) override {
    Count(block);
    stream_.Write(block, true, out_);
    const auto packed = out_.size() - data_begin_;
    Put(0x08074b50, 4);
    Put(crc_, 4);
    Put(packed, 4);
    Put(size_, 4);
    const size_t directory = out_.size();
    Put(0x02014b50, 4);
    Put(20, 2);  // made by version 2.0
    PutEntry(crc_, packed, size_);
    Put(0, 2);  // comment
    Put(0, 2);  // disk
    Put(0, 2);  // internal attributes
    Put(0, 4);  // external attributes
    Put(0, 4);  // where the local header stands
    out_ += kEntryName;
    const size_t directory_end = out_.size();
    Put(0x06054b50, 4);
    Put(0, 2);
    Put(0, 2);
    Put(1, 2);
    Put(1, 2);
    Put(directory_end - directory, 4);
    Put(directory, 4);
    Put(0, 2);
  }

 private:
  static constexpr std::string_view kEntryName = "data";

  void Put(uint64_t value, int bytes) {
    for (int i = 0; i < bytes; ++i) out_ += static_cast<char>(value >> (8 * i) & 0xff);
  }
  // What local header and directory have in common: from the version needed to the extra field.
  void PutEntry(uint64_t crc, uint64_t packed, uint64_t size) {
    Put(20, 2);      // version 2.0
    Put(1 << 3, 2);  // sizes follow the data
    Put(8, 2);       // deflate
    Put(0, 2);       // time
    Put(0x21, 2);    // 1980-01-01
    Put(crc, 4);
    Put(packed, 4);
    Put(size, 4);
    Put(kEntryName.size(), 2);
    Put(0, 2);
  }
  void Count(std::string_view block) {
    crc_ = codec::Crc32Ieee(block.data(), block.size(), crc_);
    size_ += block.size();
  }

  DeflateStream stream_{DeflateStream::Wrapper::kRaw};
  size_t data_begin_ = 0;
  uint32_t crc_ = 0;
  uint64_t size_ = 0;
};

class SnappyEncoder final : public BlockEncoder {
 public:
  SnappyEncoder() : BlockEncoder(kSnappyFrameBlockBytes) { out_ = SnappyStreamIdentifier(); }

 protected:
  void Block(std::string_view block) override { AppendSnappyFrame(block, out_); }
};

class HadoopSnappyEncoder final : public BlockEncoder {
 public:
  HadoopSnappyEncoder() : BlockEncoder(kHadoopSnappyBlockBytes) {}

 protected:
  void Block(std::string_view block) override { AppendHadoopSnappyBlock(block, out_); }
};

class ZstdEncoder final : public BlockEncoder {
 public:
  ZstdEncoder() : BlockEncoder(kStreamBlockBytes), stream_(ZSTD_createCCtx(), &ZSTD_freeCCtx) {}

 protected:
  void Block(std::string_view block) override { Write(block, ZSTD_e_continue); }
  void End(std::string_view block) override { Write(block, ZSTD_e_end); }

 private:
  void Write(std::string_view block, ZSTD_EndDirective directive) {
    ZSTD_inBuffer in{block.data(), block.size(), 0};
    for (;;) {
      const size_t used = out_.size();
      out_.resize(used + ZSTD_CStreamOutSize());
      ZSTD_outBuffer out{out_.data() + used, ZSTD_CStreamOutSize(), 0};
      const size_t left = ZSTD_compressStream2(stream_.get(), &out, &in, directive);
      // Fails for wrong parameters and out of memory only.
      MILLRACE_CHECK(!ZSTD_isError(left));
      out_.resize(used + out.pos);
      if (directive == ZSTD_e_end ? left == 0 : in.pos == in.size) return;
    }
  }

  std::unique_ptr<ZSTD_CCtx, size_t (*)(ZSTD_CCtx*)> stream_;
};

template <typename T>
std::unique_ptr<Encoder> New() {
  return std::make_unique<T>();
}

struct Format {
  std::string_view name;
  std::string_view extension;
  std::string_view content_type;
  std::unique_ptr<Encoder> (*make)();
};

constexpr Format kFormats[] = {
    {"UNCOMPRESSED", "", "application/octet-stream", &New<PlainEncoder>},
    {"GZIP", ".gz", "application/octet-stream", &New<GzipEncoder>},
    {"ZIP", ".zip", "application/zip", &New<ZipEncoder>},
    {"Snappy", ".snappy", "application/octet-stream", &New<SnappyEncoder>},
    {"HADOOP_SNAPPY", ".hsnappy", "application/octet-stream", &New<HadoopSnappyEncoder>},
    {"ZSTD", ".zst", "application/zstd", &New<ZstdEncoder>},
};

class Compressor final : public EncoderFactory {
 public:
  explicit Compressor(const Format& format) : format_(format) {}
  std::unique_ptr<Encoder> Make() const override { return format_.make(); }
  std::string_view extension() const override { return format_.extension; }
  std::string_view content_type() const override { return format_.content_type; }
  // Objects are files: a reader that asks for one gets it as it was written.
  std::string_view content_encoding() const override { return ""; }

 private:
  const Format& format_;
};

}  // namespace

Result<std::unique_ptr<EncoderFactory>> MakeCompressor(std::string_view format) {
  for (const Format& each : kFormats)
    if (each.name == format) return std::unique_ptr<EncoderFactory>(new Compressor(each));
  return InvalidArgument("there is no compression format '" + std::string(format) +
                         "': use UNCOMPRESSED, GZIP, ZIP, Snappy, HADOOP_SNAPPY or ZSTD");
}

}  // namespace millrace::delivery
