//! Standalone keys: who may use which, what is on record of it, and what a hand in the database can do.

use avouch_core::audit::{Ending, Event};
use avouch_core::charters::ApplyCharter;
use avouch_core::gate::Caller;
use avouch_core::gate::principals::{CreateKey as CreateApiKey, CreatePrincipal};
use avouch_core::transit::{
    Bound, ConfigureKey, CreateKey, DataKeyLength, Decode, Decrypt, DecryptItem, DeleteKey, Encode, Encrypt,
    EncryptItem, Format, Given, Hash, HashAlgorithm, Hmac, HmacItem, KeyName, ListKeys, MAX_BYTES, MAX_ITEMS,
    MAX_KEYS, MAX_RANDOM, MakeDataKey, Plain, Random, ReadKey, Ready, Rewrap, RewrapItem, RotateKey, Sign,
    SignItem, SignatureForm, TransitKind, TrimKey, Unfit, UseKey, Verify, VerifyHmac, VerifyHmacItem,
    VerifyItem, Work, WrapDataKey,
};
use avouch_core::{Error, Need};
use avouch_testkit::{Kind, Place, both_engines};

use crate::house::{House, caller, charter_files, slug};
use crate::thief::forms;

const CIPHER: TransitKind = TransitKind::Aes256Gcm { derived: false };
const SECRET: &str = "ada.lovelace@example.org";

/// Roles of applications, beside those that we ship.
const ROLES: &str = r#"
orders_app:
  title: The orders
  holder: service
  actions: [transit.encrypt, transit.decrypt]
  transit: [orders, "billing-*"]
orders_writer:
  title: Writes orders and reads none
  holder: service
  actions: [transit.encrypt]
  transit: [orders]
payments_reader:
  title: Reads payments
  holder: service
  actions: [transit.decrypt]
  transit: [payments]
billing_keeper:
  title: Keeps the keys of billing
  holder: staff
  actions: [transit.manage]
  transit: ["billing-*"]
"#;

/// A vault with those roles, and two keys.
struct Keys<'p> {
    house: House<'p>,
    app: Caller,
}

impl<'p> Keys<'p> {
    fn new(place: &'p Place) -> Self {
        let house = House::new(place);
        let mut files = charter_files();
        files.iter_mut().find(|file| file.path == "roles.yaml").expect("there").text.push_str(ROLES);
        house.act(&house.admin, ApplyCharter { files, base_version: 1 }).expect("a good charter");
        let app = house.hire("service", "orders_app", None);
        let keys = Self { house, app };
        keys.create("orders", CIPHER).expect("made");
        keys.create("payments", CIPHER).expect("made");
        keys
    }

    fn create(&self, name: &str, kind: TransitKind) -> Result<bool, Error> {
        Ok(self.house.act(&self.house.admin, CreateKey { name: key(name), kind })?.existed)
    }

    fn configure(&self, name: &str, change: impl FnOnce(&mut ConfigureKey)) -> Result<(), Error> {
        let mut operation = ConfigureKey {
            name: key(name),
            min_decryption: None,
            min_encryption: None,
            deletion_allowed: None,
        };
        change(&mut operation);
        self.house.act(&self.house.admin, operation).map(drop)
    }

    fn rotate(&self, name: &str) -> Result<u32, Error> {
        self.house.act(&self.house.admin, RotateKey { name: key(name) })
    }

    fn ready<W: Work>(&self, caller: &Caller, name: &str, work: W) -> Result<Ready<W>, Error> {
        self.house.act(caller, UseKey::new(key(name), work)?)
    }

    fn work<W: Work>(&self, name: &str, work: W) -> Result<Vec<Given<W::Made>>, Error> {
        self.ready(&self.app, name, work)?.run()
    }

    /// The ciphertext of one text.
    fn encrypt(&self, name: &str, text: &str) -> Result<String, Error> {
        let made = self.work(name, encrypt(&[text]))?;
        Ok(made[0].as_ref().expect("it encrypts").text.to_string())
    }

    fn decrypt(&self, name: &str, ciphertext: &str) -> Result<Given<String>, Error> {
        let made = self.work(name, decrypt(&[ciphertext]))?.remove(0);
        Ok(made.map(|plain| String::from_utf8(plain.to_vec()).expect("text")))
    }

    /// The newest event.
    fn event(&self) -> Event {
        self.house.events().swap_remove(0)
    }

