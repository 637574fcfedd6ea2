// Attacks on what is stored: every rule of smart-fhir §4.7 with somebody who tries to get round it (threats S-7, S-14,
// S-15, S-17, S-18, S-20).
#include <gtest/gtest.h>

#include <algorithm>

#include "support/gateway_writing.h"

namespace mitral::gateway::rig {
namespace {

namespace sample = sandbox::sample;
const std::string kMine = "/Observation/" + std::string(sample::kMariaLab);
const std::string kOttos = "/Observation/" + std::string(sample::kStrangerLab);

struct WriteThreat : testing::Test {
  WritingRig rig;
  std::string token = rig.jwt(maria("patient/*.cruds"));
  std::string doctor = rig.jwt(practitioner("user/*.cruds"));

  Json mine() { return rig.sandbox.current("Observation", sample::kMariaLab); }
  std::string mine_with(std::string_view name, std::string_view json) {
    auto out = mine();
    out.set(name, Json::parse(json).value());
    return out.dump();
  }
  static std::string ref(std::string_view target) { return R"({"reference":")" + std::string(target) + R"("})"; }
  /// Nothing reached upstream that could change anything.
  void expect_untouched(const std::string& what) { EXPECT_EQ(rig.writes(), 0U) << what; }
};

TEST_F(WriteThreat, S7_EachWriteNeedsItsOwnLetter) {
  const std::string body = mine().dump();
  struct Try {
    Method method;
    std::string target;
    std::string body;
    char letter;
  };
  for (const auto& one :
       {Try{Method::post, "/Observation", an_observation("Patient/maria"), 'c'}, Try{Method::put, kMine, body, 'u'},
        Try{Method::patch, kMine, "[]", 'u'}, Try{Method::del, kMine, {}, 'd'}}) {
    for (const char granted : {'c', 'u', 'd', 'r', 's'}) {
      if (granted == one.letter) continue;
      const auto bearer = rig.jwt(maria("patient/Observation." + std::string(1, granted)));
      const auto response =
          rig.write(one.method, one.target, one.body, bearer,
                    {.headers = {},
                     .type = one.method == Method::patch ? "application/json-patch+json" : "application/fhir+json"});
      EXPECT_EQ(response.status, 403) << one.letter << granted;
      EXPECT_NE(response.headers.get("WWW-Authenticate").value_or("").find("insufficient_scope"),
                std::string_view::npos);
    }
  }
  expect_untouched("letters");
}

TEST_F(WriteThreat, S7_LettersAndBoundsComeFromOneScope) {
  // user/ may read everyone's, patient/ may write: nobody may write everyone's.
  auto both = practitioner("user/Observation.rs patient/Observation.cud");
  both.patient = "maria";
  const auto bearer = rig.jwt(both);
  const auto otto = rig.sandbox.current("Observation", sample::kStrangerLab).dump();
  EXPECT_EQ(rig.put(kOttos, otto, bearer).status, 403);
  EXPECT_EQ(rig.remove(kOttos, bearer).status, 403);
  EXPECT_EQ(rig.post("/Observation", an_observation("Patient/otto"), bearer).status, 403);
  expect_untouched("cross scope");
}

TEST_F(WriteThreat, S11_ForeignAndAbsentAnswerByteForByteAlike) {
  const auto u_only = rig.jwt(maria("patient/*.rud"));
  const auto as = [&](std::string_view id) { return an_observation_with_id(id, "Patient/maria"); };
  const std::string foreign(sample::kStrangerLab);
  const auto absent = std::string("nobody-knows-1");
  const auto target = [](const std::string& id) { return "/Observation/" + id; };
  EXPECT_EQ(all_of(rig.put(target(foreign), as(foreign), u_only)), all_of(rig.put(target(absent), as(absent), u_only)));
  const auto both = rig.put(target(foreign), as(foreign), u_only);
  EXPECT_EQ(all_of(both), all_of(rig.get(target(absent), u_only))) << "the one 404, as for reads";
  EXPECT_EQ(all_of(rig.remove(target(foreign), token)), all_of(rig.remove(target(absent), token)));
  for (const auto* const patch :
       {R"([{"op":"test","path":"/status","value":"final"}])", R"([{"op":"remove","path":"/x"}])",
        R"([{"op":"replace","path":"/status","value":"final"}])"}) {
    EXPECT_EQ(all_of(rig.json_patch(target(foreign), patch, token)),
              all_of(rig.json_patch(target(absent), patch, token)));
  }
  for (const auto* const tag : {"W/\"1\"", "W/\"99\"", "*"}) {
    const WriteOptions match{.headers = {{"If-Match", tag}}};
    EXPECT_EQ(all_of(rig.put(target(foreign), as(foreign), token, match)),
              all_of(rig.put(target(absent), as(absent), token, match)))
        << tag;
    EXPECT_EQ(all_of(rig.remove(target(foreign), token, match)), all_of(rig.remove(target(absent), token, match)));
  }
  expect_untouched("oracle");
}

TEST_F(WriteThreat, S20_WhatWasDeletedIsNotTakenOver) {
  // Under its id everything that refers to the deleted resource would find the new one.
  const auto id = std::string(sample::kDeletedObservation);
  EXPECT_EQ(rig.put("/Observation/" + id, an_observation_with_id(id, "Patient/maria"), token).status, 404);
  expect_untouched("revival");
}

TEST_F(WriteThreat, S8_SubjectsDoNotMove) {
  const auto before = mine().dump();
  for (const auto* const subject : {"Patient/otto",
                                    "https://gw.example/fhir/Patient/otto",
                                    "http://fhir.internal:8090/r4/Patient/otto",
                                    "HTTP://fhir.internal:8090/r4/Patient/otto",
                                    "http://fhir.internal/r4/Patient/otto",
                                    "/Patient/otto",
                                    "./Patient/otto",
                                    "Patient//otto",
                                    "Patient/otto/",
                                    "Patient/maria/../otto",
                                    "Patient/%6ftto",
                                    "Patient/otto#x",
                                    "Patient/otto?",
                                    "Patient?identifier=otto",
                                    "urn:uuid:otto",
                                    "Group/group-maria-otto",
                                    "Practitioner/dr-ada",
                                    "#p",
                                    "patient/otto",
                                    "Patient/otto ",
                                    "\\u0050atient/otto",
                                    ""}) {
    const auto response = rig.put(kMine, mine_with("subject", ref(subject)), token);
    EXPECT_GE(response.status, 400) << subject;
    EXPECT_LT(response.status, 500) << subject;
    EXPECT_GE(
        rig.json_patch(kMine,
                       R"([{"op":"replace","path":"/subject/reference","value":")" + std::string(subject) + R"("}])",
                       token)
            .status,
        400)
        << subject;
    EXPECT_GE(rig.post("/Observation", an_observation(subject), token).status, 400) << subject;
  }
  auto without = mine();
  without.erase("subject");
  EXPECT_EQ(rig.put(kMine, without.dump(), token).status, 403);
  EXPECT_EQ(rig.put(kMine, mine_with("subject", R"({"identifier":{"value":"maria"}})"), token).status, 403);
  EXPECT_EQ(
      rig.put(kMine, mine_with("subject", R"([{"reference":"Patient/maria"},{"reference":"Patient/otto"}])"), token)
          .status,
      403);
  EXPECT_EQ(mine().dump(), before);
  expect_untouched("subject");
}

TEST_F(WriteThreat, S8_PractitionersDoNotMoveSubjectsEither) {
  EXPECT_EQ(rig.put(kMine, mine_with("subject", ref("Patient/otto")), doctor).status, 403);
  EXPECT_EQ(
      rig.json_patch(kMine, R"([{"op":"replace","path":"/subject/reference","value":"Patient/otto"}])", doctor).status,
      403);
  expect_untouched("practitioner");
}

TEST_F(WriteThreat, S8_OtherPatientsInWhatIsCreated) {
  const auto create = [&](std::string_view extra) {
    return rig.post("/Observation", an_observation("Patient/maria", extra), token).status;
  };
  EXPECT_EQ(create(R"(,"performer":[{"reference":"Patient/otto"}])"), 403);
  EXPECT_EQ(create(R"(,"contained":[{"resourceType":"Patient","id":"p"}])"), 403);
  EXPECT_EQ(create(R"(,"extension":[{"url":"http://x","valueReference":{"reference":"Patient/otto"}}])"), 403);
  EXPECT_EQ(create(R"(,"performer":[{"reference":"Practitioner?identifier=x"}])"), 422);
  EXPECT_EQ(create(R"(,"performer":[{"reference":"http://169.254.169.254/Practitioner/x"}])"), 422) << "S-18";
  EXPECT_EQ(
      create(
          R"(,"performer":[{"reference":"Practitioner/x","extension":[{"url":"http://hapifhir.io/fhir/StructureDefinition/resource-placeholder","valueBoolean":true}]}])"),
      422);
  EXPECT_EQ(
      create(
          R"(,"meta":{"security":[{"system":"http://terminology.hl7.org/CodeSystem/v3-Confidentiality","code":"U"}]})"),
      403);
  EXPECT_EQ(create(R"(,"meta":{"tag":[{"code":"SUBSETTED"}]})"), 403);
  EXPECT_EQ(create(R"(,"performer":[{"reference":"Patient/maria"},{"reference":"Practitioner/dr-ada"}])"), 201);
  EXPECT_EQ(rig.post("/Patient", R"({"resourceType":"Patient"})", token).status, 403);
  EXPECT_EQ(rig.put("/Patient/new", R"({"resourceType":"Patient","id":"new"})", token).status, 403);
  EXPECT_EQ(rig.writes(), 1U);
}

TEST_F(WriteThreat, S21_LabelsStayAsTheyAre) {
  const std::string label =
      R"({"security":[{"system":"http://terminology.hl7.org/CodeSystem/v3-Confidentiality","code":"R"}]})";
  for (const auto& bearer : {token, doctor}) {
    EXPECT_EQ(rig.put(kMine, mine_with("meta", label), bearer).status, 403);
    EXPECT_EQ(
        rig.json_patch(
               kMine,
               R"([{"op":"add","path":"/meta/security","value":[{"system":"http://terminology.hl7.org/CodeSystem/v3-Confidentiality","code":"R"}]}])",
               bearer)
            .status,
        403);
  }
  expect_untouched("labels");
}

TEST_F(WriteThreat, S14_BodyAndUrlAreOneThing) {
  EXPECT_EQ(rig.put(kMine, an_observation_with_id("other", "Patient/maria"), token).status, 400);
  EXPECT_EQ(rig.put(kMine, an_observation("Patient/maria"), token).status, 400) << "no id";
  EXPECT_EQ(
      rig.put(kMine, R"({"resourceType":"Condition","id":")" + std::string(sample::kMariaLab) + R"("})", token).status,
      400);
  EXPECT_EQ(rig.post("/Observation", R"({"resourceType":"Patient"})", token).status, 400);
  EXPECT_EQ(rig.post("/Observation", "[]", token).status, 400);
  EXPECT_EQ(rig.post("/Observation", "{", token).status, 400);
  EXPECT_EQ(
      rig.post("/Observation",
               R"({"resourceType":"Observation","subject":{"reference":"Patient/maria","reference":"Patient/otto"}})",
               token)
          .status,
      400)
      << "a member twice";
  EXPECT_EQ(rig.post("/Observation", "\xEF\xBB\xBF" + an_observation("Patient/maria"), token).status, 400);
  EXPECT_EQ(rig.post("/Observation", an_observation("Patient/maria") + "{}", token).status, 400);
  expect_untouched("mismatch");
  EXPECT_TRUE(rig.world.upstream_log.empty());
}

TEST_F(WriteThreat, S14_PatchesDoNotChangeWhoTheyAre) {
  for (const auto* const patch :
       {R"([{"op":"replace","path":"/id","value":"otto-glucose-1"}])", R"([{"op":"remove","path":"/id"}])",
        R"([{"op":"replace","path":"/resourceType","value":"Condition"}])",
        R"([{"op":"replace","path":"/meta/versionId","value":"99"}])", R"([{"op":"replace","path":"","value":{}}])",
        R"([{"op":"replace","path":"","value":[]}])", R"([{"op":"copy","from":"/subject","path":"/id"}])"}) {
    EXPECT_EQ(rig.json_patch(kMine, patch, token).status, 422) << patch;
  }
  // Put together only when it is applied: the reference is judged as it will be stored.
  EXPECT_EQ(
      rig.json_patch(
             kMine,
             R"([{"op":"add","path":"/note","value":[{"text":"Patient/otto"}]},{"op":"copy","from":"/note/0/text","path":"/subject/reference"}])",
             token)
          .status,
      403);
  EXPECT_EQ(
      rig.json_patch(
             kMine,
             R"([{"op":"add","path":"/performer","value":[{"reference":"http://fhir.internal:8090/r4/Patient/otto"}]}])",
             token)
          .status,
      403);
  EXPECT_EQ(
      rig.write(
             Method::patch, kMine,
             R"({"resourceType":"Parameters","parameter":[{"name":"operation","part":[{"name":"type","valueCode":"replace"},{"name":"path","valueString":"Observation.subject.reference"},{"name":"value","valueString":"Patient/otto"}]}]})",
             token)
          .status,
      403);
  expect_untouched("patch");
}

TEST_F(WriteThreat, S13_PatchesDoNotAskWhatMayNotBeRead) {
  const auto blind = rig.jwt(maria("patient/Observation.u"));
  EXPECT_EQ(rig.json_patch(kMine, R"([{"op":"test","path":"/status","value":"final"}])", blind).status, 403);
  EXPECT_EQ(rig.json_patch(kMine, R"([{"op":"test","path":"/status","value":"nonsense"}])", blind).status, 403);
  expect_untouched("test");
  const auto response =
      rig.json_patch(kMine, R"([{"op":"add","path":"/issued","value":"2026-01-01T00:00:00Z"}])", blind);
  EXPECT_EQ(response.status, 200);
  EXPECT_TRUE(response.body.empty());
}

TEST_F(WriteThreat, S14_GranularScopesHoldBeforeAndAfter) {
  const auto vitals = rig.jwt(maria(
      "patient/Observation.cruds?category=http://terminology.hl7.org/CodeSystem/observation-category|vital-signs"));
  EXPECT_EQ(rig.put(kMine, mine().dump(), vitals).status, 404) << "a laboratory result: out of reach";
  EXPECT_EQ(rig.post("/Observation", an_observation("Patient/maria"), vitals).status, 403);
  EXPECT_EQ(
      rig.post(
             "/Observation",
             an_observation(
                 "Patient/maria",
                 R"(,"category":[{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/observation-category","code":"vital-signs"}]}])"),
             vitals)
          .status,
      201);
}

TEST_F(WriteThreat, S14_CascadesAndSideDoorsAreRefused) {
  for (const auto* const query :
       {"?_cascade=delete", "?_expunge=true", "?_method=GET", "?_expunge", "?hardDelete=true"}) {
    EXPECT_GE(rig.remove(kMine + query, token).status, 400) << query;
    EXPECT_LT(rig.remove(kMine + query, token).status, 404) << query;
  }
  EXPECT_EQ(rig.remove(kMine, token, {.headers = {{"X-Cascade", "delete"}}}).status, 403);
  EXPECT_EQ(rig.remove("/Observation", token).status, 405);
  EXPECT_GE(rig.remove("/Observation?", token).status, 400);
  EXPECT_GE(rig.remove("/Observation?_count=1", doctor).status, 400);
  expect_untouched("cascade");
}

TEST_F(WriteThreat, S14_NoHeaderOfTheClientReachesUpstream) {
  const auto response = rig.put(kMine, mine_with("status", "\"amended\""), token,
                                {.headers = {{"X-Security-Context", "Patient/otto"},
                                             {"X-HTTP-Method-Override", "DELETE"},
                                             {"X-Request-Source", "x"},
                                             {"Cookie", "a=b"},
                                             {"X-Provenance", "{}"}}});
  EXPECT_EQ(response.status, 200);
  for (const auto& header : rig.world.upstream_log.back().headers.list()) {
    for (const auto* const name :
         {"X-Security-Context", "X-HTTP-Method-Override", "X-Request-Source", "Cookie", "X-Provenance"}) {
      EXPECT_FALSE(codec::iequals(header.name, name)) << name;
    }
  }
}

TEST_F(WriteThreat, S17_BinariesAreNotClaimed) {
  const std::string claim =
      R"({"resourceType":"DocumentReference","status":"current","subject":{"reference":"Patient/maria"},"content":[{"attachment":{"url":")";
  for (const auto* const url : {"Binary/otto-note-text", "https://gw.example/fhir/Binary/otto-note-text",
                                "http://fhir.internal:8090/r4/Binary/otto-note-text"}) {
    EXPECT_EQ(rig.post("/DocumentReference", claim + url + R"("}}]})", token).status, 403) << url;
  }
  expect_untouched("binary");
}

