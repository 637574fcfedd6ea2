// The revocation feed: what died since a resource server asked last, within a second of its death. Mitral's own; a long
// poll, so that it passes every proxy. {"seq","oldest","changes":[{"seq","kind","subject","at","expires"}]}

#include "base/limits.h"
#include "codec/text.h"
#include "flow/responses.h"
#include "flow/steps/steps.h"

namespace mitral::flow {
namespace {

Result<std::uint64_t> number(const codec::Form& form, std::string_view name) {
  const auto text = form.get(name);
  if (!text) return std::uint64_t{0};
  const auto value = codec::parse_uint(*text);
  if (!value || *value > static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max())) {
    return fail(ErrorCode::invalid_request, "after and wait are whole numbers");
  }
  return *value;
}

}  // namespace

Task<Result<void>> revocations(Context& context) {
  MITRAL_CO_TRY(const auto after, number(context.form, "after"));
  MITRAL_CO_TRY(const auto wait, number(context.form, "wait"));
  const auto seconds =
      std::min<std::uint64_t>(wait, static_cast<std::uint64_t>(limits::kFeedWaitMax / std::chrono::seconds(1)));
  MITRAL_CO_TRY(const auto page,
                co_await context.services.feed.after(context.issuer.id(), static_cast<std::int64_t>(after),
                                                     Duration(std::chrono::seconds(seconds))));
  codec::Json changes = codec::Json::array();
  for (const auto& line : page.changes) {
    changes.push_back(codec::Json::object({{"seq", line.seq},
                                           {"kind", model::name(line.kind)},
                                           {"subject", line.subject},
                                           {"at", to_micros(line.at)},
                                           {"expires", to_seconds(line.expires)}}));
  }
  codec::Json out = codec::Json::object({{"seq", page.seq}, {"oldest", page.oldest}});
  out.set("changes", std::move(changes));
  context.response = json_response(context.issuer, 200, out.dump());
  co_return Result<void>{};
}

}  // namespace mitral::flow
