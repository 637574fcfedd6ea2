// Attacks on Binary and attachments through the gateway (threats S-12, S-17, S-18, W-29; smart-fhir §4.10).
#include <gtest/gtest.h>

#include "codec/base64url.h"
#include "support/gateway_sandbox.h"

namespace mitral::gateway::rig {
namespace {

namespace sample = sandbox::sample;

std::string path(std::string_view id) { return "/Binary/" + std::string(id); }

struct BinaryThreat : testing::Test {
  SandboxRig rig;
  std::string token = rig.jwt(maria());

  Response as(std::string_view accept, std::string_view target, const std::string& bearer) {
    auto request = Rig::request(target, bearer);
    if (!accept.empty()) request.headers.add("Accept", accept);
    return rig.send(std::move(request));
  }
  void put(const std::string& json) {
    ASSERT_TRUE(
        rig.sandbox.load_text(R"({"resourceType":"Bundle","type":"collection","entry":[{"resource":)" + json + "}]}"));
  }
};

TEST_F(BinaryThreat, S17_HerOwnByHerDocument) {
  for (const auto id : {sample::kBinaryOfMaria, sample::kScanOfMaria}) {
    const auto response = as("application/fhir+json", path(id), token);
    ASSERT_EQ(response.status, 200) << id;
    EXPECT_EQ(Json::parse(response.body).value()["id"].string_or(), id);
  }
}

TEST_F(BinaryThreat, S17_ForeignAbsentAndLooseAreTheSame404) {
  const auto fixed = as("application/fhir+json", path("no-such-binary"), token);
  ASSERT_EQ(fixed.status, 404);
  for (const auto id : {sample::kBinaryOfStranger, sample::kScanOfStranger, sample::kScanOfNobody}) {
    for (const auto* const accept : {"", "*/*", "application/pdf", "application/fhir+json", "text/plain"}) {
      const auto response = as(accept, path(id), token);
      EXPECT_EQ(response.status, 404) << id << " " << accept;
      EXPECT_EQ(response.body, fixed.body);
    }
    auto conditional = Rig::request(path(id), token);
    conditional.headers.add("If-None-Match", "W/\"1\"");
    conditional.headers.add("Range", "bytes=0-3");
    EXPECT_EQ(rig.send(std::move(conditional)).status, 404);
  }
}

TEST_F(BinaryThreat, S17_ItsOwnDocumentMustBeVisibleToThisToken) {
  // The document is hidden from this token, so is what it points to.
  EXPECT_EQ(as("application/pdf", path(sample::kScanOfMaria), rig.jwt(maria("patient/Binary.rs"))).status, 404);
  EXPECT_EQ(
      as("application/pdf", path(sample::kScanOfMaria), rig.jwt(maria("patient/Binary.rs patient/Patient.rs"))).status,
      404);
  EXPECT_EQ(as("application/pdf", path(sample::kScanOfMaria), rig.jwt(maria("patient/Observation.rs"))).status, 403);
  const auto both = rig.jwt(maria("patient/Binary.r patient/DocumentReference.r"));
  EXPECT_EQ(as("application/pdf", path(sample::kScanOfMaria), both).status, 200);
  const auto other_kind =
      rig.jwt(maria("patient/Binary.rs patient/DocumentReference.rs?type=http://loinc.org%7C11506-3"));
  EXPECT_EQ(as("application/pdf", path(sample::kScanOfMaria), other_kind).status, 404) << "of another type";
}

TEST_F(BinaryThreat, S17_SecurityContextOfAnotherHidesIt) {
  // A document of hers that points to a Binary whose securityContext is the stranger.
  put(R"({"resourceType":"DocumentReference","id":"lure","status":"current","subject":{"reference":"Patient/maria"},
          "content":[{"attachment":{"url":"Binary/otto-note-text"}}]})");
  EXPECT_EQ(as("text/plain", path(sample::kBinaryOfStranger), token).status, 404);
}

TEST_F(BinaryThreat, S17_SecurityContextThatIsItselfVisibleProves) {
  put(R"({"resourceType":"Binary","id":"by-context","contentType":"text/plain","data":"aGVycw==",
          "securityContext":{"reference":"Observation/maria-glucose-1"}})");
  put(R"({"resourceType":"Binary","id":"by-foreign-context","contentType":"text/plain","data":"aGlz",
          "securityContext":{"reference":"Observation/otto-glucose-1"}})");
  put(R"({"resourceType":"Binary","id":"by-odd-context","contentType":"text/plain","data":"aGlz",
          "securityContext":{"display":"everyone"}})");
  EXPECT_EQ(as("text/plain", path("by-context"), token).body, "hers");
  EXPECT_EQ(as("text/plain", path("by-foreign-context"), token).status, 404);
  EXPECT_EQ(as("text/plain", path("by-odd-context"), token).status, 404);
}

