// XML Patch as an attack: what JSON Patch can't do it can't either, and XML's own tricks come to nothing (threats S-7,
// S-8, S-11, S-13, S-14, S-15, S-18, S-21).
#include <gtest/gtest.h>

#include "base/limits.h"
#include "codec/base64url.h"
#include "support/gateway_writing.h"

namespace mitral::gateway::rig {
namespace {

namespace sample = sandbox::sample;
const std::string kMine = "/Observation/" + std::string(sample::kMariaLab);
const std::string kOttos = "/Observation/" + std::string(sample::kStrangerLab);

struct XmlPatchThreat : testing::Test {
  WritingRig rig;
  std::string token = rig.jwt(maria("patient/*.cruds"));
  std::string doctor = rig.jwt(practitioner("user/*.cruds"));

  static std::string diff(std::string_view operations) {
    return R"(<diff xmlns:f="http://hl7.org/fhir">)" + std::string(operations) + "</diff>";
  }
  Response raw(std::string_view target, std::string body, const std::string& bearer,
               std::string type = "application/xml-patch+xml") {
    return rig.write(Method::patch, target, std::move(body), bearer, {.headers = {}, .type = std::move(type)});
  }
  Response patch(std::string_view target, std::string_view operations, const std::string& bearer) {
    return raw(target, diff(operations), bearer);
  }
  void expect_untouched(const std::string& what) { EXPECT_EQ(rig.writes(), 0U) << what; }
};
constexpr std::string_view kAmend = R"(<replace sel="f:Observation/f:status/@value">amended</replace>)";

TEST_F(XmlPatchThreat, S7_NeedsTheLetterOfAnUpdate) {
  for (const char granted : {'c', 'r', 's', 'd'}) {
    const auto bearer = rig.jwt(maria("patient/Observation." + std::string(1, granted)));
    EXPECT_EQ(patch(kMine, kAmend, bearer).status, 403) << granted;
  }
  expect_untouched("letters");
}

TEST_F(XmlPatchThreat, S8_SubjectsDoNotMove) {
  const auto to = [](std::string_view subject) {
    return R"(<replace sel="f:Observation/f:subject/f:reference/@value">)" + std::string(subject) + "</replace>";
  };
  for (const auto* const subject :
       {"Patient/otto", "https://gw.example/fhir/Patient/otto", "http://fhir.internal:8090/r4/Patient/otto",
        "HTTP://fhir.internal:8090/r4/Patient/otto", "/Patient/otto", "Patient//otto", "Patient/maria/../otto",
        "Patient/%6ftto", "Patient/otto#x", "Patient?identifier=otto", "urn:uuid:otto", "Group/group-maria-otto", "#p",
        " Patient/otto", "Patient/otto ", "&#80;atient/otto", "<![CDATA[Patient/otto]]>",
        "Patient/<!-- maria -->otto"}) {
    const auto response = patch(kMine, to(subject), token);
    EXPECT_GE(response.status, 400) << subject;
    EXPECT_LT(response.status, 500) << subject;
  }
  EXPECT_EQ(patch(kMine, to("Patient/otto"), token).status, 403) << "as with JSON Patch";
  EXPECT_EQ(patch(kMine, to("Patient/otto"), doctor).status, 403);
  EXPECT_EQ(patch(kMine, R"(<remove sel="f:Observation/f:subject"/>)", token).status, 403);
  EXPECT_EQ(patch(kMine,
                  R"(<replace sel="f:Observation/f:subject"><f:subject><f:identifier><f:value value="maria"/>)"
                  R"(</f:identifier></f:subject></replace>)",
                  token)
                .status,
            403);
  EXPECT_EQ(patch(kMine,
                  R"(<add sel="f:Observation/f:subject" pos="after"><f:subject><f:reference value="Patient/otto"/>)"
                  R"(</f:subject></add>)",
                  token)
                .status,
            422)
      << "a second subject";
  EXPECT_EQ(
      patch(kMine, R"(<add sel="f:Observation/f:subject"><f:reference value="Patient/otto"/></add>)", token).status,
      422)
      << "a second reference";
  expect_untouched("subject");
}

TEST_F(XmlPatchThreat, S8_OtherPatientsDoNotComeIn) {
  const auto adds = [&](std::string_view content) {
    return patch(kMine, R"(<add sel="f:Observation">)" + std::string(content) + "</add>", token).status;
  };
  EXPECT_EQ(adds(R"(<f:performer><f:reference value="Patient/otto"/></f:performer>)"), 403);
  EXPECT_EQ(adds(R"(<f:contained><f:Patient><f:id value="p"/></f:Patient></f:contained>)"), 403);
  EXPECT_EQ(adds(R"(<f:extension url="http://x"><f:valueReference><f:reference value="Patient/otto"/>)"
                 R"(</f:valueReference></f:extension>)"),
            403);
  EXPECT_EQ(adds(R"(<f:performer><f:reference value="Practitioner?identifier=x"/></f:performer>)"), 422);
  expect_untouched("others");
}

TEST_F(XmlPatchThreat, S11_ForeignAndAbsentAnswerByteForByteAlike) {
  for (const auto& operations :
       {std::string(kAmend), std::string(R"(<remove sel="f:Observation/f:issued"/>)"),
        std::string(R"(<remove sel="f:Observation[f:status/@value='final']/f:code"/>)"), std::string()}) {
    const auto foreign = patch(kOttos, operations, token);
    EXPECT_EQ(foreign.status, 404);
    EXPECT_EQ(all_of(foreign), all_of(patch("/Observation/nobody-knows-1", operations, token)));
  }
  expect_untouched("oracle");
}

TEST_F(XmlPatchThreat, S13_AsksNothingThatMayNotBeRead) {
  // A selector that meets nothing says so: then every XML Patch is a question.
  const auto blind = rig.jwt(maria("patient/Observation.u"));
  std::string first;
  for (const auto* const operation :
       {R"(<replace sel="f:Observation[f:status/@value='final']/f:status/@value">final</replace>)",
        R"(<replace sel="f:Observation[f:status/@value='nonsense']/f:status/@value">final</replace>)",
        R"(<remove sel="f:Observation/f:issued"/>)", R"(<remove sel="f:Observation/f:bodySite"/>)",
        R"(<add sel="f:Observation"><f:language value="de"/></add>)"}) {
    const auto answer = patch(kMine, operation, blind);
    EXPECT_EQ(answer.status, 403) << operation;
    if (first.empty()) first = all_of(answer);
    EXPECT_EQ(all_of(answer), first) << operation;
  }
  expect_untouched("blind");
}

TEST_F(XmlPatchThreat, S14_DoesNotChangeWhoTheResourceIs) {
  for (const auto* const operation :
       {R"(<replace sel="f:Observation/f:id/@value">otto-glucose-1</replace>)", R"(<remove sel="f:Observation/f:id"/>)",
        R"(<replace sel="f:Observation/f:meta/f:versionId/@value">99</replace>)",
        R"(<remove sel="f:Observation/f:meta/f:versionId"/>)",
        R"(<replace sel="f:Observation"><f:Condition/></replace>)", R"(<remove sel="f:Observation"/>)",
        R"(<add sel="f:Observation" type="@id">x</add>)",
        R"(<add sel="f:Observation"><f:resourceType value="Condition"/></add>)",
        R"(<add sel="f:Observation"><f:id value="otto-glucose-1"/></add>)"}) {
    EXPECT_EQ(patch(kMine, operation, token).status, 422) << operation;
  }
  expect_untouched("identity");
}

TEST_F(XmlPatchThreat, S21_LabelsStayAsTheyAre) {
  const std::string add =
      R"(<add sel="f:Observation/f:meta"><f:security><f:system )"
      R"(value="http://terminology.hl7.org/CodeSystem/v3-Confidentiality"/><f:code value="R"/></f:security></add>)";
  EXPECT_EQ(patch(kMine, add, token).status, 403);
  EXPECT_EQ(patch(kMine, add, doctor).status, 403);
  expect_untouched("labels");
}

TEST_F(XmlPatchThreat, S18_NothingIsFetchedAndNothingExpands) {
  const auto end = diff(kAmend);
  for (const auto& head :
       {std::string(R"(<!DOCTYPE diff SYSTEM "http://169.254.169.254/latest/meta-data/">)"),
        std::string(R"(<!DOCTYPE diff [<!ENTITY x SYSTEM "file:///etc/passwd">]>)"),
        std::string(R"(<!DOCTYPE diff [<!ENTITY % x SYSTEM "http://fhir.internal:8090/x"> %x;]>)"),
        std::string(R"(<!DOCTYPE diff [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">]>)"),
        std::string(R"(<?xml-stylesheet href="http://169.254.169.254/"?>)"),
        std::string(R"(<?xml version="1.0" encoding="UTF-7"?>)"),
        std::string(R"(<?xml version="1.0" encoding="UTF-16"?>)"), std::string("\xFE\xFF")}) {
    EXPECT_EQ(raw(kMine, head + end, token).status, 400) << head;
  }
  EXPECT_EQ(patch(kMine, R"(<remove sel="document('http://169.254.169.254/')/f:x"/>)", token).status, 400);
  EXPECT_EQ(patch(kMine, R"(<replace sel="f:Observation/f:status/@value">&xxe;</replace>)", token).status, 400);
  expect_untouched("entities");
  EXPECT_EQ(rig.world.upstream_log.size(), 0U) << "refused before anything was asked";
}

TEST_F(XmlPatchThreat, S14_NamespacesAndMediaTypesDoNotSmuggle) {
  const std::string sel = R"( sel="f:Observation/f:status/@value">amended</replace></diff>)";
  EXPECT_EQ(raw(kMine, R"(<diff xmlns:f="http://hl7.org/fhir/"><replace)" + sel, token).status, 400);
  EXPECT_EQ(raw(kMine, R"(<diff xmlns:f="http://hl7.org/fhir&#10;f"><replace)" + sel, token).status, 400);
  EXPECT_EQ(raw(kMine, R"(<diff xmlns:f="http://hl7.org/fhir" xmlns:f="urn:x"><replace)" + sel, token).status, 400);
  EXPECT_EQ(raw(kMine, diff(R"(<replace sel="f:Observation/f:status/@value" sel="x">amended</replace>)"), token).status,
            400);
  for (const auto* const type :
       {"application/xml", "text/xml", "application/fhir+xml", "application/xml-patch+xml; charset=utf-16",
        "application/xml-patch+xml; charset=utf-7"}) {
    EXPECT_EQ(raw(kMine, diff(kAmend), token, type).status, 415) << type;
  }
  EXPECT_EQ(
      rig.write(Method::put, kMine, diff(kAmend), token, {.headers = {}, .type = "application/xml-patch+xml"}).status,
      415);
  EXPECT_EQ(raw(kMine, R"([{"op":"replace","path":"/status","value":"amended"}])", token).status, 400);
  expect_untouched("namespaces");
}

TEST_F(XmlPatchThreat, S14_SizesAreBounded) {
  std::string deep, many = "<diff ";
  for (std::size_t i = 0; i <= limits::kXmlDepthMax; ++i) deep += "<a>";
  for (std::size_t i = 0; i <= limits::kXmlAttributesMax; ++i) many += "a" + std::to_string(i) + "='' ";
  EXPECT_EQ(raw(kMine, deep, token).status, 413);
  EXPECT_EQ(raw(kMine, many + "/>", token).status, 413);
  std::string operations;
  for (std::size_t i = 0; i <= limits::kPatchOperationsMax; ++i) operations += kAmend;
  EXPECT_EQ(patch(kMine, operations, token).status, 413);
  expect_untouched("sizes");
}

TEST_F(XmlPatchThreat, S14_EntriesOfBundlesHaveNoRightOfTheirOwn) {
  const auto entry = [](const std::string& target, std::string_view operations) {
    return EntrySpec{"PATCH", target.substr(1),
                     R"({"resourceType":"Binary","contentType":"application/xml-patch+xml","data":")" +
                         codec::base64_encode(diff(operations)) + "\"}"};
  };
  const auto moves = R"(<replace sel="f:Observation/f:subject/f:reference/@value">Patient/otto</replace>)";
  const auto batch = rig.post("/", a_bundle("batch", {entry(kOttos, kAmend), entry(kMine, moves)}), token);
  EXPECT_EQ(statuses(batch), (std::vector<std::string>{"404", "403"}));
  EXPECT_GE(rig.post("/", a_bundle("transaction", {entry(kMine, kAmend), entry(kMine, moves)}), token).status, 400);
  EXPECT_GE(rig.post("/", a_bundle("transaction", {entry(kOttos, kAmend)}), token).status, 400);
  expect_untouched("bundle");
}

TEST_F(XmlPatchThreat, S15_ConditionsAreNotForPatients) {
  EXPECT_EQ(patch("/Observation?identifier=x", kAmend, token).status, 403);
  expect_untouched("conditional");
}

}  // namespace
}  // namespace mitral::gateway::rig
