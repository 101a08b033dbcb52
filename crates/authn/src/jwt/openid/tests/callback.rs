use proptest::prelude::*;

use super::*;
use crate::jwt::Refusal;

const ISS: &str = "&iss=https%3A%2F%2Fid.example";

fn state() -> String {
    format!("&state={}", flow(Asked::default()).state())
}

fn came(query: &str) -> Result<String> {
    flow(Asked::default()).code(&provider(), query, NOW).map(|code| code.text().to_owned())
}

#[test]
fn a_code_comes_back() {
    assert_eq!(came(&format!("code=x%2Fy+z{}{ISS}&session_state=1", state())), Ok("x/y z".to_owned()));
}

#[test]
fn it_comes_back_to_the_browser_that_asked() {
    let other = Flow::new(ISSUER, &[[9; 32]; 3], Asked::default(), BEGAN).unwrap();
    assert_eq!(came(&format!("code=x&state={}{ISS}", other.state())), Err(Error::Mismatch("state")));
    assert_eq!(came(&format!("code=x{ISS}")), Err(Error::Missing("state")));
    assert_eq!(came(&format!("code=x&state={ISS}")), Err(Error::Type("state")));
    assert_eq!(came(&format!("code=x{}A{ISS}", state())), Err(Error::Mismatch("state")));
}

#[test]
fn it_comes_from_the_provider_that_was_asked() {
    let evil = "&iss=https://evil.example";
    assert_eq!(came(&format!("code=x{}{evil}", state())), Err(Error::Mismatch("iss")));
    assert_eq!(came(&format!("code=x{}", state())), Err(Error::Missing("iss")));
    assert_eq!(came(&format!("code=x{}{ISS}/", state())), Err(Error::Mismatch("iss")));
    // A provider that does not name itself need not, but if it does it has to be itself.
    let silent = parsed(&without(metadata(), "authorization_response_iss_parameter_supported")).unwrap();
    let of_silent = |query: &str| flow(Asked::default()).code(&silent, query, NOW).map(|_| ());
    assert_eq!(of_silent(&format!("code=x{}", state())), Ok(()));
    assert_eq!(of_silent(&format!("code=x{}{evil}", state())), Err(Error::Mismatch("iss")));
}

#[test]
fn it_comes_in_time() {
    let query = format!("code=x{}{ISS}", state());
    let at = |now| flow(Asked::default()).code(&provider(), &query, now).map(|_| ());
    assert_eq!(at(BEGAN + FLOW_SECONDS), Ok(()));
    assert_eq!(at(BEGAN + FLOW_SECONDS + 1), Err(Error::Expired("state")));
}

#[test]
fn the_provider_says_no_in_words_of_ours() {
    for (code, refusal) in [
        ("access_denied", Refusal::AccessDenied),
        ("login_required", Refusal::InteractionRequired),
        ("unmet_authentication_requirements", Refusal::UnmetAuthentication),
        ("unauthorized_client", Refusal::Client),
        ("temporarily_unavailable", Refusal::Unavailable),
        ("invalid_scope", Refusal::Request),
        ("<script>", Refusal::Other),
    ] {
        let query = format!("error={code}&error_description=<b>call%20us</b>{}{ISS}", state());
        let refused = came(&query).unwrap_err();
        assert_eq!(refused, Error::Provider(refusal), "{code}");
        assert!(!refused.to_string().contains(['<', '_']), "{refused}");
    }
}

#[test]
fn nobody_else_can_say_no_for_it() {
    assert_eq!(came(&format!("error=access_denied{ISS}")), Err(Error::Missing("state")));
    assert_eq!(came(&format!("error=access_denied&state=x{ISS}")), Err(Error::Mismatch("state")));
    assert_eq!(
        came(&format!("error=access_denied{}&iss=https://evil.example", state())),
        Err(Error::Mismatch("iss"))
    );
}

#[test]
fn an_answer_is_one_answer() {
    assert_eq!(came(&format!("code=x&error=server_error{}{ISS}", state())), Err(Error::Unwanted("error")));
    assert_eq!(came(&format!("x=y{}{ISS}", state())), Err(Error::Missing("code")));
    for twice in ["code=x&code=y", "code=x&code=x", "code=x&iss=https://id.example", "code=x&c%6fde=y"] {
        assert!(matches!(came(&format!("{twice}{}{ISS}", state())), Err(Error::Malformed(_))), "{twice}");
    }
    assert!(matches!(came(&format!("code=x{0}{0}{ISS}", state())), Err(Error::Malformed(_))));
}

#[test]
fn a_query_is_bounded() {
    assert_eq!(came(&format!("code={}{}{ISS}", "x".repeat(8_192), state())), Err(Error::TooLarge("a query")));
    assert_eq!(came(&format!("code={}{}{ISS}", "x".repeat(4_097), state())), Err(Error::Type("code")));
    assert_eq!(came(&format!("{}code=x{}{ISS}", "a&".repeat(32), state())), Err(Error::TooLarge("a query")));
    for code in ["", "%00", "%0A", "%C3%A9", "%FF"] {
        assert_eq!(came(&format!("code={code}{}{ISS}", state())), Err(Error::Type("code")), "{code}");
    }
}

#[test]
fn a_token_response_is_bounded_and_of_its_types() {
    let parse = |body: Value| TokenResponse::parse(body.to_string().as_bytes()).map(|_| ());
    let body = json!({ "access_token": "opaque", "token_type": "bearer", "id_token": "a.b.c" });
    assert_eq!(parse(body.clone()), Ok(()));
    assert_eq!(
        parse(with(body.clone(), "expires_in", "3600")),
        Ok(()),
        "as some send it, and nobody reads it"
    );
    for name in ["access_token", "token_type", "id_token"] {
        assert_eq!(parse(without(body.clone(), name)), Err(Error::Missing(name)));
        assert_eq!(parse(with(body.clone(), name, 7)), Err(Error::Type(name)));
    }
    assert_eq!(parse(with(body.clone(), "token_type", "DPoP")), Err(Error::Mismatch("token_type")));
    assert_eq!(
        parse(with(body.clone(), "id_token", "x".repeat(MOST_ID_TOKEN + 1))),
        Err(Error::Type("id_token"))
    );
    assert_eq!(parse(with(body, "x", "x".repeat(MOST_RESPONSE))), Err(Error::TooLarge("token response")));
    assert_eq!(parse(json!({ "error": "invalid_grant" })), Err(Error::Provider(Refusal::Grant)));
    assert_eq!(
        parse(json!({ "error": "invalid_client", "error_description": "x" })),
        Err(Error::Provider(Refusal::Client))
    );
    assert_eq!(TokenResponse::parse(b"<html>").map(|_| ()), Err(Error::Malformed("token response")));
}

proptest! {
    #[test]
    fn no_query_is_too_strange(query in ".{0,200}", tail in ".{0,40}") {
        prop_assert!(came(&query).is_err());
        let _ = came(&format!("code=x{}{ISS}&{tail}", state()));
    }
}
