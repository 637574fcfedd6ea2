#include "codec/object_writer.h"

#include <gtest/gtest.h>

#include <limits>

namespace mitral::codec {
namespace {

TEST(ObjectWriter, WritesWhatATreeWouldPrint) {
  const std::vector<std::string> words{"a", "b\"c"};
  const auto inner = Json::object({{"x", nullptr}, {"y", Json::array({1, "two"})}});
  ObjectWriter out;
  out.text("text", "quote \" and \\ and \n and \xc3\xa4")
      .text("none", "")
      .number("most", std::numeric_limits<std::int64_t>::max());
  out.number("least", std::numeric_limits<std::int64_t>::min()).flag("yes", true).flag("no", false);
  out.texts("words", words).texts("empty", {}).json("inner", inner).raw("raw", inner.dump());
  auto tree = Json::object({{"text", "quote \" and \\ and \n and \xc3\xa4"},
                            {"none", ""},
                            {"most", std::numeric_limits<std::int64_t>::max()},
                            {"least", std::numeric_limits<std::int64_t>::min()},
                            {"yes", true},
                            {"no", false},
                            {"words", Json::array_of(words)},
                            {"empty", Json::array()},
                            {"inner", inner},
                            {"raw", inner}});
  const auto text = out.take();
  EXPECT_EQ(text, tree.dump());
  EXPECT_TRUE(Json::parse_object(text));
}

TEST(ObjectWriter, LeavesOutWhatIsEmpty) {
  EXPECT_EQ(ObjectWriter().take(), "{}");
  ObjectWriter out;
  out.text_if("a", "").texts_if("b", {}).text_if("c", "1");
  EXPECT_EQ(out.take(), R"({"c":"1"})");
}

// A value can't leave its string: quotes, controls and broken UTF-8 are escaped or replaced, wherever they stand.
TEST(ObjectWriter, AValueStaysInsideItsString) {
  for (int c = 0; c < 256; ++c) {
    for (const std::size_t before : {0U, 1U, 15U, 16U, 33U}) {
      const std::string value = std::string(before, 'a') + static_cast<char>(c) + "b";
      const auto text = ObjectWriter().text("v", value).text("w", "x").take();
      const auto json = Json::parse_object(text, {.allow_nul = true});
      ASSERT_TRUE(json) << c << " after " << before;
      EXPECT_EQ(json->size(), 2U);
      EXPECT_EQ((*json)["v"].string_or(), c < 0x80 ? value : std::string(before, 'a') + "\xef\xbf\xbd" + "b") << c;
    }
  }
}

}  // namespace
}  // namespace mitral::codec
