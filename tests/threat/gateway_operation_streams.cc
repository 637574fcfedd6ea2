// Large answers of operations: judged while they pass like those of searches, in bounded memory, with no foreign byte
// however late it comes, cut when the token dies; a document all or nothing (smart-fhir §4.9, §4.10; threats S-11 to
// S-14, S-22).
#include <gtest/gtest.h>

#include <algorithm>

#include "support/gateway_rig.h"
#include "support/heap.h"

namespace mitral::gateway::rig {
namespace {

/// How much of an answer is between upstream and client, and the most that ever was.
struct Flow {
  std::size_t in = 0, out = 0;
  std::size_t most_held = 0;
  std::size_t heap_at_start = 0, most_heap = 0;

  void came(std::size_t bytes) {
    in += bytes;
    most_held = std::max(most_held, in - std::min(in, out));
    most_heap = std::max(most_heap, heap::in_use() - std::min(heap::in_use(), heap_at_start));
  }
};

/// A Bundle made while it is read: nobody holds it.
class Growing final : public codec::BodySource {
 public:
  using Entry = std::function<std::string(std::size_t)>;
  Growing(std::string head, std::size_t count, Entry entry, std::shared_ptr<Flow> flow)
      : text_(std::move(head)), count_(count), entry_(std::move(entry)), flow_(std::move(flow)) {}
  Task<Result<std::string>> next() override {
    while (made_ < count_ && text_.size() < limits::kStreamPiece) {
      text_ += made_ == 0 ? "" : ",";
      text_ += R"({"fullUrl":"urn:x","resource":)" + entry_(made_) + R"(,"search":{"mode":"match"}})";
      if (++made_ == count_) text_ += "]}";
    }
    auto out = std::exchange(text_, {});
    flow_->came(out.size());
    co_return out;
  }

 private:
  std::string text_;
  std::size_t count_;
  Entry entry_;
  std::shared_ptr<Flow> flow_;
  std::size_t made_ = 0;
};

/// About 3 kB.
std::string large_observation(std::size_t index, std::string_view patient = "maria") {
  const std::string note = R"(,"note":[{"text":")" + std::string(2800, 'x') + R"("}])";
  return observation("o" + std::to_string(index), patient, note);
}

struct OperationStream : testing::Test {
  std::shared_ptr<Flow> flow = std::make_shared<Flow>();
  Growing::Entry entry = [](std::size_t i) { return large_observation(i); };
  std::size_t count = 4000;
  std::string head = R"({"resourceType":"Bundle","type":"searchset","entry":[)";
  int asked = 0;
  Rig rig;

  OperationStream() {
    rig.world.upstream = [this](Request request) { return answer(std::move(request)); };
  }
  Task<Response> answer(Request request) {
    if (request.target.find('$') == std::string::npos) co_return Response::with(404, "application/fhir+json", "{}");
    ++asked;
    auto out = Response::with(200, "application/fhir+json", {});
    out.stream = std::make_shared<Growing>(head, count, entry, flow);
    co_return out;
  }
  struct Read {
    bool ended = false;  ///< and not cut
    std::string text;    ///< only if it is kept
    std::size_t pieces = 0;
  };
  Read read(Response& response, bool keep = true) const {
    Read out;
    if (response.stream == nullptr) {
      ADD_FAILURE() << "not streamed: " << response.status << response.body.substr(0, 300);
      return out;
    }
    while (true) {
      auto piece = run_sync(response.stream->next());
      if (!piece) return out;
      flow->out += piece->size();
      if (piece->empty()) break;
      ++out.pieces;
      if (keep) out.text += *piece;
    }
    out.ended = true;
    return out;
  }
  void expect_little_was_held() const {
    EXPECT_GT(flow->in, 10'000'000U);
    EXPECT_LT(flow->most_held, limits::kStreamThreshold + 4 * limits::kStreamPiece);
    EXPECT_LT(flow->most_heap, 4'000'000U);
  }
  std::size_t withheld() const {
    std::size_t out = 0;
    for (const auto& event : rig.audit.list) {
      for (const auto& [key, value] : event.details) {
        if (key == "withheld") out += std::stoul(value);
      }
    }
    return out;
  }
};

TEST_F(OperationStream, LargeAnswersOfOperationsAreNeverHeld) {
  for (const auto* const target : {"/Patient/maria/$everything", "/Observation/$lastn?patient=maria",
                                   "/DocumentReference/$docref?patient=maria"}) {
    const bool references = std::string_view(target).find("docref") != std::string_view::npos;
    entry = [references](std::size_t i) {
      if (!references) return large_observation(i);
      return R"({"resourceType":"DocumentReference","id":"d)" + std::to_string(i) +
             R"(","status":"current","subject":{"reference":"Patient/maria"},"description":")" +
             std::string(2900, 'x') + R"("})";
    };
    *flow = {};
    const auto token = rig.jwt();
    flow->heap_at_start = heap::in_use();
    auto response = rig.get(target, token);
    ASSERT_EQ(response.status, 200) << target << response.body;
    const auto all = read(response, false);
    EXPECT_TRUE(all.ended) << target;
    EXPECT_GT(flow->out, 10'000'000U) << target;
    expect_little_was_held();
  }
}