TEST_F(BinaryThreat, W29_BytesComeAsADownloadOfTheDeclaredType) {
  const auto response = as("application/pdf", path(sample::kScanOfMaria), token);
  ASSERT_EQ(response.status, 200);
  EXPECT_EQ(response.body, "%PDF-1.7 scan of Maria");
  EXPECT_EQ(response.headers.get("Content-Type"), "application/pdf");
  EXPECT_EQ(response.headers.get("Content-Disposition"), "attachment");
  EXPECT_EQ(response.headers.get("X-Content-Type-Options"), "nosniff");
  EXPECT_TRUE(response.headers.get("Content-Security-Policy").value_or("").starts_with("sandbox"));
  EXPECT_EQ(response.headers.get("Cache-Control"), "no-store, private");
  const auto page = as("*/*", path(sample::kPageOfMaria), token);
  EXPECT_EQ(page.headers.get("Content-Type"), "text/html");
  EXPECT_EQ(page.headers.get("Content-Disposition"), "attachment");
  EXPECT_EQ(as("image/png", path(sample::kScanOfMaria), token).status, 406);
}

TEST_F(BinaryThreat, W29_ADeclaredTypeThatIsNoneBecomesBytes) {
  put(R"({"resourceType":"Binary","id":"odd","contentType":"text/html\r\nX-Evil: 1","data":"aGk=",
          "securityContext":{"reference":"Observation/maria-glucose-1"}})");
  const auto response = as("", path("odd"), token);
  EXPECT_NE(response.headers.get("Content-Type").value_or(""), "text/html");
  EXPECT_FALSE(response.headers.get("X-Evil"));
}

TEST_F(BinaryThreat, CliniciansAndBackendsReadByTheirOwnRules) {
  for (const auto& spec : {practitioner(), backend()}) {
    const auto bearer = rig.jwt(spec);
    EXPECT_EQ(as("application/pdf", path(sample::kScanOfStranger), bearer).status, 200) << spec.scope;
    EXPECT_EQ(as("application/fhir+json", path(sample::kBinaryOfMaria), bearer).status, 200) << spec.scope;
  }
  EXPECT_EQ(as("application/pdf", path(sample::kScanOfStranger), rig.jwt(practitioner("user/Observation.rs"))).status,
            403);
}

TEST_F(BinaryThreat, S16_AClinicianWithBothContextsGetsNoForeignBytesByTheNarrowOne) {
  auto both = practitioner("patient/Binary.rs user/DocumentReference.rs");
  both.patient = "maria";
  const auto bearer = rig.jwt(both);
  EXPECT_EQ(as("application/pdf", path(sample::kScanOfMaria), bearer).status, 200);
  EXPECT_EQ(as("application/pdf", path(sample::kScanOfStranger), bearer).status, 404)
      << "the bound of patient/Binary, whatever user/DocumentReference shows";
}

TEST_F(BinaryThreat, S17_SearchesAndVersionsOpenNoSecondWay) {
  for (const auto* const target : {"/Binary", "/Binary?_id=otto-scan", "/Binary/otto-scan/_history/1",
                                   "/Binary/otto-scan/_history", "/Binary/otto-scan?_format=json"}) {
    const auto response = rig.get(target, token);
    EXPECT_EQ(response.body.find(codec::base64_encode("%PDF-1.7 scan of the stranger")), std::string::npos) << target;
    EXPECT_EQ(response.body.find("\"entry\""), std::string::npos) << target;
  }
}

