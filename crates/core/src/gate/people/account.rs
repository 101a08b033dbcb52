//! What somebody sees of themselves as a colleague: what they may do, and by what they log in.

use avouch_policy::{Action, KeyClass};
use avouch_store::Tx;

use super::PeopleSettings;
use super::authenticators::{Authenticator, AuthenticatorKind, Secret, strong};
use crate::Error;
use crate::app::{Cx, Operation, Outcome, about_nobody};
use crate::audit::Note;
use crate::gate::{Permit, PrincipalRecord};
use crate::ids::{AuthenticatorId, PrincipalId};

/// Reads the caller's own account.
#[derive(Debug, Clone)]
pub struct ReadAccount;

/// The caller as they are kept.
#[derive(Debug, Clone)]
pub struct Account {
    /// Their id.
    pub id: PrincipalId,
    /// What is known of them.
    pub record: PrincipalRecord,
    /// The groups of an identity provider that they are in, by name.
    pub groups: Vec<String>,
    /// What each of their roles is, in the charter's words, and what it lets them do.
    pub roles: Vec<RoleShown>,
    /// By what they log in, oldest first.
    pub authenticators: Vec<AuthenticatorShown>,
    /// Whether that is worth two factors.
    pub strong: bool,
    /// What their roles ask of their passkeys.
    pub keys: KeyClass,
    /// The assurance level of the session that asks.
    pub aal: u8,
}

/// A role as its holder sees it.
#[derive(Debug, Clone)]
pub struct RoleShown {
    /// Its name.
    pub name: String,
    /// What it is called.
    pub title: String,
    /// The actions it permits.
    pub actions: Vec<String>,
    /// The purposes it works for, by what they are called.
    pub purposes: Vec<String>,
}

/// Something to log in with, as its owner sees it.
#[derive(Debug, Clone)]
pub struct AuthenticatorShown {
    /// Its id.
    pub id: AuthenticatorId,
    /// Its kind.
    pub kind: AuthenticatorKind,
    /// What its owner calls it.
    pub label: String,
    /// Microseconds UTC.
    pub created: i64,
    /// The last log-in with it, in microseconds UTC.
    pub used: Option<i64>,
    /// Of recovery codes: how many are left.
    pub left: Option<usize>,
    /// Of a passkey: whether it may be copied to other devices of its owner.
    pub travels: bool,
    /// Of a passkey: whether the maker of its device has said that it may not, and is believed.
    pub attested: bool,
    /// Of a password: whether it is known to have been lost elsewhere, and has to be changed.
    pub breached: bool,
}

impl Operation for ReadAccount {
    const ACTION: Action = Action::AccountRead;
    type Output = Account;
    about_nobody!();

    fn run(&self, tx: &mut Tx<'_>, cx: &Cx<'_>, _: &Permit, (): ()) -> Result<Outcome<Account>, Error> {
        let id = cx.caller.id();
        let access = cx.app.access();
        let record = access.principal(id).ok_or(Error::NotFound)?.clone();
        let all = Authenticator::of(tx, cx.app, id)?;
        let strong = strong(cx.app, &all);
        let titles = |names: &[String]| {
            let title = |name: &String| {
                let purposes = cx.rules.charter.purposes();
                purposes.iter().find(|purpose| purpose.name == *name).map(|purpose| purpose.title.clone())
            };
            names.iter().filter_map(title).collect()
        };
        let roles = cx.caller.roles().iter().filter_map(|name| cx.rules.charter.role(name));
        let roles = roles
            .map(|role| RoleShown {
                name: role.name.clone(),
                title: role.title.clone(),
                actions: role.actions.clone(),
                purposes: titles(&role.purposes),
            })
            .collect();
        let settings = &cx.app.people.settings;
        let authenticators = all.into_iter().map(|(id, kept)| shown(settings, id, kept)).collect();
        let aal = cx.caller.proof().aal();
        let groups = access.groups_of(id).map(|(_, group)| group.display.clone()).collect();
        let keys = cx.rules.keys_of(cx.caller.roles());
        let account = Account { id, record, groups, roles, authenticators, strong, keys, aal };
        Ok(Outcome::new(account, Note::count(1)))
    }
}

fn shown(settings: &PeopleSettings, id: AuthenticatorId, kept: Authenticator) -> AuthenticatorShown {
    AuthenticatorShown {
        id,
        kind: kept.secret.kind(),
        label: kept.label,
        created: kept.created,
        used: kept.used,
        left: match &kept.secret {
            Secret::Recovery(codes) => Some(codes.left()),
            _ => None,
        },
        attested: matches!(&kept.secret, Secret::Passkey(passkey) if settings.class_of(passkey) == KeyClass::Attested),
        travels: matches!(&kept.secret, Secret::Passkey(passkey) if passkey.travels()),
        breached: matches!(&kept.secret, Secret::Password { breached: true, .. }),
    }
}