    /// With nothing open in memory, and something done while nobody has the files open.
    fn reopened_after(self, meanwhile: impl FnOnce()) -> Self {
        let Self { house, app } = self;
        Self { house: house.reopened_after(meanwhile), app }
    }
}

fn key(name: &str) -> KeyName {
    name.parse().expect("a name")
}

fn encrypt(texts: &[&str]) -> Encrypt {
    let item = |text: &&str| {
        let plaintext = text.as_bytes().to_vec().into();
        Ok(EncryptItem { plaintext, bound: Bound::nothing(), version: None })
    };
    Encrypt(texts.iter().map(item).collect())
}

fn decrypt(texts: &[&str]) -> Decrypt {
    let item =
        |text: &&str| Ok(DecryptItem { ciphertext: (*text).to_owned().into(), bound: Bound::nothing() });
    Decrypt(texts.iter().map(item).collect())
}

fn needs(result: Result<impl Sized, Error>) -> Vec<Need> {
    match result.err().expect("refused") {
        Error::Refused(refusal) => refusal.needs,
        other => panic!("expected a refusal, got {}", other.slug()),
    }
}

both_engines! {
    fn what_one_key_encrypted_no_other_opens(place) {
        let keys = Keys::new(place);
        keys.create("billing-2026", CIPHER).expect("made");
        let text = keys.encrypt("orders", SECRET).expect("allowed");
        assert!(text.starts_with("vault:v1:"));
        assert_eq!(keys.decrypt("orders", &text).expect("allowed"), Ok(SECRET.to_owned()));
        assert_eq!(keys.decrypt("billing-2026", &text).expect("allowed"), Err(Unfit::Foreign));
        let keys = keys.reopened_after(|| ());
        assert_eq!(keys.decrypt("orders", &text).expect("allowed"), Ok(SECRET.to_owned()));
    }

    fn a_key_is_used_by_whom_a_role_names_it_to(place) {
        let keys = Keys::new(place);
        let named = vec!["billing-*".to_owned(), "orders".to_owned()];
        assert_eq!(needs(keys.work("payments", encrypt(&["x"]))), [Need::Key { keys: named.clone() }]);
        let refused = keys.event();
        assert_eq!((refused.ending, refused.needs.join(" ").as_str()), (Ending::Refused, "key"));
        assert_eq!(refused.key.as_deref(), Some("payments"));

        // One that is not there looks the same, and what was only typed is not recorded.
        assert_eq!(needs(keys.work("ada-lovelace", encrypt(&["x"]))), [Need::Key { keys: named }]);
        assert_eq!(keys.event().key, None);
        // To whoever may use a key of that name it is missing.
        assert_eq!(slug(keys.work("billing-2027", encrypt(&["x"]))), "not-found");
        let missing = keys.event();
        assert_eq!((missing.ending, missing.key), (Ending::Failed, None));

        let writer = keys.house.hire("service", "orders_writer", None);
        let text = keys.encrypt("orders", SECRET).expect("allowed");
        let refused = needs(keys.ready(&writer, "orders", decrypt(&[&text])));
        assert!(matches!(&refused[..], [Need::Permission { .. }]), "{refused:?}");
        keys.ready(&writer, "orders", encrypt(&["x"])).expect("that it may");
    }

    fn the_action_of_one_role_and_the_key_of_another_give_nothing(place) {
        let keys = Keys::new(place);
        let house = &keys.house;
        let roles = ["orders_writer", "payments_reader"].map(str::to_owned).to_vec();
        let both = CreatePrincipal {
            kind: "service".to_owned(), name: "both".to_owned(), login: None, manager: None, person: None, contact: None,
            roles, recipient: None, networks: Vec::new(), days: None,
        };
        let principal = house.act(&house.admin, both).expect("made").id;
        let made = CreateApiKey { principal, label: "test".to_owned(), days: 1, networks: Vec::new() };
        let both = caller(&house.app, &house.act(&house.admin, made).expect("a key").key);
        keys.ready(&both, "orders", encrypt(&["x"])).expect("by the first role");
        keys.ready(&both, "payments", decrypt(&["x"])).expect("by the second");
        assert_eq!(needs(keys.ready(&both, "payments", encrypt(&["x"]))), [Need::Key { keys: vec!["orders".to_owned()] }]);
        assert_eq!(needs(keys.ready(&both, "orders", decrypt(&["x"]))), [Need::Key { keys: vec!["payments".to_owned()] }]);
    }

    fn a_service_of_a_recipient_uses_no_key(place) {
        let keys = Keys::new(place);
        let bound = keys.house.hire("service", "orders_app", Some("parcels"));
        assert_eq!(needs(keys.ready(&bound, "orders", encrypt(&["x"]))), [Need::Recipient]);
        assert_eq!(needs(keys.house.act(&bound, Plain(Random(16)))), [Need::Recipient]);
    }

    fn a_request_is_one_event_and_it_comes_first(place) {
        let keys = Keys::new(place);
        let before = keys.house.events().len();
        let ready = keys.ready(&keys.app, "orders", encrypt(&["a", "b", "c"])).expect("allowed");
        let event = keys.event();
        assert_eq!((event.what.as_str(), event.count, event.ending), ("transit.encrypt", 3, Ending::Done));
        assert_eq!(event.key.as_deref(), Some("orders"));
        ready.run().expect("it encrypts");
        assert_eq!(keys.house.events().len(), before + 1);

        place.meddle(false, "alter table event rename to gone", "alter table event rename to gone");
        assert_eq!(slug(keys.work("orders", encrypt(&["a"]))), "audit-unavailable");
        place.meddle(false, "alter table gone rename to event", "alter table gone rename to event");
        keys.work("orders", encrypt(&["a"])).expect("works again");
    }

    fn one_bad_item_spoils_no_other(place) {
        let keys = Keys::new(place);
        let text = keys.encrypt("orders", SECRET).expect("allowed");
        let altered = text.replace("vault:v1", "vault:v2");
        let mut work = decrypt(&[&text, "nothing", &altered]);
        work.0.push(Err(Unfit::Malformed("base64")));
        let made = keys.work("orders", work).expect("allowed");
        assert_eq!(made[0].as_ref().expect("opens").as_slice(), SECRET.as_bytes());
        let unfit = made.iter().skip(1).map(|made| made.as_ref().expect_err("unfit"));
        assert!(unfit.eq(&[Unfit::Malformed("ciphertext"), Unfit::Foreign, Unfit::Malformed("base64")]));
        assert_eq!(keys.event().count, 4);
    }

    fn what_a_key_was_is_not_used_by_a_later_request(place) {
        let keys = Keys::new(place);
        let first = keys.encrypt("orders", SECRET).expect("allowed");
        // It opens the key only when it is worked, which is after the rotation.
        let keys = keys.reopened_after(|| ());
        let late = keys.ready(&keys.app, "orders", encrypt(&["x"])).expect("allowed");
        assert_eq!(keys.rotate("orders").expect("rotated"), 2);
        // A request that was let in before the rotation ends as it began, and what it leaves open is not used.
        assert_eq!(late.run().expect("it encrypts")[0].as_ref().expect("made").version, 1);
        let second = keys.encrypt("orders", SECRET).expect("allowed");
        assert!(second.starts_with("vault:v2:"), "{second}");
        assert_eq!(keys.decrypt("orders", &first).expect("allowed"), Ok(SECRET.to_owned()));

        keys.configure("orders", |change| change.min_decryption = Some(2)).expect("changed");
        assert_eq!(keys.decrypt("orders", &first).expect("allowed"), Err(Unfit::Retired(1)));
        keys.configure("orders", |change| change.min_encryption = Some(2)).expect("changed");
        let trim = TrimKey { name: key("orders"), min_available: 2 };
        keys.house.act(&keys.house.admin, trim).expect("trimmed");
        assert_eq!(slug(keys.configure("orders", |change| change.min_decryption = Some(1))), "validation");

        let delete = || keys.house.act(&keys.house.admin, DeleteKey { name: key("orders") });
        assert_eq!(slug(delete()), "conflict");
        assert_eq!(keys.event().key.as_deref(), Some("orders"));
        keys.configure("orders", |change| change.deletion_allowed = Some(true)).expect("changed");
        delete().expect("allowed now");
        assert_eq!(slug(delete()), "not-found");
        assert_eq!(slug(keys.encrypt("orders", "x")), "not-found");
        keys.create("orders", CIPHER).expect("made anew");
        for text in [&first, &second] {
            assert!(keys.decrypt("orders", text).expect("allowed").is_err());
        }
    }

    fn a_key_is_made_once(place) {
        let keys = Keys::new(place);
        let text = keys.encrypt("orders", SECRET).expect("allowed");
        assert_eq!(keys.create("orders", CIPHER).ok(), Some(true));
        assert_eq!(keys.decrypt("orders", &text).expect("allowed"), Ok(SECRET.to_owned()));
        for other in [TransitKind::Aes256Gcm { derived: true }, TransitKind::Hmac] {
            assert_eq!(slug(keys.create("orders", other)), "conflict");
        }
    }

    fn keys_are_listed_to_whom_a_role_names_them(place) {
        let keys = Keys::new(place);
        for name in ["billing-1", "billing-2", "billing-3"] {
            keys.create(name, TransitKind::Ed25519).expect("made");
        }
        let house = &keys.house;
        let listed = |caller: &Caller, after: Option<&str>, limit| {
            let list = house.act(caller, ListKeys { after: after.map(key), limit }).expect("allowed");
            let names: Vec<_> = list.items.into_iter().map(|item| item.name).collect();
            (names.join(" "), list.next.map(String::from))
        };
        let keeper = house.hire("staff", "billing_keeper", None);
        assert_eq!(listed(&house.admin, None, 9), ("billing-1 billing-2 billing-3 orders payments".to_owned(), None));
        assert_eq!(listed(&keeper, None, 3), ("billing-1 billing-2 billing-3".to_owned(), None));
        assert_eq!(listed(&keeper, None, 2), ("billing-1 billing-2".to_owned(), Some("billing-2".to_owned())));
        assert_eq!(listed(&keeper, Some("billing-2"), 2), ("billing-3".to_owned(), None));
        assert_eq!(needs(house.act(&keeper, ReadKey { name: key("orders") })).len(), 1);
        assert_eq!(needs(house.act(&keeper, CreateKey { name: key("mine"), kind: CIPHER })).len(), 1);
        assert_eq!(keys.event().key, None, "a name that was only typed");

        let view = house.act(&keeper, ReadKey { name: key("billing-1") }).expect("allowed").view().expect("readable");
        assert_eq!((view.latest, view.min_available, view.min_decryption, view.min_encryption), (1, 1, 1, 0));
        assert!(view.versions[0].public.is_some() && view.versions[0].created > 0 && !view.deletion_allowed);
    }

    fn a_key_does_what_its_kind_can(place) {
        let keys = Keys::new(place);
        for (name, kind) in [
            ("billing-sign", TransitKind::EcdsaP256),
            ("billing-mac", TransitKind::Hmac),
            ("billing-digits", TransitKind::Format(Format::Digits)),
        ] {
            keys.create(name, kind).expect("made");
        }
        let input = || SECRET.as_bytes().to_vec().into();
        let form = SignatureForm::default();
        let items = vec![Ok(SignItem { input: input(), version: None })];
        let signed = keys.work("billing-sign", Sign { form, prehashed: false, items }).expect("allowed");
        let signature = signed[0].as_ref().expect("signed").text.clone();
        for (said, valid) in [(input(), true), (b"another".to_vec().into(), false)] {
            let items = vec![Ok(VerifyItem { input: said, signature: signature.clone() })];
            let verified = keys.work("billing-sign", Verify { form, prehashed: false, items }).expect("allowed");
            assert_eq!(verified, [Ok(valid)]);
        }
        let hash = HashAlgorithm::Sha256;
        let items = vec![Ok(HmacItem { input: input(), version: None })];
        let mac = keys.work("billing-mac", Hmac { hash, items }).expect("allowed")[0].clone().expect("made").text;
        for (hash, valid) in [(hash, true), (HashAlgorithm::Sha512, false)] {
            let items = vec![Ok(VerifyHmacItem { input: input(), mac: mac.clone() })];
            assert_eq!(keys.work("billing-mac", VerifyHmac { hash, items }).expect("allowed"), [Ok(valid)]);
        }
        let value = "4000 1234 1234 1234".to_owned();
        let token = keys.work("billing-digits", Encode(vec![Ok(value.clone().into())])).expect("allowed").remove(0);
        let token = token.expect("a token");
        assert!(token.len() == value.len() && *token != value);
        let back = keys.work("billing-digits", Decode(vec![Ok(token)])).expect("allowed").remove(0);
        assert_eq!(*back.expect("a value"), value);

        let made = keys.work("orders", MakeDataKey::new(DataKeyLength::Bits512, Bound::nothing(), None)).expect("allowed");
        let (plain, wrapped) = made[0].clone().expect("a key");
        assert_eq!(plain.len(), 64);
        let opened = keys.work("orders", decrypt(&[&wrapped.text])).expect("allowed").remove(0).expect("opens");
        assert_eq!(*opened, *plain);
        let writer = keys.house.hire("service", "orders_writer", None);
        keys.ready(&writer, "orders", WrapDataKey::new(DataKeyLength::default(), Bound::nothing(), None)).expect("it may");
        let make = MakeDataKey::new(DataKeyLength::default(), Bound::nothing(), None);
        assert_eq!(slug(keys.ready(&writer, "orders", make)), "denied-by-policy");

        // What it cannot is refused before it is tried, open or not, and on record.
        for _ in 0..2 {
            let refused = keys.work("billing-mac", encrypt(&["x"])).expect_err("no cipher");
            let Error::Invalid(faults) = &refused else { panic!("{refused}") };
            assert_eq!(faults[0].detail, "this kind of key does not encrypt: use one that does");
            let event = keys.event();
            assert_eq!((event.ending, event.key.as_deref()), (Ending::Failed, Some("billing-mac")));
        }
    }

    fn a_text_is_encrypted_anew_without_being_shown(place) {
        let keys = Keys::new(place);
        let text = keys.encrypt("orders", SECRET).expect("allowed");
        keys.rotate("orders").expect("rotated");
        let writer = keys.house.hire("service", "orders_writer", None);
        let item = RewrapItem { ciphertext: text.clone().into(), bound: Bound::nothing(), version: None };
        let made = keys.ready(&writer, "orders", Rewrap(vec![Ok(item)])).expect("it may").run().expect("done");
        let anew = made[0].as_ref().expect("made");
        assert_eq!((anew.version, anew.text.starts_with("vault:v2:")), (2, true));
        assert_eq!(keys.decrypt("orders", &anew.text).expect("allowed"), Ok(SECRET.to_owned()));
    }

    fn there_is_an_end_to_everything(place) {
        let keys = Keys::new(place);
        let many = |count| encrypt(&vec!["x"; count]);
        keys.work("orders", many(MAX_ITEMS)).expect("as many as may be");
        assert_eq!(slug(UseKey::new(key("orders"), many(MAX_ITEMS + 1))), "validation");
        assert_eq!(slug(UseKey::new(key("orders"), many(0))), "validation");
        let half = "x".repeat(MAX_BYTES / 2);
        keys.work("orders", encrypt(&[&half, &half])).expect("as much as may be");
        assert_eq!(slug(UseKey::new(key("orders"), encrypt(&[&half, &half, "x"]))), "validation");

        let admin = &keys.house.admin;
        assert_eq!(slug(keys.house.act(admin, Plain(Random(16)))), "denied-by-policy");
        let random = |bytes| keys.house.act(&keys.app, Plain(Random(bytes)));
        assert_eq!(random(MAX_RANDOM).expect("allowed").run().expect("random").len(), MAX_RANDOM);
        assert_eq!((slug(random(MAX_RANDOM + 1)), slug(random(0))), ("validation", "validation"));
        let hash = Hash { algorithm: HashAlgorithm::Sha256, input: b"abc".to_vec().into() };
        let digest = keys.house.act(&keys.app, Plain(hash)).expect("allowed").run().expect("a digest");
        assert_eq!(digest[..4], [0xba, 0x78, 0x16, 0xbf]);

        let fill = |from: u64| format!(
            "insert into transit_key (name, kind, state, sealed) \
             with recursive n (i) as (select {from} union all select i + 1 from n where i < {MAX_KEYS}) \
             select 'filler-' || i, 'hmac', {{}}, {{}} from n"
        );
        let fill = |blob: &str| fill(4).replace("{}", blob);
        place.meddle(false, &fill("x'00'"), &fill("'\\x00'::bytea"));
        keys.create("last", CIPHER).expect("the last one");
        assert_eq!(slug(keys.create("beyond", CIPHER)), "conflict");
    }

    fn rows_that_change_places_are_refused(place) {
        let mut keys = Keys::new(place);
        let text = keys.encrypt("orders", SECRET).expect("allowed");
        let other = "(select @ from swapped where swapped.name <> transit_key.name)";
        let swap = |columns: &[&str]| {
            let set: Vec<_> = columns.iter().map(|column| format!("{column} = {}", other.replace('@', column))).collect();
            let set = set.join(", ");
            format!("create table swapped as select * from transit_key; update transit_key set {set}; drop table swapped;")
        };
        let swaps = [
            swap(&["sealed"]),
            swap(&["state"]),
            // The whole of it, under another name.
            swap(&["state", "sealed"]),
        ];
        for swap in swaps {
            keys = keys.reopened_after(|| place.meddle(false, &swap, &swap));
            assert_eq!(slug(keys.decrypt("orders", &text)), "integrity", "{swap}");
            assert_eq!((keys.event().problem.as_deref(), keys.event().key.as_deref()), (Some("integrity"), Some("orders")));
            keys = keys.reopened_after(|| place.meddle(false, &swap, &swap));
            assert_eq!(keys.decrypt("orders", &text).expect("swapped back"), Ok(SECRET.to_owned()));
        }
        // A kind that it is not, which would let it be used for something else.
        let kind = |kind: &str| format!("update transit_key set kind = '{kind}' where name = 'orders'");
        keys = keys.reopened_after(|| place.meddle(false, &kind("digits"), &kind("digits")));
        assert_eq!(slug(keys.work("orders", Encode(vec![Ok("1234567".to_owned().into())]))), "integrity");
        keys = keys.reopened_after(|| place.meddle(false, &kind("aes256-gcm96"), &kind("aes256-gcm96")));
        keys.decrypt("orders", &text).expect("allowed").expect("as it was");
    }

    /// To whom no role names it, a damaged key is like any other, and like none.
    fn whoever_may_not_use_a_key_does_not_learn_that_it_is_damaged(place) {
        let mut keys = Keys::new(place);
        for column in ["sealed", "state"] {
            let damage = |blob: &str| format!("update transit_key set {column} = {blob} where name in ('orders', 'payments')");
            keys = keys.reopened_after(|| place.meddle(false, &damage("x'00'"), &damage("'\\x00'::bytea")));
            let refused = needs(keys.work("payments", encrypt(&["x"])));
            assert!(matches!(&refused[..], [Need::Key { .. }]), "{refused:?}");
            assert_eq!(keys.event().ending, Ending::Refused);
            assert_eq!(slug(keys.work("orders", encrypt(&["x"]))), "integrity", "{column}");
        }
    }

    /// What `SECURITY.md` says of it: a genuine row is not known to be the newest.
    fn a_row_that_is_put_back_is_the_key_as_it_was(place) {
        let keys = Keys::new(place);
        let first = keys.encrypt("orders", SECRET).expect("allowed");
        let keep = "create table kept as select * from transit_key where name = 'orders'";
        place.meddle(false, keep, keep);
        keys.rotate("orders").expect("rotated");
        keys.configure("orders", |change| change.min_decryption = Some(2)).expect("changed");
        let second = keys.encrypt("orders", SECRET).expect("allowed");
        let back = "delete from transit_key where name = 'orders'; insert into transit_key select * from kept; drop table kept";
        place.meddle(false, back, back);
        assert_eq!(keys.decrypt("orders", &first).expect("allowed"), Ok(SECRET.to_owned()));
        assert_eq!(keys.decrypt("orders", &second).expect("allowed"), Err(Unfit::Foreign));
    }
}

