//! What a request of this face says, and how its answers are written. Parameters that are not known are passed over, as these clients
//! expect (RFC 7644, 3.4.2 and 3.9).

use avouch_core::gate::provisioning::{Expected, Range, tag};
use avouch_scim::{Filter, MEDIA_TYPE, Projection, Schema};
use avouch_wire::ProblemKind;
use axum::extract::{FromRequest, FromRequestParts, Request};
use axum::http::header::{CONTENT_TYPE, IF_MATCH, IF_NONE_MATCH};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use axum::response::Response;
use serde::Serialize;
use serde_json::Value;

use crate::extract::body;
use crate::json::strict_json;
use crate::problem::Failure;
use crate::render;
use crate::service::Shared;

/// The most resources in one answer.
pub(super) const MOST_RESULTS: usize = 200;
const RESULTS: usize = 100;
/// The largest body: a group with as many members as there can be.
const BODY_BYTES: usize = 2 << 20;
/// The most parameters that are read.
const MOST_PARAMETERS: usize = 50;

/// What a query, or the body of a search, asks for.
#[derive(Debug, Default)]
pub(super) struct Asked {
    attributes: Option<Vec<String>>,
    excluded: Option<Vec<String>>,
    filter: Option<String>,
    start: Option<i64>,
    count: Option<i64>,
}

impl FromRequestParts<Shared> for Asked {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, _: &Shared) -> Result<Self, Failure> {
        let mut asked = Self::default();
        let query = parts.uri.query().unwrap_or_default();
        for (name, value) in form_urlencoded::parse(query.as_bytes()).take(MOST_PARAMETERS) {
            let names = || Some(value.split(',').map(str::to_owned).collect());
            let number = |name: &str| {
                value
                    .trim()
                    .parse::<i64>()
                    .map(Some)
                    .map_err(|_| invalid(format!("expected a number in `{name}`")))
            };
            // As names of attributes, so those of parameters: some write them in small letters.
            match name.to_ascii_lowercase().as_str() {
                "attributes" => asked.attributes = names(),
                "excludedattributes" => asked.excluded = names(),
                "filter" => asked.filter = Some(value.into_owned()),
                "startindex" => asked.start = number("startIndex")?,
                "count" => asked.count = number("count")?,
                _ => {}
            }
        }
        Ok(asked)
    }
}

impl Asked {
    /// From the body of a search.
    pub(super) fn read(body: &Value) -> Result<Self, Failure> {
        let names = |name: &str| match body.get(name) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::Array(items)) => {
                let text = |item: &Value| item.as_str().map(str::to_owned);
                let names: Option<Vec<String>> = items.iter().map(text).collect();
                names.map(Some).ok_or_else(|| invalid(format!("expected texts in `{name}`")))
            }
            Some(_) => Err(invalid(format!("expected a list in `{name}`"))),
        };
        let number = |name: &str| match body.get(name) {
            None | Some(Value::Null) => Ok(None),
            Some(value) => {
                value.as_i64().map(Some).ok_or_else(|| invalid(format!("expected a number in `{name}`")))
            }
        };
        let filter = match body.get("filter") {
            None | Some(Value::Null) => None,
            Some(Value::String(filter)) => Some(filter.clone()),
            Some(_) => return Err(invalid("expected text in `filter`".to_owned())),
        };
        Ok(Self {
            attributes: names("attributes")?,
            excluded: names("excludedAttributes")?,
            filter,
            start: number("startIndex")?,
            count: number("count")?,
        })
    }

    pub(super) fn filter(&self, schema: &'static Schema) -> Result<Option<Filter>, Failure> {
        let parse = |filter: &String| Filter::parse(filter, schema).map_err(Failure::scim);
        self.filter.as_ref().map(parse).transpose()
    }

    pub(super) fn projection(&self, schema: &Schema) -> Result<Projection, Failure> {
        fn names(list: Option<&Vec<String>>) -> impl Iterator<Item = &str> {
            list.into_iter().flatten().map(String::as_str)
        }
        let (attributes, excluded) = (names(self.attributes.as_ref()), names(self.excluded.as_ref()));
        Projection::new(attributes, excluded, schema).map_err(Failure::scim)
    }

    /// The first is 1, and less than that means it; so does less than none.
    pub(super) fn range(&self) -> Range {
        let from = |number: i64| usize::try_from(number).unwrap_or_default();
        let skip = self.start.map_or(0, |start| from(start.saturating_sub(1)));
        let count = self.count.map_or(RESULTS, from).min(MOST_RESULTS);
        Range { skip: skip.min(1 << 32), count }
    }
}

