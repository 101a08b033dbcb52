//! The kinds of tokens and their ends: each in its form, each revocable, none that comes back.

use avouch_core::backup::{Sources, Stores};
use avouch_core::gate::Caller;
use avouch_core::vault::{
    CreateTokens, Detokenize, ForeignToken, ImportTokens, InspectTokens, ListTokens, NoToken, Presented,
    RevokeTokens, RevokeWhich, RotateTokens, Terms, TokenItem, TokenView, TokensOf,
};
use avouch_core::{Error, SubjectId};
use avouch_testkit::{Place, both_engines};
use serde_json::{Value as Json, json};

use crate::backup::{back_up, lose, restore};
use crate::charters::{apply, charter};
use crate::house::{House, slug};
use crate::people::erased;

const DAY: i64 = 86_400_000_000;

/// A vault whose recipients `lab` and `bench` are given every kind of token.
struct Desk<'p> {
    house: House<'p>,
    desk: Caller,
    lab: Caller,
}

impl<'p> Desk<'p> {
    fn new(place: &'p Place, tokens: &str) -> Self {
        let house = House::new(place);
        let recipient = |name: &str| {
            format!(
                "{name}:\n  title: A laboratory\n  kind: processor\n  country: DE\n  purposes: [lab_work]\n  \
                 fields: [name, email, phones, birth_date, card_number, company, national_id, language]\n  \
                 tokens:\n{tokens}\n"
            )
        };
        let recipients = format!("{}\n{}\nparcels:", recipient("lab"), recipient("bench"));
        let sees = "  sees:\n    - fields: [identity, contact, financial, relationship]\n      reads: clear\n      \
                    reveals: clear\n";
        let roles = format!(
            "token_desk:\n  title: Token desk\n  holder: service\n  actions: [token.create, token.read, token.revoke, \
             token.import]\n  purposes: [lab_work]\n{sees}\nlab_api:\n  title: Laboratory\n  holder: service\n  \
             actions: [token.detokenize]\n  purposes: [lab_work]\n{sees}\nshop:"
        );
        let purposes = "lab_work:\n  title: Finding out\n  legal_basis: contract\n  fields: [identity, contact, \
                        financial, relationship]\n  reason: none\n\nsupport:";
        let files = charter(&[
            ("recipients.yaml", "parcels:", &recipients),
            ("roles.yaml", "shop:", &roles),
            ("purposes.yaml", "support:", purposes),
        ]);
        apply(&house, files, 1).expect("a charter with a laboratory");
        let desk = house.hire("service", "token_desk", None);
        let lab = house.hire("service", "lab_api", Some("lab"));
        Self { house, desk, lab }
    }

    fn person(&self, fields: Json) -> SubjectId {
        self.house.create(&self.house.importer, fields).expect("created")
    }

    fn ask(&self, items: &[(SubjectId, &str, Option<usize>)], terms: Terms) -> Vec<Result<String, NoToken>> {
        self.ask_for("lab", items, terms).expect("allowed")
    }

    fn ask_for(
        &self,
        recipient: &str,
        items: &[(SubjectId, &str, Option<usize>)],
        terms: Terms,
    ) -> Result<Vec<Result<String, NoToken>>, Error> {
        let items = items.iter().map(|(subject, field, value)| TokenItem {
            subject: *subject,
            field: (*field).to_owned(),
            value: *value,
        });
        let (items, purpose) = (items.collect(), Some("lab_work".to_owned()));
        let operation = CreateTokens { recipient: recipient.to_owned(), purpose, reason: None, items, terms };
        self.house.act(&self.desk, operation)
    }

    fn one(&self, id: SubjectId, field: &str) -> String {
        self.ask(&[(id, field, None)], Terms::default()).remove(0).expect("a token")
    }

    fn open(&self, token: &str) -> Result<Json, Error> {
        self.open_as(&self.lab, token, None)
    }

    fn open_as(&self, caller: &Caller, token: &str, recipient: Option<&str>) -> Result<Json, Error> {
        let why = (Some("lab_work".to_owned()), None);
        let document = json!({ "it": token });
        let operation = Detokenize::new(document, why, &["/it".to_owned()], recipient.map(str::to_owned))
            .expect("one token");
        self.house.act(caller, operation).map(|done| done.document["it"].clone())
    }

    fn is_dead(&self, token: &str) {
        assert_eq!(slug(self.open(token)), "token-unusable");
    }

    fn revoke(&self, which: RevokeWhich) -> Result<Option<u64>, Error> {
        let revoke = RevokeTokens { which, purpose: None, reason: None };
        self.house.act(&self.desk, revoke).map(|revoked| revoked.tokens)
    }

