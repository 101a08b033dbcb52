//! From a template to an answer: the frame around each page, times as people read them, and what goes wrong as a page.

use askama::Template;
use avouch_core::gate;
use avouch_wire::ProblemKind;
use axum::body::Body;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::Response;

use crate::problem::{Failure, internal};
use crate::service::{RequestId, Shared};

/// What is around each page.
pub(super) struct Frame {
    pub(super) company: String,
    pub(super) name: Option<String>,
    pub(super) here: &'static str,
    pub(super) narrow: bool,
    /// Until when one's glass is broken.
    pub(super) glass: Option<String>,
}

impl Frame {
    /// Of a page that needs nobody.
    pub(super) fn open(service: &Shared) -> Self {
        let company = service.app.rules().charter.company().name.clone();
        Self { company, name: None, here: "", narrow: true, glass: None }
    }

    /// Of a page of somebody.
    pub(super) fn of(service: &Shared, caller: &gate::Caller, here: &'static str) -> Self {
        let access = service.app.access();
        let name = access.principal(caller.id()).map(|record| record.name.clone());
        let glass = service.app.broken_glass(caller.id()).map(|(_, until)| moment(until));
        Self { name, here, narrow: false, glass, ..Self::open(service) }
    }
}

/// Nothing from another site, no script or style in the page itself, and in no frame.
const POLICY: &str = "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; form-action 'self'; \
                      base-uri 'none'; frame-ancestors 'none'";

/// A page.
pub(super) fn page(status: StatusCode, template: &impl Template) -> Result<Response, Failure> {
    let text = template.render().map_err(|_| internal())?;
    let mut response = Response::new(Body::from(text));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"));
    headers.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY));
    Ok(response)
}

/// On to another page, by GET. `path` is one of ours.
pub(super) fn go(path: &str) -> Result<Response, Failure> {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::SEE_OTHER;
    let place = HeaderValue::from_str(path).map_err(|_| internal())?;
    response.headers_mut().insert(header::LOCATION, place);
    Ok(response)
}

/// Where to go after a log-in: a page of ours, whatever the address said.
pub(super) fn local(to: Option<&str>) -> String {
    let fits = |to: &&str| {
        super::speaks(to)
            && to.len() <= 200
            && to.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"/-_".contains(&byte))
    };
    to.filter(fits).unwrap_or("/console/account").to_owned()
}

/// A moment to the minute. The server's clock is UTC, and says so.
pub(super) fn moment(micros: i64) -> String {
    let time = crate::render::time(micros).to_string();
    match (time.get(..10), time.get(11..16)) {
        (Some(day), Some(minute)) => format!("{day} {minute} UTC"),
        _ => time,
    }
}

#[derive(Template)]
#[template(path = "problem.html")]
struct ProblemPage<'p> {
    frame: Frame,
    title: &'p str,
    detail: &'p str,
    needs: Vec<&'p str>,
    request_id: &'p str,
}

/// A failure as a page: whoever is nobody is asked to log in, and whoever has to show once more who they are, to do so.
pub(crate) fn render_failure(
    service: &Shared,
    failure: Failure,
    id: RequestId,
    path: &str,
    method: &str,
) -> Response {
    let problem = failure.problem();
    // What a form was to do is not done by going back to it; its page is where it is done again.
    let to = local(Some(path).filter(|_| method == "GET"));
    let onward = match problem.kind {
        ProblemKind::NotAuthenticated => Some(format!("/console/login?to={to}")),
        ProblemKind::InsufficientUserAuthentication => {
            let resistant = problem.needs.iter().any(|need| need.phishing_resistant);
            Some(format!("/console/step-up?to={to}{}", if resistant { "&with=passkey" } else { "" }))
        }
        _ => None,
    };
    let rendered = match onward {
        Some(place) => go(&place),
        None => {
            let status = StatusCode::from_u16(problem.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
            let page_of = ProblemPage {
                frame: Frame::open(service),
                title: &problem.title,
                detail: &problem.detail,
                needs: problem.needs.iter().map(|need| need.detail.as_str()).collect(),
                request_id: id.as_str(),
            };
            page(status, &page_of)
        }
    };
    rendered.unwrap_or_else(|failure| failure.render(id.as_str()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn after_a_log_in_one_stays_here() {
        assert_eq!(local(Some("/console/enrol")), "/console/enrol");
        for elsewhere in [
            "https://evil.example/console/",
            "//evil.example/console/x",
            "/console/\\evil.example",
            "/console/%2f%2fevil",
            "/consoles",
            "/v1/subjects",
            "javascript:alert(1)",
            "/console/a\r\nSet-Cookie: x",
            "",
        ] {
            assert_eq!(local(Some(elsewhere)), "/console/account", "{elsewhere}");
        }
        assert_eq!(local(None), "/console/account");
    }

    #[test]
    fn a_moment_reads_well() {
        assert_eq!(moment(1_767_225_600_000_000), "2026-01-01 00:00 UTC");
    }
}
