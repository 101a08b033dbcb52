//! Where somebody is known from: which browsers, by a cookie of their own, which networks, and, where the operator has brought files of
//! it, whose networks and which countries. What is new about a place raises what policy asks for; it never ends a session, since
//! addresses change for good reasons.
//!
//! A place is known when something that cannot be phished was shown there, or a day after it was first seen; and for 90 days since
//! it was last seen. Whoever has never been anywhere is new nowhere, and of what was never known of their places nothing is new: there
//! is nothing to compare with. An address that no public network has, of an office or a VPN, is never new. Only digests are kept, by
//! person, so that nobody reads from the table where somebody was.

use std::net::IpAddr;

use avouch_store::{Tx, params, statements};
use serde::{Deserialize, Serialize};

use super::atlas::{Atlas, Spot, is_private};
use super::{Proven, habits};
use crate::Error;
use crate::app::{App, Cx};
use crate::ids::PrincipalId;

statements! {
    data OF_PRINCIPAL = "select place, first, seen, proved from known_place where principal = ?1 and seen > ?2";
    data PUT = "insert into known_place (principal, place, first, seen, proved) values (?1, ?2, ?3, ?3, ?4) on conflict (principal, place) do update set seen = ?3, proved = case when known_place.proved > ?4 then known_place.proved else ?4 end";
    data SWEEP = "delete from known_place where seen <= ?1";
}

const DAY_MICROS: i64 = 24 * 3600 * 1_000_000;
pub(super) const KEPT_MICROS: i64 = 90 * DAY_MICROS;
/// Places of one person that are looked at; those beyond are new.
const MOST: usize = 1_000;
/// How new a browser is that was not seen with this person.
const NEW_BROWSER: u8 = 40;
/// And a network: /24, or /48 of IPv6.
const NEW_NETWORK: u8 = 20;
/// And whose network it is (ASN).
const NEW_OPERATOR: u8 = 20;
/// And a country.
const NEW_COUNTRY: u8 = 25;
/// An hour of the week in which they do not log in.
const NEW_HOUR: u8 = 15;
/// A place from which nobody knows who comes.
const ANONYMOUS: u8 = 35;
/// A place that nobody comes to so fast.
const OUT_OF_REACH: u8 = 40;
/// What a passkey takes off that is known for a day and cannot leave its device.
const BOUND: u8 = 30;
/// The most.
const NEWEST: u8 = 100;

/// How new a place is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub(super) struct Novelty {
    /// All that is new about it, together.
    sum: u8,
    /// What is taken off again.
    less: u8,
}

impl Novelty {
    /// With so much more that is new: 0 to 100.
    pub(super) fn and(self, more: u8) -> u8 {
        self.sum.saturating_add(more).min(NEWEST).saturating_sub(self.less)
    }
}

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

/// A place, as digests under a key of the vault, and what is known of it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Place {
    browser: Option<[u8; 32]>,
    /// Nothing of an address that no public network has.
    network: Option<[u8; 32]>,
    operator: Option<Known>,
    country: Option<Known>,
    pub(super) spot: Spot,
}

/// Something that the files know of an address.
#[derive(Debug, Clone, Copy)]
struct Known {
    place: [u8; 32],
    /// That anything of its kind was ever known of this person's places.
    kind: [u8; 32],
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
        let known =
            |kind: &[u8], what: &[u8]| Known { place: digest(kind, what), kind: digest(b"kind", kind) };
        let spot = app.people.settings.atlas.as_ref().map(|atlas| atlas.spot(from)).unwrap_or_default();
        Self {
            browser: browser.map(|browser| digest(b"browser", browser.0.as_bytes())),
            network: (!is_private(from)).then(|| digest(b"network", &network(from))),
            operator: spot.asn.map(|asn| known(b"operator", &asn.to_be_bytes())),
            country: spot.country.map(|country| known(b"country", &country)),
            spot,
        }
    }

    /// All of its digests.
    fn digests(&self) -> impl Iterator<Item = [u8; 32]> {
        let known = self.operator.into_iter().chain(self.country).flat_map(|known| [known.place, known.kind]);
        self.browser.into_iter().chain(self.network).chain(known)
    }
}

/// The places of somebody, as they are stored.
struct Places(Vec<Visited>);

struct Visited {
    place: [u8; 32],
    first: i64,
    proved: bool,
}

impl Places {
    fn of(tx: &mut Tx<'_>, principal: PrincipalId, now: i64) -> Result<Self, Error> {
        let since = now.saturating_sub(KEPT_MICROS);
        let rows = tx.query(&OF_PRINCIPAL, params![principal.bytes(), since], |row| {
            Ok(Visited { place: row.bytes::<32>(0)?, first: row.int(1)?, proved: row.int(3)? != 0 })
        })?;
        Ok(Self(rows))
    }

