//! How people log in, what they log in with, and the sessions they have then.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::{Principal, Secret, Time};

/// The first half of a ceremony with a passkey. The other half needs the cookie that comes with it: send both back within five minutes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PasskeyOptions {
    /// What the browser is to be given as `publicKey`.
    #[serde(rename = "publicKey")]
    #[schema(value_type = Object)]
    pub public_key: Value,
}

/// `POST /v1/login`: exactly one of the ways in.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(examples(json!({"login": "ida@lindenhof.example", "password": "orchid walnut ferry cloud", "code": "492039"})))]
pub struct LogInRequest {
    /// A browser's answer to `POST /v1/login/passkey`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    pub passkey: Option<Value>,
    /// The name to log in with, beside a password or a recovery code.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub login: Option<String>,
    /// A password.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub password: Option<Secret>,
    /// The code of an app, beside a password: needed where there is such an app. Or beside a recovery code.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<Secret>,
    /// A recovery code: good once, and only to enrol. Beside `password` or `code` where there is a password or an app.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recovery_code: Option<Secret>,
    /// A code that was sent after `POST /v1/login/code`, beside the answer that its owner remembers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sent_code: Option<Secret>,
    /// The answer, beside a code that was sent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub answer: Option<Secret>,
    /// The secret of a one-time link: good once, and only to enrol.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub link: Option<Secret>,
    /// What stood behind the question mark of the address that an identity provider sent the browser back to, after
    /// `POST /v1/login/sign-on`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sign_on: Option<Secret>,
    /// Whether the session's token is to be in the answer, for a program at a terminal. A browser gets it in a cookie instead, where no
    /// page can read it.
    #[serde(default)]
    pub token: bool,
}

/// `POST /v1/login/code`: a password, for a code to be sent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(examples(json!({"login": "ida@lindenhof.example", "password": "orchid walnut ferry cloud"})))]
pub struct CodeRequest {
    /// The name to log in with.
    pub login: String,
    /// The password.
    pub password: Secret,
}

/// `POST /v1/account/sent-codes/begin`: where codes are to go. The first goes out at once; the cookie that comes with the answer has to come
/// back with it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(examples(json!({"to": "+351912345678"})))]
pub struct SentCodeBegin {
    /// A mailbox or a telephone number, whichever the operator's way takes.
    pub to: String,
}

/// `POST /v1/account/sent-codes`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(examples(json!({"code": "492039", "answer": "the cat of my first landlady"})))]
pub struct SentCodeEnrol {
    /// The first code.
    pub code: Secret,
    /// What only its owner knows, to be asked for with every code: 8 to 100 letters and digits; how they are written otherwise does not
    /// matter.
    pub answer: Secret,
}

/// An identity provider that one can log in by.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SignOnProvider {
    /// Its name in addresses.
    pub name: String,
    /// What its button says.
    pub label: String,
    /// Whether it can say that something was shown which cannot be phished.
    pub phishing_resistant: bool,
}

/// `POST /v1/login/sign-on`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(examples(json!({"provider": "house"})))]
pub struct SignOnBegin {
    /// The provider's name.
    pub provider: String,
    /// Whether to log in there anew, whatever session one has there: for a fresher proof.
    #[serde(default)]
    pub again: bool,
    /// Whether by something that cannot be phished.
    #[serde(default)]
    pub phishing_resistant: bool,
}

/// Where to go on. The other half needs the cookie that comes with it, within ten minutes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SignOnBegun {
    /// At the provider.
    pub address: String,
}

/// `POST /v1/login/sign-on/{provider}/logout`, as a form.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct LogoutRequest {
    /// What the provider has signed.
    pub logout_token: Secret,
}

/// A session that has just begun.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct LoggedIn {
    /// Its id.
    pub id: Uuid,
    /// Whose.
    pub principal: Uuid,
    /// When it ends at the latest.
    pub until: Time,
    /// Its assurance level: 2 for two factors or a passkey, 1 for a password alone, 0 for a link or a recovery code.
    pub aal: u8,
    /// To be sent as `Authorization: Bearer avs_…`, if that was asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token: Option<Secret>,
    /// Whether the password is on the list of those that were stolen elsewhere: then set another one.
    #[serde(default)]
    pub breached: bool,
}

/// A session of one's own.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Session {
    /// Its id.
    pub id: Uuid,
    /// Whether it is the one that asks.
    pub this: bool,
    /// Since when.
    pub begun: Time,
    /// When its owner last proved who they are.
    pub proved: Time,
    /// The last request in it.
    pub seen: Time,
    /// When it ends at the latest.
    pub until: Time,
    /// Its assurance level.
    pub aal: u8,
    /// How its owner logged in, in the words of RFC 8176 where it has one.
    pub methods: Vec<String>,
    /// What the browser said it is.
    pub client: String,
}

