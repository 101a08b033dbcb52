//! Why a statement is refused.
//!
//! For the log, which may know. Whoever sent the statement is told the one answer that everybody is told, but
//! for what a protocol wants said: [`Error::Nonce`] and [`Error::Provider`]. No text repeats anything of a
//! statement.

/// Why a statement is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// More bytes or more entries than there may be; says of what.
    #[error("more than there may be of {0}")]
    TooLarge(&'static str),
    /// It does not have the form of what it claims to be; says of what.
    #[error("malformed {0}")]
    Malformed(&'static str),
    /// A member that must be there is not.
    #[error("`{0}` is missing")]
    Missing(&'static str),
    /// A member is not of the type or the size that it must have.
    #[error("`{0}` is not of its type, or empty, or too long")]
    Type(&'static str),
    /// A member is not what was expected: it was made for somebody or something else.
    #[error("`{0}` is not what was expected")]
    Mismatch(&'static str),
    /// A member stands there that must not.
    #[error("`{0}` must not be there")]
    Unwanted(&'static str),
    /// An algorithm that is not accepted here, or that is not the key's.
    #[error("`alg` is not accepted here, or not of that key")]
    Algorithm,
    /// A key that is not accepted here; says why.
    #[error("the key is refused: {0}")]
    Key(&'static str),
    /// A private or a shared key stands where a public one belongs. Whoever it belongs to has to make a new
    /// one.
    #[error("a private or shared key was handed out where a public one belongs: replace it")]
    PrivateKey,
    /// No key of the set has that name. A set that is not fresh may be fetched once more.
    #[error("no key of the set has the `kid`")]
    UnknownKey,
    /// The statement names no key, and the set has not exactly one; or a name that several have.
    #[error("which key of the set is meant is not said")]
    AmbiguousKey,
    /// The signature is not of that key on that text.
    #[error("the signature is not of the key")]
    Signature,
    /// Its time is over; says by which member.
    #[error("its time is over by `{0}`")]
    Expired(&'static str),
    /// Its time has not come; says by which member.
    #[error("its time has not come by `{0}`, or one of the clocks is wrong")]
    NotYet(&'static str),
    /// It would be good for longer than what it is for may be.
    #[error("`exp` is further ahead than it may be")]
    TooLong,
    /// The nonce that was asked for is not there, or is another. By RFC 9449, section 8, the client is told
    /// one.
    #[error("`nonce` is not one that was given out")]
    Nonce,
    /// It was used before.
    #[error("it was used before")]
    Replayed,
    /// The identity provider said no; says what.
    #[error("the identity provider refused: {0}")]
    Provider(Refusal),
    /// What was to be asked of a provider cannot be; says what of it.
    #[error("refused parameters: {0}")]
    Parameters(&'static str),
}

/// The result of anything here that can fail.
pub type Result<T, E = Error> = core::result::Result<T, E>;

/// What identity providers answer instead (RFC 6749, sections 4.1.2.1 and 5.2; OpenID Connect Core, section
/// 3.1.2.6).
///
/// Their own words beside it, `error_description`, are read by nobody: anybody can put them into an address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Refusal {
    /// The person, or the provider for them, said no.
    #[error("the log-in was declined")]
    AccessDenied,
    /// The person has to do something there, and was not to be asked.
    #[error("the person has to log in, choose or agree there")]
    InteractionRequired,
    /// The authentication that was asked for cannot be had.
    #[error("the authentication that was asked for cannot be had")]
    UnmetAuthentication,
    /// It does not know us, or not like this.
    #[error("the client is not known there, or did not authenticate as it must")]
    Client,
    /// The code or what belongs to it is not accepted.
    #[error("the code is not good, or no longer")]
    Grant,
    /// It does not understand, or does not allow, what was asked.
    #[error("the request is not understood or not allowed there")]
    Request,
    /// It fails, or has too much to do.
    #[error("it cannot answer at present")]
    Unavailable,
    /// Something that is not in the standards.
    #[error("for a reason that is none of the standard's")]
    Other,
}

impl Refusal {
    /// By the code that stands in an answer.
    pub(crate) fn read(code: &str) -> Self {
        match code {
            "access_denied" => Self::AccessDenied,
            "interaction_required" | "login_required" | "account_selection_required" | "consent_required" => {
                Self::InteractionRequired
            }
            "unmet_authentication_requirements" => Self::UnmetAuthentication,
            "invalid_client" | "unauthorized_client" => Self::Client,
            "invalid_grant" => Self::Grant,
            "invalid_request"
            | "invalid_scope"
            | "unsupported_response_type"
            | "unsupported_grant_type"
            | "invalid_request_uri"
            | "invalid_request_object"
            | "request_not_supported"
            | "request_uri_not_supported"
            | "registration_not_supported" => Self::Request,
            "server_error" | "temporarily_unavailable" => Self::Unavailable,
            _ => Self::Other,
        }
    }
}
