#include "codec/message.h"

#include <algorithm>

namespace mitral::codec {
namespace {

constexpr char lower(char c) noexcept { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; }

/// Path and query view into the target.
void view_parts(Request& request) noexcept {
  const std::string_view all = request.target;
  const auto mark = all.find('?');
  request.path = all.substr(0, mark);
  request.query = mark == std::string_view::npos ? std::string_view{} : all.substr(mark + 1);
}

}  // namespace

bool iequals(std::string_view a, std::string_view b) noexcept {
  return a.size() == b.size() &&
         std::equal(a.begin(), a.end(), b.begin(), [](char x, char y) { return lower(x) == lower(y); });
}

std::optional<std::string_view> Headers::get(std::string_view name) const noexcept {
  for (const auto& header : list_) {
    if (iequals(header.name, name)) return header.value;
  }
  return std::nullopt;
}

std::size_t Headers::count(std::string_view name) const noexcept {
  return static_cast<std::size_t>(std::ranges::count_if(list_, [&](const Header& h) { return iequals(h.name, name); }));
}

void Headers::set(std::string_view name, std::string_view value) {
  remove(name);
  add(name, value);
}

void Headers::remove(std::string_view name) {
  std::erase_if(list_, [&](const Header& h) { return iequals(h.name, name); });
}

std::string_view name(Method method) noexcept {
  switch (method) {
    case Method::get: return "GET";
    case Method::head: return "HEAD";
    case Method::post: return "POST";
    case Method::put: return "PUT";
    case Method::patch: return "PATCH";
    case Method::del: return "DELETE";
    case Method::options: return "OPTIONS";
    case Method::other: break;
  }
  return "?";
}

Method parse_method(std::string_view token) noexcept {
  for (const auto m :
       {Method::get, Method::head, Method::post, Method::put, Method::patch, Method::del, Method::options}) {
    if (token == name(m)) return m;
  }
  return Method::other;
}

void Request::set_target(std::string text) {
  target = std::move(text);
  view_parts(*this);
}

Request& Request::operator=(const Request& other) {
  if (this == &other) return *this;
  method = other.method;
  headers = other.headers;
  body = other.body;
  peer_address = other.peer_address;
  tls = other.tls;
  peer_certificate = other.peer_certificate;
  received = other.received;
  set_target(other.target);
  return *this;
}

Request& Request::operator=(Request&& other) noexcept {
  if (this == &other) return *this;
  method = other.method;
  headers = std::move(other.headers);
  body = std::move(other.body);
  peer_address = std::move(other.peer_address);
  tls = other.tls;
  peer_certificate = std::move(other.peer_certificate);
  received = other.received;
  target = std::move(other.target);
  view_parts(*this);
  other.target.clear();
  view_parts(other);
  return *this;
}

Response Response::with(int status, std::string_view content_type, std::string body) {
  Response response;
  response.status = status;
  response.headers.add("Content-Type", content_type);
  response.body = std::move(body);
  return response;
}

}  // namespace mitral::codec