    fn revoke_one(&self, token: &str) -> Result<Option<u64>, Error> {
        let presented = Presented::parse(token).expect("a token");
        self.revoke(RevokeWhich::These(vec![presented], Some("lab".to_owned())))
    }

    fn inspect(&self, token: &str) -> Vec<TokenView> {
        let inspect = InspectTokens {
            tokens: vec![Presented::parse(token).expect("a token")],
            recipient: Some("lab".to_owned()),
            purpose: Some("lab_work".to_owned()),
            reason: None,
        };
        self.house.act(&self.desk, inspect).expect("allowed").remove(0)
    }

    fn list(&self, of: TokensOf, tag: Option<&str>) -> Vec<TokenView> {
        let (mut all, mut after) = (Vec::new(), None);
        loop {
            let list = ListTokens {
                of: of.clone(),
                tag: tag.map(str::to_owned),
                after,
                limit: 2,
                purpose: Some("lab_work".to_owned()),
                reason: None,
            };
            let page = self.house.act(&self.desk, list).expect("allowed");
            all.extend(page.items);
            match page.next {
                // What is given back are bytes.
                Some(next) => {
                    after = avouch_core::vault::TokenPlace::from_bytes(&next.to_bytes());
                    assert_eq!(after, Some(next));
                }
                None => return all,
            }
        }
    }

    fn now(&self) -> i64 {
        self.house.app.now()
    }
}

fn eva(email: &str) -> Json {
    json!({
        "name": "Eva Example", "email": email, "phones": ["+49 761 123456"], "birth_date": "1984-05-17",
        "card_number": "4242 4242 4242 4242", "company": "Beispiel GmbH 42", "language": "de"
    })
}

fn terms(now: i64, days: Option<i64>, uses: Option<u32>, tags: &[&str]) -> Terms {
    let tags: Vec<String> = tags.iter().map(|tag| (*tag).to_owned()).collect();
    let metadata = json!({"order": 4711});
    Terms::new(days.map(|days| now + days * DAY), uses, metadata.as_object(), &tags, now)
        .expect("fitting terms")
}

/// Whether a card number passes the check of card numbers.
fn passes_luhn(text: &str) -> bool {
    let digits = text.bytes().rev().map(|byte| u32::from(byte - b'0')).enumerate();
    digits
        .map(|(at, digit)| if at % 2 == 0 { digit } else { (2 * digit) / 10 + (2 * digit) % 10 })
        .sum::<u32>()
        % 10
        == 0
}

