// Misbehave: faults of real servers, done to a finished answer. What concerns the choice of resources (foreign matches,
// wrong includes ...) happens where they are chosen, in answers.cc.
//
// Limits: none. Errors: none. Thread rules: pure functions.
#pragma once

#include <string>
#include <string_view>

#include "codec/json.h"
#include "codec/message.h"
#include "sandbox/engine.h"

namespace mitral::sandbox {

/// On the JSON: contained patients, absolute references, health data in errors.
void misbehave_on_json(codec::Json& body, const Misbehaviour& how, const Store& store, std::string_view base);

/// On the bytes and the media type: XML, HTML, duplicate members, padding, truncation.
void misbehave_on_bytes(codec::Response& response, const Misbehaviour& how);

}  // namespace mitral::sandbox
