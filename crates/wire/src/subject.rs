//! Customers: create, read, reveal, change, delete, search, history and batch. A `Subject` in an answer shows what the caller may see,
//! which is often masked; `views` says how much. Looking for a customer by e-mail is a POST: identifiers stay out of URLs.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, de};
use utoipa::{
    PartialSchema, ToSchema,
    openapi::{RefOr, Schema},
};
use uuid::Uuid;

use crate::{Actor, Fields, Problem, Receipt, Secret, Time, View, Views};

/// `POST /v1/subjects`. Send an `Idempotency-Key` to make a repeat safe.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SubjectCreate {
    /// The values.
    pub fields: Fields,
    /// Whether this may be somebody who was erased: without it they are refused, with the erasure's number.
    #[serde(default, skip_serializing_if = "core::ops::Not::not")]
    pub again: bool,
}

/// A customer as the caller may see them.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[schema(examples(json!({
    "id": "5f0c2a9e-7b1d-4c53-9a86-3e1f60d2b874",
    "version": 3,
    "created": "2026-03-01T09:30:00.000000Z",
    "updated": "2026-03-02T10:00:00.000000Z",
    "fields": {"name": "A. B.", "email": "a•••@…"},
    "views": {"name": "masked", "email": "masked"}
})))]
pub struct Subject {
    /// The id; says nothing about the person.
    pub id: Uuid,
    /// Counts changes from 1. It is the `ETag`, in quotes.
    pub version: u64,
    /// When the customer was first stored.
    pub created: Time,
    /// When the customer was last changed.
    pub updated: Time,
    /// What the caller may see of the fields that have a value.
    pub fields: Fields,
    /// How much of each field is shown; a field of which nothing is shown is not named.
    pub views: Views,
}

/// `POST /v1/subjects/{id}/reveal`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(examples(json!({"purpose": "support", "reason": "asks where the parcel is", "fields": ["email", "phone"]})))]
pub struct RevealRequest {
    /// For which purpose of the charter.
    pub purpose: String,
    /// Why now, in a few words and without naming anybody. Some purposes require it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<Secret>,
    /// Which fields; there is no "all".
    #[schema(min_items = 1)]
    pub fields: Vec<String>,
    /// `clear`: refuse rather than show less.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub view: Option<View>,
}

/// The answer to a reveal. The event was durable before this was sent.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Revealed {
    /// The customer, with the revealed fields only.
    #[serde(flatten)]
    pub subject: Subject,
    /// The record of this look.
    pub event: Uuid,
    /// The policies that allowed it.
    pub decided_by: Vec<String>,
}

/// `PATCH /v1/subjects/{id}` with `If-Match`: a merge patch (RFC 7396); `null` removes a field.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SubjectPatch {
    /// The fields to set, and as `null` those to remove.
    pub fields: Fields,
    /// Whether a new value may be one of somebody who was erased: without it that is refused, with the erasure's number.
    #[serde(default, skip_serializing_if = "core::ops::Not::not")]
    pub again: bool,
}

/// The answer to an erasure. The same again has the same answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Deleted {
    /// Whom it was about.
    pub id: Uuid,
    /// Whether the whole customer is gone, and not only retention classes of it.
    pub deleted: bool,
    /// The record of the erasure.
    pub event: Uuid,
    /// What can be shown for it.
    pub receipt: Receipt,
}

/// One entry of `GET /v1/subjects/{id}/history`, newest first.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct SubjectVersion {
    /// The version.
    pub version: u64,
    /// When it was written.
    pub at: Time,
    /// By whom.
    pub by: Actor,
    /// The action that wrote it, such as `subject.update`.
    pub action: String,
    /// The fields that it changed.
    pub changed: Vec<String>,
    /// The values after the change, as the caller may see them.
    pub fields: Fields,
    /// How much of each field is shown.
    pub views: Views,
}

/// `POST /v1/subjects/search`: customers for whom all terms match exactly, in the fields' normal form.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(examples(json!({"purpose": "support", "by": {"email": "ada@example.org"}})))]
pub struct SearchRequest {
    /// For which purpose of the charter.
    pub purpose: String,
    /// Why now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<Secret>,
    /// Values by field, `email`, or parts of values, `birth_date.year`. With those in `match` 1 to 4 conditions, all of which must
    /// hold and at least one of which an index must answer.
    #[serde(default, skip_serializing_if = "Fields::is_empty")]
    pub by: Fields,
    /// What is like a value, by field: `{"prefix": "gon"}`, `{"fuzzy": "gonsalves"}` or `{"from": "1962-05-01", "to": "1962-07-31"}`.
    #[serde(rename = "match", default, skip_serializing_if = "Fields::is_empty")]
    pub like: Fields,
    /// How many entries, 1 to 100; 25 when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 1, maximum = 100)]
    pub limit: Option<u32>,
    /// `next_cursor` of the page before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cursor: Option<String>,
}