both_engines! {
    fn equal_values_have_one_token_that_lives_as_long_as_somebody_has_the_value(place) {
        let desk = Desk::new(place, "    default: value");
        let (eva, adam) = (desk.person(eva("eva@example.com")), desk.person(eva("adam@example.com")));
        let token = desk.one(eva, "company");
        assert!(token.starts_with("tok_lab_"), "{token}");
        assert_eq!(desk.one(eva, "company"), token);
        assert_eq!(desk.one(adam, "company"), token, "equal values, equal tokens");
        assert_ne!(desk.one(eva, "email"), desk.one(adam, "email"));
        let elsewhere = desk.ask_for("bench", &[(eva, "company", None)], Terms::default()).expect("allowed").remove(0);
        assert_ne!(elsewhere.expect("a token"), token, "and not with another recipient");
        assert_eq!(desk.open(&token).expect("its own"), "Beispiel GmbH 42");
        assert_eq!(desk.inspect(&token).len(), 2);

        // One of them has another employer now; the token means the value, and the other one still has it.
        let support = desk.house.hire("staff", "support", None);
        desk.house.update(&support, eva, 1, json!({"company": "Anderswo AG"})).expect("updated");
        assert_eq!(desk.open(&token).expect("Adam's"), "Beispiel GmbH 42");
        let dpo = desk.house.hire("staff", "dpo", None);
        erased(&desk.house, &dpo, adam).expect("erased");
        desk.is_dead(&token);
        assert_eq!(desk.open(&desk.one(eva, "company")).expect("the new one"), "Anderswo AG");
        // A list is not one value.
        assert_eq!(desk.ask(&[(eva, "phones", None)], Terms::default()), [Err(NoToken::List)]);
        let phone = desk.ask(&[(eva, "phones", Some(0))], Terms::default()).remove(0).expect("a token");
        assert_eq!(desk.open(&phone).expect("one of a list"), "+49761123456");
    }

    fn tokens_keep_the_form_of_their_values(place) {
        let desk = Desk::new(place, "    default: random\n    email: format\n    phones: format\n    birth_date: format\n    \
                                         card_number: format_value\n    company: format");
        let id = desk.person(eva("eva@example.com"));
        let card = desk.one(id, "card_number");
        assert!(card.len() == 16 && card.ends_with("4242") && !passes_luhn(&card), "{card}");
        assert_eq!(desk.one(id, "card_number"), card, "computed from the value");
        assert_eq!(desk.open(&card).expect("a card"), "4242424242424242");
        let grouped = format!("{} {}-{} {}", &card[..4], &card[4..8], &card[8..12], &card[12..]);
        assert_eq!(desk.open(&grouped).expect("however it is written"), "4242424242424242");

        let phone = desk.ask(&[(id, "phones", Some(0))], Terms::default()).remove(0).expect("a token");
        assert!(phone.starts_with("+49") && phone.len() == "+49761123456".len() && phone != "+49761123456", "{phone}");
        assert_eq!(desk.open(&phone).expect("a phone"), "+49761123456");

        let date = desk.one(id, "birth_date");
        assert_eq!((date.len(), &date[4..5], &date[7..8]), (10, "-", "-"), "{date}");
        assert_ne!(date, desk.one(id, "birth_date"), "a new one each time");
        assert_eq!(desk.open(&date).expect("a date"), "1984-05-17");

        let company = desk.one(id, "company");
        let shape = |text: &str| text.chars().map(|c| if c.is_ascii_digit() { '9' } else if c.is_uppercase() { 'A' }
            else if c.is_lowercase() { 'a' } else { c }).collect::<String>();
        assert_eq!(shape(&company), shape("Beispiel GmbH 42"), "{company}");
        assert_eq!(desk.open(&company).expect("a text"), "Beispiel GmbH 42");

        let mail = desk.one(id, "email");
        assert!(mail.ends_with("@lab.tokens.lindenhof.example"), "{mail}");
        assert_eq!(desk.open(&mail).expect("an address"), "eva@example.com");
        assert_eq!(desk.open(&mail.to_uppercase()).expect("in capitals"), "eva@example.com");

        // An address says itself whose it is, wherever it stands; other people's addresses are left alone.
        let why = || (Some("lab_work".to_owned()), None);
        let both = json!({"to": mail, "from": "sales@example.com"});
        let opened = desk.house.act(&desk.lab, Detokenize::new(both, why(), &[], None).expect("a token")).expect("opened");
        assert_eq!(opened.document, json!({"to": "eva@example.com", "from": "sales@example.com"}));
        // A card does not: without its place nothing is looked for, and another recipient has no such token.
        assert!(Detokenize::new(json!({"card": card}), why(), &[], None).is_err());
        let bench = desk.house.hire("service", "lab_api", Some("bench"));
        assert_eq!(slug(desk.open_as(&bench, &card, None)), "token-unusable");
        assert_eq!(slug(desk.open_as(&bench, &card, Some("lab"))), "token-unusable", "whatever it says");
        let dpo = desk.house.hire("staff", "dpo", None);
        erased(&desk.house, &dpo, id).expect("erased");
        for token in [&card, &phone, &date, &company, &mail] {
            desk.is_dead(token);
        }
    }

    fn a_value_without_a_form_is_told_apart_from_no_value(place) {
        let desk = Desk::new(place, "    default: random\n    company: format");
        let short = desk.person(json!({"name": "Eva", "email": "eva@example.com", "company": "AB"}));
        let other = desk.person(json!({"name": "Ivo", "email": "ivo@example.com", "company": "Žluťoučký kůň"}));
        let none = desk.person(json!({"name": "Udo", "email": "udo@example.com"}));
        let asked = [(short, "company", None), (other, "company", None), (none, "company", None)];
        let made = desk.ask(&asked, Terms::default());
        assert_eq!(made, [Err(NoToken::Formless), Err(NoToken::Formless), Err(NoToken::Absent)]);
    }

    fn a_one_way_text_is_the_same_each_time_and_opens_for_nobody(place) {
        let desk = Desk::new(place, "    default: one_way");
        let id = desk.person(eva("eva@example.com"));
        let text = desk.one(id, "email");
        assert_eq!(desk.one(id, "email"), text);
        desk.is_dead(&text);
        assert!(desk.inspect(&text).is_empty());
        let asked = terms(desk.now(), None, Some(1), &[]);
        assert_eq!(desk.ask(&[(id, "email", None)], asked), [Err(NoToken::Endless)]);
    }

    fn tokens_expire_and_are_used_up(place) {
        let desk = Desk::new(place, "    default: {kind: random, expires: 20 days, uses: 3}\n    company: pointer");
        let id = desk.person(eva("eva@example.com"));
        let now = desk.now();
        let by_charter = desk.one(id, "name");
        // A request may be stricter than the charter, never looser.
        let once = desk.ask(&[(id, "name", None)], terms(now, None, Some(1), &[])).remove(0).expect("a token");
        let often = desk.ask(&[(id, "name", None)], terms(now, Some(90), Some(9), &[])).remove(0).expect("a token");
        let a_day = desk.ask(&[(id, "name", None)], terms(now, Some(1), None, &[])).remove(0).expect("a token");
        let view = desk.inspect(&often).remove(0);
        assert_eq!(view.uses_left, Some(3));
        assert_eq!(view.expires.map(|expires| (expires - now) / DAY), Some(20));
        // Of a pointer nothing is kept, so one that is to end is a random token.
        let pointer = desk.ask(&[(id, "company", None)], terms(now, None, Some(1), &[])).remove(0).expect("a token");
        assert!(pointer.len() < 50);
        assert_eq!(desk.open(&pointer).expect("once"), "Beispiel GmbH 42");
        desk.is_dead(&pointer);

        assert_eq!(desk.open(&once).expect("once"), "Eva Example");
        desk.is_dead(&once);
        // The same token twice in a document is one look, and a document that is refused takes nothing.
        let why = || (Some("lab_work".to_owned()), None);
        let twice = Detokenize::new(json!([by_charter, by_charter]), why(), &[], None).expect("tokens");
        desk.house.act(&desk.lab, twice).expect("both");
        let refused = Detokenize::new(json!([by_charter, once]), why(), &[], None).expect("tokens");
        assert_eq!(slug(desk.house.act(&desk.lab, refused)), "token-unusable");
        assert_eq!(desk.inspect(&by_charter).remove(0).uses_left, Some(2));

        desk.house.clock.advance(std::time::Duration::from_secs(86_400));
        desk.is_dead(&a_day);
        assert_eq!(desk.open(&by_charter).expect("not yet"), "Eva Example");
        desk.house.clock.advance(std::time::Duration::from_secs(20 * 86_400));
        desk.is_dead(&by_charter);
        // A month later even that there was one is forgotten.
        desk.house.clock.advance(std::time::Duration::from_secs(31 * 86_400));
        assert!(desk.house.app.sweep().expect("swept") >= 2);
    }

    fn what_was_revoked_never_comes_back(place) {
        let desk = Desk::new(place, "    default: pointer\n    company: value\n    card_number: format_value\n    email: random");
        let id = desk.person(eva("eva@example.com"));
        for field in ["name", "company", "card_number", "email"] {
            let token = desk.one(id, field);
            let value = desk.open(&token).expect("alive");
            assert_eq!(desk.revoke_one(&token).expect("revoked"), Some(1), "{field}");
            desk.is_dead(&token);
            assert_eq!(desk.revoke_one(&token).expect("again"), Some(0), "it is over already");
            let views = desk.inspect(&token);
            assert!(!views.is_empty() && views.iter().all(|view| view.revoked.is_some() && !view.usable));
            let next = desk.one(id, field);
            assert_ne!(next, token, "{field}");
            assert_eq!(desk.open(&next).expect("another one"), value);
            desk.is_dead(&token);
        }
        // Another person's pointers do not mind.
        let adam = desk.person(eva("adam@example.com"));
        let other = desk.one(adam, "name");
        assert_eq!(other, desk.one(adam, "name"));
        assert_eq!(desk.open(&other).expect("alive"), "Eva Example");
        // The server that starts again knows as well.
        let pointer = desk.one(adam, "name");
        desk.revoke_one(&pointer).expect("revoked");
        let Desk { house, lab, .. } = desk;
        let house = house.reopen();
        let why = (Some("lab_work".to_owned()), None);
        let again = Detokenize::new(json!([pointer]), why, &[], None).expect("a token");
        assert_eq!(slug(house.act(&lab, again)), "token-unusable");
    }

    fn what_a_time_gave_that_was_taken_back_stays_ended_when_its_end_is_repeated(place) {
        let mut desk = Desk::new(place, "    default: pointer");
        let eva = desk.person(eva("eva@example.com"));
        let data = back_up(&desk.house, Stores::Data)[0].clone();
        desk.revoke(RevokeWhich::Subject(eva)).expect("revoked");
        let of_second = desk.one(eva, "name");
        desk.revoke(RevokeWhich::Recipient("lab".to_owned())).expect("revoked");
        let of_third = desk.one(eva, "name");
        desk.open(&of_third).expect("alive");

        let keepers = desk.house.shut();
        lose(place, false);
        let sources = Sources { data: Some(data), ..Sources::default() };
        desk.house = restore(&keepers, place, &sources).expect("restored");
        desk.house.clock.advance(std::time::Duration::from_secs(86_400));
        let lost = [&of_second, &of_third];
        lost.iter().for_each(|token| desk.is_dead(token));
        desk.revoke(RevokeWhich::Subject(eva)).expect("revoked again");
        lost.iter().for_each(|token| desk.is_dead(token));
        desk.revoke(RevokeWhich::Recipient("lab".to_owned())).expect("revoked again");
        lost.iter().for_each(|token| desk.is_dead(token));
        desk.open(&desk.one(eva, "name")).expect("alive");
    }

    fn all_tokens_of_a_person_or_of_a_recipient_end_at_once(place) {
        let desk = Desk::new(place, "    default: pointer\n    company: value\n    email: random");
        let (eva, adam) = (desk.person(eva("eva@example.com")), desk.person(eva("adam@example.com")));
        let fields = ["name", "company", "email"];
        let of = |id| fields.map(|field| desk.one(id, field));
        let (hers, his) = (of(eva), of(adam));
        assert_eq!(desk.revoke(RevokeWhich::Subject(eva)).expect("revoked"), None);
        desk.is_dead(&hers[0]);
        desk.is_dead(&hers[2]);
        // This one is Adam's as well, who goes on to have it.
        assert_eq!(hers[1], his[1]);
        assert_eq!(desk.open(&hers[1]).expect("his"), "Beispiel GmbH 42");
        let anew = of(eva);
        assert!(anew.iter().zip(&hers).all(|(new, old)| new != old));
        anew.iter().chain(&his).for_each(|token| drop(desk.open(token).expect("alive")));

        let elsewhere = desk.ask_for("bench", &[(eva, "name", None)], Terms::default()).expect("allowed").remove(0);
        desk.revoke(RevokeWhich::Recipient("lab".to_owned())).expect("revoked");
        anew.iter().chain(&his).for_each(|token| desk.is_dead(token));
        let bench = desk.house.hire("service", "lab_api", Some("bench"));
        desk.open_as(&bench, &elsewhere.expect("a token"), None).expect("another recipient's");
        let after = of(adam);
        assert!(after.iter().zip(&his).all(|(new, old)| new != old));
        after.iter().for_each(|token| drop(desk.open(token).expect("alive")));
        let mut nobody = *eva.bytes();
        nobody[15] ^= 1;
        assert_eq!(slug(desk.revoke(RevokeWhich::Subject(SubjectId::from_bytes(nobody)))), "not-found");
    }

    fn a_rotated_token_is_replaced_and_ends(place) {
        let desk = Desk::new(place, "    default: pointer\n    company: value\n    card_number: format_value\n    email: format");
        let id = desk.person(eva("eva@example.com"));
        let old = ["name", "company", "card_number", "email"].map(|field| desk.one(id, field));
        let values = old.each_ref().map(|token| desk.open(token).expect("alive"));
        let rotate = |tokens: &[String]| {
            let tokens = tokens.iter().map(|token| Presented::parse(token).expect("a token")).collect();
            let purpose = Some("lab_work".to_owned());
            let terms = Terms::default();
            RotateTokens { tokens, recipient: "lab".to_owned(), purpose, reason: None, terms }
        };
        let new = desk.house.act(&desk.desk, rotate(&old)).expect("rotated");
        for ((old, new), value) in old.iter().zip(&new).zip(&values) {
            assert_ne!(old, new);
            desk.is_dead(old);
            assert_eq!(desk.open(new).expect("alive"), *value);
        }
        assert!(new[2].len() == 16 && new[2].ends_with("4242"), "a card goes on to look like one");
        // Half of it is nothing of it.
        let (dead, alive) = (old[0].clone(), new[0].clone());
        assert_eq!(slug(desk.house.act(&desk.desk, rotate(&[alive.clone(), dead]))), "token-unusable");
        desk.open(&alive).expect("still alive");
    }

    fn tokens_are_found_by_person_recipient_and_tag(place) {
        let desk = Desk::new(place, "    default: random");
        let (eva, adam) = (desk.person(eva("eva@example.com")), desk.person(eva("adam@example.com")));
        let now = desk.now();
        desk.ask(&[(eva, "name", None), (eva, "email", None), (adam, "name", None)], terms(now, None, None, &["spring"]));
        desk.ask(&[(eva, "company", None)], terms(now, None, None, &["autumn", "b2b"]));
        desk.ask_for("bench", &[(eva, "name", None)], Terms::default()).expect("allowed");
        assert_eq!(desk.list(TokensOf::Subject(eva), None).len(), 4);
        assert_eq!(desk.list(TokensOf::Recipient("lab".to_owned()), None).len(), 4);
        assert_eq!(desk.list(TokensOf::Recipient("lab".to_owned()), Some("spring")).len(), 3);
        let found = desk.list(TokensOf::Subject(eva), Some("b2b")).remove(0);
        assert_eq!((found.field.as_deref(), found.recipient.as_str()), (Some("company"), "lab"));
        assert_eq!(found.metadata, json!({"order": 4711}).as_object().cloned());
        assert!(found.usable && found.made.is_some_and(|made| made >= now));
        let id = found.id.expect("it is kept");
        assert_eq!(desk.revoke(RevokeWhich::Ids(vec![id], "lab".to_owned())).expect("revoked"), Some(1));
        assert!(!desk.list(TokensOf::Subject(eva), Some("b2b")).remove(0).usable);
        assert_eq!(slug(desk.revoke(RevokeWhich::Ids(vec![[7; 16]], "lab".to_owned()))), "token-unusable");
    }

    fn tokens_of_another_system_are_taken_over(place) {
        let desk = Desk::new(place, "    default: pointer\n    card_number: format");
        let (eva, adam) = (desk.person(eva("eva@example.com")), desk.person(eva("adam@example.com")));
        let import = |rows: &[(SubjectId, &str, &str)]| {
            let tokens = rows.iter().map(|(subject, field, token)| ForeignToken {
                item: TokenItem { subject: *subject, field: (*field).to_owned(), value: None },
                token: (*token).to_owned().into(),
            });
            let (tokens, purpose) = (tokens.collect(), Some("lab_work".to_owned()));
            let terms = Terms::default();
            let import = ImportTokens { recipient: "lab".to_owned(), purpose, reason: None, tokens, terms };
            desk.house.act(&desk.desk, import)
        };
        let rows = [(eva, "name", "old-token-1"), (adam, "name", "old-token-2"), (eva, "card_number", "9999-8888-7777")];
        assert_eq!(import(&rows).expect("taken over"), [Ok(()), Ok(()), Ok(())]);
        assert_eq!(import(&rows).expect("again"), [Ok(()), Ok(()), Ok(())], "safe to repeat");
        assert_eq!(desk.open("old-token-1").expect("its own"), "Eva Example");
        assert_eq!(desk.open("9999-8888-7777").expect("its own"), "4242424242424242");
        desk.is_dead("old-token-3");
        assert!(desk.inspect("old-token-2").remove(0).foreign);
        // One text stands for one thing, and what was revoked is not taken over again.
        assert_eq!(import(&[(adam, "name", "old-token-1")]).expect("asked"), [Err(NoToken::Crowded)]);
        desk.revoke_one("old-token-1").expect("revoked");
        assert_eq!(import(&rows[..1]).expect("asked"), [Err(NoToken::Crowded)]);
        desk.is_dead("old-token-1");
        for bad in ["short", "tok_lab_looks_like_ours", "with\ncontrol"] {
            assert_eq!(slug(import(&[(eva, "name", bad)])), "validation", "{bad}");
        }
        let ours = desk.one(eva, "card_number");
        assert_eq!(import(&[(adam, "name", &ours)]).expect("asked"), [Err(NoToken::Crowded)]);
    }

    fn what_many_share_ends_for_all_of_them_and_lives_while_any_has_it(place) {
        let desk = Desk::new(place, "    default: value");
        let people: Vec<_> = (0..40).map(|at| desk.person(eva(&format!("eva{at}@example.com")))).collect();
        let token = desk.one(people[0], "company");
        assert!(people.iter().all(|id| desk.one(*id, "company") == token));
        // All but the last go to another company, however many came before.
        let support = desk.house.hire("staff", "support", None);
        for id in &people[..39] {
            desk.house.update(&support, *id, 1, json!({"company": "Anderswo AG"})).expect("updated");
        }
        assert_eq!(desk.open(&token).expect("the last one's"), "Beispiel GmbH 42");
        // One's own part ends, whatever their number among those who share it.
        desk.revoke(RevokeWhich::Subject(people[39])).expect("revoked");
        desk.is_dead(&token);
        assert_ne!(desk.one(people[39], "company"), token);

        let token = desk.one(people[0], "company");
        assert!(people[1..39].iter().all(|id| desk.one(*id, "company") == token));
        assert_eq!(desk.revoke_one(&token).expect("revoked"), Some(1));
        let dpo = desk.house.hire("staff", "dpo", None);
        for id in &people[..3] {
            erased(&desk.house, &dpo, *id).expect("erased");
        }
        desk.is_dead(&token);
        assert!(people[3..].iter().all(|id| desk.one(*id, "company") != token), "nobody gets it again");
        // Not even when nobody of those is there any more.
        let late = desk.person(json!({"name": "Udo", "email": "late@example.com", "company": "Anderswo AG"}));
        assert_ne!(desk.one(late, "company"), token);
    }

    fn to_be_given_again_does_not_loosen_a_token(place) {
        let desk = Desk::new(place, "    default: value");
        let (eva, adam) = (desk.person(eva("eva@example.com")), desk.person(eva("adam@example.com")));
        let now = desk.now();
        let asked = terms(now, Some(1), Some(2), &["spring"]);
        let token = desk.ask(&[(eva, "company", None)], asked).remove(0).expect("a token");
        assert_eq!(desk.one(eva, "company"), token);
        assert_eq!(desk.one(adam, "company"), token);
        let views = desk.inspect(&token);
        assert!(views.iter().all(|view| view.uses_left == Some(2)), "whoever shares it, it is one token");
        let hers = views.iter().find(|view| view.subject == eva).expect("hers");
        assert_eq!((hers.tags.as_slice(), hers.expires), (&["spring".to_owned()][..], Some(now + DAY)));
        for _ in 0..2 {
            desk.open(&token).expect("twice");
        }
        desk.is_dead(&token);
        // Equal values have equal tokens: one that is used up is made anew by asking for it.
        assert_eq!(desk.one(adam, "company"), token);
        desk.open(&token).expect("anew");
    }

    fn a_shared_token_is_not_rotated_and_none_is_rotated_twice(place) {
        let desk = Desk::new(place, "    default: pointer\n    company: value");
        let (eva, adam) = (desk.person(eva("eva@example.com")), desk.person(eva("adam@example.com")));
        let rotate = |tokens: &[&str]| {
            let tokens = tokens.iter().map(|token| Presented::parse(token).expect("a token")).collect();
            let (purpose, terms) = (Some("lab_work".to_owned()), Terms::default());
            desk.house.act(&desk.desk, RotateTokens { tokens, recipient: "lab".to_owned(), purpose, reason: None, terms })
        };
        let shared = desk.one(eva, "company");
        assert_eq!(desk.one(adam, "company"), shared);
        assert_eq!(slug(rotate(&[&shared])), "validation");
        assert_eq!(desk.open(&shared).expect("nothing happened"), "Beispiel GmbH 42");
        let name = desk.one(eva, "name");
        assert_eq!(slug(rotate(&[&name, &name])), "validation");
        desk.open(&name).expect("nothing happened");
    }

    fn a_token_of_ours_is_never_drawn_where_another_systems_is(place) {
        let desk = Desk::new(place, "    default: random\n    company: format_value");
        let (first, second) = (
            desk.person(json!({"name": "Eva", "email": "eva@example.com", "company": "Muster GmbH 4711"})),
            desk.person(json!({"name": "Ivo", "email": "ivo@example.com", "company": "Muster-GmbH 4711"})),
        );
        let make = |id| desk.ask(&[(id, "company", None)], Terms::default()).remove(0).expect("a token");
        // Different values whose tokens differ in nothing but what stands between the letters.
        let (one, other) = (make(first), make(second));
        assert_eq!(desk.open(&one).expect("its own"), "Muster GmbH 4711");
        assert_eq!(desk.open(&other).expect("its own"), "Muster-GmbH 4711");
        // What is computed for a value is somebody else's token already.
        let third = desk.person(json!({"name": "Udo", "email": "udo@example.com", "company": "Ganz Andere 815"}));
        let computed = make(third);
        let dpo = desk.house.hire("staff", "dpo", None);
        erased(&desk.house, &dpo, third).expect("erased");
        let token = ForeignToken {
            item: TokenItem { subject: first, field: "company".to_owned(), value: None },
            token: computed.clone().into(),
        };
        let (purpose, terms) = (Some("lab_work".to_owned()), Terms::default());
        let import =
            ImportTokens { recipient: "lab".to_owned(), purpose, reason: None, tokens: vec![token], terms };
        assert_eq!(desk.house.act(&desk.desk, import).expect("asked"), [Ok(())]);
        let again = desk.person(json!({"name": "Udo", "email": "udo2@example.com", "company": "Ganz Andere 815"}));
        let drawn = make(again);
        assert_ne!(drawn, computed);
        assert_eq!(desk.open(&drawn).expect("its own"), "Ganz Andere 815");
        assert_eq!(desk.open(&computed).expect("the imported one"), "Muster GmbH 4711");
    }

    fn an_import_asks_for_purpose_and_recipient_like_any_other_making(place) {
        let desk = Desk::new(place, "    default: pointer");
        let id = desk.person(eva("eva@example.com"));
        let import = |purpose: &str, text: &str| {
            let item = TokenItem { subject: id, field: "name".to_owned(), value: None };
            let tokens = vec![ForeignToken { item, token: text.to_owned().into() }];
            let (purpose, terms) = (Some(purpose.to_owned()), Terms::default());
            let import = ImportTokens { recipient: "parcels".to_owned(), purpose, reason: None, tokens, terms };
            desk.house.act(&desk.desk, import)
        };
        assert_eq!(slug(import("lab_work", "old-token-1")), "denied-by-policy", "parcels serves another purpose");
        let mail = desk.ask_for("lab", &[(id, "email", None)], Terms::default()).expect("allowed");
        assert!(mail[0].is_ok());
        let address = "aaaaaaaaaaaaaaaaaaaaaaaaaa_aa@lab.tokens.lindenhof.example";
        let address = avouch_seal::format::EmailToken {
            body: [7; 16],
            namespace: avouch_seal::token::Namespace::parse("lab").expect("a name"),
            domain: avouch_seal::format::EmailDomain::parse(address.split_once("lab.").expect("a domain").1).expect("one"),
        };
        assert_eq!(slug(import("lab_work", &address.to_string())), "validation", "it looks like ours");
    }

    fn tokens_under_a_new_root_end_with_it_and_not_before(place) {
        let desk = Desk::new(place, "    default: value");
        let id = desk.person(eva("eva@example.com"));
        let old = desk.one(id, "company");
        desk.house.app.rotate_tokens(&desk.house.admin).expect("rotated");
        let new = desk.one(id, "company");
        assert_ne!(new, old);
        desk.house.app.retire_tokens(&desk.house.admin).expect("retired");
        desk.is_dead(&old);
        desk.open(&new).expect("of the root that there is");
    }

    fn a_row_that_was_moved_opens_nothing(place) {
        let desk = Desk::new(place, "    default: {kind: random, uses: 1}");
        let (eva, adam) = (desk.person(eva("eva@example.com")), desk.person(eva("adam@example.com")));
        let (hers, his) = (desk.one(eva, "email"), desk.one(adam, "email"));
        let taken = "create table before as select * from token;";
        place.meddle(false, taken, taken);
        assert_eq!(desk.open(&hers).expect("once"), "eva@example.com");
        // Given to another person, made to last longer, or swapped: each is damage, not an answer.
        for meddling in [
            "update token set subject = (select subject from record where record.subject <> token.subject);",
            "update token set expires = 1;",
            "create table swapped as select * from token; update token set sealed = (select sealed from swapped \
             where swapped.lookup <> token.lookup); drop table swapped;",
        ] {
            let back = "delete from token; insert into token select * from before;";
            place.meddle(false, back, back);
            place.meddle(false, meddling, meddling);
            assert_eq!(slug(desk.open(&his)), "integrity", "{meddling}");
        }
    }
}

