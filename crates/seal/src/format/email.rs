//! E-mail tokens: addresses under a domain of ours, so that mail to them arrives, and says whose token it
//! was.
//!
//! ```text
//! <128 random bits, 26 base32>_<2 check characters>@<namespace>.<domain>
//! check = of <26 base32>@<namespace>.<domain>, as that of a token
//! ```
//! 29 characters before the `@`, of the 64 that a mailbox may have, and none that a form would refuse.
//! Nothing is sealed in it: which value it stands for is a row of the store, found as that of a random
//! [`token`](crate::token) is. The check covers namespace and domain as well, so that a token that was moved
//! is noticed; it is for scanners and typing slips, never for trust.
//!
//! Reading is strict, in lower case. Domains have no case, and mail passes through hands that change it: who
//! looks for tokens in what came by mail makes it lower case first.

use core::{fmt, str::FromStr};

use crate::{
    Error, Result,
    text::{check_2, push_base32, read_base32},
    token::Namespace,
};

const BODY_LEN: usize = 16;
/// Leaves room for everything before it in the 254 characters of an address (RFC 5321, section 4.5.3.1.3).
const MAX_DOMAIN: usize = 199;
/// RFC 1035, section 2.3.4.
const MAX_LABEL: usize = 63;
const MALFORMED: Error = Error::Malformed("e-mail token");

/// The domain beneath which each namespace has one of its own.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct EmailDomain(Box<str>);

impl EmailDomain {
    /// Two labels or more, of lower-case letters, digits and inner hyphens, the last not a number; 199
    /// characters at most. Names in other scripts are written as DNS has them, `xn--…`.
    pub fn parse(text: &str) -> Result<Self> {
        if is_domain(text) { Ok(Self(text.into())) } else { Err(Error::Malformed("domain of e-mail tokens")) }
    }

    /// As it is written in a token.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for EmailDomain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for EmailDomain {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        Self::parse(text)
    }
}

/// An address that stands for another; `Display` writes it. `Debug` shows whose it is, not which.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct EmailToken {
    /// Random.
    pub body: [u8; BODY_LEN],
    /// Whose token it is.
    pub namespace: Namespace,
    /// Where mail to it arrives.
    pub domain: EmailDomain,
}

impl EmailToken {
    /// Reads a whole address. Any departure from the form is [`Error::Malformed`].
    pub fn parse(text: &str) -> Result<Self> {
        Self::read(text).ok_or(MALFORMED)
    }

    fn read(text: &str) -> Option<Self> {
        let (mailbox, host) = text.split_once('@')?;
        let (body, check) = mailbox.split_once('_')?;
        let (namespace, domain) = host.split_once('.')?;
        let token = Self {
            body: *read_base32(body)?,
            namespace: Namespace::parse(namespace).ok()?,
            domain: EmailDomain::parse(domain).ok()?,
        };
        check.chars().eq(token.check()).then_some(token)
    }

    fn check(&self) -> [char; 2] {
        check_2(&format!("{}@{}.{}", self.written_body(), self.namespace, self.domain))
    }

    fn written_body(&self) -> String {
        let mut text = String::new();
        push_base32(&mut text, &self.body);
        text
    }
}

impl fmt::Display for EmailToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (body, [first, second]) = (self.written_body(), self.check());
        write!(f, "{body}_{first}{second}@{}.{}", self.namespace, self.domain)
    }
}

impl FromStr for EmailToken {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        Self::parse(text)
    }
}

impl fmt::Debug for EmailToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "EmailToken(..@{}.{})", self.namespace, self.domain)
    }
}

