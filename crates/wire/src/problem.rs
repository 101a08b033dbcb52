//! What goes wrong, as `application/problem+json` (RFC 9457). The list of kinds is closed: each has a page under `/problems/`, one status
//! and one title. A problem says what to do next. It never repeats a value that it was sent: names of fields, purposes and recipients
//! only, and positions as JSON pointers (RFC 6901) into the request body.

use std::{borrow::Cow, fmt};

use crate::Time;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use utoipa::{
    PartialSchema, ToSchema,
    openapi::{ObjectBuilder, RefOr, Schema, schema::Type},
};

/// A refusal or failure.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(examples(json!({
    "type": "/problems/denied-by-policy",
    "title": "The policy does not allow this",
    "status": 403,
    "detail": "two things are missing for `subject.reveal`",
    "request_id": "019560f0-0000-7000-8000-000000000001",
    "needs": [
        {"need": "purpose", "detail": "state a purpose", "allowed": ["support", "order_fulfilment"]},
        {"need": "reason", "detail": "say why, in a few words"}
    ]
})))]
pub struct Problem {
    /// Which kind, as a relative URL of its page.
    #[serde(rename = "type")]
    pub kind: ProblemKind,
    /// The kind in a few words.
    pub title: Cow<'static, str>,
    /// The HTTP status, repeated for those who only see the body.
    pub status: u16,
    /// This occurrence: what happened and what to do next.
    pub detail: String,
    /// The id of the answer, to quote to whoever runs the server. Absent on items of a batch.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request_id: Option<String>,
    /// Each fault of the request and where it is.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub errors: Vec<Fault>,
    /// All that is missing for the policy to allow it, at once.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub needs: Vec<Need>,
    /// The policies that decided.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub decided_by: Vec<String>,
}

impl Problem {
    /// Every kind there is, in order of status.
    pub const ALL: [ProblemKind; 25] = [
        ProblemKind::Malformed,
        ProblemKind::NotAuthenticated,
        ProblemKind::LogInFailed,
        ProblemKind::InsufficientUserAuthentication,
        ProblemKind::DeniedByPolicy,
        ProblemKind::ForeignOrigin,
        ProblemKind::NotFound,
        ProblemKind::TokenUnusable,
        ProblemKind::Conflict,
        ProblemKind::IdempotencyConflict,
        ProblemKind::ErasedPerson,
        ProblemKind::LegalHold,
        ProblemKind::PreconditionFailed,
        ProblemKind::TooLarge,
        ProblemKind::UnsupportedMediaType,
        ProblemKind::Validation,
        ProblemKind::PreconditionRequired,
        ProblemKind::TooManyAttempts,
        ProblemKind::RateLimited,
        ProblemKind::Internal,
        ProblemKind::Integrity,
        ProblemKind::Busy,
        ProblemKind::AuditUnavailable,
        ProblemKind::Sealed,
        ProblemKind::Timeout,
    ];

    /// A problem of this kind, with nothing but a detail.
    pub fn new(kind: ProblemKind, detail: impl Into<String>) -> Self {
        Self {
            kind,
            title: Cow::Borrowed(kind.title()),
            status: kind.status(),
            detail: detail.into(),
            request_id: None,
            errors: Vec::new(),
            needs: Vec::new(),
            decided_by: Vec::new(),
        }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.detail)
    }
}

impl std::error::Error for Problem {}

/// One fault of a request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(examples(json!({"pointer": "/fields/email", "detail": "expected an e-mail address such as name@example.org"})))]
pub struct Fault {
    /// Where, as a JSON pointer into the body; empty for the whole of it. Query parameters are `?name`.
    pub pointer: String,
    /// What was expected. Never the value.
    pub detail: String,
}

/// One thing that is missing for the policy to allow a request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(examples(json!({"need": "purpose", "detail": "state a purpose", "allowed": ["support"]})))]
pub struct Need {
    /// `permission`, `purpose`, `lawful_purpose`, `reason`, `network`, `recipient`, `field`, `view`, `session`, `proof`, `settled`, `approval`,
    /// `key` or `quota`.
    pub need: String,
    /// What to do about it.
    pub detail: String,
    /// What would do: purposes to choose from, roles that have the permission, names of keys.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub allowed: Vec<String>,
    /// Of a proof: how many seconds old it may be.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_age: Option<u32>,
    /// Of a proof: whether it has to be one that cannot be phished, such as a passkey.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub phishing_resistant: bool,
    /// Of a quota: what is counted, `subjects`, `clear_fields`, `rows_exported`, or `break_glass`: customers behind it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub quota: Option<String>,
    /// Of a proof: whether it has to be by a passkey that cannot leave its device.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub device_bound: bool,
    /// Of a proof: whether the maker of that device has to say so as well.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub attested: bool,
    /// Of a quota: when the next day begins; of broken glass, when it is whole again. Of what has to settle: from when on it may be done.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resets: Option<Time>,
}

