//! What the API and the pages share of logging in: cookies, where somebody comes from, and whether a request was made by a page of ours.
//!
//! Cookies have the prefix `__Host-`: no other host, and no page without TLS, can set them. A session's is out of reach of scripts.
//! A cookie comes along with requests that other sites make, so what changes something and brings one has to say that it comes
//! from a page of ours: no token in forms is needed for that, and none can leak.

use std::net::IpAddr;

use avouch_core::SessionId;
use avouch_core::gate::people::{Arrival, BrowserId, LogIn, NewSession};
use axum::http::header::{COOKIE, HOST, ORIGIN, SET_COOKIE, USER_AGENT};
use axum::http::{HeaderMap, HeaderName, HeaderValue};
use axum::response::Response;
use zeroize::Zeroizing;

use crate::perform::{aside, perform};
use crate::problem::{Failure, internal};
use crate::service::Shared;

/// The cookie of a session.
pub(crate) const SESSION: &str = "__Host-avouch";
/// The cookie of a ceremony that has begun.
pub(crate) const TICKET: &str = "__Host-avouch-ticket";
/// The cookie of a log-in that goes on at an identity provider. Not the one above: a ceremony in another window does not end it.
pub(crate) const SIGN_ON: &str = "__Host-avouch-sign-on";
const SIGN_ON_SECONDS: i64 = 600;
/// The cookie by which a browser is known again, for as long as a place is.
const BROWSER: &str = "__Host-avouch-browser";
const BROWSER_SECONDS: i64 = 90 * 24 * 3600;
/// How long a browser keeps a ticket; the server looks itself how old it is.
const TICKET_SECONDS: i64 = 300;

/// A cookie of a request. One that is there twice is not there: somebody has put a second one in.
pub(crate) fn cookie<'h>(headers: &'h HeaderMap, name: &str) -> Option<&'h str> {
    let pairs = headers.get_all(COOKIE).iter().filter_map(|value| value.to_str().ok());
    let mut found = pairs
        .flat_map(|pairs| pairs.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
        .filter(|(known, _)| *known == name)
        .map(|(_, value)| value);
    match (found.next(), found.next()) {
        (Some(value), None) if !value.is_empty() => Some(value),
        _ => None,
    }
}

/// Sets a cookie, or takes it away with 0 seconds.
pub(crate) fn set_cookie(
    response: &mut Response,
    name: &str,
    value: &str,
    seconds: i64,
) -> Result<(), Failure> {
    let text = Zeroizing::new(format!(
        "{name}={value}; Path=/; Secure; HttpOnly; SameSite=Lax; Max-Age={}",
        seconds.max(0)
    ));
    let mut value = HeaderValue::from_str(&text).map_err(|_| internal())?;
    value.set_sensitive(true);
    response.headers_mut().append(SET_COOKIE, value);
    Ok(())
}

/// Sets the cookie of a ceremony.
pub(crate) fn set_ticket(response: &mut Response, ticket: &str) -> Result<(), Failure> {
    set_cookie(response, TICKET, ticket, TICKET_SECONDS)
}

/// The ticket of the ceremony that this request ends.
pub(crate) fn ticket(headers: &HeaderMap) -> Result<String, Failure> {
    let ticket = cookie(headers, TICKET).ok_or_else(|| Failure::from(avouch_core::Error::LogInFailed))?;
    Ok(ticket.to_owned())
}

/// Sets the cookie of a log-in that goes on elsewhere.
pub(crate) fn set_sign_on(response: &mut Response, ticket: &str) -> Result<(), Failure> {
    set_cookie(response, SIGN_ON, ticket, SIGN_ON_SECONDS)
}

/// The ticket of the log-in that this request comes back from.
pub(crate) fn sign_on(headers: &HeaderMap) -> Result<String, Failure> {
    let ticket = cookie(headers, SIGN_ON).ok_or_else(|| Failure::from(avouch_core::Error::LogInFailed))?;
    Ok(ticket.to_owned())
}

const FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// Whether a page of ours has made this request: the browser says so, and no script of another site can make it say so. `own` is where
/// our pages are, if the configuration says it.
pub(crate) fn is_own_page(headers: &HeaderMap, own: Option<&str>) -> bool {
    if let Some(site) = headers.get(FETCH_SITE) {
        return site == "same-origin";
    }
    // Older browsers say where the page is.
    let text = |name| headers.get(name).and_then(|value: &HeaderValue| value.to_str().ok());
    let Some(origin) = text(ORIGIN) else { return false };
    match (own, origin.split_once("://"), text(HOST)) {
        (Some(own), ..) => origin == own,
        (None, Some((_, from)), Some(host)) => from == host,
        (None, ..) => false,
    }
}

/// Whether a page of another site has made it. A program says nothing of the kind.
pub(crate) fn is_foreign_page(headers: &HeaderMap, own: Option<&str>) -> bool {
    (headers.contains_key(FETCH_SITE) || headers.contains_key(ORIGIN)) && !is_own_page(headers, own)
}

