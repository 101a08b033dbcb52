//! What a request says. These clients are loose with types (their command line sends every value as a text) and engines pass over what
//! they do not know. Here a number or a truth value may be a text as well; a member that the route does not know is passed over only
//! when it says nothing, for it could be a misspelt one that protects something.

use avouch_core::transit::{Given, Hidden, Unfit};
use avouch_wire::limits;
use axum::extract::{FromRequest, FromRequestParts as _, RawPathParams, Request};
use data_encoding::BASE64;
use serde_json::{Map, Value};

use crate::extract::body;
use crate::json::strict_json;
use crate::problem::Failure;
use crate::service::Shared;

/// The members of a request, or of one item of it; each is taken out once.
pub(super) struct Members(Map<String, Value>);

/// A member that says nothing.
fn says_nothing(value: &Value) -> bool {
    match value {
        Value::Null | Value::Bool(false) => true,
        Value::Bool(true) => false,
        Value::Number(number) => number.as_u64() == Some(0),
        Value::String(text) => text.is_empty(),
        Value::Array(items) => items.is_empty(),
        Value::Object(members) => members.is_empty(),
    }
}

impl Members {
    /// An item of a list.
    pub(super) fn of_item(item: Value) -> Given<Self> {
        match item {
            Value::Object(members) => Ok(Self(members)),
            _ => Err(Unfit::Malformed("item: it is an object")),
        }
    }

    /// Whether the request itself, or the first item of its list, has a member that says something.
    pub(super) fn first_has(&self, name: &str) -> bool {
        let said = |members: &Map<String, Value>| members.get(name).is_some_and(|value| !says_nothing(value));
        let listed = self.0.get("batch_input").and_then(Value::as_array).and_then(|items| items.first());
        match listed {
            Some(first) => first.as_object().is_some_and(said),
            None => said(&self.0),
        }
    }

    /// A text; empty and absent are the same.
    pub(super) fn text(&mut self, name: &'static str) -> Given<Option<String>> {
        match self.0.remove(name) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::String(text)) if text.is_empty() => Ok(None),
            Some(Value::String(text)) => Ok(Some(text)),
            Some(_) => Err(Unfit::Malformed(name)),
        }
    }

    /// Bytes in base64, which may be none.
    pub(super) fn bytes(&mut self, name: &'static str) -> Given<Option<Hidden<Vec<u8>>>> {
        match self.0.remove(name) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::String(text)) => BASE64
                .decode(text.as_bytes())
                .map(|bytes| Some(bytes.into()))
                .map_err(|_| Unfit::Malformed(name)),
            Some(_) => Err(Unfit::Malformed(name)),
        }
    }

    /// A number, not negative.
    pub(super) fn number(&mut self, name: &'static str) -> Given<Option<u32>> {
        let number = match self.0.remove(name) {
            None | Some(Value::Null) => return Ok(None),
            Some(Value::String(text)) if text.is_empty() => return Ok(None),
            Some(Value::String(text)) if text.bytes().all(|byte| byte.is_ascii_digit()) => text.parse().ok(),
            Some(Value::Number(number)) => number.as_u64().and_then(|number| number.try_into().ok()),
            Some(_) => None,
        };
        number.map(Some).ok_or(Unfit::Malformed(name))
    }

    /// Yes or no.
    pub(super) fn flag(&mut self, name: &'static str) -> Given<Option<bool>> {
        match self.0.remove(name) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::Bool(flag)) => Ok(Some(flag)),
            Some(Value::String(text)) => match text.as_str() {
                "" => Ok(None),
                "true" | "1" => Ok(Some(true)),
                "false" | "0" => Ok(Some(false)),
                _ => Err(Unfit::Malformed(name)),
            },
            Some(_) => Err(Unfit::Malformed(name)),
        }
    }

    /// A list.
    pub(super) fn list(&mut self, name: &'static str) -> Given<Option<Vec<Value>>> {
        match self.0.remove(name) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::Array(items)) => Ok(Some(items)),
            Some(_) => Err(Unfit::Malformed(name)),
        }
    }

    /// Refuses a member that says something, and says why.
    pub(super) fn refuse(&mut self, name: &str, why: &'static str) -> Given<()> {
        match self.0.remove(name) {
            Some(Value::String(text)) if matches!(text.as_str(), "0" | "0s" | "false") => Ok(()),
            Some(value) if !says_nothing(&value) => Err(Unfit::Refused(why)),
            _ => Ok(()),
        }
    }

    /// Lets go of a member that says what the path says already: some clients repeat the key's name.
    fn forget_repeated(&mut self, name: &str, value: &str) {
        if self.0.get(name).and_then(Value::as_str) == Some(value) {
            self.0.remove(name);
        }
    }

    /// Refuses what was not taken, unless it says nothing.
    pub(super) fn end(self) -> Given<()> {
        if self.0.values().all(says_nothing) {
            return Ok(());
        }
        Err(Unfit::Refused("there is a member that does not belong here: leave it out, or mend its name"))
    }
}