macro_rules! kinds {
    ($($variant:ident $slug:literal $status:literal $title:literal $about:literal;)*) => {
        /// The closed list of problems.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum ProblemKind {
            $(#[doc = $about] $variant,)*
        }

        impl ProblemKind {
            /// The last part of its URL, such as `not-found`.
            pub const fn slug(self) -> &'static str {
                match self { $(Self::$variant => $slug,)* }
            }

            /// The HTTP status it is sent with.
            pub const fn status(self) -> u16 {
                match self { $(Self::$variant => $status,)* }
            }

            /// A few words for people.
            pub const fn title(self) -> &'static str {
                match self { $(Self::$variant => $title,)* }
            }

            /// What it means and what to do, for its page.
            pub const fn about(self) -> &'static str {
                match self { $(Self::$variant => $about,)* }
            }

            /// The kind with this slug.
            pub fn from_slug(slug: &str) -> Option<Self> {
                match slug { $($slug => Some(Self::$variant),)* _ => None }
            }
        }
    };
}

kinds! {
    Malformed "malformed" 400 "The request cannot be read"
        "The body is not JSON in UTF-8, names a member twice, or nests deeper than 32 levels. Nothing was looked at or stored. Mend the request; sending it again as it is will not help.";
    NotAuthenticated "not-authenticated" 401 "No usable credential"
        "The request has no API key, or one that is unknown, expired, revoked, or whose owner is suspended. The answer is the same for all of these. Send `Authorization: Bearer avk_…` with a key that is alive.";
    LogInFailed "log-in-failed" 401 "The log-in failed"
        "What was shown does not let anybody in: the name, the password, the code or the passkey is wrong, was used before, took too long, or belongs to somebody who may not act. The answer is the same for all of these. Begin anew; after several failures there is a wait.";
    InsufficientUserAuthentication "insufficient-user-authentication" 401 "Show once more who you are"
        "The session is good, but this act needs a fresher or stronger proof of who is there (RFC 9470). `needs` says how fresh and how strong, and names everything else that is missing as well. Log in again in the same session with `POST /v1/login`, then repeat the request.";
    DeniedByPolicy "denied-by-policy" 403 "The policy does not allow this"
        "The credential is good, but the charter does not allow this act. `needs` lists everything that is missing, all at once: a purpose, a reason, another network, a permission and the roles that have it. `decided_by` names the policies. The refusal is on record. `POST /v1/explain` asks the same question without acting.";
    ForeignOrigin "foreign-origin" 403 "The request comes from another site"
        "A request that brings the cookie of a session and changes something has to come from a page of this server: `Sec-Fetch-Site` or `Origin` has to say so. Nothing was done. A program sends its key or token in `Authorization` and no cookie.";
    NotFound "not-found" 404 "There is no such thing"
        "No such customer, principal, key, import or route. An erased customer answers the same as one that never was.";
    TokenUnusable "token-unusable" 404 "The token cannot be used"
        "The token is unknown, damaged, made for another recipient, or its customer was erased. The answer is the same for all of these, so that nothing can be learnt by trying.";
    Conflict "conflict" 409 "This collides with what is stored"
        "Another customer has the same value in a field that must be unique, or somebody else changed the thing in the meantime. `errors` names the field. Read it again, then decide.";
    IdempotencyConflict "idempotency-conflict" 409 "The idempotency key was used for something else"
        "The same `Idempotency-Key` came with another request within 24 hours. Use a new key for each new act, and the same key only to repeat one.";
    ErasedPerson "erased-person" 409 "Somebody with this value was erased"
        "A customer with the same value in a field that identifies people was erased here before. `errors` names the fields, `detail` the day and the number of the erasure. Nothing of them was kept; the value is recognised by a digest. If they are to be stored again, send the request with `\"again\": true`: that goes on record. Their old id and old tokens do not come back.";
    LegalHold "legal-hold" 409 "A legal hold keeps this from being erased"
        "A proceeding needs what was to be erased. `errors` names the retention classes that are held and since when. Nothing was erased. Erase the rest with `keep_held=true`, or lift the hold first.";
    PreconditionFailed "precondition-failed" 412 "It has changed since you read it"
        "`If-Match` names an older version. Read the customer again and make the change from what is there now.";
    TooLarge "too-large" 413 "The request is too large"
        "The body is larger than the route takes: 8 MiB for imports, tokenize, detokenize, batch and standalone keys, 1 MiB elsewhere. Send it in parts.";
    UnsupportedMediaType "unsupported-media-type" 415 "The body has the wrong media type"
        "Send `Content-Type: application/json`; a PATCH may also be `application/merge-patch+json`.";
    Validation "validation" 422 "The request does not fit"
        "The body can be read, but something in it is not as it must be: a field of the wrong type, a name that the charter does not have, a member or a query parameter that the route does not know. `errors` points at each fault. The value itself is never repeated.";
    PreconditionRequired "precondition-required" 428 "Say which version you are changing"
        "A PATCH needs `If-Match` with the version it was made from, so that nobody overwrites what they have not seen. The version is in the `ETag` of a read.";
    TooManyAttempts "too-many-attempts" 429 "Too many failures"
        "There were too many failed log-ins by this name, or from this network. Nothing was looked at. Try again after the seconds named by `Retry-After`. A passkey is never made to wait.";
    RateLimited "rate-limited" 429 "Too many requests"
        "Somebody sends more requests than are taken of one caller or, without a credential, of one network. Nothing was looked at. Go on after the seconds named by `Retry-After`; `RateLimit-Policy` says how many fit into which time.";
    Internal "internal" 500 "The server failed"
        "A fault of the server, not of the request. Nothing was changed and nothing was shown. Quote the request id to whoever runs the server.";
    Integrity "integrity" 500 "Stored data is not as it was written"
        "A sealed value did not open where it was found: it was damaged, moved or exchanged in the database. It is not shown, and an event was written. Tell whoever runs the server; restore from a backup after finding out why.";
    Busy "busy" 503 "Too much at once"
        "The server has more waiting than it takes on. Nothing was done. Try again after the seconds named by `Retry-After`.";
    ProviderUnavailable "provider-unavailable" 503 "The identity provider does not answer"
        "The identity provider gave no answer, or one that is of no use. Nobody was let in. Log in another way, or try again later; whoever runs the server finds the reason in its log.";
    AuditUnavailable "audit-unavailable" 503 "The record cannot be written"
        "Whatever cannot be recorded is not done: the event could not be made durable, so nothing was changed and nothing was shown. The operator has to look at the disk or the database.";
    Sealed "sealed" 503 "The vault is sealed"
        "The server runs without its root key and can open nothing. The operator has to unseal it.";
    Timeout "timeout" 504 "The outcome is not known"
        "The answer took too long to wait for, or the database broke off while the act was being made durable. It may have been done, or yet be done: look before you repeat it. A repeat with the same `Idempotency-Key`, or of a chunk of an import, is safe without looking.";
}

