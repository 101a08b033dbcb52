//! How much of a field is shown.

use super::*;

#[test]
fn reads_and_reveals_are_two_ladders_limited_by_purpose_and_ceiling() {
    let engine = engine();
    let names = ["name", "email", "card_number", "address"];
    let read = ask(PrincipalKind::Staff, "support", Action::SubjectRead, "support");
    use View::{Clear, Masked, Nothing, Partial, Token};
    assert_eq!(shown(&engine, &read, &names, Clear), [Clear, Masked, Token, Nothing]);
    assert_eq!(shown(&engine, &read, &names, Masked), [Masked, Masked, Token, Nothing]);
    assert_eq!(shown(&engine, &read, &names, Nothing), [Nothing; 4]);
    assert_eq!(shown(&engine, &reveal(), &names, Clear), [Clear, Clear, Masked, Nothing]);
    assert_eq!(shown(&engine, &reveal(), &names, Partial), [Partial, Partial, Masked, Nothing]);

    let dpo = ask(PrincipalKind::Staff, "dpo", Action::SubjectRead, "fulfilment");
    assert_eq!(shown(&engine, &dpo, &names, Clear), [Masked, Nothing, Nothing, Masked]);
    let both = PrincipalClass::new(PrincipalKind::Staff, ["support", "dpo"], None);
    let both = Request { principal: both, ..dpo };
    // Support's clear name is for support's purpose: roles do not lend each other purposes.
    assert_eq!(shown(&engine, &both, &names, Clear), [Masked, Nothing, Nothing, Masked]);
}

#[test]
fn a_refused_request_shows_nothing() {
    let engine = engine();
    let outside = Request { network_allowed: false, ..reveal() };
    let [view] = engine.views(&outside, &[field("name")], View::Clear).try_into().expect("one field");
    assert_eq!((view.view, view.needs.as_slice()), (View::Nothing, [Need::Network].as_slice()));
    let deletion = ask(PrincipalKind::Staff, "support", Action::SubjectDelete, "support");
    assert_eq!(shown(&engine, &deletion, &["name"], View::Clear), [View::Nothing]);
}

#[test]
fn a_view_below_the_ceiling_says_why() {
    let engine = engine();
    let why = |request: &Request, name: &str| {
        let [view] = engine.views(request, &[field(name)], View::Clear).try_into().expect("one field");
        view.needs.clone()
    };
    let named =
        |field: &str, purposes: &[&str]| Need::Field { field: field.into(), purposes: strings(purposes) };
    let most = |field: &str, most| Need::View { field: field.into(), most };

    assert_eq!(why(&reveal(), "email"), []);
    assert_eq!(why(&reveal(), "card_number"), [most("card_number", View::Masked)]);
    assert_eq!(why(&reveal(), "address"), [named("address", &[]), most("address", View::Nothing)]);
    let export = ask(PrincipalKind::Staff, "dpo", Action::SubjectExport, "fulfilment");
    assert_eq!(why(&export, "email"), [named("email", &["rights", "support"])]);
    let read = ask(PrincipalKind::Staff, "dpo", Action::SubjectRead, "fulfilment");
    assert_eq!(why(&read, "email"), [named("email", &["rights", "support"]), most("email", View::Masked)]);
}
