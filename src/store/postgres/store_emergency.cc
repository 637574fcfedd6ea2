#include "store/postgres/store_impl.h"

namespace mitral::store::postgres {
namespace {

/// id, patient, user, at, document
Result<model::EmergencyAccess> access_from(const Rows& rows, int row, const Issuer& issuer) {
  model::EmergencyAccess out;
  out.id = rows.id(row, 0);
  out.issuer = issuer;
  out.patient_id = rows.text(row, 1);
  out.user = UserId(rows.text(row, 2));
  out.at = rows.time(row, 3);
  if (!read_document(rows.text(row, 4), out)) return unreadable("emergency_accesses");
  return out;
}

Result<std::vector<model::EmergencyAccess>> all_rows(const Rows& rows, const Issuer& issuer) {
  std::vector<model::EmergencyAccess> out;
  for (int row = 0; row < rows.count(); ++row) {
    MITRAL_TRY(auto access, access_from(rows, row, issuer));
    out.push_back(std::move(access));
  }
  return out;
}

constexpr const char* kById =
    "SELECT id, patient, \"user\", at, document FROM emergency_accesses WHERE id = $1 AND issuer = $2";

}  // namespace

Task<Result<std::optional<model::EmergencyAccess>>> StoreImpl::find_emergency(Issuer issuer, Id128 id) {
  MITRAL_CO_TRY(const auto rows, co_await readers_->read(Statement(kById, id, issuer)));
  if (rows.empty()) co_return std::nullopt;
  MITRAL_CO_TRY(auto access, access_from(rows, 0, issuer));
  co_return access;
}

Task<Result<std::vector<model::EmergencyAccess>>> StoreImpl::emergencies(Issuer issuer, bool open_only,
                                                                         std::size_t limit) {
  auto statement = open_only
                       ? Statement(
                             "SELECT id, patient, \"user\", at, document FROM emergency_accesses WHERE issuer = $1 "
                             "AND reviewed IS NULL ORDER BY at DESC, id DESC LIMIT $2",
                             issuer, at_most(limit))
                       : Statement(
                             "SELECT id, patient, \"user\", at, document FROM emergency_accesses WHERE issuer = $1 "
                             "ORDER BY at DESC, id DESC LIMIT $2",
                             issuer, at_most(limit));
  MITRAL_CO_TRY(const auto rows, co_await readers_->read(std::move(statement)));
  co_return all_rows(rows, issuer);
}

Task<Result<std::vector<model::EmergencyAccess>>> StoreImpl::emergencies_of_patient(Issuer issuer, std::string patient,
                                                                                    std::size_t limit) {
  MITRAL_CO_TRY(const auto rows, co_await readers_->read(Statement(
                                     "SELECT id, patient, \"user\", at, document FROM emergency_accesses WHERE "
                                     "issuer = $1 AND patient = $2 ORDER BY at DESC, id DESC LIMIT $3",
                                     issuer, patient, at_most(limit))));
  co_return all_rows(rows, issuer);
}

Task<Result<Claim>> StoreImpl::review_emergency_once(Issuer issuer, Id128 id, model::EmergencyReview review,
                                                     Events events) {
  const auto audit = prepare(events);
  std::vector<Statement> opening;
  opening.emplace_back(kById, id, issuer);
  co_return co_await writer_->write(std::move(opening), [&](Tx& tx, Answers rows) -> Result<Claim> {
    if (rows[0].empty()) return Claim::unknown;
    MITRAL_TRY(auto access, access_from(rows[0], 0, issuer));
    if (access.review) return Claim::lost;
    access.review = review;
    MITRAL_TRY(const auto changed, tx.query(Statement("UPDATE emergency_accesses SET reviewed = $3, document = $4 "
                                                      "WHERE id = $1 AND issuer = $2 AND reviewed IS NULL",
                                                      id, issuer, review.at, to_document(access))));
    if (changed.affected() != 1) return Claim::lost;
    tx.audit(audit);
    return Claim::won;
  });
}

}  // namespace mitral::store::postgres