TEST_F(WriteThreat, S18_SubscriptionsAreNotWritten) {
  const auto everything = rig.jwt(backend("system/*.cruds"));
  const std::string hook =
      R"({"resourceType":"Subscription","status":"requested","criteria":"Observation?","channel":{"type":"rest-hook","endpoint":"http://169.254.169.254/"}})";
  for (const auto& bearer : {token, doctor, everything}) EXPECT_EQ(rig.post("/Subscription", hook, bearer).status, 403);
  expect_untouched("subscription");
}

TEST_F(WriteThreat, S15_ConditionsGiveNoSignalOfHiddenMatches) {
  // A hidden match and no match are one: the create goes through, upstream never hears of the condition.
  const auto otto = rig.sandbox.current("Observation", sample::kStrangerLab);
  const std::string otto_code(otto["code"]["coding"][0]["code"].string_or());
  ASSERT_FALSE(otto_code.empty());
  const auto cs = rig.jwt(maria("patient/Observation.cs"));
  const auto probe = [&](const std::string& condition) {
    auto response =
        rig.post("/Observation", an_observation("Patient/maria"), cs, {.headers = {{"If-None-Exist", condition}}});
    response.headers.remove("Location");
    return all_of(response);
  };
  EXPECT_EQ(probe("_id=" + std::string(sample::kStrangerLab)), probe("_id=nobody-knows-2"));
  EXPECT_EQ(probe("_lastUpdated=gt1990-01-01&_id=" + std::string(sample::kStrangerLab)),
            probe("_lastUpdated=gt1990-01-01&_id=x1"));
  for (const auto& request : rig.world.upstream_log) EXPECT_FALSE(request.headers.get("If-None-Exist"));
}

