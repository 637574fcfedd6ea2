#include "support/browser.h"

namespace mitral::testing {

FrontRig::FrontRig(HarnessOptions options) : as(std::move(options)), front(as.random), server(as.server_with(front)) {}

FrontRig::~FrontRig() = default;

codec::Form FrontRig::request(std::string_view client, std::string_view scope) {
  codec::Form form;
  form.add("response_type", "code").add("client_id", client).add("redirect_uri", kRedirectUri).add("scope", scope);
  form.add("state", "st 1/&=").add("nonce", "n1").add("aud", kFhir);
  form.add("code_challenge", spec::oauth::s256_challenge(kVerifier)).add("code_challenge_method", "S256");
  return form;
}

std::string FrontRig::authorize(const codec::Form& form) {
  return std::string(kIssuer) + "/authorize?" + form.serialize();
}

void FrontRig::only_own_record() {
  auto alice = as.user_record("u_alice");
  alice.patients.resize(1);
  as.put(alice);
}

std::vector<model::AuditEvent> FrontRig::events(model::AuditKind kind) {
  std::vector<model::AuditEvent> out;
  for (const auto& record : as.audit()) {
    if (record.event.kind == kind) out.push_back(record.event);
  }
  return out;
}

const codec::Response& Browser::send(codec::Method method, std::string target, std::string body,
                                     std::vector<codec::Header> headers) {
  url = target.starts_with("/") ? "https://as.example.org" + target : target;
  codec::Request request;
  request.method = method;
  const auto uri = codec::parse_uri(url);
  EXPECT_TRUE(uri) << url;
  request.set_target(std::string(uri->path) + (uri->has_query ? "?" + std::string(uri->query) : ""));
  request.headers.add("Host", "as.example.org");
  std::string cookies;
  for (const auto& [name, value] : jar)
    cookies.append(cookies.empty() ? "" : "; ").append(name).append("=").append(value);
  if (!cookies.empty()) request.headers.add("Cookie", cookies);
  for (const auto& header : headers) request.headers.add(header.name, header.value);
  if (method == codec::Method::post && request.headers.count("Content-Type") == 0) {
    request.headers.add("Content-Type", "application/x-www-form-urlencoded");
  }
  request.body = std::move(body);
  request.peer_address = address;
  request.tls = true;
  request.received = rig_.as.clock.now();
  response = run_sync(rig_.server->handle(std::move(request)));
  take_cookies();
  return response;
}

std::string Browser::location() const { return std::string(response.headers.get("Location").value_or("")); }

bool Browser::left() const { return !location().empty() && !location().starts_with(std::string(kIssuer) + "/"); }

const codec::Response& Browser::open(std::string target) {
  send(codec::Method::get, std::move(target));
  return follow();
}

const codec::Response& Browser::follow() {
  for (int hops = 0; hops < 5 && !location().empty() && !left(); ++hops) send(codec::Method::get, location());
  return response;
}

std::optional<std::string> Browser::between(std::string_view text, std::string_view before, std::string_view after,
                                            std::size_t& at) {
  const auto begin = text.find(before, at);
  if (begin == std::string_view::npos) return std::nullopt;
  const auto from = begin + before.size();
  const auto end = text.find(after, from);
  if (end == std::string_view::npos) return std::nullopt;
  at = end + after.size();
  return std::string(text.substr(from, end - from));
}

std::optional<std::string> Browser::attribute(std::string_view tag, std::string_view name) {
  std::size_t at = 0;
  return between(tag, " " + std::string(name) + "=\"", "\"", at);
}

std::optional<Browser::FoundForm> Browser::form(std::string_view action_end) const {
  std::size_t at = 0;
  while (const auto text = between(response.body, "<form method=\"post\"", "</form>", at)) {
    const std::string action = unescape(attribute(*text, "action").value_or(""));
    if (!action.ends_with(action_end)) continue;
    FoundForm out{action, {}};
    std::size_t in = 0;
    while (const auto tag = between(*text, "<input", ">", in)) {
      const auto name = attribute(*tag, "name");
      if (!name) continue;
      const bool box = attribute(*tag, "type") == "checkbox";
      if (box && tag->find(" checked") == std::string::npos) continue;
      out.fields.add(unescape(*name), unescape(attribute(*tag, "value").value_or("")));
    }
    return out;
  }
  return std::nullopt;
}

const codec::Response& Browser::submit(std::string_view action_end, const codec::Form& set,
                                       std::vector<std::string> untick) {
  auto found = form(action_end);
  EXPECT_TRUE(found) << "no form " << action_end << " on " << url << "\n" << response.body;
  if (!found) return response;
  codec::Form sent;
  for (const auto& field : found->fields.list()) {
    const bool dropped = std::find(untick.begin(), untick.end(), field.value) != untick.end();
    if (!dropped && !set.has(field.name)) sent.add(field.name, field.value);
  }
  for (const auto& field : set.list()) sent.add(field.name, field.value);
  send(codec::Method::post, found->action, sent.serialize());
  last_post_status = response.status;
  return follow();
}

const codec::Response& Browser::sign_in(std::string_view user, std::string_view password) {
  return submit("/sign-in", {{"username", std::string(user)}, {"password", std::string(password)}});
}

const codec::Response& Browser::pick(std::string_view patient) {
  return submit("/patient", {{"patient", std::string(patient)}});
}

const codec::Response& Browser::allow(std::vector<std::string> untick) {
  return submit("/consent", {{"decision", "allow"}}, std::move(untick));
}

std::map<std::string, std::string> Browser::answer() const {
  std::map<std::string, std::string> out;
  EXPECT_TRUE(left()) << response.status << " " << url << " -> " << location() << "\n" << response.body.substr(0, 3000);
  const auto to = location();
  const auto uri = codec::parse_uri(to);
  if (!uri) return out;
  const auto form = codec::Form::parse(uri->query);
  EXPECT_TRUE(form);
  if (form) {
    for (const auto& p : form->list()) EXPECT_TRUE(out.emplace(p.name, p.value).second) << "repeated " << p.name;
  }
  return out;
}

bool Browser::shows(std::string_view id) const {
  return response.body.find("id=\"" + std::string(id) + "\"") != std::string::npos;
}

std::string Browser::session_cookie() const {
  for (const auto& [name, value] : jar) {
    if (name.find("mitral_session") != std::string::npos) return value;
  }
  return {};
}

std::string Browser::unescape(std::string text) {
  for (const auto& [from, to] :
       {std::pair("&lt;", "<"), {"&gt;", ">"}, {"&quot;", "\""}, {"&#39;", "'"}, {"&#x27;", "'"}, {"&amp;", "&"}}) {
    for (auto at = text.find(from); at != std::string::npos; at = text.find(from, at + 1))
      text.replace(at, std::strlen(from), to);
  }
  return text;
}

void Browser::take_cookies() {
  for (const auto& header : response.headers.list()) {
    if (!codec::iequals(header.name, "Set-Cookie")) continue;
    set_cookies.push_back(header.value);
    const auto equals = header.value.find('=');
    const auto name = header.value.substr(0, equals);
    const auto value = header.value.substr(equals + 1, header.value.find(';') - equals - 1);
    if (header.value.find("Max-Age=0") != std::string::npos || value.empty()) {
      jar.erase(name);
    } else {
      jar[name] = value;
    }
  }
}

}  // namespace mitral::testing