impl FromRequest<Shared> for Members {
    type Rejection = Failure;

    /// Whatever the body says it is: what is not an object in JSON is refused by what it is.
    async fn from_request(request: Request, state: &Shared) -> Result<Self, Failure> {
        let (mut parts, sent) = request.into_parts();
        let path =
            RawPathParams::from_request_parts(&mut parts, state).await.map_err(|_| Failure::not_found())?;
        let bytes = body(Request::from_parts(parts, sent), limits::BULK_BODY_BYTES).await?;
        if bytes.is_empty() {
            return Ok(Self(Map::new()));
        }
        let expected = |_| Failure::fault("", "expected an object");
        let mut members = Self::of_item(strict_json(&bytes)?).map_err(expected)?;
        path.iter().for_each(|(name, value)| members.forget_repeated(name, value));
        Ok(members)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn members(json: Value) -> Members {
        Members::of_item(json).unwrap()
    }

    #[test]
    fn numbers_and_flags_may_be_texts() {
        for (json, number) in [
            (json!({"n": 3}), Ok(Some(3))),
            (json!({"n": "3"}), Ok(Some(3))),
            (json!({"n": null}), Ok(None)),
            (json!({"n": ""}), Ok(None)),
            (json!({}), Ok(None)),
            (json!({"n": -3}), Err(Unfit::Malformed("n"))),
            (json!({"n": "+3"}), Err(Unfit::Malformed("n"))),
            (json!({"n": 3.5}), Err(Unfit::Malformed("n"))),
            (json!({"n": 4294967296_u64}), Err(Unfit::Malformed("n"))),
            (json!({"n": [3]}), Err(Unfit::Malformed("n"))),
        ] {
            assert_eq!(members(json.clone()).number("n"), number, "{json}");
        }
        for (json, flag) in [
            (json!({"f": true}), Ok(Some(true))),
            (json!({"f": "false"}), Ok(Some(false))),
            (json!({"f": "1"}), Ok(Some(true))),
            (json!({"f": 1}), Err(Unfit::Malformed("f"))),
            (json!({"f": "yes"}), Err(Unfit::Malformed("f"))),
        ] {
            assert_eq!(members(json.clone()).flag("f"), flag, "{json}");
        }
    }

    #[test]
    fn what_is_not_known_is_passed_over_when_it_says_nothing() {
        for nothing in [json!(null), json!(false), json!(0), json!(""), json!([]), json!({})] {
            assert_eq!(members(json!({"novel": nothing.clone()})).end(), Ok(()), "{nothing}");
        }
        for something in [json!(true), json!(1), json!(-1), json!("x"), json!([0]), json!({"a": null})] {
            assert!(members(json!({"asociated_data": something.clone()})).end().is_err(), "{something}");
            assert!(
                members(json!({"nonce": something.clone()})).refuse("nonce", "why").is_err(),
                "{something}"
            );
        }
        assert_eq!(members(json!({"auto_rotate_period": "0s"})).refuse("auto_rotate_period", "why"), Ok(()));
    }

    #[test]
    fn what_the_path_says_may_be_said_again_and_not_otherwise() {
        for (name, fits) in [(json!("orders"), true), (json!("payments"), false), (json!(["orders"]), false)]
        {
            let mut members = members(json!({"name": name}));
            members.forget_repeated("name", "orders");
            assert_eq!(members.end().is_ok(), fits, "{name}");
        }
    }

    #[test]
    fn base64_has_one_spelling_and_may_be_empty() {
        let read = |text: &str| {
            members(json!({"b": text})).bytes("b").map(|bytes| bytes.map(|bytes| bytes.to_vec()))
        };
        assert_eq!(read("QWRh"), Ok(Some(b"Ada".to_vec())));
        assert_eq!(read(""), Ok(Some(Vec::new())));
        for wrong in ["QWRh\n", "QWR", "QW-h", "Ada Beispiel"] {
            assert_eq!(read(wrong), Err(Unfit::Malformed("b")), "{wrong}");
        }
    }
}
