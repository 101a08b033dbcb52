//! What follows when somebody changes how they log in: a day in which little leaves the house by them, and a mail that says so.

use std::time::Duration;

use avouch_core::app::App;
use avouch_core::app::opening::Parts;
use avouch_core::gate::people::{
    Arrival, AuthenticatorKind, BrowserId, EnrolRecoveryCodes, LogIn, ReadAccount, RemoveAuthenticator,
};
use avouch_core::gate::principals::ChangePrincipal;
use avouch_core::gate::{Caller, Reason};
use avouch_core::outbox::{AccountNotice, Channel, Notice, OutboxSettings};
use avouch_core::vault::{Export, ExportError, ExportFormat};
use avouch_core::{Error, Need};
use avouch_testkit::{Device, both_engines};

use crate::house::{ORIGIN, slug};
use crate::log_in::{Desk, PASSWORD, address, secret};

const HOUR: u64 = 3600;

/// Ida as a privacy officer, who may carry out.
fn officer(place: &avouch_testkit::Place) -> Desk<'_> {
    let desk = Desk::with_passkey(place);
    let roles = Some(vec!["dpo".to_owned()]);
    let change = ChangePrincipal { id: Some(desk.ida), roles, ..ChangePrincipal::default() };
    desk.house.act(&desk.house.admin, change).expect("another desk");
    desk
}

fn export(desk: &Desk<'_>, who: &Caller) -> Result<u64, Error> {
    desk.house.agree_to_export(who, &["name"], 100);
    let export = Export {
        fields: vec!["name".to_owned()],
        purpose: Some("data_rights".to_owned()),
        reason: Some(Reason::parse("the yearly check").expect("a reason")),
        format: ExportFormat::Csv,
        seal_to: None,
    };
    export.run(&desk.house.app, who, Vec::new).map_err(|error| match error {
        ExportError::Operation(error) => error,
        ExportError::Output(error) => panic!("{error}"),
    })
}

/// Until when it is held; only that is missing.
fn held(result: Result<u64, Error>) -> i64 {
    let Err(Error::Refused(refusal)) = result else { panic!("{}", slug(result)) };
    assert_eq!(refusal.policies, ["policies/step_up.cedar/settled"]);
    let [Need::Settled { hours: 24, until: Some(until) }] = refusal.needs[..] else { panic!("{refusal:?}") };
    until
}

fn fresh(desk: &mut Desk<'_>) -> Caller {
    let session = desk.by_passkey().expect("in");
    desk.caller(&session).expect("a session")
}

fn after(desk: &Desk<'_>, seconds: u64) {
    desk.house.clock.advance(Duration::from_secs(seconds));
}

/// The mails that wait, oldest first: to whom, of what, with what.
fn mails(desk: &Desk<'_>) -> Vec<(String, AccountNotice, Option<String>)> {
    // Of who was not let in it is written down after the answer.
    let store = desk.house.app.store();
    store.write_wait(|_| Ok::<_, Error>(())).expect("whatever waited has begun");
    store.settle(Duration::from_secs(20)).expect("and is there");
    let due = desk.house.app.messages_due(100).expect("read");
    let told = due.into_iter().map(|due| {
        desk.house.app.message_delivered(due.id).expect("noted");
        let message = due.message.expect("whole");
        let (Channel::Mail(to), Notice::Account { what, with, .. }) = (message.channel, message.notice)
        else {
            panic!("another message")
        };
        (to, what, with)
    });
    told.collect()
}

fn kinds(desk: &Desk<'_>) -> Vec<AccountNotice> {
    mails(desk).into_iter().map(|(_, what, _)| what).collect()
}

fn elsewhere() -> Arrival {
    Arrival {
        from: address("203.0.113.9"),
        client: "Firefox on Linux".to_owned(),
        browser: BrowserId::parse(&"cd".repeat(16)),
        session: None,
    }
}