TEST_F(OperationStream, S14_AForeignResourceLateInALargeAnswerLeavesNoTrace) {
  // Of a stranger; with her inside; hers, of a type that was not granted; of nobody.
  const std::vector<std::string> foreign{
      observation("foreign-1", "otto"),
      observation("foreign-2", "maria", R"(,"focus":[{"reference":"#s"}],"contained":[)" + patient("otto") + "]"),
      observation("foreign-3", "maria", R"(,"performer":[{"reference":"Patient/otto"}])"),
      R"({"resourceType":"Observation","id":"foreign-4","status":"final","subject":{"reference":"https://elsewhere/Patient/maria"}})",
      R"({"resourceType":"Observation","id":"foreign-5","status":"final","code":{"text":"x"}})",
      patient("otto"),
      R"({"resourceType":"Bundle","id":"foreign-6","type":"collection","entry":[{"resource":)" + patient("otto") +
          "}]}",
  };
  entry = [&](std::size_t i) {
    return i < count - foreign.size() ? large_observation(i) : foreign[i + foreign.size() - count];
  };
  auto response = rig.get("/Patient/maria/$everything", rig.jwt());
  const auto all = read(response);
  EXPECT_TRUE(all.ended);
  response.body = all.text;
  const auto shown = ids(response);
  EXPECT_TRUE(std::ranges::none_of(shown, [](const std::string& id) {
    return id == "Patient/otto" || id == "Observation/foreign-1" || id == "Observation/foreign-4" ||
           id == "Observation/foreign-5" || id == "Bundle/foreign-6";
  })) << shown.back();
  EXPECT_EQ(all.text.find(R"("id":"otto")"), std::string::npos) << "not inside either";
  const auto hers = static_cast<std::size_t>(
      std::ranges::count_if(shown, [](const std::string& id) { return id.starts_with("Observation/o"); }));
  EXPECT_EQ(hers, count - foreign.size());
  EXPECT_EQ(withheld(), count - shown.size()) << "every one is counted";
  EXPECT_EQ(Json::parse(all.text).value()["total"].as_int64(), static_cast<std::int64_t>(shown.size()));
}

TEST_F(OperationStream, S14_NoTypeBeyondTheScopesLateEither) {
  entry = [&](std::size_t i) {
    if (i + 1 < count) return large_observation(i);
    return std::string(R"({"resourceType":"Condition","id":"c1","subject":{"reference":"Patient/maria"}})");
  };
  TokenSpec some;
  some.scope = "patient/Observation.rs";
  auto response = rig.get("/Patient/maria/$everything", rig.jwt(some));
  const auto all = read(response);
  EXPECT_TRUE(all.ended);
  EXPECT_EQ(all.text.find("Condition"), std::string::npos);
}

TEST_F(OperationStream, S13_WhatIsNoBundleAnyMoreCutsTheAnswer) {
  for (const auto* const last :
       {R"({"resourceType":"Observation","resourceType":"Patient","id":"x"})",
        R"({"resourceType":"Observation","id":"x","subject":)", R"({"resourceType":"Observation","id":"x"}}])"}) {
    entry = [&](std::size_t i) { return i + 1 < count ? large_observation(i) : std::string(last); };
    auto response = rig.get("/Patient/maria/$everything", rig.jwt());
    EXPECT_FALSE(read(response).ended) << last;
  }
  head = R"({"resourceType":"Bundle","type":"collection","entry":[)";
  entry = [](std::size_t i) { return large_observation(i); };
  EXPECT_EQ(rig.get("/Patient/maria/$everything", rig.jwt()).status, 502);
}

TEST_F(OperationStream, S12_S22_RevocationCutsWhatIsUnderWay) {
  for (const auto* const target : {"/Patient/maria/$everything", "/Observation/$lastn?patient=maria"}) {
    TokenSpec spec;
    spec.grant = std::string("grant of ") + target;
    auto response = rig.get(target, rig.jwt(spec));
    ASSERT_NE(response.stream, nullptr);
    EXPECT_TRUE(run_sync(response.stream->next()));
    rig.revoke("grant_revoked", spec.grant);
    ASSERT_TRUE(rig.hear());
    EXPECT_FALSE(run_sync(response.stream->next())) << target;
  }
}

TEST_F(OperationStream, AnAnswerWhoseEventsCantBeWrittenIsCut) {
  auto response = rig.get("/Patient/maria/$everything", rig.jwt());
  ASSERT_NE(response.stream, nullptr);
  EXPECT_TRUE(run_sync(response.stream->next()));
  rig.audit.fails = true;
  EXPECT_FALSE(read(response).ended);
}

TEST_F(OperationStream, S11_ALargeAnswerOfWhichNothingMayBeSeenIsAnAbsentPatient) {
  TokenSpec doctor;
  doctor.scope = "user/Condition.rs";
  doctor.patient.clear();
  doctor.fhir_user = std::string(kPublic) + "/Practitioner/ada";
  const auto token = rig.jwt(doctor);
  const auto hidden = rig.get("/Patient/otto/$everything", token);
  EXPECT_EQ(hidden.status, 404);
  EXPECT_EQ(hidden.stream, nullptr);
  count = 1;
  const auto small = rig.get("/Patient/otto/$everything", token);
  EXPECT_EQ(small.status, 404);
  EXPECT_EQ(hidden.body, small.body);
}

// ---- documents

struct DocumentStreams : OperationStream {
  DocumentStreams() {
    head = R"({"resourceType":"Bundle","id":"doc","type":"document","identifier":{"system":"urn:s","value":"v"},)"
           R"("timestamp":"2026-01-01T00:00:00Z","entry":[)";
    entry = [](std::size_t i) { return i == 0 ? composition() : large_observation(i); };
  }
  static std::string composition(std::string_view patient = "maria") {
    return R"({"resourceType":"Composition","id":"summary","status":"final","subject":{"reference":"Patient/)" +
           std::string(patient) + R"("}})";
  }
  Response document() { return rig.get("/Composition/summary/$document", rig.jwt()); }
  /// At the end of all of them but the first `good` answers.
  void ends_with(std::string last, int good = 0) {
    entry = [this, last = std::move(last), good](std::size_t i) {
      return i == 0 ? composition() : i + 1 < count || asked <= good ? large_observation(i) : last;
    };
  }
};