TEST_F(WriteThreat, S15_ConditionsAreSearchesAndJudgedAsSuch) {
  const auto create = [&](std::string_view condition, const std::string& bearer) {
    return rig
        .post("/Observation", an_observation("Patient/maria"), bearer,
              {.headers = {{"If-None-Exist", std::string(condition)}}})
        .status;
  };
  EXPECT_EQ(create("identifier=x", rig.jwt(maria("patient/Observation.cr"))), 403) << "needs s";
  for (const auto* const condition :
       {"patient=Patient/otto", "subject=Patient/otto", "patient.name=x", "_has:Patient:link:name=x", "_filter=x",
        "nonsense=1", "", "_count=1", "_include=Observation:subject", "Observation?identifier=x", "identifier=%zz"}) {
    const auto status = create(condition, token);
    EXPECT_TRUE(status == 400 || status == 403) << condition << " " << status;
  }
  expect_untouched("conditions");
  // Conditional update, patch and delete are not for patient/ scopes at all.
  EXPECT_EQ(rig.put("/Observation?identifier=x", an_observation("Patient/maria"), token).status, 403);
  EXPECT_EQ(rig.remove("/Observation?identifier=x", token).status, 403);
  EXPECT_EQ(rig.json_patch("/Observation?identifier=x", "[]", token).status, 403);
  expect_untouched("conditional");
}

