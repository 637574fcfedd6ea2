#include "base/time.h"

#include <fmt/format.h>

namespace mitral {
namespace {

std::tm utc(std::int64_t seconds) {
  std::tm out{};
  const std::time_t t = seconds;
  gmtime_r(&t, &out);
  return out;
}

}  // namespace

std::string to_rfc3339(Instant t) {
  const std::int64_t seconds = to_seconds(t);
  const std::tm tm = utc(seconds);
  const auto millis = (to_micros(t) - seconds * 1'000'000) / 1000;
  return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:03}Z", tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday,
                     tm.tm_hour, tm.tm_min, tm.tm_sec, millis);
}

std::string to_http_date(Instant t) {
  static constexpr const char* kDays[] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
  static constexpr const char* kMonths[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                            "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  const std::tm tm = utc(to_seconds(t));
  return fmt::format("{}, {:02} {} {:04} {:02}:{:02}:{:02} GMT", kDays[tm.tm_wday], tm.tm_mday, kMonths[tm.tm_mon],
                     tm.tm_year + 1900, tm.tm_hour, tm.tm_min, tm.tm_sec);
}

}  // namespace mitral
