// How fast a searchset Bundle is judged while it passes, on one core: the gateway's own work on an answer, without
// network and without audit store. Prints one line of JSON for bench/run.py.
//
// Beside each round a yardstick is measured: a plain scan of the same bytes for brackets, quotes and escapes, by a
// table, one byte after the other, that never changes. What a virtual machine loses to its neighbours both lose, so
// their ratio tells a slow judge from a slow minute.
//
//   mitral_judge [--resources N] [--bytes N] [--seconds N]
#include <fmt/format.h>

#include <array>
#include <charconv>
#include <ctime>
#include <string>
#include <string_view>

#include "gateway/stream_judge.h"
#include "policy/scope_rules.h"

namespace {

using mitral::Result;
using mitral::Task;
namespace gateway = mitral::gateway;
namespace policy = mitral::policy;

constexpr std::string_view kBase = "https://gateway.example/fhir";
constexpr std::string_view kUpstream = "http://10.0.0.7:8090/fhir";

/// Laboratory results as servers send them: coded, with a subject, an encounter and a quantity.
std::string observation(std::size_t index, std::size_t size) {
  std::string out = fmt::format(
      R"({{"resourceType":"Observation","id":"obs-{0}","meta":{{"versionId":"1","lastUpdated":"2025-11-01T08:15:30.123+00:00",)"
      R"("profile":["http://hl7.org/fhir/us/core/StructureDefinition/us-core-observation-lab"]}},"status":"final",)"
      R"("category":[{{"coding":[{{"system":"http://terminology.hl7.org/CodeSystem/observation-category","code":"laboratory",)"
      R"("display":"Laboratory"}}]}}],"code":{{"coding":[{{"system":"http://loinc.org","code":"2339-0","display":"Glucose"}}],)"
      R"("text":"Glucose"}},"subject":{{"reference":"Patient/maria"}},"encounter":{{"reference":"Encounter/e-{0}"}},)"
      R"("effectiveDateTime":"2025-10-31T07:00:00+00:00","issued":"2025-10-31T09:12:44.000+00:00",)"
      R"("valueQuantity":{{"value":{1}.{2},"unit":"mg/dL","system":"http://unitsofmeasure.org","code":"mg/dL"}},)"
      R"("referenceRange":[{{"low":{{"value":70,"unit":"mg/dL"}},"high":{{"value":99,"unit":"mg/dL"}}}}])",
      index, 60 + index % 80, index % 10);
  const std::string_view note = R"(,"note":[{"text":")";
  const std::size_t rest = size > out.size() + note.size() + 5 ? size - out.size() - note.size() - 5 : 1;
  std::string text;
  while (text.size() < rest) text += "Fasting sample, measured twice. ";
  text.resize(rest);
  return out.append(note).append(text).append("\"}]}");
}

std::string bundle(std::size_t resources, std::size_t bytes) {
  std::string out =
      R"({"resourceType":"Bundle","type":"searchset","total":)" + std::to_string(resources) + R"(,"link":[],"entry":[)";
  for (std::size_t i = 0; i < resources; ++i) {
    if (i != 0) out += ',';
    out += fmt::format(R"({{"fullUrl":"{}/Observation/obs-{}","resource":)", kUpstream, i);
    out += observation(i, bytes / resources - 110);
    out += R"(,"search":{"mode":"match"}})";
  }
  return out + "]}";
}

gateway::StreamRules rules() {
  policy::TokenFacts facts;
  facts.scopes = mitral::spec::smart::ScopeSet::parse_known("patient/*.rs", policy::scope_rules()).value();
  facts.client = "app";
  facts.subject = "maria";
  facts.patient = "maria";
  facts.fhir_user = std::string(kBase) + "/Patient/maria";
  facts.own_base = kBase;
  gateway::StreamRules out;
  out.access = std::make_shared<const policy::Access>(policy::Access::compile(facts));
  out.interaction = mitral::fhir::classify({.method = mitral::codec::Method::get,
                                            .path = "/Observation",
                                            .query = {},
                                            .content_type = {},
                                            .body = {},
                                            .if_none_exist = false})
                        .value();
  out.plan = policy::decide(*out.access, out.interaction).plan;
  out.public_base = kBase;
  out.upstream_base = kUpstream;
  out.self_link = std::string(kBase) + "/Observation";
  return out;
}

