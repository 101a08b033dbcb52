//! `/v1/transform/encode` and `decode`: tokens of a format. What an engine calls a role is the name of a key here, and its
//! transformation is that key's format.

use avouch_core::transit::{Decode, Encode, Given, Hidden, KeyName, Unfit};
use axum::response::Response;

use super::batch::{Asked, Batch, Failing, shown};
use super::members::Members;
use crate::problem::Failure;

/// Puts tokens of the same form in the place of values.
#[utoipa::path(method(post, put), path = "/v1/transform/encode/{name}", tag = "transit engine",
    request_body(content = Object, description = "`value`, or `batch_input`"),
    params(("name" = String, Path, description = "The key")),
    responses((status = 200, description = "`data.encoded_value` or `data.batch_results`")))]
pub(super) async fn encode(asked: Asked, members: Members) -> Result<Response, Failure> {
    let batch = Batch::read(members, |members| value(members, &asked.name))?;
    asked
        .use_key(batch, Failing::Answer, Encode, |made| shown([("encoded_value", made.as_str().into())]))
        .await
}

/// Puts the values in the place of such tokens. The event is durable before a value leaves.
#[utoipa::path(method(post, put), path = "/v1/transform/decode/{name}", tag = "transit engine",
    request_body(content = Object, description = "`value`, or `batch_input`"),
    params(("name" = String, Path, description = "The key")),
    responses((status = 200, description = "`data.decoded_value` or `data.batch_results`")))]
pub(super) async fn decode(asked: Asked, members: Members) -> Result<Response, Failure> {
    let batch = Batch::read(members, |members| value(members, &asked.name))?;
    asked
        .use_key(batch, Failing::Answer, Decode, |made| shown([("decoded_value", made.as_str().into())]))
        .await
}

fn value(members: &mut Members, name: &KeyName) -> Given<Hidden<String>> {
    members.refuse("tweak", "tweaks are chosen here and never taken from a caller: leave `tweak` out")?;
    if members.text("transformation")?.is_some_and(|named| named != name.as_str()) {
        return Err(Unfit::Refused("a key here has one format: leave `transformation` out, or name the key"));
    }
    members.text("value")?.map(Hidden::from).ok_or(Unfit::Refused("missing value"))
}
