//! How people log in: `[people]`.

use std::fs::{self, File};
use std::io::{self, BufReader};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use avouch_core::gate::people::atlas::{Atlas, Refused};
use avouch_core::gate::people::breached::Breached;
use avouch_core::gate::people::{CodeSettings, CodeWay, Makers, PeopleSettings, RelyingParty};
use serde::{Deserialize, Serialize};

use super::{Config, Webhook};
use crate::error::Error;
use crate::sign_on;

/// See the module.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct People {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) origin: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) passkey_domain: Option<String>,
    pub(crate) idle_minutes: u32,
    pub(crate) longest_hours: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) breached_passwords: Option<PathBuf>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) codes: Option<Codes>,
    pub(crate) api_keys: bool,
    #[serde(skip_serializing_if = "core::ops::Not::not")]
    pub(crate) late_codes: bool,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) key_authorities: Vec<PathBuf>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) key_models: Vec<uuid::Uuid>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) places: Vec<PathBuf>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) anonymous: Vec<PathBuf>,
}

/// How codes are sent that people log in with.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Codes {
    pub(crate) by: CodesBy,
    #[serde(default = "six")]
    pub(crate) digits: u8,
    /// Of a gateway.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) url: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) secret_file: Option<PathBuf>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) ca: Option<PathBuf>,
}

/// By which way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum CodesBy {
    /// As `[mail]` says.
    Mail,
    /// To a program that hands them on.
    Webhook,
}

const fn six() -> u8 {
    6
}

impl Codes {
    /// The files that it names.
    pub(crate) fn paths(&mut self) -> impl Iterator<Item = &mut PathBuf> {
        self.secret_file.iter_mut().chain(&mut self.ca)
    }
}

impl Default for People {
    fn default() -> Self {
        Self {
            origin: None,
            passkey_domain: None,
            idle_minutes: 15,
            longest_hours: 12,
            breached_passwords: None,
            codes: None,
            api_keys: true,
            late_codes: false,
            key_authorities: Vec::new(),
            key_models: Vec::new(),
            places: Vec::new(),
            anonymous: Vec::new(),
        }
    }
}

impl Config {
    /// Where people reach the pages: as the configuration says, or on this machine.
    pub(crate) fn origin(&self) -> Option<String> {
        if let Some(origin) = &self.people.origin {
            return Some(origin.trim_end_matches('/').to_owned());
        }
        let pages = self.listeners().into_iter().find(|listener| listener.serves(super::Serves::Console))?;
        let listen = pages.address;
        // A browser takes `localhost` for safe without TLS, and an address for no domain.
        let own = || format!("http://localhost:{}", listen.port());
        let here = listen.ip().is_loopback() && listen.port() != 0 && pages.tls_certificate.is_none();
        here.then(own)
    }

    /// How codes are sent.
    ///
    /// # Errors
    /// [`Error::Usage`] for a way that is not there.
    fn codes(&self) -> Result<Option<CodeSettings>, Error> {
        let Some(codes) = &self.people.codes else { return Ok(None) };
        let unusable = |reason: &str| Err(Error::Usage(format!("[people.codes] {reason}")));
        if !(6..=8).contains(&codes.digits) {
            return unusable("digits is 6 to 8");
        }
        let way = match codes.by {
            CodesBy::Mail if self.mail.server.is_none() => return unusable("by = \"mail\" needs [mail]"),
            CodesBy::Mail => CodeWay::Mail,
            CodesBy::Webhook if codes.url.is_none() || codes.secret_file.is_none() => {
                return unusable("by = \"webhook\" needs url and secret_file");
            }
            CodesBy::Webhook => CodeWay::Gateway,
        };
        Ok(Some(CodeSettings { way, digits: codes.digits }))
    }

