//! Where somebody is known from: which browsers, by a cookie of their own, and which networks. What is new about a place raises what
//! policy asks for; it never ends a session, since addresses change for good reasons.
//!
//! A place is known when something that cannot be phished was shown there, or a day after it was first seen; and for 90 days since
//! it was last seen. Whoever has never been anywhere is new nowhere: there is nothing to compare with. Only digests are kept, by
//! person, so that nobody reads from the table where somebody was.

use std::net::IpAddr;

use avouch_store::{Tx, params, statements};

use crate::Error;
use crate::app::{App, Cx};
use crate::ids::PrincipalId;

statements! {
    data OF_PRINCIPAL = "select place, first, seen, proved from known_place where principal = ?1 and seen > ?2";
    data PUT = "insert into known_place (principal, place, first, seen, proved) values (?1, ?2, ?3, ?3, ?4) on conflict (principal, place) do update set seen = ?3, proved = case when known_place.proved > ?4 then known_place.proved else ?4 end";
    data SWEEP = "delete from known_place where seen <= ?1";
}

const DAY_MICROS: i64 = 24 * 3600 * 1_000_000;
const KEPT_MICROS: i64 = 90 * DAY_MICROS;
/// Places of one person that are looked at; those beyond are new.
const MOST: usize = 1_000;
/// How new a browser is that was not seen with this person.
const NEW_BROWSER: u8 = 40;
/// And a network.
pub(crate) const NEW_NETWORK: u8 = 20;

/// The browser's own cookie: 16 random bytes in hexadecimal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BrowserId(String);

impl BrowserId {
    /// As a cookie has it; anything else is none.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let fits = text.len() == 32 && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
        fits.then(|| Self(text.to_owned()))
    }

    /// A new one.
    ///
    /// # Errors
    /// When there is no randomness.
    pub fn new(app: &App) -> Result<Self, Error> {
        Ok(Self(data_encoding::HEXLOWER.encode(&app.salt()?)))
    }

    /// As it goes into a cookie.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// A place, as digests under a key of the vault.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Place {
    pub(crate) browser: Option<[u8; 32]>,
    pub(crate) network: [u8; 32],
}

/// The part of an address by which a place is new or not: /24, or /48 of IPv6, since people's own addresses change in the rest.
pub(crate) fn network(from: IpAddr) -> [u8; 7] {
    match from.to_canonical() {
        IpAddr::V4(address) => {
            let [a, b, c, _] = address.octets();
            [4, a, b, c, 0, 0, 0]
        }
        IpAddr::V6(address) => {
            let [a, b, c, d, e, f, ..] = address.octets();
            [6, a, b, c, d, e, f]
        }
    }
}

impl Place {
    pub(crate) fn of(app: &App, principal: PrincipalId, from: IpAddr, browser: Option<&BrowserId>) -> Self {
        let digest =
            |kind: &[u8], what: &[u8]| app.keys.row_digest("known-place", &[principal.bytes(), kind, what]);
        Self {
            browser: browser.map(|browser| digest(b"browser", browser.0.as_bytes())),
            network: digest(b"network", &network(from)),
        }
    }
}

/// How new a place is for somebody, 0 to 100; and notes that they were there.
pub(super) fn novelty(
    tx: &mut Tx<'_>,
    cx: &Cx<'_>,
    principal: PrincipalId,
    place: &Place,
    phishing_resistant: bool,
) -> Result<u8, Error> {
    let since = cx.now.saturating_sub(KEPT_MICROS);
    let rows = tx.query(&OF_PRINCIPAL, params![principal.bytes(), since], |row| {
        Ok((row.bytes::<32>(0)?, row.int(1)?, row.int(3)? != 0))
    })?;
    let known = |place: &[u8; 32]| {
        rows.iter().take(MOST).any(|(digest, first, proved)| {
            digest == place && (*proved || first.saturating_add(DAY_MICROS) <= cx.now)
        })
    };
    let mut novelty = 0;
    if !rows.is_empty() {
        if !place.browser.as_ref().is_some_and(known) {
            novelty += NEW_BROWSER;
        }
        if !known(&place.network) {
            novelty += NEW_NETWORK;
        }
    }
    // Of whoever was nowhere yet, the first place is where they were let in to.
    let proved = i64::from(phishing_resistant || rows.is_empty());
    for digest in place.browser.iter().chain([&place.network]) {
        tx.put(&PUT, params![principal.bytes(), digest, cx.now, proved])?;
    }
    Ok(novelty)
}

/// Forgets places that nobody was at for long.
pub(super) fn sweep(tx: &mut Tx<'_>, now: i64) -> Result<u64, Error> {
    Ok(tx.execute(&SWEEP, params![now.saturating_sub(KEPT_MICROS)])?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_network_is_what_stays_the_same_for_one_office() {
        let same = |one: &str, other: &str| network(one.parse().unwrap()) == network(other.parse().unwrap());
        assert!(same("192.0.2.1", "192.0.2.254") && !same("192.0.2.1", "192.0.3.1"));
        assert!(same("::ffff:192.0.2.1", "192.0.2.9"));
        assert!(same("2001:db8:1::1", "2001:db8:1:ffff::9") && !same("2001:db8:1::1", "2001:db8:2::1"));
        assert!(!same("::c000:200", "192.0.2.0"));
    }

    #[test]
    fn a_browser_is_32_digits_and_nothing_else() {
        let digits = "0123456789abcdef0123456789abcdef";
        assert_eq!(BrowserId::parse(digits).unwrap().as_str(), digits);
        for other in
            ["", "0", &digits[1..], &digits.to_uppercase(), &format!("{digits}0"), &digits.replace('0', "g")]
        {
            assert_eq!(BrowserId::parse(other), None);
        }
    }
}