/// What a browser says it is, out of a closed list: its own words are up to 200 characters of anything.
pub(crate) fn client(headers: &HeaderMap) -> String {
    let agent = headers.get(USER_AGENT).and_then(|agent| agent.to_str().ok()).unwrap_or_default();
    let first = |names: &[(&str, &'static str)]| {
        names.iter().find(|(mark, _)| agent.contains(mark)).map(|(_, name)| *name)
    };
    let browser = first(&[
        ("avouch/", "avouch"),
        ("curl/", "curl"),
        ("Edg", "Edge"),
        ("OPR/", "Opera"),
        ("Firefox/", "Firefox"),
        ("FxiOS/", "Firefox"),
        ("CriOS/", "Chrome"),
        ("Chrome/", "Chrome"),
        ("Safari/", "Safari"),
    ]);
    let system = first(&[
        ("iPhone", "iPhone"),
        ("iPad", "iPad"),
        ("Android", "Android"),
        ("Windows", "Windows"),
        ("Mac OS X", "macOS"),
        ("CrOS", "ChromeOS"),
        ("Linux", "Linux"),
    ]);
    match (browser, system) {
        (Some(browser), Some(system)) => format!("{browser} on {system}"),
        (Some(one), None) | (None, Some(one)) => one.to_owned(),
        (None, None) => "an unknown program".to_owned(),
    }
}

/// Where somebody comes from, who may have a session already.
pub(crate) fn arrival(headers: &HeaderMap, from: IpAddr, session: Option<SessionId>) -> Arrival {
    let browser = cookie(headers, BROWSER).and_then(BrowserId::parse);
    Arrival { from, client: client(headers), browser, session }
}

/// Judges what somebody shows, aside, and begins their session.
pub(crate) async fn log_in(
    service: &Shared,
    shown: LogIn,
    mut arrival: Arrival,
) -> Result<(NewSession, BrowserId), Failure> {
    let browser = match arrival.browser.take() {
        Some(known) => known,
        None => BrowserId::new(&service.app)?,
    };
    arrival.browser = Some(browser.clone());
    let app = std::sync::Arc::clone(&service.app);
    let (caller, begin) = aside(move || app.judge_log_in(shown, &arrival)).await?;
    Ok((perform(&service.app, &caller, begin).await?.output, browser))
}

/// Judges a password, aside, and has a code sent.
pub(crate) async fn send_code(
    service: &Shared,
    login: String,
    password: Zeroizing<String>,
    headers: &HeaderMap,
    from: IpAddr,
) -> Result<String, Failure> {
    let app = std::sync::Arc::clone(&service.app);
    let arrival = arrival(headers, from, None);
    aside(move || app.begin_code(&login, &password, &arrival)).await
}

/// Gives the session to the browser, and takes away what led to it.
pub(crate) fn give(
    response: &mut Response,
    service: &Shared,
    (session, browser): &(NewSession, BrowserId),
) -> Result<(), Failure> {
    let seconds = session.until.saturating_sub(service.app.now()) / 1_000_000;
    set_cookie(response, SESSION, &session.token, seconds)?;
    set_cookie(response, BROWSER, browser.as_str(), BROWSER_SECONDS)?;
    set_cookie(response, TICKET, "", 0)?;
    set_cookie(response, SIGN_ON, "", 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in pairs {
            headers.append(*name, HeaderValue::from_str(value).unwrap());
        }
        headers
    }

    #[test]
    fn a_cookie_is_found_by_its_whole_name_and_once() {
        for (sent, found) in [
            ("__Host-avouch=one", Some("one")),
            ("a=b; __Host-avouch=one; c=d", Some("one")),
            ("__Host-avouch-ticket=t", None),
            ("x__Host-avouch=one", None),
            ("__Host-avouch=one; __Host-avouch=two", None),
            ("__Host-avouch=", None),
            ("", None),
        ] {
            assert_eq!(cookie(&headers(&[("cookie", sent)]), SESSION), found, "{sent}");
        }
        let twice = headers(&[("cookie", "__Host-avouch=one"), ("cookie", "__Host-avouch=two")]);
        assert_eq!(cookie(&twice, SESSION), None);
    }

    #[test]
    fn only_our_own_pages_are_ours() {
        for (sent, own) in [
            (vec![("sec-fetch-site", "same-origin")], true),
            (vec![("sec-fetch-site", "same-site")], false),
            (vec![("sec-fetch-site", "cross-site")], false),
            (vec![("sec-fetch-site", "none")], false),
            // What the browser says of the site counts more than anything else.
            (
                vec![
                    ("sec-fetch-site", "cross-site"),
                    ("origin", "https://a.example"),
                    ("host", "a.example"),
                ],
                false,
            ),
            (vec![("origin", "https://a.example"), ("host", "a.example")], true),
            (vec![("origin", "https://a.example:8443"), ("host", "a.example:8443")], true),
            (vec![("origin", "https://a.example:8443"), ("host", "a.example")], false),
            (vec![("origin", "https://b.example"), ("host", "a.example")], false),
            (vec![("origin", "null"), ("host", "a.example")], false),
            (vec![("host", "a.example")], false),
            (vec![], false),
        ] {
            assert_eq!(is_own_page(&headers(&sent), None), own, "{sent:?}");
            let says = sent.iter().any(|(name, _)| *name != "host");
            assert_eq!(is_foreign_page(&headers(&sent), None), says && !own, "{sent:?}");
        }
    }

    #[test]
    fn behind_a_proxy_the_configuration_says_which_pages_are_ours() {
        let sent = [("origin", "https://a.example"), ("host", "127.0.0.1:8443")];
        assert!(is_own_page(&headers(&sent), Some("https://a.example")));
        assert!(!is_own_page(&headers(&sent), Some("https://b.example")));
        assert!(!is_own_page(&headers(&[("host", "a.example")]), Some("https://a.example")));
    }

    #[test]
    fn a_browser_is_one_of_a_list_whatever_it_calls_itself() {
        for (agent, shown) in [
            ("Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0", "Firefox on Linux"),
            (
                "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/150.0 Safari/537.36 Edg/150.0",
                "Edge on Windows",
            ),
            (
                "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1 Version/18.0 Mobile/15E148 Safari/604.1",
                "Safari on iPhone",
            ),
            ("curl/8.5.0", "curl"),
            ("<script>", "an unknown program"),
        ] {
            assert_eq!(client(&headers(&[("user-agent", agent)])), shown);
        }
    }
}
