#include "codec/form.h"

#include <gtest/gtest.h>

namespace mitral::codec {
namespace {

using namespace std::string_view_literals;

Form must_parse(std::string_view text) {
  auto out = Form::parse(text);
  EXPECT_TRUE(out.has_value()) << text;
  return out ? std::move(*out) : Form();
}

TEST(Form, ParsesAndDecodes) {
  const auto form = must_parse("grant_type=authorization_code&code=a%2Bb+c&empty=&flag&&x=1=2");
  EXPECT_EQ(form.get("grant_type"), "authorization_code");
  EXPECT_EQ(form.get("code"), "a+b c");
  EXPECT_EQ(form.get("x"), "1=2");
  EXPECT_EQ(form.size(), 5U);
  EXPECT_TRUE(must_parse("").empty());
  EXPECT_EQ(must_parse("n%C3%A9=%F0%9F%98%80").get("né"), "😀");
}

TEST(Form, Rfc6749_3_1_EmptyValueCountsAsAbsent) {
  const auto form = must_parse("a=&b&c=1&c=&d=&d=2");
  EXPECT_FALSE(form.get("a"));
  EXPECT_FALSE(form.get("b"));
  EXPECT_TRUE(form.has("a"));
  EXPECT_FALSE(form.get("zz"));
  EXPECT_EQ(form.all("c"), (std::vector<std::string_view>{"1"}));
  EXPECT_EQ(form.get("d"), "2");
}

TEST(Form, Rfc6749_3_1_DuplicatesAreFoundEvenWhenEmptyOrEscaped) {
  EXPECT_EQ(must_parse("a=1&a=1").duplicates(), (std::vector<std::string_view>{"a"}));
  EXPECT_EQ(must_parse("a=1&a=").duplicates(), (std::vector<std::string_view>{"a"}));
  EXPECT_EQ(must_parse("redirect_uri=1&redirect%5Furi=2&redirect_ur%69=3").duplicates(),
            (std::vector<std::string_view>{"redirect_uri"}));
  EXPECT_TRUE(must_parse("a=1&A=1&a[]=1").duplicates().empty());
  const auto form = must_parse("resource=1&resource=2&scope=a&scope=b&audience=x&audience=y");
  EXPECT_EQ(form.duplicates({"resource", "audience"}), (std::vector<std::string_view>{"scope"}));
  EXPECT_EQ(form.all("resource"), (std::vector<std::string_view>{"1", "2"}));
  const auto refused = form.refuse_duplicates({"resource"});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::invalid_request);
  EXPECT_TRUE(form.refuse_duplicates({"resource", "audience", "scope"}));
}

TEST(Form, BrokenEncodingIsMalformed) {
  for (std::string_view text :
       {"a=%"sv, "a=%4"sv, "a=%zz"sv, "a=%4g"sv, "%=1"sv, "a=%00"sv, "%00=a"sv, "a=\0b"sv, "a=%c3"sv, "a=%ff"sv,
        "a=%c0%af"sv, "a=%ed%a0%80"sv, "a=\xff"sv, "a=\r\nb"sv, "a=b\n"sv, "a=\tb"sv, "a=\x7f"sv, "a=%u0041"sv}) {
    const auto out = Form::parse(text);
    ASSERT_FALSE(out) << testing::PrintToString(text);
    EXPECT_EQ(out.error().code, ErrorCode::malformed);
  }
}

TEST(Form, W15_LimitsHold) {
  EXPECT_EQ(Form::parse(std::string(limits::kFormBytesMax + 1, 'a')).error().code, ErrorCode::too_large);
  EXPECT_TRUE(Form::parse(std::string(limits::kFormBytesMax, 'a')));
  std::string many;
  for (std::size_t i = 0; i < limits::kFormParametersMax; ++i) many += "a=1&";
  EXPECT_TRUE(Form::parse(many));
  EXPECT_EQ(Form::parse(many + "a=1").error().code, ErrorCode::too_large);
  EXPECT_EQ(Form::parse("a=1&b=2", 100, 1).error().code, ErrorCode::too_large);
}

TEST(Form, SerializesWhatParsesBack) {
  Form form{{"a b", "c&d=e"}, {"é", "\r\n%+"}, {"empty", ""}};
  EXPECT_EQ(form.serialize(), "a%20b=c%26d%3De&%C3%A9=%0D%0A%25%2B&empty=");
  EXPECT_EQ(must_parse(form.serialize()), form);
  form.add_if("x", std::nullopt).add_if("y", "1").set("empty", "2").remove("a b");
  EXPECT_EQ(form.serialize(), "%C3%A9=%0D%0A%25%2B&y=1&empty=2");
}

TEST(Percent, EncodesAndDecodes) {
  EXPECT_EQ(percent_encode("AZaz09-._~"), "AZaz09-._~");
  EXPECT_EQ(percent_encode("a b/ü\xff"), "a%20b%2F%C3%BC%FF");
  EXPECT_EQ(percent_decode("a+b%20c"), "a+b c");
  EXPECT_EQ(form_decode("a+b%20c"), "a b c");
  EXPECT_FALSE(percent_decode("%"));
  EXPECT_FALSE(percent_decode("%00"));
  EXPECT_FALSE(percent_decode("%ff"));
}

}  // namespace
}  // namespace mitral::codec
