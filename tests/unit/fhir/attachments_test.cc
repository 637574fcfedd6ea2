// Attachments and the Binary that they point to (smart-fhir §4.10, threat S-17).
#include "fhir/attachments.h"

#include <gtest/gtest.h>

namespace mitral::fhir {
namespace {

using codec::Json;

constexpr std::string_view kBase = "https://gw.example/fhir";

Json json(std::string_view text) { return Json::parse(text).value(); }

Json document(std::string_view url) {
  return json(R"({"resourceType":"DocumentReference","content":[{"attachment":{"url":"http://elsewhere/x"}},)"
              R"({"attachment":{"url":")" +
              std::string(url) + R"("}}]})");
}

TEST(Attachments, S17_OnlyALocationBelowTheOwnBaseCounts) {
  for (const auto* const url : {"Binary/b", "https://gw.example/fhir/Binary/b", "Binary/b/_history/1"}) {
    EXPECT_TRUE(attachment_refers_to(document(url), "b", kBase)) << url;
  }
  for (const auto* const url :
       {"Binary/c", "Binary/bb", "https://evil.example/fhir/Binary/b", "https://gw.example/fhirx/Binary/b",
        "https://gw.example/fhir/Binary/b?x", "Binary/b#x", "binary/b", "/Binary/b", "Bin%61ry/b", "Media/b",
        "Binary/b/..", "../Binary/b", "urn:uuid:b", "#b", ""}) {
    EXPECT_FALSE(attachment_refers_to(document(url), "b", kBase)) << url;
  }
  EXPECT_FALSE(attachment_refers_to(document("Binary/../x"), "../x", kBase));
}

TEST(Attachments, PlacesThatHoldOne) {
  for (const auto* const text :
       {R"({"resourceType":"DiagnosticReport","presentedForm":[{"url":"Binary/b"}]})",
        R"({"resourceType":"Media","content":{"url":"Binary/b"}})",
        R"({"resourceType":"Consent","sourceAttachment":{"url":"Binary/b"}})",
        R"({"resourceType":"Patient","photo":[{"url":"Binary/b"}]})",
        R"({"resourceType":"Communication","payload":[{"contentAttachment":{"url":"Binary/b"}}]})"}) {
    EXPECT_TRUE(attachment_refers_to(json(text), "b", kBase)) << text;
  }
  for (const auto* const text :
       {R"({"resourceType":"Observation","presentedForm":[{"url":"Binary/b"}]})",
        R"({"resourceType":"DocumentReference","content":[{"attachment":{"title":"Binary/b"}}]})",
        R"({"resourceType":"DocumentReference","extension":[{"valueAttachment":{"url":"Binary/b"}}]})", "{}", "[]"}) {
    EXPECT_FALSE(attachment_refers_to(json(text), "b", kBase)) << text;
  }
}

TEST(Attachments, S17_EveryLocationOfABinaryIsFoundUnderAnyBase) {
  const auto found = [](std::string_view text) {
    const auto resource = json(text);
    return binary_locations(resource).size();
  };
  EXPECT_EQ(found(R"({"a":"Binary/b","c":[{"d":"http://u/fhir/Binary/b"}],"e":{"reference":"Binary/x/_history/1"}})"),
            3U);
  EXPECT_EQ(found(R"({"provision":{"data":[{"reference":{"reference":"Binary/b"}}]}})"), 1U);
  EXPECT_EQ(
      found(R"({"a":"Binary","b":"MyBinary/x","c":"Binary/","text":{"div":"see Binary/x"},"data":"Binary/AAAA"})"), 0U);
}

}  // namespace
}  // namespace mitral::fhir
