#include "fhir/xml_patch.h"

#include <gtest/gtest.h>

#include "base/limits.h"

namespace mitral::fhir {
namespace {

using codec::Json;

constexpr std::string_view kPatient =
    R"({"resourceType":"Patient","id":"p1","meta":{"versionId":"3"},"extension":[{"url":"http://x/a","valueString":"A"},)"
    R"({"url":"http://x/b","valueString":"B"}],"identifier":[{"system":"a","value":"1"},{"system":"b","value":"2"}],)"
    R"("active":true,"name":[{"id":"n1","use":"official","family":"Vogel","given":["Maria","Anna"]},{"use":"nickname",)"
    R"("given":["Mia"]}],"birthDate":"1980-01-01","_birthDate":{"id":"b1"},"contact":[{"name":{"family":"Otto"}}]})";

std::string diff(std::string_view operations) {
  return "<diff xmlns:f=\"http://hl7.org/fhir\" xmlns:h=\"http://www.w3.org/1999/xhtml\">" + std::string(operations) +
         "</diff>";
}
Result<Json> apply_document(std::string_view patch, std::string_view resource = kPatient) {
  const auto read = XmlPatch::parse(patch);
  if (!read) return std::unexpected(read.error());
  return read->apply(Json::parse(resource).value());
}
Result<Json> patched(std::string_view operations, std::string_view resource = kPatient) {
  return apply_document(diff(operations), resource);
}
std::string member(std::string_view operations, std::string_view name, std::string_view resource = kPatient) {
  const auto out = patched(operations, resource);
  return out ? (*out)[name].dump() : "error: " + std::string(out.error().client.view());
}
ErrorCode code_of(std::string_view operations, std::string_view resource = kPatient) {
  const auto out = patched(operations, resource);
  return out ? ErrorCode::internal : out.error().code;
}

TEST(XmlPatch, Rfc5261_4_3_Add) {
  EXPECT_EQ(member(R"(<add sel="f:Patient"><f:gender value="female"/></add>)", "gender"), R"("female")");
  EXPECT_EQ(
      member(R"(<add sel="/f:Patient"><f:maritalStatus><f:text value="x"/></f:maritalStatus></add>)", "maritalStatus"),
      R"({"text":"x"})");
  EXPECT_EQ(member(R"(<add sel="f:Patient"><f:telecom><f:value value="1"/></f:telecom></add>)", "telecom"),
            R"([{"value":"1"}])")
      << "what repeats becomes a list, although it is alone";
  EXPECT_EQ(
      member(R"(<add sel="f:Patient/f:name[2]"><f:given value="M."/></add>)", "name"),
      R"([{"id":"n1","use":"official","family":"Vogel","given":["Maria","Anna"]},{"use":"nickname","given":["Mia","M."]}])");
  const auto given = [](std::string_view operation) {
    const auto out = patched(operation);
    return out ? (*out)["name"][0]["given"].dump() : std::string(out.error().client.view());
  };
  EXPECT_EQ(given(R"(<add sel="f:Patient/f:name[1]" pos="prepend"><f:given value="0"/></add>)"),
            R"(["0","Maria","Anna"])");
  EXPECT_EQ(given(R"(<add sel="f:Patient/f:name[1]/f:given[2]" pos="before"><f:given value="0"/></add>)"),
            R"(["Maria","0","Anna"])");
  EXPECT_EQ(given(R"(<add sel="f:Patient/f:name[1]/f:given[1]" pos="after"> <f:given value="0"/>
                     <f:given value="1"/></add>)"),
            R"(["Maria","0","1","Anna"])");
}

TEST(XmlPatch, Rfc5261_4_3_1_AddOfAnAttribute) {
  const auto out = patched(R"(<add sel="f:Patient/f:name[2]" type="@id">n2</add>)");
  ASSERT_TRUE(out);
  EXPECT_EQ((*out)["name"][1]["id"].string_or(), "n2");
  EXPECT_EQ(code_of(R"(<add sel="f:Patient/f:name[1]" type="@id">n2</add>)"), ErrorCode::conflict) << "it is there";
  EXPECT_EQ(code_of(R"(<add sel="f:Patient/f:birthDate" type="@value">1990</add>)"), ErrorCode::conflict);
  EXPECT_EQ(code_of(R"(<add sel="f:Patient" type="@id">x</add>)"), ErrorCode::conflict) << "a resource has none";
  EXPECT_EQ(code_of(R"(<add sel="f:Patient/f:name[2]" type="@url">x</add>)"), ErrorCode::conflict);
  EXPECT_EQ(code_of(R"(<add sel="f:Patient" type="namespace::p">urn:x</add>)"), ErrorCode::malformed);
  EXPECT_EQ(code_of(R"(<add sel="f:Patient/f:name[2]" type="@f:id">n2</add>)"), ErrorCode::malformed);
  EXPECT_EQ(code_of(R"(<add sel="f:Patient/f:name[2]" type="@id" pos="before">n2</add>)"), ErrorCode::malformed);
  EXPECT_EQ(code_of(R"(<add sel="f:Patient/f:name[2]" type="@id"/>)"), ErrorCode::malformed);
  EXPECT_EQ(code_of(R"(<add sel="f:Patient/f:name[2]" type="@id">n<f:use value="x"/></add>)"), ErrorCode::malformed);
}

TEST(XmlPatch, Rfc5261_4_4_Replace) {
  EXPECT_EQ(member(R"(<replace sel="f:Patient/f:birthDate/@value">1990-02-02</replace>)", "birthDate"),
            R"("1990-02-02")");
  EXPECT_EQ(member(R"(<replace sel="f:Patient/f:active/@value">false</replace>)", "active"), "false");
  EXPECT_EQ(
      member(R"(<replace sel="f:Patient/f:contact/f:name"><f:name><f:text value="O"/></f:name></replace>)", "contact"),
      R"([{"name":{"text":"O"}}])");
  EXPECT_EQ(member(R"(<replace sel="f:Patient/f:extension[@url='http://x/b']/f:valueString/@value">C</replace>)",
                   "extension"),
            R"([{"url":"http://x/a","valueString":"A"},{"url":"http://x/b","valueString":"C"}])");
  EXPECT_EQ(member(R"(<replace sel="f:Patient/f:extension[1]/f:valueString"><f:valueInteger value="7"/></replace>)",
                   "extension"),
            R"([{"url":"http://x/a","valueInteger":7},{"url":"http://x/b","valueString":"B"}])");
  const auto whole = patched(R"(<replace sel="f:Patient/f:birthDate"><f:birthDate value="1990"/></replace>)");
  ASSERT_TRUE(whole);
  EXPECT_FALSE(whole->contains("_birthDate")) << "its id was a part of it";
  EXPECT_EQ(code_of(R"(<replace sel="f:Patient"><f:Patient/></replace>)"), ErrorCode::conflict);
  EXPECT_EQ(code_of(R"(<replace sel="f:Patient/f:active/@id">x</replace>)"), ErrorCode::conflict) << "it has none";
  EXPECT_EQ(code_of(R"(<replace sel="f:Patient/f:active/@value">maybe</replace>)"), ErrorCode::conflict);
  EXPECT_EQ(code_of(R"(<replace sel="f:Patient/f:active/@value"/>)"), ErrorCode::malformed);
  EXPECT_EQ(code_of(R"(<replace sel="f:Patient/f:active"/>)"), ErrorCode::malformed);
  EXPECT_EQ(code_of(R"(<replace sel="f:Patient/f:active">true</replace>)"), ErrorCode::malformed);
  EXPECT_EQ(code_of(R"(<replace sel="f:Patient/f:active"><f:active value="true"/><f:active value="true"/></replace>)"),
            ErrorCode::malformed);
}

TEST(XmlPatch, Rfc5261_4_5_Remove) {
  EXPECT_EQ(member(R"(<remove sel="f:Patient/f:birthDate"/>)", "birthDate"), "null");
  EXPECT_EQ(member(R"(<remove sel="f:Patient/f:birthDate"/>)", "_birthDate"), "null");
  EXPECT_EQ(member(R"(<remove sel="f:Patient/f:name[1]" ws="after"/>)", "name"),
            R"([{"use":"nickname","given":["Mia"]}])");
  EXPECT_EQ(member(R"(<remove sel="f:Patient/f:contact"/>)", "contact"), "null") << "an empty list is none";
  EXPECT_EQ(member(R"(<remove sel="f:Patient/f:birthDate/@id"/>)", "_birthDate"), "null");
  EXPECT_EQ(member(R"(<remove sel="f:Patient/f:identifier[f:system/@value='a']"/>)", "identifier"),
            R"([{"system":"b","value":"2"}])");
  EXPECT_EQ(code_of(R"(<remove sel="f:Patient"/>)"), ErrorCode::conflict);
  EXPECT_EQ(code_of(R"(<remove sel="f:Patient/f:gender"/>)"), ErrorCode::conflict) << "there is none";
  EXPECT_EQ(code_of(R"(<remove sel="f:Patient/f:identifier"/>)"), ErrorCode::conflict) << "there are two";
  EXPECT_EQ(code_of(R"(<remove sel="f:Patient/f:contact/f:name/f:family"/>)"), ErrorCode::conflict)
      << "<name/> is none";
  EXPECT_EQ(code_of(R"(<remove sel="f:Patient/f:active/@value"/>)"), ErrorCode::conflict);
  EXPECT_EQ(code_of(R"(<remove sel="f:Patient/f:active">x</remove>)"), ErrorCode::malformed);
  EXPECT_EQ(code_of(R"(<remove sel="f:Patient/f:active" ws="all"/>)"), ErrorCode::malformed);
}

TEST(XmlPatch, OperationsFollowEachOtherAndAllOrNoneApplies) {
  EXPECT_EQ(member(R"(<remove sel="f:Patient/f:contact/f:name/f:family"/>
                      <add sel="f:Patient/f:contact/f:name"><f:text value="O"/></add>)",
                   "contact"),
            R"([{"name":{"text":"O"}}])")
      << "only what comes out in the end must be FHIR";
  EXPECT_EQ(member(R"(<add sel="f:Patient"><f:gender value="x"/></add><replace sel="*/f:gender/@value">y</replace>)",
                   "gender"),
            R"("y")");
  EXPECT_EQ(code_of(R"(<remove sel="f:Patient/f:active"/><remove sel="f:Patient/f:active"/>)"), ErrorCode::conflict);
  EXPECT_EQ(patched("").value(), Json::parse(kPatient).value()) << "nothing is asked for, nothing changes";
}

TEST(XmlPatch, Rfc5261_4_1_Selectors) {
  const auto met = [](std::string_view sel) {
    const auto out = patched("<replace sel=\"" + std::string(sel) + "\"><f:given value=\"!\"/></replace>");
    return out ? (*out)["name"].dump() : "error " + std::string(name(out.error().code));
  };
  const std::string anna =
      R"([{"id":"n1","use":"official","family":"Vogel","given":["Maria","!"]},{"use":"nickname","given":["Mia"]}])";
  for (const auto* const sel :
       {"f:Patient/f:name[1]/f:given[2]", "/f:Patient/f:name/f:given[2]", "*/f:name/f:given[@value='Anna']",
        "f:Patient/*/f:given[ 2 ]", "f:Patient/f:name[f:use/@value = 'official']/f:given[2]",
        "f:Patient/f:name[@id='n1'][1]/f:given[2]", "id('n1')/f:given[2]",
        "id(&quot;n1&quot;)/f:given[@value='Anna'][1]",
        "f:Patient[f:contact/f:name/f:family/@value='Otto']/f:name/f:given[2]", " f:Patient/f:name/f:given[2] ",
        "f:Patient/f:name[f:given/@value='Anna']/f:given[2]", "f:Patient/f:name[*/@value='Vogel']/f:given[2]"}) {
    EXPECT_EQ(met(sel), anna) << sel;
  }
  EXPECT_EQ(met("f:Patient/f:name[1]/*[4]"), anna) << "the fourth element of its XML form";
  for (const auto* const sel : {"f:Patient/f:name/f:given[1]", "f:Patient/f:name[3]/f:given", "f:Person/f:name",
                                "f:Patient/f:name[2]/f:given[2]", "id('n2')/f:given", "f:name/f:given",
                                "f:Patient/f:name[f:use/@value='Official']/f:given", "f:Patient/f:name[1][2]/f:given",
                                "f:Patient/f:name/f:given[@url='x']", "f:Patient/f:active/f:given"}) {
    EXPECT_EQ(met(sel), "error conflict") << sel;
  }
  for (const auto* const sel : {"",
                                "/",
                                "//f:given",
                                "f:Patient//f:given",
                                "f:Patient/f:name/",
                                "/f:Patient/",
                                ".",
                                "..",
                                "f:Patient/..",
                                "f:Patient/./f:name",
                                "f:Patient/text()",
                                "f:Patient/node()",
                                "f:Patient/comment()",
                                "child::f:Patient",
                                "f:Patient/descendant::f:given",
                                "f:Patient/f:name[last()]",
                                "f:Patient/f:name[position()=1]",
                                "f:Patient/f:name[0]",
                                "f:Patient/f:name[-1]",
                                "f:Patient/f:name[1.0]",
                                "f:Patient/f:name[f:given]",
                                "f:Patient/f:name[f:use='official']",
                                "f:Patient/f:name[.='x']",
                                "f:Patient/f:name[@id!='n1']",
                                "f:Patient/f:name[@id='n1' or @id='n2']",
                                "f:Patient/f:name[@id='n1'",
                                "f:Patient/f:name[@id='n1]",
                                "f:Patient/f:name | f:Patient/f:active",
                                "f:Patient/f:name[f:use/@value=concat('a','b')]",
                                "id(n1)",
                                "id('n1'",
                                "id('n1')f:given",
                                "Patient/name",
                                "g:Patient/g:name",
                                "f:Patient/f:name/@use",
                                "f:Patient/f:name/@f:id",
                                "f:Patient/f:name/@xml:id",
                                "f:Patient/@value/f:name",
                                "f:Patient/@*",
                                "f:Patient/f:*",
                                "*:Patient",
                                "f:Patient/namespace::f",
                                "document('http://evil.example/x')",
                                "f:Patient/h:div/h:p",
                                "f:Patient/h:div/@id",
                                "f:Patient/h:p",
                                "f:Patient/f:name[h:div/@id='x']",
                                "f:Patient/f:name[99999999999999999999999]",
                                "f:Patient/f:name[1]]",
                                "f:Patient f:name",
                                "$x",
                                "f:Patient/processing-instruction('x')"}) {
    EXPECT_EQ(met(sel), "error malformed") << sel;
  }
}

TEST(XmlPatch, Rfc5261_4_2_NamespacesOfSelectors) {
  const std::string replace = R"(sel="Patient/active/@value">false</replace>)";
  const auto active = [](std::string_view document) {
    const auto out = apply_document(document);
    return out && !(*out)["active"].bool_or(true);
  };
  EXPECT_TRUE(active(R"(<diff xmlns="http://hl7.org/fhir"><replace )" + replace + "</diff>"))
      << "the default namespace of the patch is that of names without a prefix (§4.2.2)";
  EXPECT_TRUE(active(R"(<p:patch xmlns:p="urn:ietf:rfc:7351"><p:replace xmlns:q="http://hl7.org/fhir" )"
                     R"(sel="q:Patient/q:active/@value">false</p:replace></p:patch>)"));
  EXPECT_TRUE(active(R"(<p:patch xmlns:p="urn:ietf:rfc:7351" xmlns="http://hl7.org/fhir"><p:replace )"
                     R"(sel="Patient/active/@value">false</p:replace></p:patch>)"));
  EXPECT_FALSE(active("<diff><replace " + replace + "</diff>"));
  EXPECT_FALSE(active(R"(<diff xmlns:f="http://hl7.org/fhir"><replace )" + replace + "</diff>"));
  EXPECT_FALSE(active(
      R"(<diff xmlns:f="http://hl7.org/fhir"><replace xmlns:f="urn:x" sel="f:Patient/f:active/@value">false</replace></diff>)"));
  EXPECT_FALSE(active(R"(<diff xmlns="urn:other"><replace )" + replace + "</diff>"));
  EXPECT_FALSE(active(
      R"(<diff xmlns:f="http://hl7.org/fhir"><f:replace sel="f:Patient/f:active/@value">false</f:replace></diff>)"))
      << "operations are in the namespace of the patch";
}

TEST(XmlPatch, WhatIsNoPatchIsRefused) {
  for (const auto* const text :
       {"", "{}", "[]", "<diff", "<other/>", R"(<diff x="1"/>)", "<diff>text</diff>", "<diff><move sel=\"a\"/></diff>",
        "<diff><add/></diff>", R"(<diff><add sel="x"/></diff>)", R"(<patch xmlns="urn:x"/>)", "<!DOCTYPE diff><diff/>",
        R"(<Patient xmlns="http://hl7.org/fhir"/>)"}) {
    const auto out = apply_document(text);
    ASSERT_FALSE(out) << text;
    EXPECT_EQ(out.error().code, ErrorCode::malformed) << text;
  }
  for (const auto* const operation :
       {R"(<add sel="f:Patient" pos="first"><f:active value="true"/></add>)", R"(<add sel="f:Patient"/>)",
        R"(<add sel="f:Patient">text</add>)", R"(<add sel="f:Patient" x="1"><f:active value="true"/></add>)",
        R"(<add sel="f:Patient" f:sel="x"><f:active value="true"/></add>)",
        R"(<add sel="f:Patient/@id"><f:active value="true"/></add>)",
        R"(<add sel="f:Patient"><active value="true"/></add>)",
        R"(<add sel="f:Patient"><g:active xmlns:g="urn:x" value="true"/></add>)",
        R"(<replace sel="f:Patient/f:active" pos="before"><f:active value="true"/></replace>)",
        R"(<remove sel="f:Patient/f:active"><f:active value="true"/></remove>)"}) {
    EXPECT_EQ(code_of(operation), ErrorCode::malformed) << operation;
  }
  for (
      const auto* const operation :
      {R"(<add sel="f:Patient"><f:nonsense value="x"/></add>)",
       R"(<add sel="f:Patient"><f:active value="true"/></add>)",
       R"(<add sel="f:Patient" pos="before"><f:Patient/></add>)",
       R"(<add sel="f:Patient" pos="after"><f:active value="true"/></add>)",
       R"(<add sel="f:Patient/f:active"><f:value value="x"/></add>)",
       R"(<add sel="f:Patient/f:name[1]"><f:birthDate value="1980"/></add>)",
       R"(<add sel="f:Patient"><f:deceasedBoolean value="true"/><f:deceasedDateTime value="2020"/></add>)",
       R"(<replace sel="f:Patient/f:active"><f:name><f:family value="x"/></f:name></replace><add sel="f:Patient/f:name[3]"><f:x value="1"/></add>)"}) {
    EXPECT_EQ(code_of(operation), ErrorCode::conflict) << operation;
  }
}

TEST(XmlPatch, ExtensionsOfPrimitivesAndContainedResources) {
  EXPECT_EQ(
      member(
          R"(<add sel="f:Patient/f:birthDate"><f:extension url="http://x"><f:valueTime value="07:00:00"/></f:extension></add>)",
          "_birthDate"),
      R"({"id":"b1","extension":[{"url":"http://x","valueTime":"07:00:00"}]})");
  const auto given = patched(R"(<add sel="f:Patient/f:name[1]/f:given[2]" type="@id">g</add>)");
  ASSERT_TRUE(given);
  EXPECT_EQ((*given)["name"][0]["_given"].dump(), R"([null,{"id":"g"}])");
  EXPECT_EQ(
      member(
          R"(<add sel="f:Patient"><f:contained><f:Organization><f:id value="o"/></f:Organization></f:contained></add>)",
          "contained"),
      R"([{"resourceType":"Organization","id":"o"}])");
  EXPECT_EQ(code_of(R"(<add sel="f:Patient"><f:contained><f:Nonsense/></f:contained></add>)"), ErrorCode::conflict);
}

TEST(XmlPatch, NarrativesAreOnePiece) {
  constexpr std::string_view kWith =
      R"({"resourceType":"Patient","text":{"status":"generated","div":"<div xmlns=\"http://www.w3.org/1999/xhtml\"><p id=\"x\">a &nbsp; b</p></div>"}})";
  EXPECT_EQ(member(R"(<replace sel="f:Patient/f:text/h:div"><h:div><h:b>new</h:b></h:div></replace>)", "text", kWith),
            R"({"status":"generated","div":"<div xmlns=\"http://www.w3.org/1999/xhtml\"><b>new</b></div>"})");
  EXPECT_EQ(member(R"(<add sel="f:Patient"><f:active value="true"/></add>)", "text", kWith),
            Json::parse(kWith).value()["text"].dump())
      << "not a byte changes, although no XML parser would take it";
  EXPECT_EQ(code_of(R"(<remove sel="f:Patient/f:text/*/h:p"/>)", kWith), ErrorCode::malformed);
  EXPECT_EQ(code_of(R"(<remove sel="f:Patient/f:text/*[2]/*"/>)", kWith), ErrorCode::conflict);
  EXPECT_EQ(code_of(R"(<remove sel="f:Patient/f:text/*[2]/@value"/>)", kWith), ErrorCode::conflict);
  EXPECT_EQ(code_of(R"(<add sel="f:Patient/f:text/h:div"><f:active value="true"/></add>)", kWith), ErrorCode::conflict);
  EXPECT_EQ(code_of(R"(<remove sel="f:Patient/f:text[*/@value='&lt;div']"/>)", kWith), ErrorCode::conflict);
  EXPECT_EQ(code_of(R"(<replace sel="f:Patient/f:text/f:status"><h:div/></replace>)", kWith), ErrorCode::conflict);
}

TEST(XmlPatch, StoredResourcesThatAreNotR4AreLeftAlone) {
  EXPECT_EQ(code_of(R"(<add sel="f:Patient"><f:active value="true"/></add>)", R"({"resourceType":"Patient","own":1})"),
            ErrorCode::conflict);
}

TEST(XmlPatch, S14_NumberSizeDepthAndWorkAreBounded) {
  std::string many;
  for (std::size_t i = 0; i <= limits::kPatchOperationsMax; ++i)
    many += R"(<replace sel="f:Patient/f:active/@value">true</replace>)";
  EXPECT_EQ(code_of(many), ErrorCode::too_large);
  EXPECT_EQ(code_of("<remove sel=\"f:Patient" + std::string(limits::kFhirParameterMax, ' ') + "\"/>"),
            ErrorCode::too_large);
  // Each operation hangs its content below that of the one before.
  std::string deep, path = "f:Patient";
  for (int i = 0; i < 100; ++i) {
    deep += "<add sel=\"" + path + "\"><f:extension id=\"e" + std::to_string(i) + "\" url=\"u\"/></add>";
    path = "id('e" + std::to_string(i) + "')";
  }
  EXPECT_EQ(code_of(deep, R"({"resourceType":"Patient"})"), ErrorCode::too_large);
  // Two hundred selectors of hundreds of comparisons, each over ten thousand elements.
  std::string resource = R"({"resourceType":"Patient","identifier":[)";
  for (int i = 0; i < 10'000; ++i) resource += (i == 0 ? "" : ",") + std::string(R"({"value":"x"})");
  std::string selector = "f:Patient/f:identifier";
  for (int i = 0; i < 300; ++i) selector += "[*/@value='x']";
  std::string heavy;
  for (int i = 0; i < 200; ++i) heavy += "<remove sel=\"" + selector + "[1]\"/>";
  EXPECT_EQ(code_of(heavy, resource + "]}"), ErrorCode::too_large);
}

TEST(XmlPatch, S14_WhatComesOutFitsIntoAResource) {
  const std::string text(limits::kFhirResourceMax - 2000, 'x');
  const auto big = R"({"resourceType":"Basic","code":{"text":")" + text + R"("}})";
  const auto more = patched(
      "<add sel=\"f:Basic/f:code\"><f:coding><f:display value=\"" + std::string(4000, 'y') + "\"/></f:coding></add>",
      big);
  ASSERT_FALSE(more);
  EXPECT_EQ(more.error().code, ErrorCode::too_large);
}

}  // namespace
}  // namespace mitral::fhir