TEST_F(BinaryThreat, S18_AttachmentsElsewhereAreNeverFollowed) {
  put(R"({"resourceType":"DocumentReference","id":"elsewhere","status":"current","subject":{"reference":"Patient/maria"},
          "content":[{"attachment":{"url":"http://169.254.169.254/latest/meta-data"}},
                     {"attachment":{"url":"http://evil.example/Binary/otto-scan"}}]})");
  EXPECT_EQ(as("application/pdf", path(sample::kScanOfStranger), token).status, 404);
  EXPECT_EQ(rig.get("/DocumentReference/elsewhere", token).status, 200) << "the reference itself is data";
  for (const auto& request : rig.world.upstream_log) {
    EXPECT_EQ(request.headers.get("Host"), "fhir.internal:8090");
  }
}

TEST_F(BinaryThreat, FaultsOfTheSearchProveNothing) {
  for (const auto* const name :
       {"foreign-matches", "lenient-params", "wrong-subject-includes", "not-modified-before-read"}) {
    sandbox::Misbehaviour how;
    ASSERT_TRUE(sandbox::set_by_name(how, name));
    rig.sandbox.set_misbehaviour(how);
    EXPECT_EQ(as("application/pdf", path(sample::kScanOfStranger), token).status, 404) << name;
    EXPECT_EQ(as("application/pdf", path(sample::kScanOfMaria), token).status, 200) << name;
  }
}

/// Binaries that are larger than what is held as JSON: "big-maria" and "big-otto".
struct LargeBinary : BinaryThreat {
  std::size_t raw_reads = 0;

  LargeBinary() {
    for (const auto* const id : {"maria", "otto"}) {
      put(R"({"resourceType":"DocumentReference","id":"big-)" + std::string(id) + R"(-doc","status":"current",)" +
          R"("subject":{"reference":"Patient/)" + id + R"("},"content":[{"attachment":{"url":"Binary/big-)" + id +
          R"("}}]})");
    }
    rig.world.upstream = [this](Request request) -> Task<Response> { return answer(std::move(request)); };
  }
  Task<Response> answer(Request request) {
    if (!request.path.starts_with("/r4/Binary/big-")) co_return co_await rig.sandbox.handle(std::move(request));
    if (request.headers.get("Accept") == "application/fhir+json") {
      co_return Response::with(200, "application/fhir+json", std::string(limits::kFhirBodyMax + 1, ' '));
    }
    ++raw_reads;
    co_return Response::with(200, "application/dicom", "pixels");
  }
};

TEST_F(LargeBinary, S17_PassesAsBytesAfterTheProofAlone) {
  const auto response = as("application/dicom", "/Binary/big-maria", token);
  ASSERT_EQ(response.status, 200) << response.body;
  EXPECT_EQ(response.body, "pixels");
  EXPECT_EQ(response.headers.get("Content-Type"), "application/dicom");
  EXPECT_EQ(response.headers.get("Content-Disposition"), "attachment");
  EXPECT_EQ(as("application/dicom", "/Binary/big-otto", token).status, 404);
  EXPECT_EQ(raw_reads, 1U) << "not even asked for";
  EXPECT_EQ(as("application/dicom", "/Binary/big-otto", rig.jwt(practitioner())).status, 200);
  EXPECT_EQ(as("application/fhir+json", "/Binary/big-maria", token).status, 502) << "too large to be judged as JSON";
}

TEST_F(BinaryThreat, ReadingIsWrittenDownWithItsPatient) {
  rig.audit.list.clear();
  ASSERT_EQ(as("application/pdf", path(sample::kScanOfMaria), token).status, 200);
  ASSERT_EQ(rig.audit.list.size(), 1U);
  EXPECT_EQ(rig.audit.list[0].patient, "maria");
}

}  // namespace
}  // namespace mitral::gateway::rig
