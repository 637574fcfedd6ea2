#include "codec/text.h"

#include <gtest/gtest.h>

#include "codec/base64url.h"

namespace mitral::codec {
namespace {

using namespace std::string_view_literals;

TEST(Base64url, Rfc4648_10_Vectors) {
  const std::pair<std::string_view, std::string_view> vectors[] = {{"", ""},
                                                                   {"f", "Zg=="},
                                                                   {"fo", "Zm8="},
                                                                   {"foo", "Zm9v"},
                                                                   {"foob", "Zm9vYg=="},
                                                                   {"fooba", "Zm9vYmE="},
                                                                   {"foobar", "Zm9vYmFy"}};
  for (const auto& [plain, padded] : vectors) {
    std::string bare(padded);
    while (bare.ends_with('=')) bare.pop_back();
    EXPECT_EQ(base64_encode(plain), padded);
    EXPECT_EQ(base64_decode(padded), plain);
    EXPECT_EQ(base64url_encode(plain), bare);
    EXPECT_EQ(base64url_decode(bare), plain);
  }
  EXPECT_EQ(base64url_encode("\xfb\xff\xfe"sv), "-__-");
  EXPECT_EQ(base64_encode("\xfb\xff\xfe"sv), "+//+");
}

TEST(Base64url, EveryByteAndLengthRoundTrips) {
  std::string bytes;
  for (int i = 0; i < 600; ++i) {
    EXPECT_EQ(base64url_decode(base64url_encode(bytes)), bytes);
    EXPECT_EQ(base64_decode(base64_encode(bytes)), bytes);
    bytes.push_back(static_cast<char>(i * 7));
  }
  std::string out = "x.";
  base64url_append(out, "foo");
  EXPECT_EQ(out, "x.Zm9v");
}

TEST(Base64url, J15_PaddingWhitespaceAndForeignCharactersAreRefused) {
  for (std::string_view text :
       {"Zg=="sv, "Zg="sv, "Zm8="sv, "Zm9v="sv, "="sv, "Zm9v\n"sv, " Zm9v"sv, "Zm 9v"sv, "Zm9v\r\n"sv, "Zm+v"sv,
        "Zm/v"sv, "Zm9v\0"sv, "Z"sv, "Zm9vZ"sv, "Zm9v."sv, "Zm\xc3\xa9"sv, "Zm9*"sv, "\xff\xff\xff\xff"sv}) {
    EXPECT_FALSE(base64url_decode(text)) << text;
  }
}

TEST(Base64url, J15_SpareBitsMustBeZero) {
  // Of the texts that a lax reader maps to one byte string, exactly one passes.
  const std::string_view alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
  int passed = 0;
  for (char c : alphabet) passed += base64url_decode(std::string("Z") + c).has_value() ? 1 : 0;
  EXPECT_EQ(passed, 4);
  passed = 0;
  for (char c : alphabet) passed += base64url_decode(std::string("Zm") + c).has_value() ? 1 : 0;
  EXPECT_EQ(passed, 16);
  EXPECT_FALSE(base64url_decode("Zh"));
  EXPECT_FALSE(base64url_decode("Zm9"));
  EXPECT_FALSE(base64_decode("Zh=="));
  EXPECT_FALSE(base64_decode("Zm9="));
}

TEST(Base64url, DecodeIntoWantsTheExactLength) {
  std::array<std::uint8_t, 3> out{};
  EXPECT_TRUE(base64url_decode_into("Zm9v", out));
  EXPECT_EQ(as_view(out), "foo");
  EXPECT_FALSE(base64url_decode_into("Zm8", out));
  EXPECT_FALSE(base64url_decode_into("Zm9vYg", out));
  EXPECT_FALSE(base64url_decode_into("Zm9v=", out));
}

TEST(Base64, StrictPadding) {
  for (std::string_view text : {"Zg", "Zg=", "Zg===", "Zm8", "Zm9v====", "====", "=", "==", "Zg=v", "Z===", "Zm9v\n",
                                "Zm-v", "Zm_v", "Z g==", "Zg==Zg=="}) {
    EXPECT_FALSE(base64_decode(text)) << text;
  }
}

TEST(Text, SplitTrimAndCase) {
  EXPECT_EQ(split("a,,b", ','), (std::vector<std::string_view>{"a", "", "b"}));
  EXPECT_EQ(split("", ','), (std::vector<std::string_view>{""}));
  EXPECT_EQ(split(",", ','), (std::vector<std::string_view>{"", ""}));
  EXPECT_EQ(split_words("  a  b c "), (std::vector<std::string_view>{"a", "b", "c"}));
  EXPECT_TRUE(split_words("   ").empty());
  EXPECT_EQ(split_words("a\tb"), (std::vector<std::string_view>{"a\tb"}));
  EXPECT_EQ(trim(" \t a b \t"), "a b");
  EXPECT_EQ(trim(" "), "");
  EXPECT_EQ(to_lower("AbÉ"), "abÉ");
}

TEST(Text, UnsignedNumbers) {
  EXPECT_EQ(parse_uint("0"), 0U);
  EXPECT_EQ(parse_uint("18446744073709551615"), UINT64_MAX);
  for (std::string_view text : {"", "-1", "+1", " 1", "1 ", "18446744073709551616", "99999999999999999999", "1e3",
                                "0x1", "000000000000000000001"}) {
    EXPECT_FALSE(parse_uint(text)) << text;
  }
}

TEST(Text, Hex) {
  EXPECT_EQ(to_hex("\x00\xff\x10"sv), "00ff10");
  EXPECT_EQ(from_hex("00Ff10"), "\x00\xff\x10"sv);
  for (std::string_view text : {"0", "0g", "zz", "0x", " 0"}) EXPECT_FALSE(from_hex(text)) << text;
}

TEST(Text, J24_Utf8IsStrict) {
  EXPECT_TRUE(is_utf8(""));
  EXPECT_TRUE(is_utf8("plain ascii, longer than one word"));
  EXPECT_TRUE(is_utf8("é€😀\xf4\x8f\xbf\xbf\xed\x9f\xbf\xee\x80\x80"));
  for (std::string_view text :
       {"\x80", "\xc0\x80", "\xc1\xbf", "\xc2", "\xe0\x9f\xbf", "\xed\xa0\x80", "\xf0\x8f\xbf\xbf", "\xf4\x90\x80\x80",
        "\xf8\x88\x80\x80\x80", "\xfe", "\xff", "abcdefgh\xe2\x82", "\xe2\x28\xa1"}) {
    EXPECT_FALSE(is_utf8(text)) << testing::PrintToString(text);
  }
}

TEST(Text, AppendUtf8RoundTripsEveryScalar) {
  for (std::uint32_t c = 0; c <= 0x10ffff; c += 7) {
    if (c >= 0xd800 && c <= 0xdfff) continue;
    std::string out;
    append_utf8(out, c);
    EXPECT_EQ(utf8_sequence_length(out), out.size()) << c;
  }
}

TEST(Text, W4_HtmlEscapeLeavesNoMarkup) {
  EXPECT_EQ(html_escape(R"("><svg onload='x'>&)"), "&quot;&gt;&lt;svg onload=&#39;x&#39;&gt;&amp;");
  EXPECT_EQ(html_escape("é plain"), "é plain");
}

TEST(Text, W5_NamesShownToPeopleHaveNothingInvisible) {
  for (std::string_view name :
       {"Growth Chart", "Ärzte-Portal 2.0", "日本語アプリ", "Dr. O'Neil & Sons", "тест", "x", "مرحبا", "App 😀"}) {
    EXPECT_TRUE(display_name_safe(name, 120)) << name;
  }
  for (std::string_view name : {""sv,
                                " x"sv,
                                "x "sv,
                                "a\nb"sv,
                                "a\rb"sv,
                                "a\tb"sv,
                                "a\0b"sv,
                                "a\x7f"sv,
                                "a\xc2\x85"sv,
                                "abc\xe2\x80\xae"sv
                                "gpj.exe"sv /* U+202E */,
                                "a\xe2\x80\x8b"sv
                                "b"sv /* U+200B */,
                                "a\xe2\x80\x8d"sv
                                "b"sv /* U+200D */,
                                "a\xe2\x81\xa6"sv
                                "b"sv /* U+2066 */,
                                "a\xe2\x81\xa9"sv
                                "b"sv,
                                "\xef\xbb\xbf"sv
                                "a"sv /* BOM */,
                                "a\xc2\xad"sv
                                "b"sv /* soft hyphen */,
                                "a\xe2\x80\xa8"sv
                                "b"sv /* U+2028 */,
                                "a\xe3\x80\x80"sv
                                "b"sv /* U+3000 */,
                                "a\xee\x80\x80"sv /* private use */,
                                "a\xef\xbf\xbf"sv /* U+FFFF */,
                                "a\xf3\xa0\x81\x81"sv /* tag */,
                                "a\xd8\x9c"sv /* U+061C */,
                                "a\xe3\x85\xa4"sv /* U+3164 */,
                                "a\xff"sv,
                                "a\xf4\x8f\xbf\xbf"sv,
                                "a\xf0\x9f\xbf\xbe"sv /* U+1FFFE */}) {
    EXPECT_FALSE(display_name_safe(name, 120)) << testing::PrintToString(name);
  }
  EXPECT_FALSE(display_name_safe(std::string(10 * 1024, 'a'), 120));
  EXPECT_TRUE(display_name_safe(std::string(120, 'a'), 120));
}

TEST(Text, W5_MixedScriptsAreNoticed) {
  EXPECT_TRUE(mixes_scripts("P\xd0\xb0ypal"));  // Cyrillic a
  EXPECT_TRUE(mixes_scripts("G\xce\xbfogle"));  // Greek omicron
  EXPECT_FALSE(mixes_scripts("Café 2.0 – 日本"));
  EXPECT_FALSE(mixes_scripts("тест 2"));
}

TEST(Text, Rfc6749_A_CharacterSets) {
  EXPECT_TRUE(all_vschar("a b\"\\~"));
  EXPECT_FALSE(all_vschar("a\tb"));
  EXPECT_FALSE(all_vschar("é"));
  EXPECT_FALSE(all_vschar(""));
  EXPECT_TRUE(all_nqschar("a b"));
  EXPECT_FALSE(all_nqschar("a\"b"));
  EXPECT_FALSE(all_nqschar("a\\b"));
  EXPECT_TRUE(is_scope_token("patient/Observation.rs?category=http://x|y"));
  for (std::string_view token : {"", "a b", "a\"", "a\\", "a\n", "é", "\x7f"})
    EXPECT_FALSE(is_scope_token(token)) << token;
}

TEST(Text, Rfc6749_3_3_ScopeIsSingleSpaced) {
  EXPECT_EQ(split_scope("openid launch/patient"), (std::vector<std::string_view>{"openid", "launch/patient"}));
  for (std::string_view scope : {"", " ", " a", "a ", "a  b", "a\tb", "a\nb", "a \"b\""})
    EXPECT_FALSE(split_scope(scope)) << scope;
}

}  // namespace
}  // namespace mitral::codec
