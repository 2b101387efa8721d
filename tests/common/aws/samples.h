#pragma once

#include <gtest/gtest.h>

#include <fstream>
#include <map>
#include <sstream>
#include <string>
#include <string_view>

#include "common/json/value.h"

namespace millrace::aws {

// A stored sample of tests/common/aws/samples; tests run in the root of the tree. Lives for good,
// so that loops may go over a part of it.
inline const json::Value& ReadSample(const std::string& name) {
  static auto& samples = *new std::map<std::string, json::Value>;
  auto found = samples.find(name);
  if (found != samples.end()) return found->second;
  std::ifstream file("tests/common/aws/samples/" + name, std::ios::binary);
  std::stringstream text;
  text << file.rdbuf();
  auto value = json::ParseJson(text.str());
  EXPECT_TRUE(value.ok()) << name;
  return samples[name] = value.ok() ? *std::move(value) : json::Value();
}

inline std::string FromHex(std::string_view hex) {
  std::string bytes;
  for (size_t i = 0; i + 1 < hex.size(); i += 2) {
    bytes += static_cast<char>(std::stoi(std::string(hex.substr(i, 2)), nullptr, 16));
  }
  return bytes;
}

}  // namespace millrace::aws