#[test]
fn a_row_of_another_vault_is_refused() {
    let (here, there) = (Place::new(Kind::Sqlite), Place::new(Kind::Sqlite));
    let keys = Keys::new(&here);
    let text = keys.encrypt("orders", SECRET).expect("allowed");
    let other = Keys::new(&there);
    let bring = format!(
        "attach '{}' as other; delete from transit_key; insert into transit_key select * from other.transit_key; detach other",
        here.files().data.display()
    );
    there.meddle(false, &bring, "");
    assert_eq!(slug(other.decrypt("orders", &text)), "integrity");
    assert_eq!(keys.decrypt("orders", &text).expect("allowed"), Ok(SECRET.to_owned()));
}

#[test]
fn the_files_hold_neither_what_was_sent_nor_a_key() {
    let place = Place::new(Kind::Sqlite);
    let keys = Keys::new(&place);
    let text = keys.encrypt("orders", SECRET).expect("allowed");
    keys.decrypt("orders", &text).expect("allowed").expect("opens");
    keys.create("billing-digits", TransitKind::Format(Format::Digits)).expect("made");
    keys.work("billing-digits", Encode(vec![Ok("9876543210987654".to_owned().into())])).expect("allowed");
    // How the encoding of a key begins: format, kind, no parameters, versions 1 to 1, minimums, and when it was made.
    let admin = ReadKey { name: key("orders") };
    let view = keys.house.act(&keys.house.admin, admin).expect("allowed").view().expect("readable");
    let [one, none] = [1_u32, 0].map(u32::to_le_bytes);
    let head =
        [&[1, 1, 0, 0, 0, 0], &one[..], &one, &one, &none, &view.versions[0].created.to_le_bytes()].concat();

    let mut looked_at = 0;
    for entry in std::fs::read_dir(place.directory()).expect("readable") {
        let path = entry.expect("readable").path();
        let bytes = std::fs::read(&path).expect("readable");
        looked_at += bytes.len();
        let planted = [SECRET, "9876543210987654"].into_iter().flat_map(forms).chain([head.clone()]);
        for form in planted {
            assert!(!bytes.windows(form.len()).any(|window| window == form), "{}", path.display());
        }
        let name = b"billing-digits";
        let is_data = path.ends_with("data.db-wal") || path.ends_with("data.db");
        looked_at += usize::from(is_data && bytes.windows(name.len()).any(|window| window == name)) << 30;
    }
    assert!(looked_at > 1 << 30, "the files were not where this test looked");
}