/// `POST /v1/subjects/batch`: up to 1,000 operations, each with its own result. Not atomic: one item's failure leaves the others done.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct BatchRequest {
    /// For which purpose of the charter; holds for every item.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub purpose: Option<String>,
    /// Why now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<Secret>,
    /// What to do, in order.
    #[schema(max_items = 1000)]
    pub items: Vec<BatchItem>,
}

/// One item of a batch: an operation, and a name of the caller's for it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct BatchItem {
    /// Comes back with the result. At most 128 characters; not for personal data.
    #[serde(rename = "ref", skip_serializing_if = "Option::is_none")]
    pub reference: Option<String>,
    /// What to do.
    #[serde(flatten)]
    pub operation: BatchOperation,
}

/// What a batch item does.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum BatchOperation {
    /// Store a customer.
    Create(SubjectCreate),
    /// Read as the role may.
    Read(BatchTarget),
    /// Reveal fields.
    Reveal(BatchReveal),
    /// Change a given version.
    Update(BatchUpdate),
    /// Delete.
    Delete(BatchTarget),
    /// Search.
    Search(BatchSearch),
}

/// Whom a batch item reads or deletes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct BatchTarget {
    /// The customer.
    pub id: Uuid,
}

/// What a batch item reveals.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct BatchReveal {
    /// The customer.
    pub id: Uuid,
    /// Which fields.
    pub fields: Vec<String>,
}

/// What a batch item changes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct BatchUpdate {
    /// The customer.
    pub id: Uuid,
    /// The version that the change was made from.
    pub version: u64,
    /// The merge patch.
    pub fields: Fields,
    /// Whether a new value may be one of somebody who was erased: without it that is refused, with the erasure's number.
    #[serde(default, skip_serializing_if = "core::ops::Not::not")]
    pub again: bool,
}

/// What a batch item searches.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct BatchSearch {
    /// Values by field, or parts of values.
    #[serde(default, skip_serializing_if = "Fields::is_empty")]
    pub by: Fields,
    /// What is like a value, by field.
    #[serde(rename = "match", default, skip_serializing_if = "Fields::is_empty")]
    pub like: Fields,
    /// How many entries, 1 to 100; 25 when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<u32>,
}

/// The item as written: all operations optional. Exists because `flatten` and `deny_unknown_fields` do not go together.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(examples(json!({"ref": "row-1", "create": {"fields": {"email": "ada@example.org"}}})))]
struct WrittenBatchItem {
    /// Comes back with the result. At most 128 characters; not for personal data.
    #[serde(rename = "ref", default)]
    reference: Option<String>,
    /// Store a customer.
    #[serde(default)]
    create: Option<SubjectCreate>,
    /// Read as the role may.
    #[serde(default)]
    read: Option<BatchTarget>,
    /// Reveal fields.
    #[serde(default)]
    reveal: Option<BatchReveal>,
    /// Change a given version.
    #[serde(default)]
    update: Option<BatchUpdate>,
    /// Delete.
    #[serde(default)]
    delete: Option<BatchTarget>,
    /// Search.
    #[serde(default)]
    search: Option<BatchSearch>,
}

impl<'de> Deserialize<'de> for BatchItem {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let written = WrittenBatchItem::deserialize(deserializer)?;
        let mut given = [
            written.create.map(BatchOperation::Create),
            written.read.map(BatchOperation::Read),
            written.reveal.map(BatchOperation::Reveal),
            written.update.map(BatchOperation::Update),
            written.delete.map(BatchOperation::Delete),
            written.search.map(BatchOperation::Search),
        ]
        .into_iter()
        .flatten();
        match (given.next(), given.next()) {
            (Some(operation), None) => Ok(Self { reference: written.reference, operation }),
            _ => Err(de::Error::custom(
                "an item has exactly one of create, read, reveal, update, delete and search",
            )),
        }
    }
}

impl PartialSchema for BatchItem {
    fn schema() -> RefOr<Schema> {
        WrittenBatchItem::schema()
    }
}

