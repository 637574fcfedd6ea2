// Result: the only way a function of Mitral reports that it could not do what its name says.
//
// Nothing in the request path throws on purpose. An exception (out of memory, a library's own) is caught at the edge
// of a request and answered as a server error; it is never used to carry a decision.
//
// Thread rules: values; no shared state.
#pragma once

#include <expected>
#include <utility>

#include "base/error.h"

namespace mitral {

template <class T = void>
using Result = std::expected<T, Error>;

/// Shorthand for returning an error from a function that returns any Result.
[[nodiscard]] inline std::unexpected<Error> fail(Error error) { return std::unexpected<Error>(std::move(error)); }

/// Error with a literal for the client; see Error for the rules of the three texts.
[[nodiscard]] inline std::unexpected<Error> fail(ErrorCode code, ClientText client = {},
                                                 std::string operator_detail = {}) {
  return std::unexpected<Error>(Error{code, client, std::move(operator_detail)});
}

}  // namespace mitral

#define MITRAL_CAT2_(a, b) a##b
#define MITRAL_CAT_(a, b) MITRAL_CAT2_(a, b)

// Unwrap or return early:   MITRAL_TRY(auto header, parse_header(text));
#define MITRAL_TRY_IMPL_(tmp, lhs, expr, ret)                \
  auto tmp = (expr);                                         \
  if (!tmp) ret ::std::unexpected(::std::move(tmp).error()); \
  lhs = ::std::move(*tmp)
#define MITRAL_TRY(lhs, expr) MITRAL_TRY_IMPL_(MITRAL_CAT_(mitral_try_, __COUNTER__), lhs, expr, return)
#define MITRAL_CO_TRY(lhs, expr) MITRAL_TRY_IMPL_(MITRAL_CAT_(mitral_try_, __COUNTER__), lhs, expr, co_return)

// The same for a Result<void>:   MITRAL_CHECK(check_typ(header));
#define MITRAL_CHECK_IMPL_(tmp, expr, ret) \
  if (auto tmp = (expr); !tmp) ret ::std::unexpected(::std::move(tmp).error())
#define MITRAL_CHECK(expr) MITRAL_CHECK_IMPL_(MITRAL_CAT_(mitral_chk_, __COUNTER__), expr, return)
#define MITRAL_CO_CHECK(expr) MITRAL_CHECK_IMPL_(MITRAL_CAT_(mitral_chk_, __COUNTER__), expr, co_return)