fn is_domain(text: &str) -> bool {
    let label = |label: &str| {
        (1..=MAX_LABEL).contains(&label.len())
            && label.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-'))
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    let number = |label: &str| label.bytes().all(|byte| byte.is_ascii_digit());
    text.len() <= MAX_DOMAIN
        && text.split('.').all(label)
        && text.rsplit_once('.').is_some_and(|(_, last)| !number(last))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn token(body: [u8; BODY_LEN], namespace: &str, domain: &str) -> EmailToken {
        EmailToken {
            body,
            namespace: Namespace::parse(namespace).expect("a namespace"),
            domain: EmailDomain::parse(domain).expect("a domain"),
        }
    }

    #[test]
    fn the_form_is_pinned() {
        // Checks computed apart. Tokens live for years in other people's databases: a change here is another
        // form beside this one.
        for (body, text) in [
            ([0; 16], "aaaaaaaaaaaaaaaaaaaaaaaaaa_xn@courier.tok.example.org"),
            ([0xff; 16], "77777777777777777777777774_al@courier.tok.example.org"),
        ] {
            assert_eq!(token(body, "courier", "tok.example.org").to_string(), text);
        }
    }

    #[test]
    fn the_longest_token_is_an_address() {
        let labels = format!("{0}.{0}.{0}.{1}", "a".repeat(63), "b".repeat(7));
        assert_eq!(labels.len(), MAX_DOMAIN);
        let text = token([7; 16], "abcdefghijklmnopqrstuvwx", &labels).to_string();
        assert_eq!(text.len(), 254);
        assert_eq!(text.find('@'), Some(29));
        assert_eq!(EmailToken::parse(&text).unwrap().to_string(), text);
        assert!(EmailDomain::parse(&format!("{labels}b")).is_err());
    }

    #[test]
    fn domains_have_one_form() {
        for good in
            ["example.org", "a.b", "tok.example.co.uk", "xn--bcher-kva.example", "1.2.3.x4", "a-b.c--d"]
        {
            assert_eq!(EmailDomain::parse(good).unwrap().to_string(), good);
        }
        for bad in [
            "",
            ".",
            "example",
            "example.org.",
            ".example.org",
            "example..org",
            "Example.org",
            "exämple.org",
            "ex_ample.org",
            "ex ample.org",
            "-example.org",
            "example-.org",
            "example.-org",
            "example.1",
            "127.0.0.1",
            "user@example.org",
            &format!("{}.org", "a".repeat(64)),
        ] {
            assert_eq!(EmailDomain::parse(bad), Err(Error::Malformed("domain of e-mail tokens")), "{bad}");
        }
    }

    #[test]
    fn a_token_moved_to_another_namespace_or_domain_is_refused() {
        let text = token([7; 16], "courier", "tok.example.org").to_string();
        for (from, to) in [
            ("@courier.", "@printer."),
            (".example.", ".example2."),
            (".tok.", "."),
            (".tok.", ".tok.tok."),
            ("@courier.tok", "@tok.courier"),
        ] {
            assert_eq!(EmailToken::parse(&text.replacen(from, to, 1)), Err(MALFORMED), "{to}");
        }
    }

    #[test]
    fn addresses_of_people_are_refused() {
        for text in ["", "@", "_@.", "ada@example.org", "ada_ll@courier.tok.example.org"] {
            assert_eq!(EmailToken::parse(text), Err(MALFORMED), "{text}");
        }
        let text = token([7; 16], "courier", "tok.example.org").to_string();
        for other in [
            text.to_uppercase(),
            text.replace("tok", "TOK"),
            format!(" {text}"),
            format!("{text} "),
            format!("{text}."),
            format!("<{text}>"),
            format!("mailto:{text}"),
            text.replace('_', "__"),
            text.replace('@', "@@"),
            text.replace('_', "+"),
        ] {
            assert_eq!(EmailToken::parse(&other), Err(MALFORMED), "{other}");
        }
    }

    #[test]
    fn debug_shows_whose_not_which() {
        let token = token([7; 16], "courier", "tok.example.org");
        assert_eq!(format!("{token:?}"), "EmailToken(..@courier.tok.example.org)");
    }

    proptest! {
        #[test]
        fn round_trip(
            body: [u8; BODY_LEN],
            namespace in "[a-z][a-z0-9]{1,23}",
            domain in "[a-z0-9]([a-z0-9-]{0,20}[a-z0-9])?(\\.[a-z]{2,8}){1,3}",
        ) {
            let token = token(body, &namespace, &domain);
            let text = token.to_string();
            prop_assert_eq!(EmailToken::parse(&text), Ok(token.clone()));
            prop_assert_eq!(text.parse(), Ok(token));
            prop_assert!(text.len() <= 254);
        }

        #[test]
        fn any_changed_character_is_refused(
            body: [u8; BODY_LEN],
            at: prop::sample::Index,
            to in "[ -~]",
        ) {
            let mut text = token(body, "courier", "tok.example.org").to_string();
            let at = at.index(text.len());
            prop_assume!(text[at..=at] != to);
            text.replace_range(at..=at, &to);
            prop_assert_eq!(EmailToken::parse(&text), Err(MALFORMED), "{}", text);
        }

        #[test]
        fn any_text_is_refused_without_a_panic(text in ".{0,80}(@.{0,20}\\..{0,20})?") {
            prop_assert!(EmailToken::parse(&text).is_err());
        }
    }
}