impl ToSchema for BatchItem {
    fn schemas(schemas: &mut Vec<(String, RefOr<Schema>)>) {
        WrittenBatchItem::schemas(schemas);
    }
}

/// The results of a batch, one for each item and in their order.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct BatchResponse {
    /// The results.
    pub items: Vec<BatchResult>,
}

/// What became of one item. Exactly one of `subject`, `found`, `deleted` and `problem` is present.
#[derive(Clone, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct BatchResult {
    /// The caller's name for the item.
    #[serde(rename = "ref", default, skip_serializing_if = "Option::is_none")]
    pub reference: Option<String>,
    /// The item's place in the request, from 0.
    pub index: usize,
    /// The HTTP status that the operation would have had by itself.
    pub status: u16,
    /// The customer created, read, revealed or changed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subject: Option<Subject>,
    /// The customers found.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub found: Option<Vec<Subject>>,
    /// The customer deleted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deleted: Option<Uuid>,
    /// Why not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub problem: Option<Problem>,
}

impl fmt::Debug for BatchResult {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BatchResult")
            .field("index", &self.index)
            .field("status", &self.status)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_batch_item_is_one_operation_and_reads_back() {
        let text = r#"{"ref":"a","reveal":{"id":"5f0c2a9e-7b1d-4c53-9a86-3e1f60d2b874","fields":["email"]}}"#;
        let item: BatchItem = serde_json::from_str(text).unwrap();
        assert!(matches!(item.operation, BatchOperation::Reveal(_)));
        assert_eq!(serde_json::to_string(&item).unwrap(), text);
    }

    #[test]
    fn a_batch_item_with_none_two_or_unknown_operations_is_refused() {
        let id = "5f0c2a9e-7b1d-4c53-9a86-3e1f60d2b874";
        for item in [
            json!({}),
            json!({"ref": "a"}),
            json!({"read": {"id": id}, "delete": {"id": id}}),
            json!({"read": {"id": id}, "erase": {"id": id}}),
            json!({"read": {"id": id, "fields": []}}),
        ] {
            assert!(serde_json::from_value::<BatchItem>(item.clone()).is_err(), "{item}");
        }
    }

    #[test]
    fn unknown_members_of_requests_are_refused() {
        let request = json!({"purpose": "support", "fields": ["email"], "veiw": "clear"});
        assert!(serde_json::from_value::<RevealRequest>(request).is_err());
    }

    #[test]
    fn debug_of_a_search_names_the_field_and_not_the_person() {
        let request: SearchRequest =
            serde_json::from_value(json!({"purpose": "support", "by": {"email": "ada@example.org"}}))
                .unwrap();
        let text = format!("{request:?}");
        assert!(text.contains("email") && !text.contains("ada@"), "{text}");
    }

    #[test]
    fn debug_of_a_request_shows_no_reason() {
        use crate::{DetokenizeRequest, ExportRequest};

        fn shown<T: serde::de::DeserializeOwned + fmt::Debug>(rest: serde_json::Value) -> String {
            let mut request = json!({"purpose": "support", "reason": "Ada called"});
            request.as_object_mut().unwrap().append(&mut rest.as_object().unwrap().clone());
            format!("{:?}", serde_json::from_value::<T>(request).unwrap())
        }
        for shown in [
            shown::<RevealRequest>(json!({"fields": ["email"]})),
            shown::<SearchRequest>(json!({})),
            shown::<BatchRequest>(json!({"items": []})),
            shown::<DetokenizeRequest>(json!({"document": {}})),
            shown::<ExportRequest>(json!({"fields": ["email"], "format": "csv", "plain": true})),
        ] {
            assert!(shown.contains("support") && !shown.contains("Ada"), "{shown}");
        }
    }

    #[test]
    fn a_revealed_subject_is_flat() {
        let value = json!({
            "id": "5f0c2a9e-7b1d-4c53-9a86-3e1f60d2b874", "version": 1,
            "created": "2026-03-01T09:30:00.000000Z", "updated": "2026-03-01T09:30:00.000000Z",
            "fields": {"email": "ada@example.org"}, "views": {"email": "clear"},
            "event": "019560f0-2222-7000-8000-000000000001", "decided_by": ["role:support/reveal"]
        });
        let revealed: Revealed = serde_json::from_value(value.clone()).unwrap();
        assert_eq!(serde_json::to_value(&revealed).unwrap(), value);
    }
}
