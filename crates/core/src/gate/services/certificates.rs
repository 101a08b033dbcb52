//! The vault's own authority: what signs certificates of services. Its key is a sealed row, opened for each
//! signature and not kept in memory; it is made when it is needed first.
//!
//! A certificate is made for a service by somebody who changes access, or by the service itself on a
//! connection with one that is alive. There is no list of revoked ones: lives are short, and a service that
//! may not act is let in by none.

use std::net::IpAddr;
use std::sync::Arc;

use avouch_authn::certificate::{Authority, HOURS, Shown};
use avouch_policy::Action;
use avouch_seal::SecureRandom as _;
use avouch_store::{Tx, params, statements};
use zeroize::Zeroizing;

use super::tokens::event;
use super::{micros, seconds};
use crate::Error;
use crate::app::{App, Cx, Operation, Outcome, about_nobody};
use crate::audit::{self, Note, What};
use crate::gate::principals::stored;
use crate::gate::{Caller, Permit, Status};
use crate::ids::PrincipalId;

statements! {
    data AUTHORITY = "select sealed from authority where id = 1";
    data PUT = "insert into authority (id, sealed) values (1, ?1)";
}

/// What the row is bound to.
const ROW: &[u8] = b"services";

/// A certificate that was just made.
#[derive(Debug, Clone)]
pub struct NewCertificate {
    /// The certificate and the authority's, as PEM.
    pub chain: String,
    /// `x5t#S256`.
    pub thumbprint: String,
    /// From when on it is refused, in microseconds UTC.
    pub until: i64,
}

/// Makes a certificate for a service.
#[derive(Debug, Clone)]
pub struct CreateCertificate {
    /// For whom.
    pub principal: PrincipalId,
    /// A request (PKCS#10) as PEM, signed by the key that the certificate is for.
    pub request: String,
    /// For how long: 24 to 168.
    pub hours: u16,
}

impl Operation for CreateCertificate {
    const ACTION: Action = Action::AccessChange;
    type Output = NewCertificate;
    about_nobody!();

    fn run(
        &self,
        tx: &mut Tx<'_>,
        cx: &Cx<'_>,
        _: &Permit,
        (): (),
    ) -> Result<Outcome<NewCertificate>, Error> {
        let made = self.issue(tx, cx.app, cx.now)?;
        let note = Note { objects: vec![*self.principal.bytes()], ..Note::count(1) };
        Ok(Outcome::new(made, note))
    }
}

impl CreateCertificate {
    fn issue(&self, tx: &mut Tx<'_>, app: &App, now: i64) -> Result<NewCertificate, Error> {
        if stored(tx, app, self.principal)?.kind != "service" {
            return Err(Error::Conflict("only a service has a certificate: people log in"));
        }
        if !HOURS.contains(&self.hours) {
            return Err(Error::invalid("/hours", format!("expected {} to {}", HOURS.start(), HOURS.end())));
        }
        let issued = authority(tx, app, now)?
            .issue(&self.request, &self.principal.to_string(), serial(app)?, seconds(now), self.hours)
            .map_err(|error| match error {
                avouch_authn::Error::Malformed(text) => Error::invalid("/csr", text),
                _ => Error::Internal("a certificate could not be made"),
            })?;
        Ok(NewCertificate {
            chain: issued.chain,
            thumbprint: issued.thumbprint.to_string(),
            until: micros(issued.until),
        })
    }
}

impl App {
    /// The certificate of the vault's authority, DER, for a listener that asks for certificates of services.
    ///
    /// # Errors
    /// What the store reports.
    pub fn service_authority(self: &Arc<Self>) -> Result<Vec<u8>, Error> {
        let app = Arc::clone(self);
        self.store.write_wait(move |tx| Ok(authority(tx, &app, app.now())?.certificate().to_vec()))
    }

    /// Makes another certificate for a service that has called with one that is alive.
    ///
    /// # Errors
    /// [`Error::Unauthenticated`] where the certificate is not of that service, or the service may not act;
    /// [`Error::Invalid`].
    pub fn renew_certificate(
        self: &Arc<Self>,
        by: &Shown,
        from: IpAddr,
        create: CreateCertificate,
    ) -> Result<NewCertificate, Error> {
        let now = self.now();
        let principal = create.principal;
        let caller = Caller::shown(&self.access(), &self.rules(), principal, from.to_canonical(), now);
        let own = by.service.as_deref() == Some(principal.to_string().as_str());
        if !own || seconds(now) >= by.until || !caller.is_some_and(|caller| caller.unmet().is_empty()) {
            return Err(Error::Unauthenticated);
        }
        let app = Arc::clone(self);
        self.store.write_wait(move |tx| {
            let now = app.now();
            let record = stored(tx, &app, principal)?;
            if record.status != Status::Active || record.until.is_some_and(|until| now >= until) {
                return Err(Error::Unauthenticated);
            }
            let made = create.issue(tx, &app, now)?;
            let mut event = event(&app, What::CredentialIssue, principal);
            event.objects = vec![(*principal.bytes()).into()];
            audit::append(tx, &event, 0, None)?;
            Ok(made)
        })
    }
}

/// The authority, which is made when there is none.
fn authority(tx: &mut Tx<'_>, app: &App, now: i64) -> Result<Authority, Error> {
    if let Some(sealed) = tx.first(&AUTHORITY, &[], |row| Ok(row.blob(0)?.to_vec()))? {
        let plain = app.keys.open_row("authority", ROW, &sealed)?;
        let (length, rest) = plain.split_first_chunk::<2>().ok_or(Error::Tampered)?;
        let length = usize::from(u16::from_be_bytes(*length));
        let (key, certificate) = rest.split_at_checked(length).ok_or(Error::Tampered)?;
        return Authority::load(key, certificate).map_err(|_| Error::Tampered);
    }
    let failed = |_| Error::Internal("no authority could be made");
    let made = Authority::make("avouch services", serial(app)?, seconds(now)).map_err(failed)?;
    let length = u16::try_from(made.key.len()).map_err(|_| Error::Internal("a key is too long"))?;
    let mut plain = Zeroizing::new(Vec::with_capacity(2 + made.key.len() + made.certificate.len()));
    plain.extend_from_slice(&length.to_be_bytes());
    plain.extend_from_slice(&made.key);
    plain.extend_from_slice(&made.certificate);
    let sealed = app.keys.seal_row("authority", ROW, &plain, &app.rng)?;
    tx.put(&PUT, params![&sealed])?;
    let authority = Authority::load(&made.key, &made.certificate);
    authority.map_err(|_| Error::Internal("an authority that was made does not load"))
}

fn serial(app: &App) -> Result<[u8; 16], Error> {
    let mut serial = [0; 16];
    app.rng.fill(&mut serial).map_err(|_| Error::Internal("no randomness"))?;
    Ok(serial)
}
