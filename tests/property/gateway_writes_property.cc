// Whatever a client sends, a token bound to one patient changes her records only: random writes, patches, conditions
// and Bundles, with bodies made of what is stored, and then a look at everything that upstream has changed.
#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <set>

#include "codec/base64url.h"
#include "fhir/compartment.h"
#include "support/gateway_writing.h"

namespace mitral::gateway::rig {
namespace {

using Rng = std::mt19937;
using Strings = std::vector<std::string>;

template <class List>
auto pick(Rng& rng, const List& list) {
  return list[std::uniform_int_distribution<std::size_t>(0, std::size(list) - 1)(rng)];
}
bool maybe(Rng& rng, int one_in) { return std::uniform_int_distribution<int>(1, one_in)(rng) == 1; }

const Strings kPatients{"maria", "maria", "maria", "otto", "leo", "nora"};
const Strings kTypes{"Observation", "Condition", "DocumentReference", "Patient", "Encounter", "Consent", "Device"};

class RandomWrites {
 public:
  RandomWrites(WritingRig& rig, Rng& rng) : rig_(rig), rng_(rng) {
    for (const auto& type : kTypes) {
      const auto found = Json::parse(rig_.unguarded("/" + type + "?_count=200").body).value();
      for (const auto& entry : found["entry"].items()) {
        stored_.push_back(entry["resource"]);
        if (fhir::member_of_patient(entry["resource"], "maria", kUpstream)) hers_.push_back(entry["resource"]);
      }
    }
  }

  EntrySpec entry() {
    const auto seed = pick(rng_, maybe(rng_, 3) ? stored_ : hers_);
    const std::string type(maybe(rng_, 20) ? pick(rng_, kTypes) : std::string(seed["resourceType"].string_or()));
    const std::string id(maybe(rng_, 6) ? "new-" + std::to_string(rng_() % 20) : std::string(seed["id"].string_or()));
    const auto method = pick(rng_, Strings{"POST", "PUT", "PUT", "PATCH", "DELETE", "GET"});
    EntrySpec out{method, type + (method == "POST" ? "" : "/" + id)};
    if (maybe(rng_, 12)) out.url = type + "?" + pick(rng_, Strings{"_id=", "identifier=", "patient="}) + id;
    if (method == "POST" || method == "PUT") out.resource = body(seed, type, id);
    if (method == "PATCH") out.resource = maybe(rng_, 3) ? xml_patch(type) : patch();
    if (maybe(rng_, 3)) out.full_url = pick(rng_, kNames);
    if (method == "POST" && maybe(rng_, 4)) out.more = R"("ifNoneExist":"_id=)" + id + "\"";
    if (method == "PUT" && maybe(rng_, 6)) out.more = R"("ifNoneMatch":"*")";
    return out;
  }

 private:
  std::string reference() {
    const auto id = pick(rng_, kPatients);
    return pick(rng_, Strings{"Patient/" + id, std::string(kPublic) + "/Patient/" + id,
                              std::string(kUpstream) + "/Patient/" + id, "Patient/" + id + "/_history/1",
                              "/Patient/" + id, "Patient?_id=" + id, pick(rng_, kNames), "#p", "Patient/0.unborn.0"});
  }
  std::string body(const Json& seed, const std::string& type, const std::string& id) {
    Json out = seed;
    if (!maybe(rng_, 30)) out.set("resourceType", type);
    if (!maybe(rng_, 30)) out.set("id", id);
    for (const auto* const name : {"subject", "patient", "beneficiary"}) {
      if (out.contains(name) && maybe(rng_, 3)) out.set(name, Json::object({{"reference", reference()}}));
    }
    if (maybe(rng_, 6)) out.set("performer", Json::array({Json::object({{"reference", reference()}})}));
    if (maybe(rng_, 10)) out.set("contained", Json::array({Json::object({{"resourceType", "Patient"}, {"id", "p"}})}));
    return out.dump();
  }
  std::string xml_patch(std::string_view type) {
    std::string out = "<diff xmlns=\"http://hl7.org/fhir\"><add sel='*'><language value='de'/></add>";
    for (auto i = rng_() % 3; i != 3; ++i) {
      const auto target = reference();
      const auto kind = pick(rng_, Strings{"add", "replace", "remove"});
      const auto name = pick(rng_, Strings{"subject", "subject", "patient", "performer"});
      const bool whole = kind == "add" || maybe(rng_, 2);
      out += "<" + kind + " sel='" + pick(rng_, Strings{std::string(type), "*"}) +
             (kind == "add" ? "" : "/" + name + (whole ? "" : "/reference/@value")) + "'>";
      if (kind != "remove" && !whole) out += target;
      if (kind != "remove" && whole) out += "<" + name + "><reference value='" + target + "'/></" + name + ">";
      out += "</" + kind + ">";
    }
    return Json::object({{"resourceType", "Binary"},
                         {"contentType", "application/xml-patch+xml"},
                         {"data", codec::base64_encode(out + "</diff>")}})
        .dump();
  }
  std::string patch() {
    Json operations = Json::array();
    for (auto i = rng_() % 3; i != 3; ++i) {
      Json one = Json::object({{"op", pick(rng_, Strings{"add", "replace", "remove", "copy", "move"})},
                               {"path", pick(rng_, Strings{"/subject", "/subject/reference", "/patient/reference",
                                                           "/status", "/id", "/performer", "/meta/security"})},
                               {"from", pick(rng_, Strings{"/subject", "/status", "/id"})}});
      one.set("value", maybe(rng_, 2) ? Json(reference()) : Json::object({{"reference", reference()}}));
      operations.push_back(std::move(one));
    }
    return Json::object({{"resourceType", "Binary"},
                         {"contentType", "application/json-patch+json"},
                         {"data", codec::base64_encode(operations.dump())}})
        .dump();
  }

