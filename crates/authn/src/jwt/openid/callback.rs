//! What the browser brings back (RFC 6749, section 4.1.2; RFC 9207).

use core::fmt;

use subtle::ConstantTimeEq as _;
use url::form_urlencoded;
use zeroize::Zeroizing;

use super::{FLOW_SECONDS, Flow, Provider};
use crate::jwt::{Error, Refusal, Result};

/// Bytes of a query.
const MOST_QUERY: usize = 8 << 10;
/// Parameters of a query.
const MOST_PARAMETERS: usize = 32;

/// A code that came back to the flow that asked for one.
#[derive(Clone)]
pub struct Code(Zeroizing<String>);

impl Code {
    pub(super) fn text(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Code(..)")
    }
}

impl Flow {
    /// Judges `query`, what stands behind the question mark of the address that the browser came to.
    ///
    /// # Errors
    /// [`Error::Provider`] where the provider said no, to this flow. All else is nothing that the provider
    /// has said, and the person is told to begin anew.
    pub fn code(&self, provider: &Provider, query: &str, now_seconds: u64) -> Result<Code> {
        self.is_with(provider)?;
        if now_seconds > self.began().saturating_add(FLOW_SECONDS) {
            return Err(Error::Expired("state"));
        }
        let answer = Answer::read(query)?;
        let state = answer.state.ok_or(Error::Missing("state"))?;
        if !bool::from(state.as_bytes().ct_eq(self.state().as_bytes())) {
            return Err(Error::Mismatch("state"));
        }
        match answer.iss {
            Some(iss) if iss != provider.issuer() => return Err(Error::Mismatch("iss")),
            None if provider.names_itself() => return Err(Error::Missing("iss")),
            _ => {}
        }
        match (answer.code, answer.error) {
            (Some(code), None) => Ok(Code(code)),
            (None, Some(error)) => Err(Error::Provider(Refusal::read(&error))),
            (Some(_), Some(_)) => Err(Error::Unwanted("error")),
            (None, None) => Err(Error::Missing("code")),
        }
    }
}

/// The parameters that are looked at, each of them at most once.
#[derive(Default)]
struct Answer {
    code: Option<Zeroizing<String>>,
    state: Option<Zeroizing<String>>,
    iss: Option<String>,
    error: Option<String>,
}

impl Answer {
    fn read(query: &str) -> Result<Self> {
        if query.len() > MOST_QUERY {
            return Err(Error::TooLarge("a query"));
        }
        let mut answer = Self::default();
        for (at, (name, value)) in form_urlencoded::parse(query.as_bytes()).enumerate() {
            if at >= MOST_PARAMETERS {
                return Err(Error::TooLarge("a query"));
            }
            let value = value.into_owned();
            let again = match &*name {
                "code" => answer.code.replace(Zeroizing::new(visible(value, "code", 4_096)?)).is_some(),
                "state" => answer.state.replace(Zeroizing::new(visible(value, "state", 64)?)).is_some(),
                "iss" => answer.iss.replace(visible(value, "iss", 2_048)?).is_some(),
                "error" => answer.error.replace(visible(value, "error", 64)?).is_some(),
                _ => false,
            };
            if again {
                return Err(Error::Malformed("query: a parameter stands there twice"));
            }
        }
        Ok(answer)
    }
}

/// Of characters that these may have (RFC 6749, appendix A).
fn visible(value: String, name: &'static str, most: usize) -> Result<String> {
    let is_visible = value.bytes().all(|byte| byte.is_ascii_graphic() || byte == b' ');
    if value.is_empty() || value.len() > most || !is_visible { Err(Error::Type(name)) } else { Ok(value) }
}
