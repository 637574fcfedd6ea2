// Username: one spelling for every way to type it, used at registration and at sign-in alike.
//
// Thread rules: pure function.
#pragma once

#include <string>
#include <string_view>

namespace mitral::login {

/// Trimmed, ASCII lower-cased; empty when nothing is left, it is over limits::kUserNameMax, or it has characters that
/// can't be seen (threat W-5).
[[nodiscard]] std::string normal_username(std::string_view typed);

}  // namespace mitral::login
