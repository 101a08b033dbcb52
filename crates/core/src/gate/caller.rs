//! A caller: a principal that has proved itself, and what we know of the request it makes.

use std::net::IpAddr;

use avouch_policy::{PrincipalClass, PrincipalKind};
use avouch_seal::credential::ApiKey;

use super::{Access, Status};
use crate::ids::{CredentialId, PrincipalId};

/// See the module. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Caller {
    pub(crate) id: PrincipalId,
    pub(crate) class: PrincipalClass,
    pub(crate) credential: Option<CredentialId>,
    pub(crate) network_allowed: bool,
    from: Option<IpAddr>,
}

/// Why nobody is there. One answer for all to the outside; the variants are for the ledger and the metrics.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unauthenticated {
    /// Not a key of ours: nothing is known, nothing is recorded.
    Unknown,
    /// A known key that is not valid: worth recording.
    Refused(CredentialId, PrincipalId),
}

impl Caller {
    /// The server itself: its own jobs and the host's commands.
    #[must_use]
    pub fn system() -> Self {
        Self {
            id: PrincipalId::SYSTEM,
            class: PrincipalClass::new(PrincipalKind::System, core::iter::empty::<String>(), None),
            credential: None,
            network_allowed: true,
            from: None,
        }
    }

    /// Who this is.
    #[must_use]
    pub fn id(&self) -> PrincipalId {
        self.id
    }

    /// The API key it called with; the system has none.
    #[must_use]
    pub fn credential(&self) -> Option<CredentialId> {
        self.credential
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

    pub(crate) fn is_system(&self) -> bool {
        self.id == PrincipalId::SYSTEM
    }

    /// Checks an API key. Constant time in the secret.
    ///
    /// # Errors
    /// [`Unauthenticated`].
    pub fn authenticate(access: &Access, key: &str, from: IpAddr, now: i64) -> Result<Self, Unauthenticated> {
        let key = ApiKey::parse(key).map_err(|_| Unauthenticated::Unknown)?;
        let id = CredentialId::from_bytes(key.id());
        let record = access.key(id).ok_or(Unauthenticated::Unknown)?;
        let refused = Unauthenticated::Refused(id, record.principal);
        if !key.verify(&record.hash) {
            return Err(refused);
        }
        Self::admit(access, id, from.to_canonical(), now)
    }

    /// The same caller as the vault knows it now: an operation may have waited, an export may have run for an hour, and
    /// in between a key may have been withdrawn, a role taken away, a principal suspended.
    ///
    /// # Errors
    /// [`Unauthenticated`].
    pub(crate) fn renewed(&self, access: &Access, now: i64) -> Result<Self, Unauthenticated> {
        match (self.credential, self.from) {
            (Some(credential), Some(from)) => Self::admit(access, credential, from, now),
            _ if self.is_system() => Ok(self.clone()),
            _ => Err(Unauthenticated::Unknown),
        }
    }

    fn admit(access: &Access, id: CredentialId, from: IpAddr, now: i64) -> Result<Self, Unauthenticated> {
        let record = access.key(id).ok_or(Unauthenticated::Unknown)?;
        let refused = Unauthenticated::Refused(id, record.principal);
        let principal = access.principal(record.principal).ok_or(refused)?;
        let over = principal.until.is_some_and(|until| now >= until);
        if now >= record.expires || over || principal.status != Status::Active {
            return Err(refused);
        }
        let within = |networks: &[ipnet::IpNet]| {
            networks.is_empty() || networks.iter().any(|network| network.contains(&from))
        };
        Ok(Self {
            id: record.principal,
            class: access.class(record.principal).ok_or(refused)?,
            credential: Some(id),
            network_allowed: within(&principal.networks) && within(&record.networks),
            from: Some(from),
        })
    }
}
