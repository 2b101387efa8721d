#include "common/aws/arn.h"

#include <algorithm>
#include <charconv>
#include <optional>

namespace millrace::aws {

namespace {

constexpr size_t kNameCharsMax = 128;
constexpr size_t kArnCharsMax = 2048;
constexpr size_t kAccountDigits = 12;
constexpr std::string_view kStreamPrefix = "stream/";
constexpr std::string_view kConsumerPart = "/consumer/";

bool IsDigit(char c) { return c >= '0' && c <= '9'; }

// [a-zA-Z0-9_.-]{1,128}, what names of streams and consumers are made of.
bool IsName(std::string_view text) {
  return !text.empty() && text.size() <= kNameCharsMax && std::ranges::all_of(text, [](char c) {
    return IsDigit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || c == '.' ||
           c == '-';
  });
}

Status NotAnArn(std::string_view kind, std::string_view text) {
  return InvalidArgument(std::string(text.substr(0, kArnCharsMax)) + " is not the ARN of a " +
                         std::string(kind));
}

// The text up to the next ':', which is taken off; nothing where there is none.
std::string_view TakeField(std::string_view& text) {
  size_t colon = text.find(':');
  if (colon == std::string_view::npos) return {};
  std::string_view field = text.substr(0, colon);
  text.remove_prefix(colon + 1);
  return field;
}

std::optional<StreamArn> ReadStreamArn(std::string_view text) {
  if (text.size() > kArnCharsMax || TakeField(text) != "arn") return std::nullopt;
  StreamArn arn;
  arn.partition = TakeField(text);
  if (!arn.partition.starts_with("aws") || TakeField(text) != "kinesis") return std::nullopt;
  arn.region = TakeField(text);
  arn.account = TakeField(text);
  if (arn.account.size() != kAccountDigits || !std::ranges::all_of(arn.account, IsDigit)) {
    return std::nullopt;
  }
  if (!text.starts_with(kStreamPrefix)) return std::nullopt;
  arn.name = text.substr(kStreamPrefix.size());
  if (!IsName(arn.name)) return std::nullopt;
  return arn;
}

std::optional<ConsumerArn> ReadConsumerArn(std::string_view text) {
  size_t part = text.find(kConsumerPart);
  size_t colon = text.rfind(':');
  if (text.size() > kArnCharsMax || part == std::string_view::npos || colon < part) {
    return std::nullopt;
  }
  std::optional<StreamArn> stream = ReadStreamArn(text.substr(0, part));
  if (!stream) return std::nullopt;
  size_t name_at = part + kConsumerPart.size();
  ConsumerArn arn{*std::move(stream), std::string(text.substr(name_at, colon - name_at)), 0};
  std::string_view created = text.substr(colon + 1);
  auto [end, error] =
      std::from_chars(created.data(), created.data() + created.size(), arn.created_s);
  bool whole = error == std::errc() && end == created.data() + created.size();
  if (!IsName(arn.name) || !whole || !IsDigit(created.front())) return std::nullopt;
  return arn;
}

}  // namespace

std::string StreamArn::ToString() const {
  return "arn:" + partition + ":kinesis:" + region + ":" + account + ":stream/" + name;
}

std::string ConsumerArn::ToString() const {
  return stream.ToString() + std::string(kConsumerPart) + name + ":" + std::to_string(created_s);
}

Result<StreamArn> ParseStreamArn(std::string_view text) {
  std::optional<StreamArn> arn = ReadStreamArn(text);
  if (!arn) return NotAnArn("stream", text);
  return *std::move(arn);
}

Result<ConsumerArn> ParseConsumerArn(std::string_view text) {
  std::optional<ConsumerArn> arn = ReadConsumerArn(text);
  if (!arn) return NotAnArn("stream consumer", text);
  return *std::move(arn);
}

}  // namespace millrace::aws
