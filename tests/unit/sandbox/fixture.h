// A loaded sandbox and short ways to ask it.
#pragma once

#include <gtest/gtest.h>

#include <set>

#include "codec/json.h"
#include "sandbox/sample_data.h"
#include "sandbox/sandbox.h"

namespace mitral::sandbox {

using codec::Json;
using codec::Method;

constexpr std::string_view kBase = "http://127.0.0.1:9444/fhir";

struct Reply {
  int status = 0;
  Json json;
  codec::Response raw;

  /// "Type/id" of every entry, or only of those with this search mode.
  [[nodiscard]] std::set<std::string> ids(std::string_view mode = {}) const {
    std::set<std::string> out;
    for (const auto& entry : json["entry"].items()) {
      if (!mode.empty() && entry["search"]["mode"].string_or() != mode) continue;
      const auto& resource = entry["resource"];
      out.insert(std::string(resource["resourceType"].string_or()) + '/' + std::string(resource["id"].string_or()));
    }
    return out;
  }
  [[nodiscard]] std::string link(std::string_view relation) const {
    for (const auto& link : json["link"].items()) {
      if (link["relation"].string_or() == relation) return std::string(link["url"].string_or());
    }
    return {};
  }
  [[nodiscard]] std::string header(std::string_view name) const {
    return std::string(raw.headers.get(name).value_or(""));
  }
};

class SandboxTest : public ::testing::Test {
 protected:
  using Headers = std::vector<std::pair<std::string_view, std::string_view>>;

  SandboxTest() : sandbox_({std::string(kBase), {}, &clock_, &random_, {}}) {
    const auto loaded = sample::load_samples(sandbox_);
    EXPECT_TRUE(loaded) << (loaded ? "" : loaded.error().client.view());
  }

  Reply ask(Method method, std::string_view path, std::string body = {}, const Headers& headers = {}) {
    codec::Request request;
    request.method = method;
    request.set_target("/fhir" + std::string(path));
    request.body = std::move(body);
    if (!request.body.empty()) request.headers.add("Content-Type", "application/fhir+json");
    for (const auto& [name, value] : headers) request.headers.set(name, value);
    Reply out;
    out.raw = run_sync(sandbox_.handle(std::move(request)));
    out.status = out.raw.status;
    if (auto parsed = Json::parse(out.raw.body)) out.json = std::move(*parsed);
    return out;
  }
  Reply get(std::string_view path, const Headers& headers = {}) { return ask(Method::get, path, {}, headers); }
  /// Follows an absolute link of ours.
  Reply follow(std::string_view url) {
    EXPECT_TRUE(url.starts_with(kBase)) << url;
    return get(url.substr(kBase.size()));
  }
  void misbehave(std::string_view name) {
    Misbehaviour how;
    ASSERT_TRUE(set_by_name(how, name));
    sandbox_.set_misbehaviour(how);
  }

  ManualClock clock_{from_seconds(1'780'000'000)};
  SequenceRandom random_;
  Sandbox sandbox_;
};

}  // namespace mitral::sandbox
