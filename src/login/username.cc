#include "login/username.h"

#include "base/limits.h"
#include "codec/text.h"

namespace mitral::login {

std::string normal_username(std::string_view typed) {
  while (!typed.empty() && typed.front() == ' ') typed.remove_prefix(1);
  while (!typed.empty() && typed.back() == ' ') typed.remove_suffix(1);
  if (!codec::display_name_safe(typed, limits::kUserNameMax)) return {};
  std::string out(typed);
  for (char& c : out) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c + 32);
  }
  return out;
}

}  // namespace mitral::login
