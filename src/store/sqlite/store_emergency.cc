#include "store/documents.h"
#include "store/sqlite/store_impl.h"

namespace mitral::store {
namespace {

/// id, patient, user, at, document
Result<model::EmergencyAccess> access_from(const Query& query, const Issuer& issuer) {
  model::EmergencyAccess out;
  out.id = query.id(0);
  out.issuer = issuer;
  out.patient_id = query.text(1);
  out.user = UserId(query.text(2));
  out.at = query.time(3);
  if (!read_document(query.text(4), out)) return unreadable("emergency_accesses");
  return out;
}

Result<std::vector<model::EmergencyAccess>> all_rows(Query& query, const Issuer& issuer) {
  std::vector<model::EmergencyAccess> out;
  for (;;) {
    MITRAL_TRY(const bool row, query.step());
    if (!row) return out;
    MITRAL_TRY(auto access, access_from(query, issuer));
    out.push_back(std::move(access));
  }
}

constexpr const char* kById =
    "SELECT id, patient, user, at, document FROM emergency_accesses WHERE id = ?1 AND issuer = ?2";

}  // namespace

Result<void> StoreImpl::insert_emergency_within(Tx& tx, const Issuer& issuer, const model::EmergencyAccess& access,
                                                const std::string& document) {
  Query query(tx.db,
              "INSERT INTO emergency_accesses(id, issuer, patient, user, at, document) VALUES(?1, ?2, ?3, ?4, ?5, ?6)");
  return query.bind(access.id, issuer, access.patient_id, access.user, access.at, document).run();
}

Task<Result<std::optional<model::EmergencyAccess>>> StoreImpl::find_emergency(Issuer issuer, Id128 id) {
  co_return look([&](Connection& connection) -> Result<std::optional<model::EmergencyAccess>> {
    Query query(connection, kById);
    MITRAL_TRY(const bool row, query.bind(id, issuer).step());
    if (!row) return std::nullopt;
    MITRAL_TRY(auto access, access_from(query, issuer));
    return std::optional(std::move(access));
  });
}

Task<Result<std::vector<model::EmergencyAccess>>> StoreImpl::emergencies(Issuer issuer, bool open_only,
                                                                         std::size_t limit) {
  co_return look([&](Connection& connection) -> Result<std::vector<model::EmergencyAccess>> {
    Query query(connection,
                "SELECT id, patient, user, at, document FROM emergency_accesses "
                "WHERE issuer = ?1 AND (?2 = 0 OR reviewed IS NULL) ORDER BY at DESC, id DESC LIMIT ?3");
    query.bind(issuer, open_only, limit);
    return all_rows(query, issuer);
  });
}

Task<Result<std::vector<model::EmergencyAccess>>> StoreImpl::emergencies_of_patient(Issuer issuer, std::string patient,
                                                                                    std::size_t limit) {
  co_return look([&](Connection& connection) -> Result<std::vector<model::EmergencyAccess>> {
    Query query(connection,
                "SELECT id, patient, user, at, document FROM emergency_accesses "
                "WHERE issuer = ?1 AND patient = ?2 ORDER BY at DESC, id DESC LIMIT ?3");
    query.bind(issuer, patient, limit);
    return all_rows(query, issuer);
  });
}

Task<Result<Claim>> StoreImpl::review_emergency_once(Issuer issuer, Id128 id, model::EmergencyReview review,
                                                     Events events) {
  return writer_->write([issuer = std::move(issuer), id, review = std::move(review),
                         audit = prepare(events)](Tx& tx) -> Result<Claim> {
    std::string document;
    {
      Query query(tx.db, kById);
      MITRAL_TRY(const bool row, query.bind(id, issuer).step());
      if (!row) return Claim::unknown;
      MITRAL_TRY(auto access, access_from(query, issuer));
      if (access.review) return Claim::lost;
      access.review = review;
      document = to_document(access);
    }
    Query query(tx.db,
                "UPDATE emergency_accesses SET reviewed = ?3, document = ?4 WHERE id = ?1 AND issuer = ?2 AND reviewed "
                "IS NULL");
    MITRAL_TRY(const auto changed, query.bind(id, issuer, review.at, document).run_counting());
    if (changed != 1) return Claim::lost;
    tx.audit(audit);
    return Claim::won;
  });
}

}  // namespace mitral::store
