//! How a remote command fails, and the exit code that says so to scripts.

use std::{
    fmt,
    io::{self, Write},
    path::Path,
    process::ExitCode,
};

use avouch_client::Error as Call;
use avouch_wire::ProblemKind as Kind;

use super::table;

/// The exit codes, for `--help`.
pub(crate) const EXIT_CODES: &str = "\
Exit codes:
  0  done
  1  failed
  2  wrong usage
  3  refused: no usable key, or the policy does not allow it
  4  there is no such customer, token, principal or key
  5  the request does not fit: validation, conflict, or rows that were rejected
  6  the server cannot be reached, cannot serve now, or does not say whether it was done";

/// Why a command failed.
#[derive(Debug)]
pub(crate) enum CliError {
    /// The call failed.
    Call(Call),
    /// The arguments do not fit together.
    Usage(String),
    /// A file, stdin or stdout failed.
    Io(String),
    /// The input's content cannot be used.
    Input(String),
    /// Nobody reads our output any more.
    Closed,
}

/// What a ledger's server or copy gave cannot be verified as it is.
impl From<avouch_ledger::Error> for CliError {
    fn from(error: avouch_ledger::Error) -> Self {
        Self::Input(format!("the ledger cannot be verified: {error}"))
    }
}

impl CliError {
    pub(super) fn usage(text: impl Into<String>) -> Self {
        Self::Usage(text.into())
    }

    pub(super) fn file(path: &Path, error: &io::Error) -> Self {
        Self::Io(format!("`{}`: {error}", path.display()))
    }

    /// The process's exit code; [`EXIT_CODES`] is their list.
    pub(crate) fn exit_code(&self) -> ExitCode {
        ExitCode::from(self.code())
    }

    fn code(&self) -> u8 {
        match self {
            Self::Closed => 0,
            Self::Usage(_) | Self::Call(Call::Setup(_)) => 2,
            Self::Io(_) | Self::Call(Call::Protocol(_)) => 1,
            Self::Input(_) => 5,
            Self::Call(Call::Transport(_)) => 6,
            Self::Call(Call::Problem(problem)) => match problem.kind {
                Kind::NotAuthenticated
                | Kind::LogInFailed
                | Kind::InsufficientUserAuthentication
                | Kind::ForeignOrigin
                | Kind::DeniedByPolicy => 3,
                Kind::NotFound | Kind::TokenUnusable => 4,
                Kind::Malformed
                | Kind::Conflict
                | Kind::IdempotencyConflict
                | Kind::ErasedPerson
                | Kind::LegalHold
                | Kind::PreconditionFailed
                | Kind::PreconditionRequired
                | Kind::TooLarge
                | Kind::UnsupportedMediaType
                | Kind::Validation => 5,
                Kind::TooManyAttempts
                | Kind::RateLimited
                | Kind::Busy
                | Kind::ProviderUnavailable
                | Kind::AuditUnavailable
                | Kind::Sealed
                | Kind::Timeout => 6,
                Kind::Internal | Kind::Integrity => 1,
            },
        }
    }

    /// Says it on stderr: the problem as JSON for machines, a few lines for people.
    pub(crate) fn report(&self, json: bool) {
        let text = match self {
            Self::Closed => return,
            Self::Call(Call::Problem(problem)) if json => {
                serde_json::to_string(problem).unwrap_or_else(|_| problem.detail.clone())
            }
            other if json => serde_json::json!({"detail": other.to_string()}).to_string(),
            other => format!("error: {other}"),
        };
        // Nothing can be done when stderr is closed too.
        let _ = writeln!(io::stderr(), "{text}");
    }
}

impl fmt::Display for CliError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let problem = match self {
            Self::Call(Call::Problem(problem)) => problem,
            Self::Call(call) => return call.fmt(f),
            Self::Usage(text) | Self::Io(text) | Self::Input(text) => return f.write_str(text),
            Self::Closed => return f.write_str("nobody reads the output"),
        };
        f.write_str(&table::clean(&problem.detail))?;
        for need in &problem.needs {
            write!(f, "\n  needs {}: {}", table::clean(&need.need), table::clean(&need.detail))?;
            if !need.allowed.is_empty() {
                write!(f, " ({})", table::clean(&need.allowed.join(", ")))?;
            }
        }
        for fault in &problem.errors {
            write!(f, "\n  {}: {}", table::clean(&fault.pointer), table::clean(&fault.detail))?;
        }
        if !problem.decided_by.is_empty() {
            write!(f, "\n  decided by {}", table::clean(&problem.decided_by.join(", ")))?;
        }
        match &problem.request_id {
            Some(id) => write!(f, "\n  {} · request {}", problem.kind, table::clean(id)),
            None => write!(f, "\n  {}", problem.kind),
        }
    }
}

impl std::error::Error for CliError {}

impl From<Call> for CliError {
    fn from(error: Call) -> Self {
        Self::Call(error)
    }
}

/// An error of stdout or stdin; files go through [`CliError::file`].
impl From<io::Error> for CliError {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::BrokenPipe => Self::Closed,
            kind => Self::Io(kind.to_string()),
        }
    }
}

#[cfg(test)]
mod tests {
    use avouch_wire::{Need, Problem};

    use super::*;

    #[test]
    fn a_refusal_tells_all_that_is_missing() {
        let mut problem = Problem::new(Kind::DeniedByPolicy, "two things are missing for `subject.reveal`");
        problem.request_id = Some("r-1".into());
        problem.decided_by = vec!["base/purpose".into()];
        problem.needs = vec![
            Need {
                need: "purpose".into(),
                detail: "state a purpose".into(),
                allowed: vec!["support".into(), "payment".into()],
                max_age: None,
                phishing_resistant: false,
                device_bound: false,
                attested: false,
                quota: None,
                resets: None,
            },
            Need {
                need: "reason".into(),
                detail: "say why".into(),
                allowed: Vec::new(),
                max_age: None,
                phishing_resistant: false,
                device_bound: false,
                attested: false,
                quota: None,
                resets: None,
            },
        ];
        let error = CliError::from(Call::Problem(Box::new(problem)));
        assert_eq!(error.code(), 3);
        insta::assert_snapshot!(error, @"
        two things are missing for `subject.reveal`
          needs purpose: state a purpose (support, payment)
          needs reason: say why
          decided by base/purpose
          denied-by-policy · request r-1
        ");
    }

    #[test]
    fn each_kind_of_problem_has_its_code() {
        let codes = Problem::ALL
            .map(|kind| {
                let error = CliError::from(Call::Problem(Box::new(Problem::new(kind, ""))));
                format!("{} {kind}", error.code())
            })
            .join("\n");
        insta::assert_snapshot!(codes, @"
        5 malformed
        3 not-authenticated
        3 log-in-failed
        3 insufficient-user-authentication
        3 denied-by-policy
        3 foreign-origin
        4 not-found
        4 token-unusable
        5 conflict
        5 idempotency-conflict
        5 erased-person
        5 legal-hold
        5 precondition-failed
        5 too-large
        5 unsupported-media-type
        5 validation
        5 precondition-required
        6 too-many-attempts
        6 rate-limited
        1 internal
        1 integrity
        6 busy
        6 audit-unavailable
        6 sealed
        6 timeout
        ");
    }
}