TEST_F(WriteThreat, S15_LenientUpstreamsDoNotWidenConditions) {
  // An upstream that ignores what it does not know, or brings strangers as matches, would have the wrong one changed.
  const auto patient_user = rig.jwt(maria("user/*.cruds"));
  const auto before = rig.stored("Observation", sample::kStrangerLab);
  for (const auto* const fault : {"lenient-params", "foreign-matches", "wrong-subject-includes"}) {
    sandbox::Misbehaviour how;
    ASSERT_TRUE(sandbox::set_by_name(how, fault));
    rig.sandbox.set_misbehaviour(how);
    const auto response = rig.remove("/Observation?_id=" + std::string(sample::kStrangerLab), patient_user);
    EXPECT_GE(response.status, 400) << fault;
    EXPECT_EQ(rig.stored("Observation", sample::kStrangerLab), before) << fault;
  }
}

TEST_F(WriteThreat, S14_RacesAreLostNotWon) {
  // Between look and write someone else changes the resource: upstream refuses the version that was judged.
  const auto pass = rig.world.upstream;
  bool raced = false;
  rig.world.upstream = [&](Request request) -> Task<Response> {
    if (request.method == Method::put && !raced) {
      raced = true;
      auto other = rig.sandbox.current("Observation", sample::kMariaLab);
      other.set("status", "entered-in-error");
      Request change;
      change.method = Method::put;
      change.set_target("/r4" + kMine);
      change.headers.add("Authorization", "Bearer upstream-credential");
      change.headers.add("Content-Type", "application/fhir+json");
      change.body = other.dump();
      (void)run_sync(rig.sandbox.handle(std::move(change)));
    }
    return pass(std::move(request));
  };
  EXPECT_EQ(rig.put(kMine, mine_with("status", "\"amended\""), token).status, 412);
  EXPECT_EQ(mine()["status"].string_or(), "entered-in-error");
}