both_engines! {
    fn nothing_is_carried_out_for_a_day_after_a_change_of_credentials(place) {
        let mut desk = officer(place);
        let made = desk.house.app.now();
        let caller = fresh(&mut desk);
        let until = held(export(&desk, &caller));
        assert!((until - made - 24 * 3_600_000_000_i64).abs() < 60_000_000, "a day after her passkey was made");
        after(&desk, 24 * HOUR - 60);
        let caller = fresh(&mut desk);
        assert_eq!(held(export(&desk, &caller)), until);
        after(&desk, 120);
        let caller = fresh(&mut desk);
        export(&desk, &caller).expect("a day later");

        // A password, app codes, recovery codes: each begins it anew, in every session of hers, at once.
        let other = fresh(&mut desk);
        desk.set_password(&caller);
        held(export(&desk, &other));
        after(&desk, 24 * HOUR);
        let caller = fresh(&mut desk);
        export(&desk, &caller).expect("a day later");
        let codes = desk.house.act(&caller, EnrolRecoveryCodes).expect("codes").codes;
        held(export(&desk, &caller));
        after(&desk, 24 * HOUR);
        desk.recover(&codes[0], Some(PASSWORD), None).expect("in, to enrol");
        let caller = fresh(&mut desk);
        held(export(&desk, &caller));
        // A new start knows it too.
        let mut desk = Desk { house: desk.house.reopen(), ida: desk.ida, device: desk.device };
        let caller = fresh(&mut desk);
        held(export(&desk, &caller));
        after(&desk, 24 * HOUR);
        // What is taken away holds nothing up.
        let caller = fresh(&mut desk);
        let account = desk.house.act(&caller, ReadAccount).expect("her account");
        let password = account.authenticators.iter().find(|one| one.kind == AuthenticatorKind::Password);
        desk.house.act(&caller, RemoveAuthenticator { id: password.expect("there").id }).expect("gone");
        export(&desk, &caller).expect("not held");
        // Nor does anything else of hers, and of others nothing.
        let key = desk.house.hire("staff", "dpo", None);
        export(&desk, &key).expect("another's");
        let contact = Some("ida.sommer@lindenhof.example".to_owned());
        desk.house.act(&desk.house.admin, ChangePrincipal { id: Some(desk.ida), contact, ..Default::default() }).expect("moved");
        held(export(&desk, &caller));
    }

    fn whoever_logs_in_from_elsewhere_or_changes_how_is_told_by_mail(place) {
        let mut desk = Desk::with_passkey(place);
        let to = "ida@lindenhof.example".to_owned();
        assert_eq!(mails(&desk), [
            (to.clone(), AccountNotice::Recovered, None),
            (to.clone(), AccountNotice::Enrolled, Some("passkey".to_owned())),
        ]);
        let caller = fresh(&mut desk);
        desk.set_password(&caller);
        assert_eq!(mails(&desk), [(to, AccountNotice::Enrolled, Some("password".to_owned()))]);
        // Again from where she is: nothing. From elsewhere: once.
        fresh(&mut desk);
        assert_eq!(kinds(&desk), []);
        for told in [&[AccountNotice::NewPlace][..], &[]] {
            let shown = desk.answered();
            desk.log_in_from(shown, &elsewhere()).expect("in");
            assert_eq!(kinds(&desk), told);
        }
        let account = desk.house.act(&caller, ReadAccount).expect("her account");
        let password = account.authenticators.iter().find(|one| one.kind == AuthenticatorKind::Password).expect("there").id;
        desk.house.act(&caller, RemoveAuthenticator { id: password }).expect("gone");
        assert_eq!(kinds(&desk), [AccountNotice::Removed]);
        // To where she wants it, and when that changes to both.
        let contact = |contact: &str| ChangePrincipal {
            id: Some(desk.ida), contact: Some(contact.to_owned()), ..ChangePrincipal::default()
        };
        desk.house.act(&desk.house.admin, contact(" i.sommer@mail.example ")).expect("set");
        let told = |to: &str| (to.to_owned(), AccountNotice::AddressChanged, None);
        assert_eq!(mails(&desk), [told("ida@lindenhof.example"), told("i.sommer@mail.example")]);
        for unfit in ["nobody", "a b@mail.example", "a@b@mail.example", "@mail.example", "a@localhost", "a\u{0}@mail.example"] {
            assert_eq!(slug(desk.house.act(&desk.house.admin, contact(unfit))), "validation", "{unfit:?}");
        }
        desk.house.act(&desk.house.admin, contact("")).expect("none of her own");
        assert_eq!(mails(&desk), [told("i.sommer@mail.example"), told("ida@lindenhof.example")]);
        desk.link(true);
        assert_eq!(kinds(&desk), [AccountNotice::Removed], "somebody else has taken all of it away");
    }

    fn a_right_password_without_the_rest_from_elsewhere_is_told_once_a_day(place) {
        let mut desk = Desk::with_passkey(place);
        let caller = fresh(&mut desk);
        desk.set_password(&caller);
        desk.set_app(&caller);
        mails(&desk);
        let try_it = |password: &str, arrival: &Arrival| {
            let shown = LogIn::Password {
                login: "ida@lindenhof.example".to_owned(), password: secret(password), code: Some(secret("000000")),
            };
            assert_eq!(slug(desk.log_in_from(shown, arrival)), "log-in-failed");
            kinds(&desk)
        };
        assert_eq!(try_it("wrong horse battery staple", &elsewhere()), [], "nobody knows it");
        assert_eq!(try_it(PASSWORD, &crate::log_in::arrival()), [], "she has mistyped");
        assert_eq!(try_it(PASSWORD, &elsewhere()), [AccountNotice::PasswordKnown]);
        assert_eq!(try_it(PASSWORD, &elsewhere()), [], "once");
        after(&desk, 24 * HOUR);
        assert_eq!(try_it(PASSWORD, &elsewhere()), [AccountNotice::PasswordKnown], "a day");
    }

    fn without_a_way_for_mail_nobody_is_told(place) {
        let desk = Desk::new(place);
        let (ida, keepers) = (desk.ida, desk.house.shut());
        let parts = Parts { outbox: OutboxSettings::default(), ..keepers.parts(place) };
        let house = keepers.with(place, App::open(parts).expect("open"));
        let desk = Desk { house, ida, device: Device::at(ORIGIN) };
        let session = desk.log_in(LogIn::Link(desk.link(false))).expect("in");
        let caller = desk.caller(&session).expect("a session");
        desk.set_password(&caller);
        assert!(desk.house.app.messages_due(10).expect("read").is_empty());
    }
}