#[test]
fn what_was_destroyed_is_soon_in_no_file() {
    let place = Place::new(Kind::Sqlite);
    let keys = Keys::new(&place);
    let sealed = || -> Vec<u8> {
        let data = rusqlite::Connection::open(place.files().data).expect("a database");
        let row = "select sealed from transit_key where name = 'orders'";
        data.query_row(row, [], |row| row.get(0)).expect("a row")
    };
    let held = |sealed: &[u8]| {
        let files = std::fs::read_dir(place.directory()).expect("readable");
        files
            .map(|entry| std::fs::read(entry.expect("readable").path()).expect("readable"))
            .any(|bytes| bytes.windows(sealed.len()).any(|window| window == sealed))
    };
    // The engine's log is emptied by itself soon after the answer.
    let soon_gone = |sealed: &[u8]| {
        let begun = std::time::Instant::now();
        while held(sealed) {
            assert!(begun.elapsed().as_secs() < 20, "it is still there");
            std::thread::yield_now();
        }
    };

    let first = sealed();
    keys.rotate("orders").expect("rotated");
    let minimums = |change: &mut ConfigureKey| {
        (change.min_decryption, change.min_encryption) = (Some(2), Some(2));
        change.deletion_allowed = Some(true);
    };
    keys.configure("orders", minimums).expect("changed");
    assert!(held(&first), "this test looks where keys are");
    let trim = TrimKey { name: key("orders"), min_available: 2 };
    keys.house.act(&keys.house.admin, trim).expect("trimmed");
    soon_gone(&first);

    let last = sealed();
    keys.house.act(&keys.house.admin, DeleteKey { name: key("orders") }).expect("deleted");
    soon_gone(&last);
}

#[test]
fn debug_shows_names_and_nothing_that_was_sent() {
    let place = Place::new(Kind::Sqlite);
    let keys = Keys::new(&place);
    let work = encrypt(&[SECRET]);
    let mut shown = format!("{work:?} {:?}", UseKey::new(key("orders"), work.clone()));
    let ready = keys.ready(&keys.app, "orders", work).expect("allowed");
    shown.push_str(&format!(" {ready:?}"));
    let made = ready.run().expect("it encrypts");
    shown.push_str(&format!(" {made:?} {:?}", keys.house.app));
    let text = made[0].as_ref().expect("made").text.clone();
    let opened = keys.work("orders", decrypt(&[&text])).expect("allowed");
    shown.push_str(&format!(" {:?} {opened:?}", decrypt(&[&text])));
    for hidden in [SECRET, &format!("{:?}", SECRET.as_bytes()), &text[9..]] {
        assert!(!shown.contains(hidden), "{hidden} in {shown}");
    }
    assert!(shown.contains("orders"));
}