impl ProblemKind {
    const PREFIX: &'static str = "/problems/";
}

impl fmt::Display for ProblemKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.slug())
    }
}

impl Serialize for ProblemKind {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&format_args!("{}{}", Self::PREFIX, self.slug()))
    }
}

impl<'de> Deserialize<'de> for ProblemKind {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Cow::<str>::deserialize(deserializer)?;
        text.strip_prefix(Self::PREFIX)
            .and_then(Self::from_slug)
            .ok_or_else(|| de::Error::custom("unknown kind of problem"))
    }
}

impl PartialSchema for ProblemKind {
    fn schema() -> RefOr<Schema> {
        let urls = Problem::ALL.map(|kind| format!("{}{}", Self::PREFIX, kind.slug()));
        ObjectBuilder::new().schema_type(Type::String).enum_values(Some(urls)).into()
    }
}

impl ToSchema for ProblemKind {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_is_whole_unique_and_in_order_of_status() {
        let mut slugs: Vec<_> = Problem::ALL.iter().map(|kind| kind.slug()).collect();
        assert!(Problem::ALL.is_sorted_by_key(|kind| kind.status()));
        slugs.sort_unstable();
        slugs.dedup();
        assert_eq!(slugs.len(), Problem::ALL.len());
        for kind in Problem::ALL {
            assert_eq!(ProblemKind::from_slug(kind.slug()), Some(kind));
            assert!(kind.title().len() < 60 && kind.about().len() > 60, "{kind}");
        }
    }

    #[test]
    fn slugs_and_statuses_are_the_contract() {
        let list = Problem::ALL.map(|kind| format!("{} {}", kind.status(), kind.slug())).join("\n");
        insta::assert_snapshot!(list, @"
        400 malformed
        401 not-authenticated
        401 log-in-failed
        401 insufficient-user-authentication
        403 denied-by-policy
        403 foreign-origin
        404 not-found
        404 token-unusable
        409 conflict
        409 idempotency-conflict
        409 erased-person
        409 legal-hold
        412 precondition-failed
        413 too-large
        415 unsupported-media-type
        422 validation
        428 precondition-required
        429 too-many-attempts
        429 rate-limited
        500 internal
        500 integrity
        503 busy
        503 audit-unavailable
        503 sealed
        504 timeout
        ");
    }

    #[test]
    fn empty_parts_stay_out_and_it_reads_back() {
        let problem = Problem::new(ProblemKind::NotFound, "there is no such customer");
        let text = serde_json::to_string(&problem).unwrap();
        insta::assert_snapshot!(text, @r#"{"type":"/problems/not-found","title":"There is no such thing","status":404,"detail":"there is no such customer"}"#);
        assert_eq!(serde_json::from_str::<Problem>(&text).unwrap(), problem);
    }
}
