#include "store/documents.h"

#include "codec/base64url.h"
#include "codec/json.h"
#include "codec/json_reader.h"
#include "codec/object_writer.h"

namespace mitral::store {
namespace {

using codec::Json;

constexpr codec::ParseOptions kDocument{.allow_nul = true};

/// Writes members; empty texts and lists, null and the zero time and hash are left out.
class Writer {
 public:
  Writer& text(std::string_view key, std::string_view value) {
    out_.text_if(key, value);
    return *this;
  }
  Writer& texts(std::string_view key, const std::vector<std::string>& values) {
    out_.texts_if(key, values);
    return *this;
  }
  Writer& flag(std::string_view key, bool value) {
    out_.flag(key, value);
    return *this;
  }
  Writer& time(std::string_view key, Instant value) {
    if (value != Instant{}) out_.number(key, to_micros(value));
    return *this;
  }
  Writer& number(std::string_view key, std::int64_t value) {
    out_.number(key, value);
    return *this;
  }
  Writer& json(std::string_view key, const Json& value) {
    if (!value.is_null()) out_.json(key, value);
    return *this;
  }
  /// An object or array that is text already.
  Writer& inner(std::string_view key, std::string_view value) {
    out_.raw(key, value);
    return *this;
  }
  Writer& hash(std::string_view key, const Hash256& value) {
    if (value != Hash256{}) out_.text(key, codec::base64url_encode(ByteSpan(value)));
    return *this;
  }
  /// The document; the writer is used up.
  [[nodiscard]] std::string dump() { return out_.take(); }

 private:
  codec::ObjectWriter out_;
};

/// Reads members; a member of the wrong type makes the whole document bad. Of a document the values lie in the text and
/// in memory that the thread keeps for this: one document at a time, and its text must stay.
class Reader {
 public:
  explicit Reader(std::string_view document) : whole_(true), json_(&root_) {
    std::size_t used = 0;
    ok_ = memory().read(document, root_, used) == codec::Front::value && used == document.size() && root_.is_object();
  }
  ~Reader() {
    root_ = {};
    if (whole_) memory().clear();
  }
  explicit Reader(const Json& json) : json_(&json), ok_(json.is_object()) {}
  Reader(const Reader&) = delete;
  Reader& operator=(const Reader&) = delete;

  Reader& text(std::string_view key, std::string& out) {
    if (const auto* value = json_->find(key)) {
      const auto got = value->as_string();
      ok_ = ok_ && got.has_value();
      if (got) out = *got;
    }
    return *this;
  }
  Reader& texts(std::string_view key, std::vector<std::string>& out) {
    out.clear();
    if (const auto* value = json_->find(key)) {
      ok_ = ok_ && value->is_array();
      for (const auto& item : value->items()) {
        const auto got = item.as_string();
        ok_ = ok_ && got.has_value();
        if (got) out.emplace_back(*got);
      }
    }
    return *this;
  }
  /// A missing flag reads as `missing`: callers give the safe value.
  Reader& flag(std::string_view key, bool& out, bool missing) {
    out = missing;
    if (const auto* value = json_->find(key)) {
      const auto got = value->as_bool();
      ok_ = ok_ && got.has_value();
      if (got) out = *got;
    }
    return *this;
  }
  Reader& number(std::string_view key, std::int64_t& out) {
    if (const auto* value = json_->find(key)) {
      const auto got = value->as_int64();
      ok_ = ok_ && got.has_value();
      if (got) out = *got;
    }
    return *this;
  }
  Reader& time(std::string_view key, Instant& out) {
    std::int64_t micros = 0;
    number(key, micros);
    out = from_micros(micros);
    return *this;
  }
  Reader& hash(std::string_view key, Hash256& out) {
    out = {};
    if (const auto* value = json_->find(key)) ok_ = codec::base64url_decode_into(value->string_or(), out) && ok_;
    return *this;
  }
  Reader& object(std::string_view key, Json& out) {
    if (const auto* value = json_->find(key)) {
      ok_ = ok_ && value->is_object();
      out = *value;
    }
    return *this;
  }
  template <class E, class Parse>
  Reader& named(std::string_view key, E& out, Parse parse) {
    std::string word;
    text(key, word);
    const auto value = parse(word);
    ok_ = ok_ && value.has_value();
    if (value) out = *value;
    return *this;
  }
  void require(bool condition) { ok_ = ok_ && condition; }
  [[nodiscard]] bool ok() const { return ok_; }
  [[nodiscard]] const Json& json() const { return *json_; }