/// A body of strict JSON, by either of its names.
pub(super) struct Body(pub(super) Value);

impl FromRequest<Shared> for Body {
    type Rejection = Failure;

    async fn from_request(request: Request, _: &Shared) -> Result<Self, Failure> {
        let named =
            request.headers().get(CONTENT_TYPE).and_then(|named| named.to_str().ok()).unwrap_or_default();
        let essence = named.split(';').next().unwrap_or_default().trim();
        if ![MEDIA_TYPE, "application/json"].iter().any(|known| essence.eq_ignore_ascii_case(known)) {
            let detail = format!("send `Content-Type: {MEDIA_TYPE}`");
            return Err(Failure::new(ProblemKind::UnsupportedMediaType, detail));
        }
        Ok(Self(strict_json(&body(request, BODY_BYTES).await?)?))
    }
}

/// From which version a change was made: `If-Match`.
pub(super) struct Matching(pub(super) Expected);

impl FromRequestParts<Shared> for Matching {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, _: &Shared) -> Result<Self, Failure> {
        Ok(Self(tags(&parts.headers, &IF_MATCH).map_or(Expected::Any, |tags| match tags {
            Tags::Any => Expected::Any,
            Tags::These(versions) => Expected::These(versions),
        })))
    }
}

/// Whether whoever asks has this version already: `If-None-Match`.
pub(super) struct Known(Option<Tags>);

impl Known {
    pub(super) fn has(&self, version: u64) -> bool {
        match &self.0 {
            None => false,
            Some(Tags::Any) => true,
            Some(Tags::These(versions)) => versions.contains(&version),
        }
    }
}

impl FromRequestParts<Shared> for Known {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, _: &Shared) -> Result<Self, Failure> {
        Ok(Self(tags(&parts.headers, &IF_NONE_MATCH)))
    }
}

enum Tags {
    Any,
    These(Vec<u64>),
}

/// Entity tags in a header. One that is none of ours is of no version.
fn tags(headers: &HeaderMap, name: &HeaderName) -> Option<Tags> {
    if !headers.contains_key(name) {
        return None;
    }
    let mut versions = Vec::new();
    for value in headers.get_all(name).iter().take(20) {
        for tag in value.to_str().unwrap_or_default().split(',').take(20) {
            let tag = tag.trim();
            if tag == "*" {
                return Some(Tags::Any);
            }
            let opaque = tag.trim_start_matches("W/").trim_matches('"');
            versions.extend(u64::from_str_radix(opaque, 16).ok().filter(|_| opaque.len() == 16));
        }
    }
    Some(Tags::These(versions))
}

/// An answer.
pub(super) fn answer<T: Serialize>(status: StatusCode, body: &T) -> Result<Response, Failure> {
    let mut response = render::json(status, body)?;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(MEDIA_TYPE));
    Ok(response)
}

/// Adds the entity tag of a version.
pub(super) fn tagged(mut response: Response, version: u64) -> Response {
    if let Ok(tag) = HeaderValue::from_str(&tag(version)) {
        response.headers_mut().insert(axum::http::header::ETAG, tag);
    }
    response
}

pub(super) fn invalid(detail: String) -> Failure {
    Failure::scim(avouch_scim::Flaw { kind: avouch_scim::Kind::InvalidValue, detail: detail.into() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_wanted_part_of_a_list_has_limits() {
        let range = |start, count| Asked { start, count, ..Asked::default() }.range();
        assert_eq!(range(None, None), Range { skip: 0, count: 100 });
        assert_eq!(range(Some(0), Some(-5)), Range { skip: 0, count: 0 });
        assert_eq!(range(Some(i64::MIN), Some(i64::MAX)), Range { skip: 0, count: 200 });
        assert_eq!(range(Some(i64::MAX), Some(3)), Range { skip: 1 << 32, count: 3 });
        assert_eq!(range(Some(3), Some(2)), Range { skip: 2, count: 2 });
    }

    #[test]
    fn a_tag_is_one_of_ours_or_of_no_version() {
        let read = |value: &'static str| {
            let headers = HeaderMap::from_iter([(IF_MATCH, HeaderValue::from_static(value))]);
            match tags(&headers, &IF_MATCH) {
                Some(Tags::These(versions)) => Some(versions),
                _ => None,
            }
        };
        assert_eq!(read("W/\"00000000000000ff\", \"000000000000000a\""), Some(vec![255, 10]));
        assert_eq!(read("*"), None);
        assert_eq!(read("\"ff\", x, \"00000000000000zz\", \"\""), Some(vec![]));
    }
}
