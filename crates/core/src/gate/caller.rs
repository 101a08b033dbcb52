//! A caller: a principal that has proved itself, and what we know of the request it makes.

use std::net::IpAddr;

use avouch_policy::{Need, PrincipalClass, PrincipalKind, Proof};
use avouch_seal::credential::{ApiKey, SessionToken};
use ipnet::{IpNet, Ipv4Net};

use super::Access;
use super::people::{Proven, Sessions};
use super::services::Tokens;
use crate::ids::{CredentialId, PrincipalId, SessionId, TokenId};
use crate::rules::Rules;

/// See the module. Cheap to clone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caller {
    pub(crate) id: PrincipalId,
    pub(crate) class: PrincipalClass,
    came: Came,
    pub(crate) network_allowed: bool,
    pub(crate) contract_runs: bool,
    proof: Proof,
    from: Option<IpAddr>,
    /// When what it logs in with was changed, in microseconds UTC.
    changed: Option<i64>,
    /// The first account of the human being who it is.
    person: PrincipalId,
}

/// By what a caller came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Came {
    /// It is the server itself.
    System,
    Key(CredentialId),
    Session(SessionId),
    /// An access token, and what it is bound to.
    Token(TokenId),
    /// By what they have just shown, of which a session is to be made.
    Shown,
}

/// Why nobody is there. One answer for all to the outside; the variants are for the ledger and the metrics.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unauthenticated {
    /// Not a key of ours: nothing is known, nothing is recorded.
    Unknown,
    /// A known key that is not valid: worth recording.
    Refused(CredentialId, PrincipalId),
    /// A key of ours that nobody was given to use. To the outside it is like any wrong one.
    Honey(CredentialId, PrincipalId),
}

impl Caller {
    /// The server itself: its own jobs and the host's commands.
    #[must_use]
    pub fn system() -> Self {
        Self {
            id: PrincipalId::SYSTEM,
            class: PrincipalClass::new(PrincipalKind::System, core::iter::empty::<String>(), None),
            came: Came::System,
            network_allowed: true,
            contract_runs: true,
            proof: Proof::KEY,
            from: None,
            changed: None,
            person: PrincipalId::SYSTEM,
        }
    }

    /// Who this is.
    #[must_use]
    pub fn id(&self) -> PrincipalId {
        self.id
    }

    /// The API key it called with, if it did.
    #[must_use]
    pub fn credential(&self) -> Option<CredentialId> {
        match self.came {
            Came::Key(id) => Some(id),
            Came::System | Came::Session(_) | Came::Token(_) | Came::Shown => None,
        }
    }

    /// The session it called in, if it did.
    #[must_use]
    pub fn session(&self) -> Option<SessionId> {
        match self.came {
            Came::Session(id) => Some(id),
            Came::System | Came::Key(_) | Came::Token(_) | Came::Shown => None,
        }
    }

    /// The id of the key, the session or the token, for the record.
    pub(crate) fn came_by(&self) -> Option<[u8; 16]> {
        match self.came {
            Came::Key(id) => Some(*id.bytes()),
            Came::Session(id) => Some(*id.bytes()),
            Came::Token(id) => Some(*id.bytes()),
            Came::System | Came::Shown => None,
        }
    }

    /// Where it comes from; nothing of the server itself.
    pub(crate) fn from(&self) -> Option<IpAddr> {
        self.from
    }

    /// How it has proved who it is.
    #[must_use]
    pub fn proof(&self) -> Proof {
        self.proof
    }

    /// The same for all accounts of one human being: the first of them.
    #[must_use]
    pub fn person(&self) -> PrincipalId {
        self.person
    }

    /// When so many hours will have passed since what it logs in with was changed.
    pub(crate) fn settled_after(&self, hours: u32) -> Option<i64> {
        Some(self.changed?.saturating_add(i64::from(hours) * 3600 * 1_000_000))
    }

    /// The recipient a service is bound to.
    #[must_use]
    pub fn recipient(&self) -> Option<&str> {
        self.class.recipient()
    }

    /// The roles held.
    #[must_use]
    pub fn roles(&self) -> &[String] {
        self.class.roles()
    }

    /// What keeps it from everything, wherever it asks: where it is, and when.
    pub(crate) fn unmet(&self) -> Vec<Need> {
        let unmet = [(self.network_allowed, Need::Network), (self.contract_runs, Need::Contract)];
        unmet.into_iter().filter(|(met, _)| !met).map(|(_, need)| need).collect()
    }

    /// What kind of principal it is.
    pub(crate) fn kind(&self) -> PrincipalKind {
        self.class.kind()
    }