 private:
  static codec::JsonReader& memory() {
    thread_local codec::JsonReader reader(kDocument);
    return reader;
  }

  const bool whole_ = false;  ///< not a part of another Reader's document
  Json root_;
  const Json* json_ = nullptr;
  bool ok_ = true;
};

std::string credentials_text(const model::Credentials& credentials) {
  Writer out;
  out.text("method", name(credentials.method));
  if (!credentials.secret_hashes.empty()) {
    auto hashes = Json::array();
    for (const auto& hash : credentials.secret_hashes) hashes.push_back(codec::base64url_encode(ByteSpan(hash)));
    out.json("secret_hashes", hashes);
  }
  out.text("assertion_alg", credentials.assertion_alg);
  if (!credentials.jwks.empty()) out.json("jwks", credentials.jwks.to_json());
  out.text("jwks_uri", credentials.jwks_uri);
  return out.dump();
}

bool read_credentials(const Json& json, model::Credentials& out) {
  Reader in(json);
  in.named("method", out.method, model::parse_client_auth_method);
  in.text("assertion_alg", out.assertion_alg).text("jwks_uri", out.jwks_uri);
  out.secret_hashes.clear();
  for (const auto& item : json["secret_hashes"].items()) {
    Hash256 hash{};
    in.require(codec::base64url_decode_into(item.string_or(), hash));
    out.secret_hashes.push_back(hash);
  }
  if (const auto* jwks = json.find("jwks")) {
    auto keys = jose::JwkSet::parse(*jwks);
    in.require(keys.has_value());
    if (keys) out.jwks = std::move(*keys);
  }
  return in.ok();
}

}  // namespace

std::string to_document(const model::Client& client) {
  Writer out;
  out.text("issuer", client.issuer.value).text("id", client.id.value).flag("enabled", client.enabled);
  out.text("name", client.name).text("client_uri", client.client_uri).text("logo_uri", client.logo_uri);
  out.text("policy_uri", client.policy_uri).text("tos_uri", client.tos_uri).flag("verified", client.verified);
  out.inner("credentials", credentials_text(client.credentials));
  out.texts("redirect_uris", client.redirect_uris)
      .texts("launch_urls", client.launch_urls)
      .texts("origins", client.origins);
  auto grants = Json::array();
  for (const auto type : client.grant_types) grants.push_back(name(type));
  out.json("grant_types", grants);
  out.texts("scopes", client.scopes).texts("resources", client.resources).text("profile", client.profile);
  if (!client.id_token_alg.empty()) out.text("id_token_alg", client.id_token_alg);
  if (client.id_token_at_refresh) out.flag("id_token_at_refresh", true);
  out.flag("offline_allowed", client.offline_allowed).flag("dedicated_consent", client.dedicated_consent);
  out.flag("emergency_access", client.emergency_access);
  out.time("created", client.created)
      .time("updated", client.updated)
      .time("tokens_valid_from", client.tokens_valid_from);
  return out.dump();
}

std::optional<model::Client> client_from(std::string_view document) {
  Reader in(document);
  model::Client out;
  in.text("issuer", out.issuer.value).text("id", out.id.value).flag("enabled", out.enabled, false);
  in.text("name", out.name).text("client_uri", out.client_uri).text("logo_uri", out.logo_uri);
  in.text("policy_uri", out.policy_uri).text("tos_uri", out.tos_uri).flag("verified", out.verified, false);
  in.require(read_credentials(in.json()["credentials"], out.credentials));
  in.texts("redirect_uris", out.redirect_uris).texts("launch_urls", out.launch_urls).texts("origins", out.origins);
  for (const auto& item : in.json()["grant_types"].items()) {
    const auto type = model::parse_grant_type(item.string_or());
    in.require(type.has_value());
    if (type) out.grant_types.push_back(*type);
  }
  in.texts("scopes", out.scopes).texts("resources", out.resources).text("profile", out.profile);
  in.text("id_token_alg", out.id_token_alg).flag("id_token_at_refresh", out.id_token_at_refresh, false);
  in.flag("offline_allowed", out.offline_allowed, false).flag("dedicated_consent", out.dedicated_consent, true);
  in.flag("emergency_access", out.emergency_access, false);
  in.time("created", out.created).time("updated", out.updated).time("tokens_valid_from", out.tokens_valid_from);
  in.require(!out.issuer.empty() && !out.id.empty());
  if (!in.ok()) return std::nullopt;
  return out;
}

std::string to_document(const model::ResourceServer& server) {
  Writer out;
  out.text("issuer", server.issuer.value).text("id", server.id).text("audience", server.audience);
  out.flag("enabled", server.enabled)
      .text("name", server.name)
      .inner("credentials", credentials_text(server.credentials));
  out.text("token_format", name(server.token_format)).text("signing_alg", server.signing_alg);
  out.number("token_lifetime", server.token_lifetime.count()).texts("scopes", server.scopes);
  out.flag("fhir", server.fhir).flag("context_in_jwt", server.context_in_jwt);
  return out.dump();
}

std::optional<model::ResourceServer> resource_server_from(std::string_view document) {
  Reader in(document);
  model::ResourceServer out;
  std::int64_t lifetime = out.token_lifetime.count();
  in.text("issuer", out.issuer.value).text("id", out.id).text("audience", out.audience);
  in.flag("enabled", out.enabled, false).text("name", out.name);
  in.require(read_credentials(in.json()["credentials"], out.credentials));
  in.named("token_format", out.token_format, model::parse_token_format).text("signing_alg", out.signing_alg);
  in.number("token_lifetime", lifetime).texts("scopes", out.scopes);
  in.flag("fhir", out.fhir, true).flag("context_in_jwt", out.context_in_jwt, false);
  out.token_lifetime = Duration(lifetime);
  in.require(!out.issuer.empty() && !out.id.empty());
  if (!in.ok()) return std::nullopt;
  return out;
}

std::string to_document(const model::User& user) {
  Writer out;
  out.text("issuer", user.issuer.value).text("id", user.id.value).text("username", user.username);
  out.text("display_name", user.display_name).text("email", user.email).text("password_phc", user.password_phc);
  out.flag("enabled", user.enabled).text("fhir_user", user.fhir_user).texts("roles", user.roles);
  if (!user.patients.empty()) {
    std::string patients;
    for (const auto& patient : user.patients) {
      patients += patients.empty() ? '[' : ',';
      patients += Writer()
                      .text("patient_id", patient.patient_id)
                      .text("display", patient.display)
                      .text("relationship", patient.relationship)
                      .text("birth_date", patient.birth_date)
                      .dump();
    }
    out.inner("patients", patients += ']');
  }
  out.time("created", user.created).time("updated", user.updated).time("tokens_valid_from", user.tokens_valid_from);
  return out.dump();
}

std::optional<model::User> user_from(std::string_view document) {
  Reader in(document);
  model::User out;
  in.text("issuer", out.issuer.value).text("id", out.id.value).text("username", out.username);
  in.text("display_name", out.display_name).text("email", out.email).text("password_phc", out.password_phc);
  in.flag("enabled", out.enabled, false).text("fhir_user", out.fhir_user).texts("roles", out.roles);
  for (const auto& item : in.json()["patients"].items()) {
    Reader row(item);
    model::PatientAccess patient;
    row.text("patient_id", patient.patient_id).text("display", patient.display);
    row.text("relationship", patient.relationship).text("birth_date", patient.birth_date);
    in.require(row.ok());
    out.patients.push_back(std::move(patient));
  }
  in.time("created", out.created).time("updated", out.updated).time("tokens_valid_from", out.tokens_valid_from);
  in.require(!out.issuer.empty() && !out.id.empty());
  if (!in.ok()) return std::nullopt;
  return out;
}

std::string to_document(const model::Session& session) {
  return Writer().text("acr", session.acr).texts("amr", session.amr).dump();
}

bool read_document(std::string_view document, model::Session& session) {
  Reader in(document);
  in.text("acr", session.acr).texts("amr", session.amr);
  return in.ok();
}

std::string to_document(const model::Consent& consent) {
  return Writer()
      .texts("scopes", consent.scopes)
      .texts("declined", consent.declined)
      .text("patient_id", consent.patient_id)
      .text("audience", consent.audience)
      .time("created", consent.created)
      .dump();
}

bool read_document(std::string_view document, model::Consent& consent) {
  Reader in(document);
  in.texts("scopes", consent.scopes).texts("declined", consent.declined).text("patient_id", consent.patient_id);
  in.text("audience", consent.audience).time("created", consent.created);
  return in.ok();
}

std::string to_document(const model::Interaction& interaction) {
  return Writer()
      .json("request", interaction.request.to_json())
      .hash("session", interaction.session)
      .text("patient_id", interaction.patient_id)
      .flag("reauthenticated", interaction.reauthenticated)
      .time("created", interaction.created)
      .dump();
}

bool read_document(std::string_view document, model::Interaction& interaction) {
  Reader in(document);
  auto request = model::AuthorizationRequest::from_json(in.json()["request"]);
  if (!request) return false;
  interaction.request = std::move(*request);
  in.hash("session", interaction.session).text("patient_id", interaction.patient_id);
  in.flag("reauthenticated", interaction.reauthenticated, false).time("created", interaction.created);
  return in.ok();
}

std::string to_document(const model::AuthorizationCode& code) {
  return Writer()
      .json("request", code.request.to_json())
      .text("sid", code.sid.is_zero() ? std::string() : code.sid.text())
      .texts("scopes", code.scopes)
      .json("context", code.context)
      .text("fhir_user", code.fhir_user)
      .time("auth_time", code.auth_time)
      .text("acr", code.acr)
      .texts("amr", code.amr)
      .dump();
}

bool read_document(std::string_view document, model::AuthorizationCode& code) {
  Reader in(document);
  auto request = model::AuthorizationRequest::from_json(in.json()["request"]);
  if (!request) return false;
  code.request = std::move(*request);
  std::string sid;
  in.text("sid", sid).texts("scopes", code.scopes).object("context", code.context).text("fhir_user", code.fhir_user);
  in.time("auth_time", code.auth_time).text("acr", code.acr).texts("amr", code.amr);
  if (!sid.empty()) {
    const auto id = Id128::parse(sid);
    in.require(id.has_value());
    code.sid = id.value_or(Id128{});
  }
  return in.ok();
}

std::string to_document(const model::Grant& grant) {
  return Writer()
      .texts("scopes", grant.scopes)
      .texts("audiences", grant.audiences)
      .json("context", grant.context)
      .text("fhir_user", grant.fhir_user)
      .time("auth_time", grant.auth_time)
      .text("acr", grant.acr)
      .texts("amr", grant.amr)
      .text("purpose", grant.purpose)
      .dump();
}

bool read_document(std::string_view document, model::Grant& grant) {
  Reader in(document);
  in.texts("scopes", grant.scopes).texts("audiences", grant.audiences).object("context", grant.context);
  in.text("fhir_user", grant.fhir_user)
      .time("auth_time", grant.auth_time)
      .text("acr", grant.acr)
      .texts("amr", grant.amr)
      .text("purpose", grant.purpose);
  return in.ok();
}

std::string to_document(const model::EmergencyAccess& access) {
  Writer out;
  out.text("client", access.client.value).text("client_name", access.client_name);
  out.text("user_name", access.user_name).text("fhir_user", access.fhir_user).text("audience", access.audience);
  out.texts("scopes", access.scopes).text("reason", name(access.reason));
  out.text("statement", access.statement).text("address", access.address).time("expires", access.expires);
  if (access.review) {
    out.inner("review", Writer()
                            .time("at", access.review->at)
                            .text("by", access.review->by)
                            .text("verdict", name(access.review->verdict))
                            .text("note", access.review->note)
                            .dump());
  }
  return out.dump();
}

bool read_document(std::string_view document, model::EmergencyAccess& access) {
  Reader in(document);
  in.text("client", access.client.value).text("client_name", access.client_name);
  in.text("user_name", access.user_name).text("fhir_user", access.fhir_user).text("audience", access.audience);
  in.texts("scopes", access.scopes).named("reason", access.reason, model::parse_emergency_reason);
  in.text("statement", access.statement).text("address", access.address).time("expires", access.expires);
  access.review.reset();
  if (const auto* review = in.json().find("review")) {
    Reader row(*review);
    auto& out = access.review.emplace();
    row.time("at", out.at).text("by", out.by).text("note", out.note);
    row.named("verdict", out.verdict, model::parse_emergency_verdict);
    in.require(row.ok());
  }
  return in.ok();
}

std::string to_document(const std::vector<std::pair<std::string, std::string>>& parameters) {
  auto out = Json::array();
  for (const auto& [key, value] : parameters) out.push_back(Json::array({key, value}));
  return out.dump();
}

bool read_document(std::string_view document, std::vector<std::pair<std::string, std::string>>& parameters) {
  const auto json = Json::parse(document, kDocument);
  if (!json || !json->is_array()) return false;
  parameters.clear();
  for (const auto& pair : json->items()) {
    const auto key = pair[0].as_string();
    const auto value = pair[1].as_string();
    if (!key || !value || pair.size() != 2) return false;
    parameters.emplace_back(*key, *value);
  }
  return true;
}

}  // namespace mitral::store
