//! What a call can end with, by who can mend it. No text repeats anything that was sent or received, but for the server's problem, which
//! by contract never repeats a value.

use avouch_wire::Problem;

/// Why a call did not succeed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The server answered with a problem. It says what to do.
    #[error("{0}")]
    Problem(Box<Problem>),
    /// The server could not be reached, or the connection broke. Whether the call was carried out is not known.
    #[error("the server cannot be reached: {0}")]
    Transport(String),
    /// The answer is not one of this API's: another program answers there, or another version.
    #[error("the answer cannot be understood: {0}")]
    Protocol(String),
    /// The options cannot be used.
    #[error("{0}")]
    Setup(String),
}

impl Error {
    /// The problem, if the server sent one.
    pub fn problem(&self) -> Option<&Problem> {
        match self {
            Self::Problem(problem) => Some(problem),
            _ => None,
        }
    }
}

/// The library's error in our words. Its own texts may hold parts of a URL or of an answer.
pub(crate) fn transport(error: &ureq::Error) -> Error {
    use ureq::Error as E;
    Error::Transport(match error {
        E::Io(error) => match error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>()) {
            Some(error) => format!("no trust: {error}"),
            None => error.kind().to_string(),
        },
        E::Timeout(_) => "it takes too long to answer".to_owned(),
        E::HostNotFound => "there is no such host".to_owned(),
        E::ConnectionFailed => "no connection".to_owned(),
        E::Rustls(error) => format!("no trust: {error}"),
        E::Tls(text) => format!("no trust: {text}"),
        E::BodyExceedsLimit(_) => {
            return Error::Protocol("it is larger than any answer should be".to_owned());
        }
        E::Protocol(_) | E::Http(_) | E::LargeResponseHeader(..) => {
            return Error::Protocol("it is not HTTP, or it broke off".to_owned());
        }
        _ => "the connection failed".to_owned(),
    })
}