    /// Whether it is a program.
    #[must_use]
    pub fn is_service(&self) -> bool {
        self.class.kind() == PrincipalKind::Service
    }

    pub(crate) fn is_system(&self) -> bool {
        self.id == PrincipalId::SYSTEM
    }

    /// Somebody as they were when they asked for something, for whoever asks again what policy says of it. It has come by nothing, so it
    /// can do nothing.
    pub(crate) fn of_the_past(
        id: PrincipalId,
        class: PrincipalClass,
        (network_allowed, contract_runs): (bool, bool),
        proof: Proof,
    ) -> Self {
        Self {
            id,
            class,
            came: Came::Shown,
            network_allowed,
            contract_runs,
            proof,
            from: None,
            changed: None,
            person: id,
        }
    }

    /// Checks an API key. Constant time in the secret.
    ///
    /// # Errors
    /// [`Unauthenticated`].
    pub fn authenticate(
        access: &Access,
        rules: &Rules,
        key: &str,
        from: IpAddr,
        now: i64,
    ) -> Result<Self, Unauthenticated> {
        let key = ApiKey::parse(key).map_err(|_| Unauthenticated::Unknown)?;
        let id = CredentialId::from_bytes(key.id());
        let record = access.key(id).ok_or(Unauthenticated::Unknown)?;
        if !key.verify(&record.hash) {
            return Err(Unauthenticated::Refused(id, record.principal));
        }
        if record.honey {
            return Err(Unauthenticated::Honey(id, record.principal));
        }
        Self::by_key(access, rules, id, from.to_canonical(), now)
    }

    /// Checks a session. Constant time in the secret. The second is the session, when it is time to write down that it was seen.
    pub(crate) fn by_session(
        access: &Access,
        rules: &Rules,
        sessions: &Sessions,
        token: &str,
        from: IpAddr,
        now: i64,
    ) -> Result<(Self, Option<SessionId>), Unauthenticated> {
        let token = SessionToken::parse(token).map_err(|_| Unauthenticated::Unknown)?;
        let from = from.to_canonical();
        let (id, standing, stale) = sessions.shown(&token, from, now).ok_or(Unauthenticated::Unknown)?;
        let caller =
            Self::admit(access, rules, standing.principal, Came::Session(id), standing.proof, from, now);
        Ok((caller.ok_or(Unauthenticated::Unknown)?, stale.then_some(id)))
    }

    /// Somebody who has just shown who they are.
    pub(crate) fn proven(
        access: &Access,
        rules: &Rules,
        proven: &Proven,
        from: IpAddr,
        now: i64,
    ) -> Result<Self, Unauthenticated> {
        let caller = Self::admit(
            access,
            rules,
            proven.principal(),
            Came::Shown,
            proven.proof(),
            from.to_canonical(),
            now,
        );
        caller.ok_or(Unauthenticated::Unknown)
    }

    /// A service that has shown a token, and that it holds what the token is bound to.
    pub(crate) fn by_token(
        access: &Access,
        rules: &Rules,
        id: TokenId,
        principal: PrincipalId,
        from: IpAddr,
        now: i64,
    ) -> Option<Self> {
        Self::admit(access, rules, principal, Came::Token(id), Proof::TOKEN, from.to_canonical(), now)
    }

    /// A service that has just shown who it is.
    pub(crate) fn shown(
        access: &Access,
        rules: &Rules,
        principal: PrincipalId,
        from: IpAddr,
        now: i64,
    ) -> Option<Self> {
        Self::admit(access, rules, principal, Came::Shown, Proof::TOKEN, from, now)
    }

    /// The same caller as the vault knows it now: an operation may have waited, an export may have run for an hour, and
    /// in between a key may have been withdrawn, a session ended, a role taken away, a principal suspended.
    ///
    /// # Errors
    /// [`Unauthenticated`].
    pub(crate) fn renewed(
        &self,
        access: &Access,
        rules: &Rules,
        (sessions, tokens): (&Sessions, &Tokens),
        now: i64,
    ) -> Result<Self, Unauthenticated> {
        let again = |proof, from| Self::admit(access, rules, self.id, self.came, proof, from, now);
        match (self.came, self.from) {
            (Came::System, _) => Ok(self.clone()),
            (Came::Key(credential), Some(from)) => Self::by_key(access, rules, credential, from, now),
            (Came::Session(id), Some(from)) => {
                let standing = sessions.standing(id, from, now).ok_or(Unauthenticated::Unknown)?;
                again(standing.proof, from).ok_or(Unauthenticated::Unknown)
            }
            (Came::Token(id), Some(from)) => {
                tokens.alive(id, now).ok_or(Unauthenticated::Unknown)?;
                again(self.proof, from).ok_or(Unauthenticated::Unknown)
            }
            (Came::Shown, Some(from)) => again(self.proof, from).ok_or(Unauthenticated::Unknown),
            (Came::Key(_) | Came::Session(_) | Came::Token(_) | Came::Shown, None) => {
                Err(Unauthenticated::Unknown)
            }
        }
    }