#[test]
fn pointers_are_limited_before_they_are_looked_at() {
    let at: Vec<String> = (0..2001).map(|at| format!("/{at}")).collect();
    let document = Json::Array((0..2001).map(|_| json!("x")).collect());
    let Err(Error::Invalid(faults)) = Detokenize::new(document, (None, None), &at, None) else {
        panic!("expected a fault")
    };
    assert_eq!(faults[0].pointer, "/at");
}

#[test]
fn terms_are_checked() {
    let faults = |terms: Result<Terms, Error>| match terms {
        Err(Error::Invalid(faults)) => faults.into_iter().map(|fault| fault.pointer).collect::<Vec<_>>(),
        _ => Vec::new(),
    };
    let tags = |tags: &[&str]| tags.iter().map(|tag| (*tag).to_owned()).collect::<Vec<_>>();
    let big = json!({"note": "x".repeat(4096)});
    assert_eq!(
        faults(Terms::new(
            Some(5),
            Some(0),
            big.as_object(),
            &tags(&["ok", "not ok", "4242424242424242"]),
            5
        )),
        ["/expires", "/uses", "/metadata", "/tags/1", "/tags/2"]
    );
    let card = json!({"note": "4242 4242 4242 4242"});
    assert_eq!(faults(Terms::new(None, None, card.as_object(), &[], 0)), ["/metadata"]);
    assert_eq!(faults(Terms::new(None, Some(1_000_001), None, &tags(&["x"; 17]), 0)), ["/uses", "/tags"]);
    let fine = json!({"note": "spring sale"});
    assert!(Terms::new(Some(6), Some(1), fine.as_object(), &tags(&["a.b:c-d_e"]), 5).is_ok());
}
