// RFC 9207: the `iss` parameter of every authorization response, errors included, so that a client that talks to
// several servers can't be made to send a code to the wrong one (threat B-4.4). The value is the issuer identifier,
// byte by byte.
//
// Thread rules: pure function.
#pragma once

#include <string_view>

#include "codec/form.h"

namespace mitral::spec::oauth {

inline void add_iss(codec::Form& response, std::string_view issuer) { response.set("iss", issuer); }

}  // namespace mitral::spec::oauth
