// Documents: how records that the adapters keep as JSON are written and read. Columns that a query needs stand beside
// the document; whatever stands in a column is not repeated here, but for the record's own key.
//
// Empty members are left out and unknown ones are ignored: an older and a newer program may share one database (expand,
// then contract; docs/adr/0006-storage.md).
//
// Errors: nullopt for a document that does not read back; the adapter reports it as internal, never guesses.
// Thread rules: pure functions.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "model/client.h"
#include "model/emergency.h"
#include "model/grant.h"
#include "model/user.h"

namespace mitral::store {

/// A document that does not read back is damage that must not be guessed around.
[[nodiscard]] inline std::unexpected<Error> unreadable(std::string_view table) {
  return fail(ErrorCode::internal, {}, "unreadable document in table " + std::string(table));
}

[[nodiscard]] std::string to_document(const model::Client& client);
[[nodiscard]] std::optional<model::Client> client_from(std::string_view document);

[[nodiscard]] std::string to_document(const model::ResourceServer& server);
[[nodiscard]] std::optional<model::ResourceServer> resource_server_from(std::string_view document);

[[nodiscard]] std::string to_document(const model::User& user);
[[nodiscard]] std::optional<model::User> user_from(std::string_view document);

[[nodiscard]] std::string to_document(const model::Session& session);
/// Fills acr and amr.
[[nodiscard]] bool read_document(std::string_view document, model::Session& session);

[[nodiscard]] std::string to_document(const model::Consent& consent);
[[nodiscard]] bool read_document(std::string_view document, model::Consent& consent);

[[nodiscard]] std::string to_document(const model::Interaction& interaction);
[[nodiscard]] bool read_document(std::string_view document, model::Interaction& interaction);

[[nodiscard]] std::string to_document(const model::AuthorizationCode& code);
[[nodiscard]] bool read_document(std::string_view document, model::AuthorizationCode& code);

[[nodiscard]] std::string to_document(const model::Grant& grant);
[[nodiscard]] bool read_document(std::string_view document, model::Grant& grant);

[[nodiscard]] std::string to_document(const model::EmergencyAccess& access);
[[nodiscard]] bool read_document(std::string_view document, model::EmergencyAccess& access);

[[nodiscard]] std::string to_document(const std::vector<std::pair<std::string, std::string>>& parameters);
[[nodiscard]] bool read_document(std::string_view document,
                                 std::vector<std::pair<std::string, std::string>>& parameters);

}  // namespace mitral::store