    fn by_key(
        access: &Access,
        rules: &Rules,
        id: CredentialId,
        from: IpAddr,
        now: i64,
    ) -> Result<Self, Unauthenticated> {
        let record = access.key(id).ok_or(Unauthenticated::Unknown)?;
        let refused = Unauthenticated::Refused(id, record.principal);
        if record.honey || now >= record.expires {
            return Err(refused);
        }
        let mut caller = Self::admit(access, rules, record.principal, Came::Key(id), Proof::KEY, from, now)
            .ok_or(refused)?;
        caller.network_allowed &= within(&record.networks, from);
        Ok(caller)
    }

    /// A principal that may act now.
    fn admit(
        access: &Access,
        rules: &Rules,
        id: PrincipalId,
        came: Came,
        proof: Proof,
        from: IpAddr,
        now: i64,
    ) -> Option<Self> {
        let principal = access.principal(id)?;
        let over = principal.until.is_some_and(|until| now >= until);
        if over || !principal.is_active() {
            return None;
        }
        // What the charter does not count any more leaves a password alone.
        let counts = !proof.sent_code() || rules.charter.sent_codes();
        let proof = if counts { proof } else { proof.at_most(1) };
        let class = access.class(id, rules)?;
        let mut network_allowed = within(&principal.networks, from);
        let mut contract_runs = true;
        if let Some(recipient) = class.recipient() {
            // A recipient that the charter names no more has none: nothing of it is left to be turned back either.
            let rule = rules.recipients.get(recipient);
            network_allowed &= rule.is_some_and(|rule| within(&rule.networks, from));
            contract_runs = rule.is_some_and(|rule| rule.contract.is_none_or(|contract| contract.runs(now)));
        }
        let changed = principal.credentials_changed;
        let proof = match changed {
            Some(at) => {
                let seconds = now.saturating_sub(at).max(0) / 1_000_000;
                proof.settled_for(u64::try_from(seconds).unwrap_or_default())
            }
            None => proof,
        };
        let person = access.accounts_of(id).first().copied().unwrap_or(id);
        Some(Self {
            id,
            class,
            came,
            network_allowed,
            contract_runs,
            proof,
            from: Some(from),
            changed,
            person,
        })
    }
}

/// Whether an address is in one of the networks, or there are none to be in.
fn within(networks: &[IpNet], from: IpAddr) -> bool {
    networks.is_empty() || networks.iter().any(|network| unmapped(*network).contains(&from))
}

/// A network of IPv4 addresses that is written as IPv6, `::ffff:192.0.2.0/120`, as the IPv4 network it is. Addresses are compared as
/// what they are, so it would contain none otherwise.
#[must_use]
pub fn unmapped(network: IpNet) -> IpNet {
    const MAPPED_BITS: u8 = 96;
    let IpNet::V6(v6) = network else { return network };
    let Some(length) = v6.prefix_len().checked_sub(MAPPED_BITS) else { return network };
    let address = v6.network().to_ipv4_mapped();
    address.and_then(|address| Ipv4Net::new(address, length).ok()).map_or(network, IpNet::V4)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mapped_network_is_the_ipv4_network_it_is() {
        for (written, meant) in [
            ("::ffff:192.0.2.0/120", "192.0.2.0/24"),
            ("::ffff:192.0.2.7/128", "192.0.2.7/32"),
            ("::ffff:0.0.0.0/96", "0.0.0.0/0"),
            ("::ffff:0.0.0.0/95", "::fffe:0:0/95"),
            ("::192.0.2.0/120", "::192.0.2.0/120"),
            ("2001:db8::/32", "2001:db8::/32"),
            ("192.0.2.0/24", "192.0.2.0/24"),
        ] {
            let unmapped = unmapped(written.parse().unwrap());
            assert_eq!(unmapped.trunc(), meant.parse::<IpNet>().unwrap().trunc(), "{written}");
        }
        let mapped = ["::ffff:192.0.2.0/120".parse().unwrap()];
        assert!(within(&mapped, "192.0.2.9".parse().unwrap()));
        assert!(!within(&mapped, "192.0.3.9".parse().unwrap()));
    }
}