/// How many sessions were ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SessionsEnded {
    /// How many.
    pub ended: usize,
}

/// What one sees of oneself as a colleague.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Account {
    /// What is known.
    pub principal: Principal,
    /// What one's roles let one do.
    pub roles: Vec<AccountRole>,
    /// By what one logs in, oldest first.
    pub authenticators: Vec<Authenticator>,
    /// Whether that is worth two factors.
    pub strong: bool,
    /// What one's roles ask of one's passkeys: `any`, `device-bound` or `attested`.
    pub keys: String,
    /// The assurance level of this session.
    pub aal: u8,
}

/// A role as its holder sees it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct AccountRole {
    /// Its name.
    pub name: String,
    /// What it is called.
    pub title: String,
    /// The actions it permits.
    pub actions: Vec<String>,
    /// The purposes it works for, by what they are called.
    pub purposes: Vec<String>,
}

/// Something to log in with.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Authenticator {
    /// Its id.
    pub id: Uuid,
    /// `passkey`, `password`, `totp`, `recovery_codes` or `identity`: at an identity provider.
    pub kind: String,
    /// What its owner calls it.
    pub label: String,
    /// Since when.
    pub created: Time,
    /// The last log-in with it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub used: Option<Time>,
    /// How many recovery codes are left.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub left: Option<usize>,
    /// Of a passkey: whether it may be copied to other devices of its owner.
    #[serde(default)]
    pub travels: bool,
    /// Of a passkey: whether the maker of its device has said that it may not, and is believed.
    #[serde(default)]
    pub attested: bool,
    /// Of a password: whether it is on the list of those that were stolen elsewhere.
    #[serde(default)]
    pub breached: bool,
}

/// `POST /v1/account/passkeys`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PasskeyEnrol {
    /// What to call it.
    pub label: String,
    /// The browser's answer to `POST /v1/account/passkeys/begin`.
    #[schema(value_type = Object)]
    pub passkey: Value,
}

/// `POST /v1/account/identities/begin`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(examples(json!({"provider": "house"})))]
pub struct IdentityBegin {
    /// The provider's name.
    pub provider: String,
}

/// `POST /v1/account/identities`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct IdentityEnrol {
    /// What stood behind the question mark of the address that the provider sent the browser back to.
    pub sign_on: Secret,
}

/// `POST /v1/principals/{id}/identities`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(examples(json!({"provider": "house", "subject": "248289761001"})))]
pub struct IdentityLink {
    /// The provider's name.
    pub provider: String,
    /// What they are called there for ever: `sub`, never an address for mail.
    pub subject: String,
}

/// An identity of somebody at a provider.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Identity {
    /// Its id here.
    pub id: Uuid,
    /// Who vouches for it.
    pub issuer: String,
    /// What its owner is called there.
    pub subject: String,
    /// Since when.
    pub created: Time,
    /// The last log-in with it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub used: Option<Time>,
}

/// `POST /v1/account/password`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(examples(json!({"current": "ferry cloud walnut orchid", "password": "orchid walnut ferry cloud"})))]
pub struct PasswordEnrol {
    /// The password so far, where there is one; not asked of whoever is here by a link or a recovery code.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub current: Option<Secret>,
    /// 15 to 128 characters that are hard to guess.
    pub password: Secret,
}

/// An app for codes that is to be enrolled. The other half needs the cookie that comes with it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct TotpOptions {
    /// The secret, to be typed into the app.
    pub secret: Secret,
    /// The same as an address that a QR code holds.
    pub uri: Secret,
}

/// `POST /v1/account/totp`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(examples(json!({"label": "Phone", "code": "492039"})))]
pub struct TotpEnrol {
    /// What to call it.
    pub label: String,
    /// What the app shows.
    pub code: Secret,
}

/// Something to log in with that was just added.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Enrolled {
    /// Its id.
    pub id: Uuid,
    /// Recovery codes: keep them, they are not shown again.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub codes: Vec<Secret>,
}

/// `POST /v1/principals/{id}/link`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(examples(json!({"afresh": true})))]
pub struct LinkCreate {
    /// Whether everything they log in with now goes and every session of theirs ends: for somebody who has lost it.
    #[serde(default)]
    pub afresh: bool,
}

/// A link that was just made: good once, for three days, and only to enrol.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct LinkCreated {
    /// Its secret. This is the only answer that shows it.
    pub secret: Secret,
    /// Where to open it, when the server knows at which address people reach it. The secret is behind the `#`, which no browser sends.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<Secret>,
    /// When it ends.
    pub until: Time,
}
