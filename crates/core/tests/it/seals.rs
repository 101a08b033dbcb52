//! The seals around the keyring: any of them opens the vault, each only for what it is for, and none is let go of before the
//! next one is known to open.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use avouch_core::app::App;
use avouch_core::app::opening::OpeningError;
use avouch_core::audit::Ending;
use avouch_core::gate::principals::{CreateKey, CreatePrincipal};
use avouch_core::keys::{
    BeginDrill, Drill, FinishDrill, Primary, ReadKeys, Recovery, SealRole, SealState, SealingError,
};
use avouch_seal::root::{KeyFileSeal, RootError, RootResult, RootSeal, SealContext, SealInfo, SharesSeal};
use avouch_seal::{SecureRandom, SystemRandom, VaultId};
use avouch_testkit::{Kind, Place, both_engines};
use zeroize::Zeroizing;

use crate::house::{House, Seals, ana, caller, charter_files, parts, slug};

fn key_file() -> KeyFileSeal {
    KeyFileSeal::generate(&SystemRandom::new()).expect("random").0
}

fn primary(seal: impl RootSeal + 'static) -> Primary {
    Primary { seal: Arc::new(seal), beside_data: false }
}

fn states(house: &House<'_>) -> Vec<SealState> {
    house.act(&house.admin, ReadKeys).expect("the administrator reads the keys' state").seals
}

/// Opens the vault as somebody else with the files would.
fn opens(house: &House<'_>, primary: Primary) -> Result<(), String> {
    let app = App::open(parts(house.place, primary, &house.clock)).map_err(|error| error.to_string())?;
    app.close().expect("it closes");
    Ok(())
}

/// Whoever keeps a seal answers a challenge with it.
fn answer(drill: &Drill, seal: &dyn RootSeal) -> FinishDrill {
    let key = drill.slot.unwrap(seal, VaultId(drill.vault)).expect("the seal opens");
    let slot = drill.slot.slot.clone();
    FinishDrill { answer: key.proof().answer(&slot, &drill.challenge), slot, challenge: drill.challenge }
}

/// A seal that counts what it is asked.
struct Counting<S> {
    inner: S,
    asked: Arc<AtomicUsize>,
}

impl<S: RootSeal> RootSeal for Counting<S> {
    fn info(&self) -> SealInfo {
        self.inner.info()
    }
    fn wrap(&self, plain: &[u8], context: &SealContext, rng: &dyn SecureRandom) -> RootResult<Vec<u8>> {
        self.asked.fetch_add(1, Ordering::Relaxed);
        self.inner.wrap(plain, context, rng)
    }
    fn unwrap(&self, blob: &[u8], context: &SealContext) -> RootResult<Zeroizing<Vec<u8>>> {
        self.asked.fetch_add(1, Ordering::Relaxed);
        self.inner.unwrap(blob, context)
    }
    fn health(&self) -> RootResult<()> {
        self.inner.health()
    }
}

/// A service that wraps and then cannot be asked to unwrap.
struct OneWay(KeyFileSeal);

impl RootSeal for OneWay {
    fn info(&self) -> SealInfo {
        self.0.info()
    }
    fn wrap(&self, plain: &[u8], context: &SealContext, rng: &dyn SecureRandom) -> RootResult<Vec<u8>> {
        self.0.wrap(plain, context, rng)
    }
    fn unwrap(&self, _: &[u8], _: &SealContext) -> RootResult<Zeroizing<Vec<u8>>> {
        Err(RootError::Refused("this key may encrypt and not decrypt".to_owned()))
    }
    fn health(&self) -> RootResult<()> {
        Ok(())
    }
}

/// A device that answers so many times and then not until there are more.
struct Tired {
    inner: KeyFileSeal,
    left: Arc<AtomicUsize>,
}

impl RootSeal for Tired {
    fn info(&self) -> SealInfo {
        self.inner.info()
    }
    fn wrap(&self, plain: &[u8], context: &SealContext, rng: &dyn SecureRandom) -> RootResult<Vec<u8>> {
        self.inner.wrap(plain, context, rng)
    }
    fn unwrap(&self, blob: &[u8], context: &SealContext) -> RootResult<Zeroizing<Vec<u8>>> {
        let one_less = |left: usize| left.checked_sub(1);
        match self.left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, one_less) {
            Ok(_) => self.inner.unwrap(blob, context),
            Err(_) => Err(RootError::Refused("not now".to_owned())),
        }
    }
    fn health(&self) -> RootResult<()> {
        Ok(())
    }
}

