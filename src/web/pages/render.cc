#include "web/pages/render.h"

#include "codec/text.h"

#pragma clang diagnostic push
#pragma clang diagnostic ignored "-Wshadow"
#pragma clang diagnostic ignored "-Wconversion"
#pragma clang diagnostic ignored "-Wpedantic"
#include <kainjow/mustache.hpp>
#pragma clang diagnostic pop

namespace mitral::web {
namespace {

using kainjow::mustache::data;

data to_data(const codec::Json& value) {
  using Type = codec::Json::Type;
  switch (value.type()) {
    case Type::boolean: return value.bool_or(false) ? data(data::type::bool_true) : data(data::type::bool_false);
    case Type::number: return data(std::string(value.lexeme()));
    case Type::string: {
      const auto text = value.string_or();
      return text.empty() ? data(data::type::bool_false) : data(std::string(text));
    }
    case Type::array: {
      data list(data::type::list);
      for (const auto& item : value.items()) list.push_back(to_data(item));
      return list;
    }
    case Type::object: {
      data object(data::type::object);
      for (const auto& [key, member] : value.members()) object.set(key, to_data(member));
      return object;
    }
    case Type::null: break;
  }
  return data(data::type::bool_false);
}

}  // namespace

std::string render(std::string_view page_template, const codec::Json& values) {
  kainjow::mustache::mustache page{std::string(page_template)};
  page.set_custom_escape([](const std::string& text) { return codec::html_escape(text); });
  return page.render(to_data(values));
}

}  // namespace mitral::web
