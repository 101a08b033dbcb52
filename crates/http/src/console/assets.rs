//! Style and script of the pages: two files, in the program.

use axum::body::Body;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::Response;

const STYLE: &str = include_str!("../../assets/console.css");
const SCRIPT: &str = include_str!("../../assets/passkey.js");

pub(super) async fn style() -> Response {
    file(STYLE, "text/css; charset=utf-8")
}

pub(super) async fn script() -> Response {
    file(SCRIPT, "text/javascript; charset=utf-8")
}

/// Browsers ask for one whatever a page says.
pub(super) async fn no_icon() -> StatusCode {
    StatusCode::NO_CONTENT
}

fn file(text: &'static str, media_type: &'static str) -> Response {
    let mut response = Response::new(Body::from(text));
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(media_type));
    // The program's own, and another with the next version: looked at again after a while.
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("public, max-age=300"));
    response
}