  inline static const Strings kNames{"urn:uuid:a", "urn:uuid:b", "urn:uuid:c", "urn:uuid:maria",
                                     "https://gw.example/fhir/Patient/maria"};
  WritingRig& rig_;
  Rng& rng_;
  std::vector<Json> stored_, hers_;
};

/// What upstream has stored or deleted since the last look: "Type/id".
class Changes {
 public:
  explicit Changes(WritingRig& rig) : rig_(rig) { (void)news(); }
  Strings news() {
    Strings out;
    const auto history = Json::parse(rig_.unguarded("/_history?_count=500").body).value();
    for (const auto& entry : history["entry"].items()) {
      const auto& resource = entry["resource"];
      auto path = std::string(entry["request"]["url"].string_or());
      if (entry.contains("resource")) {
        path = std::string(resource["resourceType"].string_or()) + "/" + std::string(resource["id"].string_or());
      }
      const auto key = path + " " + std::string(entry["response"]["etag"].string_or());
      if (seen_.insert(key).second) out.push_back(path);
    }
    return out;
  }

 private:
  WritingRig& rig_;
  std::set<std::string> seen_;
};

bool hers(const Json& resource) {
  return fhir::member_of_patient(resource, "maria", kUpstream) &&
         !fhir::names_other_patient(resource, "maria", kUpstream);
}

TEST(GatewayWritesProperty, S14_OnlyTheTokensOwnPatientIsEverChanged) {
  for (const unsigned seed : {1U, 2U, 3U, 4U}) {
    Rng rng(seed);
    WritingRig rig;
    rig.world.keep_log = false;
    const auto who = maria(seed % 2 == 0 ? "patient/*.cruds" : "patient/*.cruds user/*.cruds");
    RandomWrites random(rig, rng);
    Changes changes(rig);
    std::size_t done = 0;
    for (int round = 0; round < 120; ++round) {
      std::vector<EntrySpec> entries;
      for (auto i = rng() % 3; i != 3; ++i) entries.push_back(random.entry());
      rig.clock.advance(std::chrono::seconds(1));
      rig.hear();
      const std::string type = maybe(rng, 2) ? "batch" : "transaction";
      const auto response = rig.post("", a_bundle(type, entries), rig.jwt(who));
      ASSERT_LT(response.status, 500) << a_bundle(type, entries) << response.body;
      for (const auto& path : changes.news()) {
        ++done;
        if (path.ends_with(sandbox::sample::kMovedObservation)) continue;  // was another's in the samples already
        const auto versions = Json::parse(rig.unguarded("/" + path + "/_history?_count=100").body).value();
        for (const auto& entry : versions["entry"].items()) {
          if (!entry.contains("resource")) continue;
          ASSERT_TRUE(hers(entry["resource"])) << a_bundle(type, entries) << "\n" << entry["resource"].dump();
        }
      }
    }
    EXPECT_GT(done, 20U) << "something must have been written, or nothing was tried";
  }
}

}  // namespace
}  // namespace mitral::gateway::rig
