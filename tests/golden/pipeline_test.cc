// The order of the protocol and the profile rows, as people read them. A change shows up here and must be meant:
// MITRAL_GOLDEN=write rewrites the files.

#include "flow/pipeline.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <sstream>

#include "policy/profile.h"
#include "web/authorize_table.h"

namespace mitral {
namespace {

void expect_golden(const std::string& name, const std::string& text) {
  const std::string path = std::string(MITRAL_SOURCE_DIR) + "/tests/golden/" + name;
  if (const char* mode = std::getenv("MITRAL_GOLDEN"); mode != nullptr && std::string_view(mode) == "write") {
    std::ofstream(path) << text;
  }
  std::ifstream file(path);
  std::stringstream kept;
  kept << file.rdbuf();
  EXPECT_EQ(kept.str(), text) << "MITRAL_GOLDEN=write rewrites " << path;
}

TEST(Golden, BackChannelPipeline) {
  expect_golden("pipeline_back_channel.txt", flow::print_table(flow::back_channel()));
}
TEST(Golden, Authorize) { expect_golden("authorize.txt", web::print_authorize_table()); }
TEST(Golden, ProfileRows) { expect_golden("profiles.txt", policy::print_rows()); }

}  // namespace
}  // namespace mitral