    /// Whether so much of it was never seen as a new browser is worth: another network of the same provider is nothing to tell.
    fn is_unseen(&self, place: &Place) -> bool {
        // Of a program that says nothing of a browser, where it is counts alone.
        let silent = if place.browser.is_none() { NEW_BROWSER } else { 0 };
        self.novelty(place, |_| true).saturating_sub(silent) >= NEW_BROWSER
    }

    /// How new a place is by what of it is not known yet, as `known` has it.
    fn novelty(&self, place: &Place, known: impl Fn(&Visited) -> bool) -> u8 {
        if self.0.is_empty() {
            return 0;
        }
        let has = |what: &[u8; 32]| self.0.iter().take(MOST).any(|one| one.place == *what && known(one));
        // Before a day has passed nothing is known of a kind of which the first file came today.
        let compared = |kind: &[u8; 32]| self.0.iter().any(|one| one.place == *kind);
        let mut novelty = 0;
        if !place.browser.as_ref().is_some_and(has) {
            novelty += NEW_BROWSER;
        }
        if place.network.as_ref().is_some_and(|network| !has(network)) {
            novelty += NEW_NETWORK;
        }
        for (known, worth) in [(place.operator, NEW_OPERATOR), (place.country, NEW_COUNTRY)] {
            if known.is_some_and(|known| compared(&known.kind) && !has(&known.place)) {
                novelty += worth;
            }
        }
        novelty
    }
}

/// Whether a place is one where somebody was never seen.
pub(super) fn is_unseen(
    tx: &mut Tx<'_>,
    principal: PrincipalId,
    place: &Place,
    now: i64,
) -> Result<bool, Error> {
    Ok(Places::of(tx, principal, now)?.is_unseen(place))
}

/// How new a place is for somebody who has shown who they are; and notes that they were there, and when. `begins`: they were not logged
/// in before. Also says whether so much of it was never seen that they are to be told.
pub(super) fn novelty(
    tx: &mut Tx<'_>,
    cx: &Cx<'_>,
    proven: &Proven,
    place: &Place,
    begins: bool,
) -> Result<(Novelty, bool), Error> {
    let principal = proven.principal();
    let places = Places::of(tx, principal, cx.now)?;
    let a_day_ago = cx.now.saturating_sub(DAY_MICROS);
    let mut sum = places.novelty(place, |one| one.proved || one.first <= a_day_ago);
    if place.spot.anonymous {
        sum = sum.saturating_add(ANONYMOUS);
    }
    let unseen = places.is_unseen(place);
    let unusual = habits::learn(tx, cx, principal, place.spot.point, begins)?;
    if unusual.hour {
        sum = sum.saturating_add(NEW_HOUR);
    }
    if unusual.out_of_reach {
        sum = sum.saturating_add(OUT_OF_REACH);
    }
    let less = if proven.bound_since.is_some_and(|since| since <= a_day_ago) { BOUND } else { 0 };
    // Of whoever was nowhere yet, the first place is where they were let in to.
    let proved = i64::from(proven.phishing_resistant || places.0.is_empty());
    for digest in place.digests() {
        tx.put(&PUT, params![principal.bytes(), &digest, cx.now, proved])?;
    }
    Ok((Novelty { sum, less }, unseen))
}

/// How new another network is than the one that a session began in, of which `began` was known, so many seconds ago.
pub(super) fn moved(began: &Spot, atlas: Option<&Atlas>, to: IpAddr, seconds: u64) -> u8 {
    if is_private(to) {
        return 0;
    }
    let to = atlas.map(|atlas| atlas.spot(to)).unwrap_or_default();
    let other =
        |one: Option<u64>, other: Option<u64>| one.zip(other).is_some_and(|(one, other)| one != other);
    let country = |spot: &Spot| spot.country.map(|code| u64::from(u16::from_be_bytes(code)));
    let mut novelty = NEW_NETWORK;
    if other(began.asn.map(u64::from), to.asn.map(u64::from)) {
        novelty += NEW_OPERATOR;
    }
    if other(country(began), country(&to)) {
        novelty += NEW_COUNTRY;
    }
    if to.anonymous && !began.anonymous {
        novelty = novelty.saturating_add(ANONYMOUS);
    }
    if began.point.zip(to.point).is_some_and(|(from, to)| from.is_out_of_reach(to, seconds)) {
        novelty = novelty.saturating_add(OUT_OF_REACH);
    }
    novelty
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
