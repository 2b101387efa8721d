#include "cli/cluster/tar_gz.h"

#include <zlib.h>

#include <cstdio>
#include <cstring>

namespace millrace::cli {
namespace {

constexpr size_t kBlock = 512;
// Fields of a ustar header: where they begin and how long they are.
constexpr size_t kName = 0, kMode = 100, kUid = 108, kGid = 116, kSize = 124, kTime = 136,
                 kSum = 148, kType = 156, kMagic = 257;
constexpr size_t kNameMax = 99;

void PutOctal(std::string& header, size_t at, int digits, uint64_t number) {
  char text[32];
  std::snprintf(text, sizeof text, "%0*llo", digits, static_cast<unsigned long long>(number));
  header.replace(at, static_cast<size_t>(digits), text, static_cast<size_t>(digits));
}

std::string Header(const BundleFile& file, WallMs modified) {
  std::string header(kBlock, '\0');
  header.replace(kName, file.path.size(), file.path);
  PutOctal(header, kMode, 7, 0644);
  PutOctal(header, kUid, 7, 0);
  PutOctal(header, kGid, 7, 0);
  PutOctal(header, kSize, 11, file.bytes.size());
  PutOctal(header, kTime, 11, static_cast<uint64_t>(modified / 1000));
  header[kType] = '0';
  header.replace(kMagic, 8, std::string_view("ustar\00000", 8));
  // The sum is taken with spaces in its own place.
  header.replace(kSum, 8, 8, ' ');
  uint64_t sum = 0;
  for (char c : header) sum += static_cast<unsigned char>(c);
  PutOctal(header, kSum, 6, sum);
  header[kSum + 6] = '\0';
  return header;
}

Result<std::string> Gzip(std::string& bytes) {
  constexpr int kGzipWindow = 15 + 16;
  z_stream stream{};
  if (deflateInit2(&stream, Z_DEFAULT_COMPRESSION, Z_DEFLATED, kGzipWindow, 8,
                   Z_DEFAULT_STRATEGY) != Z_OK) {
    return Internal("gzip cannot begin");
  }
  std::string out(deflateBound(&stream, bytes.size()), '\0');
  stream.next_in = reinterpret_cast<Bytef*>(bytes.data());
  stream.avail_in = static_cast<uInt>(bytes.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  const int done = deflate(&stream, Z_FINISH);
  out.resize(stream.total_out);
  deflateEnd(&stream);
  if (done != Z_STREAM_END) return Internal("gzip cannot end");
  return out;
}

}  // namespace

Result<std::string> TarGz(const std::vector<BundleFile>& files, WallMs modified) {
  std::string tar;
  for (const BundleFile& file : files) {
    if (file.path.size() > kNameMax) return InvalidArgument("too long for a tar: " + file.path);
    tar += Header(file, modified);
    tar += file.bytes;
    tar.append((kBlock - file.bytes.size() % kBlock) % kBlock, '\0');
  }
  tar.append(2 * kBlock, '\0');
  constexpr size_t kBytesMax = 1u << 30;
  if (tar.size() > kBytesMax) return InvalidArgument("the bundle is larger than 1 GiB");
  return Gzip(tar);
}

}  // namespace millrace::cli