    /// The program that hands codes on, if there is one.
    ///
    /// # Errors
    /// As [`Config::people`].
    pub(crate) fn gateway(&self) -> Result<Option<Webhook>, Error> {
        self.codes()?;
        let codes = self.people.codes.as_ref().filter(|codes| codes.by == CodesBy::Webhook);
        Ok(codes.and_then(|codes| {
            Some(Webhook {
                name: "people.codes".to_owned(),
                url: codes.url.clone()?,
                secret_file: codes.secret_file.clone()?,
                ca: codes.ca.clone(),
            })
        }))
    }

    /// How people log in. Reads the files that it names.
    ///
    /// # Errors
    /// [`Error::Usage`] when the address cannot be one for passkeys; [`Error::File`].
    pub(crate) fn people(&self) -> Result<PeopleSettings, Error> {
        let People { passkey_domain, idle_minutes, longest_hours, .. } = &self.people;
        let relying_party = self.origin().map(|origin| {
            let host = origin.split_once("://").map_or("", |(_, rest)| rest);
            let host = host.split_once(':').map_or(host, |(host, _)| host);
            let domain = passkey_domain.as_deref().unwrap_or(host);
            RelyingParty::new(domain, &origin, "avouch")
        });
        let relying_party =
            relying_party.transpose().map_err(|error| Error::Usage(format!("[people]: {error}")))?;
        Ok(PeopleSettings {
            relying_party,
            idle_seconds: idle_minutes.saturating_mul(60),
            longest_seconds: longest_hours.saturating_mul(3600),
            breached: self.people.breached_passwords.as_deref().map(breached).transpose()?,
            codes: self.codes()?,
            api_keys: self.people.api_keys,
            late_codes: self.people.late_codes,
            sign_on: self.sign_on.iter().map(|one| sign_on::provider(self, one)).collect::<Result<_, _>>()?,
            makers: makers(&self.people)?,
            atlas: atlas(&self.people)?,
        })
    }
}

/// Reads a list that `avouch passwords build` has made.
fn breached(path: &Path) -> Result<Arc<Breached>, Error> {
    let list = File::open(path).and_then(|file| Breached::read(BufReader::new(file)));
    let list = list.map_err(Error::file(path))?;
    tracing::info!(
        passwords = list.passwords(),
        bytes = list.bytes(),
        "the list of breached passwords is read"
    );
    Ok(Arc::new(list))
}

/// Whose word is taken that a passkey cannot leave its device.
fn makers(people: &People) -> Result<Option<Arc<Makers>>, Error> {
    if people.key_authorities.is_empty() {
        if people.key_models.is_empty() {
            return Ok(None);
        }
        return Err(Error::Usage("[people] key_models needs key_authorities".to_owned()));
    }
    let mut pem = String::new();
    for path in &people.key_authorities {
        pem.push_str(&fs::read_to_string(path).map_err(Error::file(path))?);
        pem.push('\n');
    }
    let models = people.key_models.iter().map(|model| *model.as_bytes()).collect();
    let makers = Makers::new(&pem, models)
        .map_err(|error| Error::Usage(format!("[people] key_authorities: {error}")))?;
    Ok(Some(Arc::new(makers)))
}

/// Reads what is known of addresses.
fn atlas(people: &People) -> Result<Option<Arc<Atlas>>, Error> {
    if people.places.is_empty() && people.anonymous.is_empty() {
        return Ok(None);
    }
    let mut atlas = Atlas::default();
    for path in &people.places {
        let file = File::open(path).map_err(Error::file(path))?;
        let database = path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("mmdb"));
        let read =
            if database { atlas.add_database(file).map(|()| 0) } else { atlas.add_csv(BufReader::new(file)) };
        let networks = read.map_err(refused(path))?;
        tracing::info!(networks, database, "a file of places is read");
    }
    for path in &people.anonymous {
        let file = File::open(path).map_err(Error::file(path))?;
        let networks = atlas.add_anonymous(BufReader::new(file)).map_err(refused(path))?;
        tracing::info!(networks, "a list of anonymous networks is read");
    }
    Ok(Some(Arc::new(atlas)))
}

fn refused(path: &Path) -> impl Fn(Refused) -> Error + use<'_> {
    |refused| Error::file(path)(io::Error::new(io::ErrorKind::InvalidData, refused))
}
