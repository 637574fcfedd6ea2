#include "app/fetcher.h"

#include <charconv>

namespace mitral::app {
namespace {

// RFC 9111 §5.2.2: how long the document may be kept; no-store and whatever is not understood mean not at all.
std::int64_t max_age(const codec::Headers& headers) {
  const auto control = headers.get("Cache-Control");
  if (!control || control->find("no-store") != std::string_view::npos ||
      control->find("no-cache") != std::string_view::npos)
    return 0;
  const auto at = control->find("max-age=");
  if (at == std::string_view::npos) return 0;
  const std::string_view text = control->substr(at + 8);
  std::int64_t seconds = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), seconds);
  return error == std::errc{} && end != text.data() && seconds > 0 ? seconds : 0;
}

}  // namespace

Task<Result<ports::Fetcher::Document>> WebFetcher::get(std::string url, std::size_t max_bytes) {
  MITRAL_CO_TRY(net::Url target, net::parse_url(url));
  net::ClientOptions options;
  options.max_body = max_bytes;
  options.addresses = loopback_ ? net::AddressRule::public_or_loopback : net::AddressRule::public_only;
  options.allow_plain_http = loopback_;
  auto answer = co_await client_.get(std::move(target), "application/json", std::move(options));
  if (!answer) co_return std::unexpected(std::move(answer).error());
  if (answer->status != 200) co_return fail(ErrorCode::unavailable, {}, "the document's server did not answer 200");
  Document document;
  document.content_type = std::string(answer->headers.get("Content-Type").value_or(""));
  document.max_age_s = max_age(answer->headers);
  document.body = std::move(answer->body);
  co_return document;
}

}  // namespace mitral::app