TEST_F(DocumentStreams, ALargeOneIsNeverHeld) {
  const auto token = rig.jwt();
  flow->heap_at_start = heap::in_use();
  auto response = rig.get("/Composition/summary/$document", token);
  ASSERT_EQ(response.status, 200) << response.body;
  const auto held_back = flow->in;
  EXPECT_GT(held_back, 10'000'000U) << "judged to its end before the first byte leaves";
  EXPECT_LT(flow->most_heap, 4'000'000U);
  *flow = {};
  flow->heap_at_start = heap::in_use();
  const auto all = read(response, false);
  EXPECT_TRUE(all.ended);
  EXPECT_EQ(asked, 2);
  expect_little_was_held();
}

TEST_F(DocumentStreams, LargeAndSmallOnesLookTheSame) {
  auto response = document();
  auto text = read(response).text;
  for (const int size : {4000, 3}) {
    if (size == 3) {
      count = 3;
      const auto small = document();
      EXPECT_EQ(small.stream, nullptr);
      text = small.body;
    }
    const auto json = Json::parse(text).value();
    EXPECT_EQ(json["type"].string_or(), "document");
    EXPECT_EQ(json["id"].string_or(), "doc");
    EXPECT_EQ(json["identifier"]["value"].string_or(), "v");
    EXPECT_EQ(json["timestamp"].string_or(), "2026-01-01T00:00:00Z");
    EXPECT_EQ(json["entry"].size(), static_cast<std::size_t>(size));
    EXPECT_EQ(json["entry"][0]["fullUrl"].string_or(), std::string(kPublic) + "/Composition/summary");
    EXPECT_EQ(json["entry"][1]["fullUrl"].string_or(), std::string(kPublic) + "/Observation/o1");
    EXPECT_FALSE(json["entry"][1].contains("search"));
  }
}