TEST_F(WriteThreat, S14_AnIdThatWasTakenMeanwhileIsNotOverwritten) {
  const auto pass = rig.world.upstream;
  rig.world.upstream = [&](Request request) -> Task<Response> {
    if (request.method == Method::put) {
      EXPECT_TRUE(rig.sandbox.load_text(R"({"resourceType":"Bundle","type":"collection","entry":[{"resource":)" +
                                        an_observation_with_id("taken", "Patient/otto") + "}]}"));
    }
    return pass(std::move(request));
  };
  EXPECT_EQ(rig.put("/Observation/taken", an_observation_with_id("taken", "Patient/maria"), token).status, 412);
  EXPECT_EQ(rig.sandbox.current("Observation", "taken")["subject"]["reference"].string_or(), "Patient/otto");
}

TEST_F(WriteThreat, S14_WithoutVersionsNothingIsChanged) {
  const auto pass = rig.world.upstream;
  rig.world.upstream = [&](Request request) -> Task<Response> {
    auto response = run_sync(pass(std::move(request)));
    response.headers.remove("ETag");
    if (auto body = Json::parse(response.body); body && body->contains("meta")) {
      body->find("meta")->erase("versionId");
      response.body = body->dump();
    }
    return [](Response r) -> Task<Response> { co_return r; }(std::move(response));
  };
  EXPECT_EQ(rig.put(kMine, mine().dump(), token).status, 409);
  EXPECT_EQ(rig.remove(kMine, token).status, 409);
  expect_untouched("no version");
  EXPECT_EQ(rig.post("/Observation", an_observation("Patient/maria"), token).status, 201);
}