/// A seal that says when it is asked, and waits a while for the other one to be asked too.
struct Meeting {
    inner: KeyFileSeal,
    asked: Sender<()>,
    other: Mutex<Receiver<()>>,
}

impl RootSeal for Meeting {
    fn info(&self) -> SealInfo {
        self.inner.info()
    }
    fn wrap(&self, plain: &[u8], context: &SealContext, rng: &dyn SecureRandom) -> RootResult<Vec<u8>> {
        self.asked.send(()).expect("somebody listens");
        let met = self.other.lock().expect("not poisoned").recv_timeout(Duration::from_millis(300));
        assert!(met.is_err(), "the keyring is sealed for two at once");
        self.inner.wrap(plain, context, rng)
    }
    fn unwrap(&self, blob: &[u8], context: &SealContext) -> RootResult<Zeroizing<Vec<u8>>> {
        self.inner.unwrap(blob, context)
    }
    fn health(&self) -> RootResult<()> {
        Ok(())
    }
}

both_engines! {
    fn the_primary_seal_is_replaced_while_everything_goes_on(place) {
        let house = House::new(place);
        let support = house.hire("staff", "support", None);
        let id = house.create(&house.importer, ana()).expect("created");
        let next = Arc::new(key_file());
        let seal = |seal: &Arc<KeyFileSeal>| Primary { seal: seal.clone(), beside_data: true };
        house.app.reseal(&house.admin, || Ok(seal(&next))).expect("resealed");
        let event = &house.events()[0];
        assert_eq!((event.what.as_str(), event.ending), ("key.reseal", Ending::Done));
        assert!(states(&house).iter().any(|state| state.role == SealRole::Primary && state.beside_data));
        assert_eq!(house.reveal(&support, id, &["name"]).expect("shown").fields["name"], "Ana Gonçalves");

        house.app.store().close();
        let old = Primary { seal: house.seals.root.clone(), beside_data: false };
        assert_eq!(opens(&house, old), Err("the root key does not open this vault".to_owned()));
        assert_eq!(opens(&house, seal(&next)), Ok(()));
    }

    fn a_change_of_which_nothing_was_kept_has_no_request_ask_the_seal(place) {
        let house = House::new(place);
        let key = CreateKey { principal: house.admin.id(), label: "another".to_owned(), days: 1, networks: Vec::new() };
        let key = house.act(&house.admin, key).expect("a key").key;
        let asked = Arc::new(AtomicUsize::new(0));
        let next = Counting { inner: key_file(), asked: asked.clone() };
        house.app.reseal(&house.admin, || Ok(primary(next))).expect("resealed");
        asked.store(0, Ordering::Relaxed);
        place.meddle(
            false,
            "create trigger stop before insert on principal begin select raise(abort, 'stop'); end",
            "create function stop() returns trigger language plpgsql as $$ begin raise exception 'stop'; end $$; \
             create trigger stop before insert on principal for each row execute function stop()",
        );
        let clerk = CreatePrincipal {
            kind: "staff".to_owned(),
            name: "the clerk".to_owned(),
            login: None, manager: None, person: None, contact: None,
 roles: vec!["support".to_owned()],
            recipient: None,
            networks: Vec::new(),
            days: None,
        };
        assert_eq!(slug(house.act(&house.admin, clerk)), "audit-unavailable");
        caller(&house.app, &key);
        assert_eq!(asked.load(Ordering::Relaxed), 0);
        assert!(!house.app.keyring_pending());
    }

    fn a_keyring_that_is_in_doubt_is_opened_again_when_the_device_answers(place) {
        let house = House::new(place);
        let support = house.hire("staff", "support", None);
        let id = house.create(&house.importer, ana()).expect("created");
        let left = Arc::new(AtomicUsize::new(9));
        let device = Tired { inner: key_file(), left: left.clone() };
        house.app.reseal(&house.admin, || Ok(primary(device))).expect("resealed");
        place.meddle(
            true,
            "create trigger stop before insert on keyring begin select raise(abort, 'stop'); end",
            "create function stop() returns trigger language plpgsql as $$ begin raise exception 'stop'; end $$; \
             create trigger stop before insert on keyring for each row execute function stop()",
        );
        left.store(1, Ordering::Relaxed);
        house.app.rotate_indexes(&house.admin).expect_err("the keyring is not stored, and then the device is gone");
        assert!(house.app.keyring_pending() && house.app.finish_keyring().is_err() && house.app.keyring_pending());
        house.reveal(&support, id, &["name"]).expect("nobody waits for the device");
        place.meddle(true, "drop trigger stop", "drop trigger stop on keyring");
        left.store(2, Ordering::Relaxed);
        house.app.finish_keyring().expect("it answers again");
        assert!(!house.app.keyring_pending());
        house.app.finish_keyring().expect("and is not asked any more");
        assert_eq!(left.load(Ordering::Relaxed), 1);
    }

    fn a_seal_that_does_not_open_what_it_wrapped_is_not_taken(place) {
        let house = House::new(place);
        let refused = house.app.reseal(&house.admin, || Ok(primary(OneWay(key_file())))).expect_err("it cannot open");
        assert_eq!(refused.to_string(), "seal `primary`: refuses: this key may encrypt and not decrypt");
        house.reopen();
    }

    fn whoever_may_not_change_seals_does_not_get_them_asked(place) {
        let house = House::new(place);
        let dpo = house.hire("staff", "dpo", None);
        let asked = Arc::new(AtomicUsize::new(0));
        let next = Counting { inner: key_file(), asked: asked.clone() };
        let Err(SealingError::Other(error)) = house.app.reseal(&dpo, || Ok(primary(next))) else { panic!("refused") };
        assert_eq!((error.slug(), asked.load(Ordering::Relaxed)), ("denied-by-policy", 0));
        assert_eq!(house.events()[0].ending, Ending::Refused);
        let Err(SealingError::Other(error)) = house.app.replace_recovery(&dpo, &[house.seals.recovery()]) else {
            panic!("refused")
        };
        assert_eq!(error.slug(), "denied-by-policy");
    }

    fn a_lost_root_is_recovered_from(place) {
        let house = House::new(place);
        let support = house.hire("staff", "support", None);
        let id = house.create(&house.importer, ana()).expect("created");
        house.app.store().close();
        let new_root = Arc::new(key_file());
        let new = || Primary { seal: new_root.clone(), beside_data: false };
        let recover = |recovery: &Recovery<'_>| App::recover(parts(place, new(), &house.clock), recovery);

        let stranger = key_file();
        let wrong = Recovery { slot: "second".to_owned(), seal: &stranger };
        assert!(matches!(recover(&wrong), Err(OpeningError::WrongRoot)));
        let elsewhere = Recovery { slot: "primary".to_owned(), seal: &house.seals.recovery };
        assert!(matches!(recover(&elsewhere), Err(OpeningError::NoSuchSeal(_))));
        assert_eq!(opens(&house, house.seals.primary()), Ok(()), "nothing has changed yet");

        let app = recover(&house.seals.recovery()).expect("recovered");
        app.close().expect("it closes");
        drop(app);
        assert_eq!(opens(&house, house.seals.primary()), Err("the root key does not open this vault".to_owned()));
        let app = App::open(parts(place, new(), &house.clock)).expect("by the new root");
        let house = House { app, ..house };
        assert_eq!(house.reveal(&support, id, &["name"]).expect("shown").fields["name"], "Ana Gonçalves");
        let events = house.events();
        assert!(events.iter().any(|event| event.what == "vault.recover"), "it is on record");
    }

    fn seals_for_recovery_are_replaced_and_old_ones_end(place) {
        let house = House::new(place);
        let before = house.act(&house.admin, ReadKeys).expect("the state").generation;
        let (shares, _) = SharesSeal::generate(2, 3, &SystemRandom::new()).expect("a set");
        let new = [Recovery { slot: "shares".to_owned(), seal: &shares }];
        house.app.replace_recovery(&house.admin, &new).expect("replaced");
        let after = house.act(&house.admin, ReadKeys).expect("the state");
        assert_eq!(after.generation, before + 1);
        let slots: Vec<_> = after.seals.iter().map(|seal| (seal.slot.as_str(), seal.kind.as_str())).collect();
        assert_eq!(slots, [("primary", "key-file"), ("shares", "shares")]);
        assert_eq!(slug(house.act(&house.admin, BeginDrill { slot: "second".to_owned() })), "not-found");

        let house = house.reopen();
        house.app.store().close();
        let recover = |recovery: &Recovery<'_>| {
            App::recover(parts(place, house.seals.primary(), &house.clock), recovery).map(drop)
        };
        assert!(matches!(recover(&house.seals.recovery()), Err(OpeningError::NoSuchSeal(_))));
        let moved = Recovery { slot: "shares".to_owned(), seal: &house.seals.recovery };
        assert!(matches!(recover(&moved), Err(OpeningError::WrongRoot)));
        assert!(recover(&new[0]).is_ok());
    }

    fn of_two_who_replace_the_seals_the_second_waits_for_the_first(place) {
        let house = House::new(place);
        let ((asked, first_asked), (other, second_asked)) = (channel(), channel());
        let first = Meeting { inner: key_file(), asked, other: Mutex::new(second_asked) };
        let (_, other_asked) = channel();
        let second = Meeting { inner: key_file(), asked: other, other: Mutex::new(other_asked) };
        let replace = |slot: &str, seal: &Meeting| {
            let seals = [Recovery { slot: slot.to_owned(), seal }];
            house.app.replace_recovery(&house.admin, &seals)
        };
        std::thread::scope(|threads| {
            let slower = threads.spawn(|| replace("first", &first));
            first_asked.recv().expect("it is at work");
            replace("second", &second).expect("replaced after the first");
            slower.join().expect("they do not meet").expect("replaced before the second");
        });
        let drill = house.act(&house.admin, BeginDrill { slot: "second".to_owned() }).expect("begun");
        house.act(&house.admin, answer(&drill, &second)).expect("the server proves by the newest");
    }

    fn a_drill_proves_that_a_seal_opens_and_nothing_else_does(place) {
        let house = House::new(place);
        let begin = |slot: &str| house.act(&house.admin, BeginDrill { slot: slot.to_owned() }).expect("begun");
        let drill = begin("second");
        assert!(drill.slot.unwrap(&key_file(), VaultId(drill.vault)).is_err(), "another key opens nothing");
        let right = answer(&drill, &house.seals.recovery);

        let wrong = FinishDrill { answer: [0; 32], ..right.clone() };
        assert_eq!(slug(house.act(&house.admin, wrong)), "validation");
        assert_eq!(house.events()[0].ending, Ending::Failed);
        let for_another = FinishDrill { slot: "primary".to_owned(), ..right.clone() };
        assert_eq!(slug(house.act(&house.admin, for_another)), "validation");
        let mut made_up = right.clone();
        made_up.challenge[15] ^= 1;
        assert_eq!(slug(house.act(&house.admin, made_up)), "validation");
        assert!(states(&house).iter().all(|state| state.drilled.is_none()));

        house.act(&house.admin, right.clone()).expect("proved");
        assert_eq!(house.events()[0].what, "key.drill");
        let drilled: Vec<_> = states(&house).into_iter().map(|state| (state.slot, state.drilled.is_some())).collect();
        assert_eq!(drilled, [("primary".to_owned(), false), ("second".to_owned(), true)]);

        let drill = begin("second");
        let late = answer(&drill, &house.seals.recovery);
        house.clock.advance(Duration::from_secs(8 * 3600 + 1));
        assert_eq!(slug(house.act(&house.admin, late)), "validation");
        let auditor = house.hire("auditor", "auditor", None);
        assert_eq!(slug(house.act(&auditor, BeginDrill { slot: "second".to_owned() })), "denied-by-policy");
    }
}

#[test]
fn no_vault_is_made_without_a_way_back_in() {
    let place = Place::new(Kind::Sqlite);
    let seals = Seals::new();
    let clock = Arc::new(avouch_core::clock::ManualClock::at(1));
    let make = |recovery: &[Recovery<'_>]| {
        App::init(parts(&place, seals.primary(), &clock), recovery, &charter_files(), "admin", 30)
            .map(drop)
            .map_err(|error| error.to_string())
    };
    let named = |slot: &str| Recovery { slot: slot.to_owned(), seal: &seals.recovery };
    let none = "a vault needs at least one seal for recovery beside its primary one";
    assert_eq!(make(&[]), Err(none.to_owned()));
    for slot in ["primary", "", "x", "Shares", "a b", "1st", "a-name-that-is-longer-than-thirty-one"] {
        assert!(make(&[named(slot)]).is_err(), "{slot}");
    }
    assert!(make(&[named("twice"), named("twice")]).is_err());
    assert_eq!(make(&[named("one"), named("two")]), Ok(()));
}
