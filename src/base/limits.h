// Limits: every bound of Mitral by its name. A number that limits input, time or memory stands here and nowhere else.
//
// Sizes are bytes unless the name says otherwise.
#pragma once

#include <chrono>
#include <cstddef>

namespace mitral::limits {

using namespace std::chrono_literals;

// HTTP (threats W-13 to W-15)
inline constexpr std::size_t kRequestLineMax = 16 * 1024;  // long granular scopes by GET (SMART 2.2)
inline constexpr std::size_t kHeaderBytesMax = 32 * 1024;
inline constexpr std::size_t kHeaderCountMax = 100;
inline constexpr std::size_t kFormBytesMax = 64 * 1024;
inline constexpr std::size_t kFormParametersMax = 200;
inline constexpr std::size_t kConsentFormParametersMax =
    600;  // one per ticked box, and kScopeItemsMax scopes can be asked for
inline constexpr std::size_t kCookieBytesMax = 8 * 1024;
inline constexpr std::size_t kCookiesMax = 64;
inline constexpr std::size_t kFhirBodyMax = 16 * 1024 * 1024;
inline constexpr std::size_t kUpstreamBodyMax = 64 * 1024 * 1024;
inline constexpr auto kHeaderTimeout = 5s;
inline constexpr auto kBodyTimeout = 15s;
inline constexpr auto kKeepAliveTimeout = 60s;
inline constexpr auto kRequestTimeout = 30s;
inline constexpr auto kDrainTimeout = 20s;
inline constexpr std::size_t kConnectionsMax = 20'000;
inline constexpr std::size_t kConnectionsPerAddressMax = 5'000;
inline constexpr auto kWriteTimeout = 15s;  // a reader that takes nothing
inline constexpr auto kLingerTimeout = 1s;  // after a refusal, so that the peer can read why
inline constexpr std::size_t kLingerBytesMax = 256 * 1024;
inline constexpr std::size_t kMinimumRate = 16 * 1024;  // bytes per second a body must move at, both ways
inline constexpr std::size_t kChunkExtensionMax = 256;  // of one chunk
inline constexpr std::size_t kChunkExtensionTotalMax = 4096;
inline constexpr std::size_t kTrailerBytesMax = 4096;
inline constexpr std::size_t kInterimResponsesMax = 4;
inline constexpr auto kTimerTick = 20ms;

// Overload (threats W-14, W-32; docs/adr/0019-overload.md)
inline constexpr auto kLoadTarget = 20ms;    // while requests are refused, a ready connection waits so long
inline constexpr auto kLoadBegin = 30ms;     // below it nothing is refused: callers that wait their turn may be many
inline constexpr auto kLoadBrake = 40ms;     // from here on whatever may be refused is
inline constexpr auto kLoadCheap = 60ms;     // up to here what costs hardly more than its refusal is served
inline constexpr auto kLoadPatience = 60ms;  // above the beginning for so long: no burst any more
inline constexpr auto kLoadCalm = 1s;        // nothing refused for so long: over
inline constexpr auto kLoadProbe = 2ms;      // pause between two measurements of the wait
inline constexpr auto kLoadStep = 10ms;      // the refused share is corrected so often
inline constexpr auto kLoadWindow = 100ms;   // requests are counted by caller and by importance over this time
inline constexpr unsigned kLoadRequestsMin = 8;      // in one window; fewer don't make a queue: something else does
inline constexpr std::size_t kFairBuckets = 1024;    // callers that one loop tells apart
inline constexpr std::size_t kProvenCallers = 4096;  // credentials that one loop knows for good
inline constexpr unsigned kHandshakeWeight = 4;      // requests that a TLS handshake costs as much as
inline constexpr std::size_t kHandlingMax = 2048;    // requests of one loop that wait for a store or another server
inline constexpr unsigned kRetryAfterMax = 3;        // seconds; spread, so that the refused don't return as one
inline constexpr std::size_t kBufferedMax = 256 * 1024 * 1024;  // bodies under way of one server, both ways
inline constexpr std::size_t kBufferedPerAddressMax = kBufferedMax / 4;
inline constexpr std::size_t kBufferedStep = 64 * 1024;  // they are counted in steps of this
inline constexpr std::size_t kConnectionMemoryMax =
    12 * 1024;                                   // of one that waits for its client, plain HTTP (asserted)
inline constexpr auto kEvictAfter = 250ms;       // a full server closes whoever has kept it waiting for so long
inline constexpr std::size_t kAcceptBatch = 16;  // connections accepted before others get their turn
inline constexpr auto kAcceptPause = 100ms;      // when descriptors ran out
inline constexpr std::size_t kDescriptorsReserved = 256;  // not for connections: files, the store, upstream, health
inline constexpr auto kTicketKeyPeriod = 1h;              // TLS tickets are sealed by a key of their hour
inline constexpr auto kTlsSessionLifetime = 1h;           // a ticket is good for so long at most

// Outbound HTTP (threat W-1)
inline constexpr auto kConnectTimeout = 2s;
inline constexpr auto kClientTimeout = 5s;
inline constexpr std::size_t kClientBodyMax = 1024 * 1024;
inline constexpr std::size_t kClientPoolPerOrigin = 64;  // idle connections of one loop to one origin
inline constexpr std::size_t kClientPoolTotal = 512;     // idle connections of one loop
inline constexpr auto kClientIdleTimeout = 30s;
inline constexpr std::size_t kUrlMax = 2048;

// JSON and JOSE (threats J-9 to J-14)
inline constexpr std::size_t kJsonDepthMax = 64;
inline constexpr std::size_t kJsonDepthCeiling = 256;    // no caller may ask the recursive parser for more
inline constexpr std::size_t kJsonNodesMax = 4'000'000;  // values of one text; 20 bytes of FHIR hold about one
inline constexpr std::size_t kJoseJsonDepthMax = 16;
inline constexpr std::size_t kJoseCompactMax = 16 * 1024;
inline constexpr std::size_t kRequestObjectMax = 64 * 1024;
inline constexpr std::size_t kJwksMax = 64 * 1024;
inline constexpr std::size_t kJwksKeysMax = 64;
inline constexpr std::size_t kKidMax = 128;
inline constexpr std::size_t kRsaBitsMin = 2048;
inline constexpr std::size_t kRsaBitsMax = 8192;
inline constexpr std::size_t kJwePlaintextMax = 64 * 1024;  // what may come out of a JWE; zip is refused anyway
inline constexpr std::size_t kJoseNameMax = 256;            // alg, enc, typ, cty and other short header strings
inline constexpr std::size_t kAudienceItemsMax = 32;
inline constexpr std::size_t kCertificateMax = 16 * 1024;  // one certificate, DER
inline constexpr std::size_t kCertificateChainMax = 8;     // x5c

// OAuth parameters
inline constexpr std::size_t kStateMax = 4096;
inline constexpr std::size_t kNonceMax = 512;
inline constexpr std::size_t kClientIdMax = 256;
inline constexpr std::size_t kRedirectUriMax = 2048;
inline constexpr std::size_t kScopeMax = 32 * 1024;
inline constexpr std::size_t kScopeItemsMax = 256;
inline constexpr std::size_t kUserNameMax = 256;
inline constexpr std::size_t kPasswordMax = 1024;
inline constexpr std::size_t kClientNameMax = 120;
inline constexpr std::size_t kRegistrationListMax = 100;  // redirect URIs, scopes, origins of one client

// FHIR
inline constexpr std::size_t kFhirPathMax = 512;
inline constexpr std::size_t kFhirParameterMax = 8 * 1024;
inline constexpr std::size_t kFhirOrValuesMax = 200;
inline constexpr std::size_t kScopeRestrictionsMax = 16;  // ?param=value pairs in one SMART scope
inline constexpr std::size_t kFhirContextMax = 32;        // entries of SMART fhirContext
inline constexpr std::size_t kLaunchExtrasMax = 16;       // launch context members of an EHR's own
inline constexpr std::size_t kBrandBundleMax = 1024 * 1024;
inline constexpr std::size_t kFhirBatchEntriesMax = 2000;
inline constexpr std::size_t kFhirPageMax = 500;
inline constexpr std::size_t kFhirPageDefault = 50;
inline constexpr std::size_t kConsentsPerPatientMax = 64;    // active FHIR Consent resources of one patient
inline constexpr std::size_t kConsentProvisionsMax = 500;    // provisions of one of them, nested ones included
inline constexpr std::size_t kConsentDepthMax = 8;           // of nested provisions
inline constexpr std::size_t kConsentCriteriaMax = 2000;     // actors, classes, codes ... of one Consent
inline constexpr std::size_t kConsentBatchMax = 50;          // patients whose directives are asked for at once
inline constexpr std::size_t kConsentPagesMax = 20;          // pages of one such answer
inline constexpr std::size_t kLabelsHiddenMax = 200;         // labels that one gateway hides
inline constexpr auto kConsentBelieved = 5s;                 // how old directives may be when they decide (S-28)
inline constexpr std::size_t kConsentCacheMax = 50'000;      // patients
inline constexpr std::size_t kPatchOperationsMax = 200;      // of one PATCH
inline constexpr std::size_t kXmlDepthMax = 64;              // of nested elements
inline constexpr std::size_t kXmlNodesMax = 200'000;         // elements, attributes and texts of one document
inline constexpr std::size_t kXmlAttributesMax = 64;         // of one element, namespace declarations counted apart
inline constexpr std::size_t kXmlPatchStepsMax = 5'000'000;  // elements that the selectors of one patch look at
inline constexpr std::size_t kStreamThreshold = 256 * 1024;  // upstream answers above this are judged piece by piece
inline constexpr std::size_t kStreamPiece = 64 * 1024;
inline constexpr std::size_t kFhirResourceMax = 8 * 1024 * 1024;  // one resource, also inside a streamed Bundle
inline constexpr std::size_t kStreamHeldMax = 4 * 1024 * 1024;    // resources that wait for others of the same answer
inline constexpr std::size_t kStreamHeadMax = 256 * 1024;         // members of a streamed Bundle besides its entries
inline constexpr std::size_t kStreamHeadMembersMax = 256;
inline constexpr std::size_t kBulkFileMax = 4ull * 1024 * 1024 * 1024;
inline constexpr std::size_t kBulkJobsPerClientMax = 8;
inline constexpr auto kBulkJobLifetime = 24h;
inline constexpr std::size_t kBulkManifestMax = 8 * 1024 * 1024;
inline constexpr std::size_t kBulkFilesMax = 20'000;      // entries of one manifest
inline constexpr std::size_t kBulkLinkMax = 12 * 1024;    // sealed status and file links
inline constexpr std::size_t kBulkCancelledMax = 10'000;  // cancelled jobs that a gateway remembers
inline constexpr std::size_t kBulkClientsMax = 10'000;    // clients whose jobs are counted
inline constexpr auto kBulkRefusedRetry = 60s;            // Retry-After when a client has too many jobs
inline constexpr std::size_t kOperationBodyMax = 4 * 1024 * 1024;
inline constexpr std::size_t kBinaryProofPagesMax =
    10;  // of one patient's documents, searched for the owner of a Binary
inline constexpr std::size_t kSandboxBulkJobsMax = 100;
inline constexpr auto kEmergencyTokenLifetime = 15min;  // break-the-glass: no refresh
inline constexpr auto kEmergencySignInAge = 5min;       // the password was typed at most this long before
inline constexpr std::size_t kEmergencyStatementMin = 10;
inline constexpr std::size_t kEmergencyStatementMax = 400;
inline constexpr std::size_t kEmergencyListMax = 1'000;
inline constexpr std::size_t kAccountGrantsMax = 1'000;
inline constexpr std::size_t kAccountRowsMax = 200;  // grants, sessions and emergencies that the account page shows
inline constexpr std::size_t kSandboxResourcesMax = 200'000;

// Lifetimes (oauth-oidc-fapi §20)
inline constexpr auto kCodeLifetime = 30s;
inline constexpr auto kParLifetime = 90s;
inline constexpr auto kLaunchLifetime = 300s;
inline constexpr auto kInteractionLifetime = 600s;  // sign-in and consent pages of one authorization request
inline constexpr auto kAccessTokenLifetime = 300s;
inline constexpr auto kAccessTokenLifetimeMax = 3600s;
inline constexpr auto kIdTokenLifetime = 300s;
inline constexpr auto kAssertionLifetimeMax = 300s;
inline constexpr auto kClockSkew = 60s;
inline constexpr auto kClockSkewFuture = 10s;  // iat and nbf ahead of us: accepted up to here
inline constexpr auto kSessionIdle = 8h;
inline constexpr auto kSessionAbsolute = 24h;
inline constexpr auto kSessionTouchMin = 60s;        // use is noted at most this often
inline constexpr auto kConsentLifetime = 24h * 365;  // an answer is remembered this long
inline constexpr auto kRefreshRetryWindow = 60s;     // a sender-bound client may repeat a rotated token this long
inline constexpr auto kRefreshLifetime = 24h * 100;  // extended at each use; ONC (g)(10) asks for three months

// Throttling of failed client authentication and sign-in (threats M-4.3.5, W-25, W-32)
inline constexpr unsigned kThrottleFree = 10;   // failures before waiting begins
inline constexpr auto kThrottleWindow = 300s;   // a failure counts this long
inline constexpr auto kThrottleFirstWait = 1s;  // doubled with each further failure
inline constexpr auto kThrottleMaxWait = 60s;
inline constexpr unsigned kThrottleFreePerUser = 30;     // failures of one user name, from anywhere
inline constexpr unsigned kThrottleFreePerAddress = 60;  // failed sign-ins from one address, for anyone
inline constexpr std::size_t kThrottleBuckets = 4096;    // of 8 keys each

// Requests that anybody may store: pushed authorization requests of public clients, per client and address (M-4.4.1.11)
inline constexpr double kParPerSecond = 20;
inline constexpr double kParBurst = 200;
// Sign-in pages begun, by address: a hospital behind one address starts many, a flood would fill the store.
inline constexpr double kInteractionsPerSecond = 20;
inline constexpr double kInteractionsBurst = 500;
inline constexpr std::size_t kRateLimitBuckets = 4096;

// Keys that sign tokens
inline constexpr auto kKeyActive = 24h * 30;                       // a key signs this long
inline constexpr auto kKeyPublishLead = 24h;                       // published before it signs
inline constexpr auto kKeyRetain = kAccessTokenLifetimeMax + 24h;  // published after it stopped signing

inline constexpr auto kMetadataMaxAge = 300s;  // Cache-Control of JWKS and metadata

// Clients' jwks_uri (threat J-23)
inline constexpr auto kJwksCacheMax = 15min;
inline constexpr auto kJwksRefetchMin = 60s;
inline constexpr std::size_t kJwksCacheEntries = 1024;
inline constexpr std::size_t kJwksWaitersMax = 1024;  // requests that wait for one fetch of one key set

// Change feed and what follows it
inline constexpr std::size_t kFeedLines = 10'000;
inline constexpr std::size_t kFeedPage = 1000;
inline constexpr std::size_t kFeedWaitersMax = 2048;
inline constexpr auto kFeedWaitMax = 20s;  // below kRequestTimeout
inline constexpr auto kFeedSessionMemory = 10min;
inline constexpr std::size_t kUserStatesEntries = 100'000;
inline constexpr auto kUserStateMax = 60s;

// Grants
inline constexpr auto kGrantLifetime = 24h * 365 * 5;  // absolute end of offline access; each refresh needs use in time
inline constexpr std::size_t kResourcesMax = 8;        // `resource` parameters in one request

// Password hashes: what a stored string may ask for
inline constexpr std::size_t kArgonMemoryKibMax = 256 * 1024;
inline constexpr std::size_t kArgonPassesMax = 16;
inline constexpr std::size_t kArgonLanesMax = 8;

// Queues and pools
inline constexpr std::size_t kPasswordQueueMax = 256;
inline constexpr std::size_t kCommitQueueMax = 8192;
inline constexpr std::size_t kSweepBatch = 500;       // expired rows deleted in one act, to begin with
inline constexpr std::size_t kSweepBatchMax = 4'000;  // as many as that while acts are quick
inline constexpr auto kSweepActMax = 20ms;            // no act should hold up the others for longer
inline constexpr auto kSweepPause = 10ms;             // between two acts at least
inline constexpr auto kSweepIdle = 2s;                // when nothing is left that has expired
inline constexpr std::size_t kAuditEventMax = 8 * 1024;

// Storage
inline constexpr std::size_t kCommitBatchMax = 1024;        // acts that share one transaction
inline constexpr std::size_t kGrantCacheMax = 16'384;       // grants kept in memory unless the operator says otherwise,
inline constexpr std::size_t kGrantCacheLeast = 1'024;      // who may choose from here
inline constexpr std::size_t kGrantCacheMost = 20'000'000;  // to here
inline constexpr std::size_t kFreshCodesMax = 32'768;   // authorization codes kept in memory until they are looked up
inline constexpr auto kStoreBusyTimeout = 250ms;        // how long a batch waits for another process's lock
inline constexpr auto kStoreBusyTimeoutCommand = 10s;   // the same for an operator's command
inline constexpr std::size_t kWalPagesPassive = 2'000;  // write-ahead log worth copying back beside the writer
inline constexpr std::size_t kWalPagesMax = 16'000;     // the writer itself stops to shorten it
inline constexpr auto kAuditDelayDefault = 100ms;       // bounded delay of audit appends, when the operator relaxed it
inline constexpr std::size_t kAuditDetailMax = 1024;    // one detail of an event
inline constexpr std::size_t kAuditDetailsMax = 32;
inline constexpr std::int64_t kAuditCheckpointRecords = 1'000;
inline constexpr auto kAuditCheckpointIdle = 10s;                // unsealed records wait no longer when nothing happens
inline constexpr std::size_t kAuditSegmentRecordsMax = 100'000;  // records of one file
inline constexpr std::size_t kAuditSegmentBytesMax = 192 * 1024 * 1024;  // of it, not compressed
inline constexpr std::size_t kAuditSegmentLineMax = kAuditEventMax + 4096;
inline constexpr std::size_t kAuditUnsealedMax = 8'192;  // records that wait for their seal before they are shipped
inline constexpr std::size_t kAuditShipPage = 256;       // records read at once for shipping: finders share the reader
inline constexpr std::size_t kAuditReleaseBatch = 500;   // records that leave the database in one act
inline constexpr auto kAuditShipTick = 1s;
inline constexpr auto kAuditShipLease = 60s;        // a node that ships is taken for dead after so long
inline constexpr auto kAuditShipTimeout = 15s;      // of one segment or message to its destination
inline constexpr auto kAuditShipBackoffFirst = 1s;  // after a failure, doubled each time
inline constexpr auto kAuditShipBackoffMax = 300s;
inline constexpr auto kCodeReuseMemory = 120s;  // a redeemed code is recognised this long after its end
inline constexpr auto kFeedStale = 800ms;       // a store that could not follow its feed for so long: memory is doubted
inline constexpr auto kChangeLifetime = 2h;     // lines of the feed; above kAccessTokenLifetimeMax and skew

// Many nodes
inline constexpr auto kNodeLeasePeriod = 10s;    // a running node says so this often
inline constexpr auto kNodeLeaseLifetime = 30s;  // and counts as running this long after it said so last
inline constexpr auto kClockCheckPeriod = 2s;    // a node compares its clock with its database's this often
inline constexpr auto kClockSkewMax = 5s;        // off by more: the node lets nobody in
inline constexpr auto kSweepMargin = 15min;  // rows outlive their end by this: a clock that leapt ahead takes none away
inline constexpr auto kDrainDelayDefault = 2s;  // from the red /readyz to the closed door
inline constexpr auto kDrainDelayMax = 120s;
inline constexpr auto kDrainFresh = 2s;       // a connection that was accepted just before the end: for its request
inline constexpr auto kAcceptSettle = 200ms;  // a closing listener lets handshakes finish for so long
inline constexpr std::int64_t kFeedJump = 1'000'000'000;  // of the feed's counter when an old state is restored

// PostgreSQL
inline constexpr std::size_t kPostgresReadersMax = 4;       // connections that callers off an event loop share
inline constexpr std::size_t kPostgresLaneQueueMax = 4096;  // reads of one loop that are sent and not answered, or wait
inline constexpr auto kPostgresConnectTimeout = 2s;         // of one host of the list
inline constexpr auto kPostgresStatementTimeout = 2s;       // of one round trip, also told to the server
inline constexpr auto kPostgresGrace = 500ms;     // beyond it: the server's own answer is cheaper than a new connection
inline constexpr auto kPostgresLockTimeout = 2s;  // how long a batch waits for the other nodes' batches
inline constexpr auto kPostgresIdleTransaction = 3s;   // the server gives up on a node that went silent inside one
inline constexpr auto kPostgresReconnectFirst = 50ms;  // pause after a failed connection, doubled each time
inline constexpr auto kPostgresReconnectMax = 1s;
inline constexpr unsigned kPostgresRetries = 5;           // of a batch that the server could not serialize
inline constexpr std::size_t kPostgresPipelineMax = 512;  // statements in one pipeline: no more than sockets can hold
inline constexpr auto kPostgresBatchTimeout = 4s;         // of one act in the writer, its runs and waits included
inline constexpr std::size_t kPostgresGroupsMax = 2;      // round trips of one loop under way; further reads gather
inline constexpr auto kPostgresKeepAlive = 10s;           // an idle connection asks so often whether the server lives

// Gateway
inline constexpr auto kFeedSilence = 2s;   // after it, nothing remembered about a token is trusted
inline constexpr auto kFeedPollWait = 1s;  // how long one poll of the revocation feed may hang
inline constexpr auto kFeedRetry = 200ms;  // pause after a poll that failed
inline constexpr std::size_t kFeedBodyMax = 4 * 1024 * 1024;
inline constexpr std::size_t kRevocationsKeptMax = 1'000'000;
inline constexpr std::size_t kTokenCacheMax = 200'000;          // verified tokens of one gateway
inline constexpr std::size_t kIntrospectionsInFlightMax = 256;  // then 503 (threat W-32)
inline constexpr std::size_t kIntrospectionsPerAddressMax = kIntrospectionsInFlightMax / 8;  // one caller's share
inline constexpr std::size_t kUpstreamInFlightMax = 1024;  // requests to the FHIR server at once; then 503
inline constexpr auto kUpstreamRetryPause = 50ms;          // before the one retry of a safe request
inline constexpr auto kCircuitWindow = 10s;                // failures of the FHIR server are counted over this time
inline constexpr unsigned kCircuitRequestsMin = 20;        // fewer in the window prove nothing
inline constexpr unsigned kCircuitFailedPercent = 50;      // of them, from here on it is taken for down
inline constexpr auto kCircuitPause = 5s;                  // then left in peace this long, before one request tries it
inline constexpr auto kPhantomLifetime = 60s;              // of a token that tells the FHIR server who asks
inline constexpr std::size_t kIdentityValueMax = 4096;     // of one such header; a longer one is left out
inline constexpr std::size_t kReviewsOpenMax =
    10'000;                                        // emergency accesses that wait for their Task; more are recovered
inline constexpr std::size_t kReviewsAtOnce = 32;  // tried in one round
inline constexpr auto kReviewPoll = 1s;            // pause between two rounds
inline constexpr auto kReviewRetryFirst = 1s;      // before a second attempt, doubled each time
inline constexpr auto kReviewRetryMax = 5min;
inline constexpr auto kReviewRecoverAge = 48h;  // at a start the record is searched so far back for those not done
inline constexpr std::size_t kReviewRecoverPage = 500;
inline constexpr auto kReviewRecoverPause = 20ms;          // between two pages
inline constexpr auto kForeignBelieved = 60s;              // tokens of issuers that publish no revocations
inline constexpr auto kForeignIntrospectionBelieved = 5s;  // introspection answers of such issuers
inline constexpr auto kForeignBelievedMax = 5min;
inline constexpr std::size_t kDecideSecretMin = 32;  // characters that a proxy proves itself by
inline constexpr auto kJwksLifetime = 300s;
inline constexpr auto kJwksRetryInterval = 5s;   // an unknown kid asks for the key set at most this often
inline constexpr auto kDiscoveryLifetime = 60s;  // CapabilityStatement and SMART configuration as fetched
inline constexpr auto kPageLinkLifetime = 900s;  // sealed paging links
inline constexpr std::size_t kPageLinkMax = 12 * 1024;
inline constexpr std::size_t kAuditResourceIdsMax = 100;  // named in one access event; the rest is counted
inline constexpr std::size_t kAuditPatientsMax = 64;      // access events of one answer
inline constexpr std::size_t kAuditDeniedPerSecond = 50;  // refusals of unproven callers that are written down

// Revocation reaches every resource server within this time.
inline constexpr auto kRevocationBound = 1s;
inline constexpr auto kRevocationPoll = 200ms;

}  // namespace mitral::limits
