#include "gateway/bulk_lines.h"

#include <algorithm>

#include "base/limits.h"
#include "codec/json.h"
#include "codec/text.h"
#include "fhir/r4.h"
#include "gateway/operations.h"

namespace mitral::gateway {
namespace {

using codec::Json;

class RewrittenLines final : public codec::BodySource {
 public:
  RewrittenLines(std::shared_ptr<codec::BodySource> upstream, LineRewrite rewrite, WriteDown write_down)
      : upstream_(std::move(upstream)), rewrite_(std::move(rewrite)), write_down_(std::move(write_down)) {}

  Task<Result<std::string>> next() override {
    std::string out;
    while (out.size() < limits::kStreamPiece && !done_) {
      auto piece = co_await upstream_->next();
      if (!piece) co_return std::unexpected(piece.error());
      done_ = piece->empty();
      rest_ += *piece;
      if (auto taken = take_lines(out); !taken) co_return std::unexpected(taken.error());
    }
    if (!out.empty() || withheld_ != 0) {
      const auto withheld = std::exchange(withheld_, 0);
      if (auto written = co_await write_down_({}, withheld); !written) co_return std::unexpected(written.error());
    }
    co_return out;
  }

 private:
  Result<void> take_lines(std::string& out) {
    std::size_t done = 0;
    for (auto end = rest_.find('\n'); end != std::string::npos; end = rest_.find('\n', done)) {
      MITRAL_CHECK(take(std::string_view(rest_).substr(done, end - done), out));
      done = end + 1;
    }
    rest_.erase(0, done);
    if (rest_.size() > limits::kFhirResourceMax) return fail(ErrorCode::too_large, {}, "line of an export file");
    if (done_) {
      MITRAL_CHECK(take(rest_, out));
      rest_.clear();
    }
    return {};
  }

  Result<void> take(std::string_view line, std::string& out) {
    line = codec::trim(line);
    if (line.empty()) return {};
    MITRAL_TRY(const auto made, rewrite_(line));
    if (!made) {
      ++withheld_;
      return {};
    }
    out.append(*made).append("\n");
    return {};
  }

  std::shared_ptr<codec::BodySource> upstream_;
  LineRewrite rewrite_;
  WriteDown write_down_;
  std::string rest_;
  std::size_t withheld_ = 0;
  bool done_ = false;
};

}  // namespace

std::shared_ptr<codec::BodySource> rewrite_lines(std::shared_ptr<codec::BodySource> upstream, LineRewrite rewrite,
                                                 WriteDown write_down) {
  return std::make_shared<RewrittenLines>(std::move(upstream), std::move(rewrite), std::move(write_down));
}

Result<std::optional<std::string>> public_error_line(std::string_view line) {
  MITRAL_TRY(const auto json, Json::parse_object(line, {.max_bytes = limits::kFhirResourceMax}));
  if (json["resourceType"].string_or() != "OperationOutcome") return std::optional<std::string>{};
  return std::optional(public_outcome(json).dump());
}

Result<std::optional<std::string>> public_deleted_line(std::string_view line, const policy::Access& access,
                                                       const std::vector<std::string>& types) {
  MITRAL_TRY(const auto json, Json::parse_object(line, {.max_bytes = limits::kFhirResourceMax}));
  if (json["resourceType"].string_or() != "Bundle") return std::optional<std::string>{};
  Json entries = Json::array();
  for (const auto& entry : json["entry"].items()) {
    const auto parts = codec::split(entry["request"]["url"].string_or(), '/');
    if (entry["request"]["method"].string_or() != "DELETE" || parts.size() != 2 || !fhir::is_id(parts[1])) continue;
    if (std::ranges::find(types, parts[0]) == types.end()) continue;
    if (!policy::tombstone_visible(access, parts[0], policy::Origin::match)) continue;
    entries.push_back(
        Json::object({{"request", Json::object({{"method", "DELETE"}, {"url", entry["request"]["url"]}})}}));
  }
  if (entries.empty()) return std::optional<std::string>{};
  return std::optional(
      Json::object({{"resourceType", "Bundle"}, {"type", "transaction"}, {"entry", std::move(entries)}}).dump());
}

}  // namespace mitral::gateway
