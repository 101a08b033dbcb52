//! Keys that cannot leave their device, for those whose roles ask for them.

use std::sync::Arc;

use avouch_core::gate::people::{LogIn, Makers, PeopleSettings, ReadAccount, ReadSessions};
use avouch_core::gate::principals::ChangePrincipal;
use avouch_core::{Error, KeyClass, Need, ProofNeed};
use avouch_testkit::{Device, both_engines};

use crate::charters::{apply, charter};
use crate::house::{ORIGIN, ana, slug};
use crate::log_in::{Desk, PASSWORD};

/// A charter in which support works with such keys.
fn asks_for(desk: &Desk<'_>, keys: &str, from: u32) {
    let keys = format!("title: Customer support\n  holder: staff\n  keys: {keys}");
    let changes = [("roles.yaml", "title: Customer support\n  holder: staff", keys.as_str())];
    apply(&desk.house, charter(&changes), from).expect("applied");
}

fn makers(pem: &str, models: Vec<[u8; 16]>) -> PeopleSettings {
    let makers = Makers::new(pem, models).expect("authorities");
    PeopleSettings { makers: Some(Arc::new(makers)), ..PeopleSettings::default() }
}

/// Her link, and an enrolment on this device.
fn enrolled(desk: &mut Desk<'_>, mut device: Device) -> Result<(), Error> {
    let session = desk.log_in(LogIn::Link(desk.link(false))).expect("the link lets her in");
    let caller = desk.caller(&session).expect("a session");
    desk.enrol_on(&caller, &mut device)?;
    desk.device = device;
    Ok(())
}

fn lacks(result: Result<impl Sized, Error>) -> (Vec<String>, Vec<Need>) {
    let Err(Error::Refused(refusal)) = result else { panic!("{}", slug(result)) };
    (refusal.policies, refusal.needs)
}

fn proof(key: KeyClass) -> Need {
    Need::Proof(ProofNeed { key, phishing_resistant: true, ..ProofNeed::TWO_FACTORS })
}

both_engines! {
    fn a_passkey_that_may_be_copied_does_nothing_for_a_role_that_asks_for_more(place) {
        let mut desk = Desk::with_passkey(place);
        let id = desk.house.create(&desk.house.importer, ana()).expect("created");
        let session = desk.by_passkey().expect("in");
        let before = desk.caller(&session).expect("a session");
        desk.house.read(&before, id).expect("she works");
        asks_for(&desk, "device-bound", 1);
        // At once, in the session that she has, and in a new one: the weaker one that she has enrolled is worth nothing here.
        let again = desk.by_passkey().map(|session| desk.caller(&session).expect("a session")).expect("in");
        for caller in [&before, &again] {
            let (policies, needs) = lacks(desk.house.read(caller, id));
            assert_eq!((policies, needs), (vec!["role:support/keys".to_owned()], vec![proof(KeyClass::DeviceBound)]));
            desk.house.act(caller, ReadSessions).expect("her own is hers");
        }
        let account = desk.house.act(&again, ReadAccount).expect("her account");
        assert_eq!((account.keys, account.authenticators[0].travels), (KeyClass::DeviceBound, true));
        // A password and a code are no such key either.
        desk.set_password(&again);
        let alone = desk.password("ida@lindenhof.example", PASSWORD, None).expect("in");
        assert_eq!(alone.aal, 1);

        let mut copied = Device::at(ORIGIN);
        assert_eq!(slug(desk.enrol_on(&again, &mut copied)), "validation", "one more of these");
        let mut bound = Device::at(ORIGIN).bound();
        desk.enrol_on(&again, &mut bound).expect("one that stays");
        desk.device = bound;
        let session = desk.by_passkey().expect("in");
        let caller = desk.caller(&session).expect("a session");
        desk.house.read(&caller, id).expect("she works");
        // A colleague whose role asks for nothing goes on as before.
        let warehouse = Some(vec!["warehouse".to_owned()]);
        desk.house.act(&desk.house.admin, ChangePrincipal { id: Some(desk.ida), roles: warehouse, ..Default::default() }).expect("moved");
        desk.enrol_on(&desk.caller(&session).expect("a session"), &mut Device::at(ORIGIN)).expect("any will do");
    }

    fn an_attested_key_is_one_that_its_maker_speaks_for(place) {
        let desk = Desk::new(place);
        let id = desk.house.create(&desk.house.importer, ana()).expect("created");
        asks_for(&desk, "attested", 1);
        let mut desk = desk;
        assert_eq!(slug(enrolled(&mut desk, Device::at(ORIGIN).attested())), "conflict", "the operator has named no maker");
        let mut desk = desk.reopened_with(makers(Device::OTHER_MAKER, Vec::new()));
        assert_eq!(slug(enrolled(&mut desk, Device::at(ORIGIN).attested())), "validation", "of another maker");
        let mut desk = desk.reopened_with(makers(Device::MAKER, vec![[7; 16]]));
        assert_eq!(slug(enrolled(&mut desk, Device::at(ORIGIN).attested())), "validation", "another model");
        let both = format!("{}\n{}", Device::OTHER_MAKER, Device::MAKER);
        let mut desk = desk.reopened_with(makers(&both, vec![Device::MODEL]));
        for mere in [Device::at(ORIGIN), Device::at(ORIGIN).bound()] {
            assert_ne!(slug(enrolled(&mut desk, mere)), "ok", "nobody speaks for it");
        }
        enrolled(&mut desk, Device::at(ORIGIN).attested()).expect("of that maker");
        let session = desk.by_passkey().expect("in");
        let caller = desk.caller(&session).expect("a session");
        desk.house.read(&caller, id).expect("she works");
        let account = desk.house.act(&caller, ReadAccount).expect("her account");
        assert!(account.authenticators[0].attested && !account.authenticators[0].travels);

        // A model that is not believed any more is worth less from the next log-in on.
        let mut desk = desk.reopened_with(makers(Device::MAKER, vec![[7; 16]]));
        let session = desk.by_passkey().expect("in");
        let caller = desk.caller(&session).expect("a session");
        let (policies, needs) = lacks(desk.house.read(&caller, id));
        assert_eq!((policies, needs), (vec!["role:support/keys".to_owned()], vec![proof(KeyClass::Attested)]));
    }
}