TEST_F(DocumentStreams, S14_AForeignPartAtTheEndRefusesAllOfIt) {
  for (const auto& last : {observation("x", "otto"), patient("otto"),
                           observation("x", "maria", R"(,"contained":[)" + patient("otto") + "]")}) {
    ends_with(last);
    const auto refused = document();
    EXPECT_EQ(refused.status, 404) << last;
    EXPECT_EQ(refused.stream, nullptr);
    EXPECT_EQ(refused.body, rig.get("/Composition/absent", rig.jwt()).body) << "the one 404";
  }
  EXPECT_TRUE(std::ranges::none_of(rig.audit.list, [](const auto& event) {
    return event.outcome == model::AuditOutcome::success;
  })) << "nothing left";
}

TEST_F(DocumentStreams, S14_OneThatChangesBetweenTheLooksIsCut) {
  ends_with(observation("x", "otto"), 1);
  auto response = document();
  ASSERT_EQ(response.status, 200);
  const auto all = read(response);
  EXPECT_FALSE(all.ended);
  EXPECT_EQ(all.text.find("otto"), std::string::npos);
  asked = 0;
  entry = [this](std::size_t i) { return i == 0 ? composition(asked == 1 ? "maria" : "otto") : large_observation(i); };
  EXPECT_EQ(document().status, 404) << "from its start";
}

TEST_F(DocumentStreams, S14_TheFirstEntryIsTheCompositionThatWasAskedFor) {
  entry = [](std::size_t i) { return i == 1 ? composition() : large_observation(i); };
  EXPECT_EQ(document().status, 502) << "second";
  entry = [](std::size_t i) {
    return i == 0
               ? std::string(R"({"resourceType":"Composition","id":"another","subject":{"reference":"Patient/maria"}})")
               : large_observation(i);
  };
  EXPECT_EQ(document().status, 502) << "another";
  entry = [](std::size_t i) { return i == 0 ? composition("otto") : large_observation(i); };
  EXPECT_EQ(document().status, 404) << "a stranger's";
  count = 0;
  head += "]}";
  EXPECT_EQ(document().status, 502) << "empty";
}

TEST_F(DocumentStreams, S12_S22_RevocationCutsWhatIsUnderWay) {
  auto response = document();
  ASSERT_NE(response.stream, nullptr);
  EXPECT_TRUE(run_sync(response.stream->next()));
  rig.revoke("grant_revoked", "grant-1");
  ASSERT_TRUE(rig.hear());
  EXPECT_FALSE(run_sync(response.stream->next()));
}

}  // namespace
}  // namespace mitral::gateway::rig