/// The pieces in which a body comes from the network.
class Pieces final : public mitral::codec::BodySource {
 public:
  explicit Pieces(std::string_view text) {
    for (std::size_t at = 0; at < text.size(); at += mitral::limits::kStreamPiece) {
      pieces_.emplace_back(text.substr(at, mitral::limits::kStreamPiece));
    }
  }
  Task<Result<std::string>> next() override {
    co_return next_ < pieces_.size() ? std::move(pieces_[next_++]) : std::string();
  }

 private:
  std::vector<std::string> pieces_;
  std::size_t next_ = 0;
};

consteval std::array<std::uint8_t, 256> make_classes() {
  std::array<std::uint8_t, 256> out{};
  for (const char c : {'{', '['}) out[static_cast<unsigned char>(c)] = 1;
  for (const char c : {'}', ']'}) out[static_cast<unsigned char>(c)] = 2;
  out['"'] = 3;
  out['\\'] = 4;
  return out;
}
constexpr auto kClasses = make_classes();

/// The yardstick: depth and strings of a JSON text, as simply as can be.
std::uint64_t scan(std::string_view text) {
  std::uint64_t sum = 0;
  std::uint64_t depth = 0;
  bool inside = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    switch (kClasses[static_cast<unsigned char>(text[i])]) {
      case 1: depth += inside ? 0 : 1; break;
      case 2: depth -= inside ? 0 : 1; break;
      case 3: inside = !inside; break;
      case 4: ++i; break;
      default: sum += depth; break;
    }
  }
  return sum;
}

Task<Result<void>> nothing() { co_return Result<void>{}; }

/// Resources that came through; 0 on an error.
Task<std::size_t> judge_once(std::shared_ptr<Pieces> text, std::size_t& shown) {
  gateway::StreamHooks hooks;
  hooks.write_down = [&shown](std::vector<gateway::Shown> these, std::size_t) {
    shown += these.size();
    return nothing();
  };
  auto source = co_await gateway::judge_bundle_stream(std::move(text), rules(), hooks);
  std::size_t bytes = 0;
  while (source) {
    const auto piece = co_await (*source)->next();
    if (!piece) co_return 0;
    if (piece->empty()) break;
    bytes += piece->size();
  }
  co_return bytes;
}

double cpu_seconds() {
  timespec now{};
  ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) * 1e-9;
}

std::size_t number(std::string_view text) {
  std::size_t out = 0;
  std::from_chars(text.data(), text.data() + text.size(), out);
  return out;
}

}  // namespace

int main(int count, char** arguments) {
  std::size_t resources = 1000;
  std::size_t bytes = 1024 * 1024;
  std::size_t seconds = 2;
  for (int i = 1; i + 1 < count; i += 2) {
    const std::string_view name = arguments[i];
    if (name == "--resources") resources = number(arguments[i + 1]);
    if (name == "--bytes") bytes = number(arguments[i + 1]);
    if (name == "--seconds") seconds = number(arguments[i + 1]);
  }
  const auto text = bundle(resources, bytes);
  std::size_t shown = 0;
  if (mitral::run_sync(judge_once(std::make_shared<Pieces>(text), shown)) == 0 || shown != resources) {
    fmt::print("{{\"error\":\"{} of {} resources came through\"}}\n", shown, resources);
    return 1;
  }
  std::size_t rounds = 0;
  double best = 1e9;
  double spent = 0;
  double scanning = 0;
  double best_scan = 1e9;
  std::uint64_t scanned = 0;
  const auto began = cpu_seconds();
  auto now = began;
  while (now - began < static_cast<double>(seconds)) {
    auto pieces = std::make_shared<Pieces>(text);
    now = cpu_seconds();
    scanned += scan(text);
    const auto begun = cpu_seconds();
    scanning += begun - now;
    best_scan = std::min(best_scan, begun - now);
    now = begun;
    if (mitral::run_sync(judge_once(std::move(pieces), shown)) == 0) return 1;
    const auto after = cpu_seconds();
    best = std::min(best, after - now);
    spent += after - now;
    now = after;
    ++rounds;
  }
  const auto megabytes = static_cast<double>(text.size()) / 1e6;
  if (scanned == 0) return 1;
  fmt::print(
      R"({{"bytes":{},"resources":{},"rounds":{},"mb_per_s":{:.1f},"best_mb_per_s":{:.1f},"scan_mb_per_s":{:.1f},"best_scan_mb_per_s":{:.1f}}})"
      "\n",
      text.size(), resources, rounds, megabytes * static_cast<double>(rounds) / spent, megabytes / best,
      megabytes * static_cast<double>(rounds) / scanning, megabytes / best_scan);
  return 0;
}
