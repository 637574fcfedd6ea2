// FHIR dates as intervals: "2020" is the whole year, "2020-05-01T10:00Z" the whole minute.
#include <chrono>
#include <optional>

#include "base/time.h"
#include "codec/text.h"
#include "fhir/search_params.h"

namespace mitral::fhir {
namespace {

constexpr std::int64_t kSecond = 1'000'000;
constexpr std::int64_t kDay = 86'400 * kSecond;

std::unexpected<Error> bad_date() { return fail(ErrorCode::malformed, "not a date"); }

/// Takes exactly `digits` digits from the front.
std::optional<unsigned> take(std::string_view& text, std::size_t digits) {
  if (text.size() < digits) return std::nullopt;
  const auto number = codec::parse_uint(text.substr(0, digits));
  if (!number) return std::nullopt;
  text.remove_prefix(digits);
  return static_cast<unsigned>(*number);
}

bool skip(std::string_view& text, char c) {
  if (text.empty() || text.front() != c) return false;
  text.remove_prefix(1);
  return true;
}

std::int64_t day_start(std::chrono::year_month_day day) {
  return std::chrono::sys_days(day).time_since_epoch().count() * kDay;
}

/// "Z", "+hh:mm", "-hh:mm" or nothing (taken as UTC), as microseconds to subtract.
std::optional<std::int64_t> take_zone(std::string_view text) {
  if (text.empty() || text == "Z") return 0;
  const char sign = text.front();
  if (sign != '+' && sign != '-') return std::nullopt;
  text.remove_prefix(1);
  const auto hours = take(text, 2);
  if (!hours || *hours > 14 || !skip(text, ':')) return std::nullopt;
  const auto minutes = take(text, 2);
  if (!minutes || *minutes > 59 || !text.empty()) return std::nullopt;
  const auto offset = static_cast<std::int64_t>(*hours * 60 + *minutes) * 60 * kSecond;
  return sign == '+' ? offset : -offset;
}

/// "hh:mm[:ss[.f]][zone]" after the 'T'.
Result<DateRange> parse_time(std::int64_t day, std::string_view text) {
  const auto hour = take(text, 2);
  if (!hour || *hour > 23 || !skip(text, ':')) return bad_date();
  const auto minute = take(text, 2);
  if (!minute || *minute > 59) return bad_date();
  std::int64_t from = day + static_cast<std::int64_t>(*hour * 60 + *minute) * 60 * kSecond;
  std::int64_t width = 60 * kSecond;
  if (skip(text, ':')) {
    const auto second = take(text, 2);
    if (!second || *second > 60) return bad_date();
    from += static_cast<std::int64_t>(*second) * kSecond;
    width = kSecond;
    if (skip(text, '.')) {
      std::size_t digits = 0;
      while (!text.empty() && text.front() >= '0' && text.front() <= '9') {
        if (width >= 10) {
          width /= 10;
          from += (text.front() - '0') * width;
        }
        text.remove_prefix(1);
        ++digits;
      }
      if (digits == 0) return bad_date();
    }
  }
  const auto offset = take_zone(text);
  if (!offset) return bad_date();
  return DateRange{from - *offset, from - *offset + width};
}

}  // namespace

Result<DateRange> parse_date_range(std::string_view text) {
  using namespace std::chrono;
  const auto y = take(text, 4);
  if (!y || *y == 0) return bad_date();
  const year_month first{year(static_cast<int>(*y)), month(1)};
  if (text.empty()) return DateRange{day_start(first / 1), day_start((first + years(1)) / 1)};
  if (!skip(text, '-')) return bad_date();
  const auto m = take(text, 2);
  if (!m || *m < 1 || *m > 12) return bad_date();
  const year_month in_month{year(static_cast<int>(*y)), month(*m)};
  if (text.empty()) return DateRange{day_start(in_month / 1), day_start((in_month + months(1)) / 1)};
  if (!skip(text, '-')) return bad_date();
  const auto d = take(text, 2);
  if (!d || !(in_month / day(*d)).ok()) return bad_date();
  const auto start = day_start(in_month / day(*d));
  if (text.empty()) return DateRange{start, start + kDay};
  if (!skip(text, 'T')) return bad_date();
  return parse_time(start, text);
}

}  // namespace mitral::fhir