TEST_F(WriteThreat, S13_WhatUpstreamAnswersIsJudgedAgain) {
  // Upstream stores something, and answers with somebody else's record, a foreign Location and its own words.
  rig.world.upstream = [](Request request) -> Task<Response> {
    (void)request;
    auto out = Response::with(201, "application/fhir+json", observation("stolen", "otto"));
    out.headers.add("Location", "http://evil.example/r4/Observation/stolen/_history/1");
    out.headers.add("ETag", "W/\"1\r\nSet-Cookie: x\"");
    out.headers.add("X-Secret", "otto");
    return [](Response r) -> Task<Response> { co_return r; }(std::move(out));
  };
  const auto response = rig.post("/Observation", an_observation("Patient/maria"), token);
  EXPECT_EQ(response.status, 201);
  EXPECT_TRUE(response.body.empty());
  EXPECT_EQ(all_of(response).find("otto"), std::string::npos);
  EXPECT_EQ(all_of(response).find("evil"), std::string::npos);
  EXPECT_EQ(response.headers.get("Location"), std::string(kPublic) + "/Observation/stolen/_history/1");
  EXPECT_FALSE(response.headers.get("X-Secret"));
}

TEST_F(WriteThreat, S13_ErrorsOfUpstreamAreNotQuoted) {
  for (const int status : {400, 401, 403, 405, 409, 412, 422, 500}) {
    const auto pass = [this](Request request) { return rig.sandbox.handle(std::move(request)); };
    rig.world.upstream = [&, status](Request request) -> Task<Response> {
      if (request.method == Method::get) return pass(std::move(request));
      return [](int code) -> Task<Response> {
        co_return Response::with(code, "application/fhir+json",
                                 R"({"resourceType":"OperationOutcome","issue":[{"diagnostics":"otto 123-45-6789"}]})");
      }(status);
    };
    const auto response = rig.put(kMine, mine().dump(), token);
    EXPECT_GE(response.status, 400) << status;
    EXPECT_EQ(response.body.find("otto"), std::string::npos) << status;
  }
}

TEST_F(WriteThreat, S14_SharedAndUnboundTypesAreNotForPatientScopes) {
  for (const auto* const body :
       {R"({"resourceType":"Practitioner","name":[{"family":"Evil"}]})",
        R"({"resourceType":"Organization","name":"x"})", R"({"resourceType":"Group","type":"person","actual":true})",
        R"({"resourceType":"Binary","contentType":"text/html","data":"eA=="})",
        R"({"resourceType":"Bundle","type":"collection"})", R"({"resourceType":"SearchParameter"})"}) {
    const auto type = std::string(Json::parse(body).value()["resourceType"].string_or());
    EXPECT_EQ(rig.post("/" + type, body, token).status, 403) << type;
  }
  EXPECT_EQ(rig.remove("/Practitioner/dr-ada", token).status, 403);
  expect_untouched("shared");
}

}  // namespace
}  // namespace mitral::gateway::rig
