//! Tickets: what the server has to know again when somebody comes back, kept by them. Sealed under a key of the vault, good for five
//! minutes and once. So a visitor who begins a thousand log-ins has cost us nothing, and any node can finish what another began.
//!
//! A browser keeps its ticket in a cookie that no page can read: what was begun in one browser is finished in no other.

use data_encoding::BASE64URL_NOPAD;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::once::Single;
use crate::Error;
use crate::app::App;

const MINUTE_MICROS: i64 = 60 * 1_000_000;
/// The longest ticket that is looked at.
const LONGEST: usize = 16 << 10;

/// What a ticket is for. One of another purpose does not open.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum For {
    /// To log in by a passkey.
    LogIn,
    /// To enrol a passkey.
    Passkey,
    /// To enrol an app for codes.
    Totp,
    /// To log in by a code that was sent.
    SentCode,
    /// To enrol codes that are sent.
    EnrolSentCode,
    /// To log in at an identity provider, or to link an identity there.
    SignOn,
}

impl For {
    const fn name(self) -> &'static str {
        match self {
            Self::LogIn => "log in",
            Self::Passkey => "enrol passkey",
            Self::Totp => "enrol totp",
            Self::SentCode => "sent code",
            Self::EnrolSentCode => "enrol sent code",
            Self::SignOn => "sign on",
        }
    }

    /// For how long one is good.
    const fn life_micros(self) -> i64 {
        match self {
            Self::LogIn | Self::Passkey | Self::Totp | Self::SentCode | Self::EnrolSentCode => {
                5 * MINUTE_MICROS
            }
            // Somebody may have to do more there than here.
            Self::SignOn => 10 * MINUTE_MICROS,
        }
    }
}

#[derive(Serialize, Deserialize)]
struct Inside<T> {
    id: [u8; 16],
    until: i64,
    what: T,
}

/// A ticket for what is to be known again.
pub(crate) fn issue<T: Serialize>(app: &App, purpose: For, what: T) -> Result<String, Error> {
    let now = app.now();
    let inside =
        Inside { id: app.ids.uuid(now, &app.rng)?, until: now.saturating_add(purpose.life_micros()), what };
    let plain = Zeroizing::new(serde_json::to_vec(&inside).map_err(|_| Error::Internal("no JSON form"))?);
    let sealed = app.keys.seal_row("ticket", purpose.name().as_bytes(), &plain, &app.rng)?;
    Ok(BASE64URL_NOPAD.encode(&sealed))
}

/// What a ticket says, and what has to be spent with it.
///
/// # Errors
/// [`Error::LogInFailed`] for one that is not ours, for something else, or too old.
pub(crate) fn redeem<T: DeserializeOwned>(
    app: &App,
    purpose: For,
    ticket: &str,
) -> Result<(T, Single), Error> {
    let failed = |_| Error::LogInFailed;
    if ticket.len() > LONGEST {
        return Err(Error::LogInFailed);
    }
    let sealed = BASE64URL_NOPAD.decode(ticket.as_bytes()).map_err(|_| Error::LogInFailed)?;
    let plain =
        app.keys.open_row("ticket", purpose.name().as_bytes(), &sealed).map_err(|_| Error::LogInFailed)?;
    let inside: Inside<T> = serde_json::from_slice(&plain).map_err(|_| ()).map_err(failed)?;
    if app.now() >= inside.until {
        return Err(Error::LogInFailed);
    }
    let digest = app.keys.row_digest("ticket-spent", &[&inside.id]);
    Ok((inside.what, Single { digest, until: inside.until }))
}
