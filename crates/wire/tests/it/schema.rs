use std::collections::BTreeMap;

use avouch_wire::{self as wire, *};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;
use utoipa::{
    PartialSchema, ToSchema,
    openapi::{RefOr, Schema},
};

type Schemas = BTreeMap<String, RefOr<Schema>>;

/// Puts a type and what it refers to into the list, and reads its examples.
fn add<T: ToSchema + PartialSchema + DeserializeOwned + Serialize>(schemas: &mut Schemas) {
    let schema = T::schema();
    let json = serde_json::to_value(&schema).expect("a schema serialises");
    for example in json.get("examples").and_then(Value::as_array).into_iter().flatten() {
        let value = serde_json::from_value::<T>(example.clone());
        assert!(value.is_ok(), "the example of {} is none: {:?}", T::name(), value.err());
        let again = serde_json::to_value(value.ok()).expect("it serialises");
        assert_eq!(&again, example, "{} does not keep its example", T::name());
    }
    schemas.insert(T::name().into_owned(), schema);
    let mut inner = Vec::new();
    T::schemas(&mut inner);
    schemas.extend(inner);
}

macro_rules! all {
    ($($of:ty),* $(,)?) => {{
        let mut schemas = Schemas::new();
        $(add::<$of>(&mut schemas);)*
        schemas
    }};
}

fn schemas() -> Schemas {
    all![
        Access,
        BatchItem,
        BatchRequest,
        BatchResponse,
        CharterApplied,
        CharterApply,
        CharterPlan,
        CharterPlanned,
        CharterSources,
        CharterSummary,
        CharterView,
        wire::charter::CharterField,
        ChunkRequest,
        ChunkResult,
        Deleted,
        DetokenizeRequest,
        Detokenized,
        Event,
        EventSearch,
        EventLine,
        Disclosures,
        Actor,
        Hold,
        HoldRequest,
        Explain,
        Explanation,
        ExportRequest,
        Fault,
        Fields,
        Health,
        Import,
        ImportStart,
        ImportStarted,
        Key,
        KeyCreate,
        KeyCreated,
        KeyState,
        Need,
        Page<Subject>,
        Page<Event>,
        Principal,
        PrincipalCreate,
        PrincipalPatch,
        Problem,
        Proposal,
        ProposeRequest,
        wire::import::ProposeColumn,
        wire::import::ProposedTarget,
        wire::import::RejectedRow,
        Readiness,
        Receipt,
        ReceiptKey,
        RevealRequest,
        Revealed,
        SearchRequest,
        Status,
        Subject,
        SubjectCreate,
        SubjectPatch,
        SubjectVersion,
        Time,
        TokenRequest,
        TokenResponse,
        TokenizeRequest,
        TransitDecode,
        TransitDecrypt,
        TransitDeleted,
        TransitEncode,
        TransitEncrypt,
        TransitHmac,
        TransitKey,
        TransitKeyCreate,
        TransitKeyListed,
        TransitKeyPatch,
        TransitRandom,
        TransitRandomBytes,
        TransitResponse,
        TransitRewrap,
        TransitRotated,
        TransitSign,
        TransitTrim,
        TransitVerify,
        TransitVerifyHmac,
        Tokenized,
        TouchedField,
    ]
}

#[test]
fn every_example_is_accepted_and_every_reference_leads_somewhere() {
    let schemas = schemas();
    let json = serde_json::to_value(&schemas).unwrap();
    let mut references = Vec::new();
    collect(&json, &mut references);
    assert!(references.len() > 40, "{}", references.len());
    for reference in references {
        let name = reference.strip_prefix("#/components/schemas/").unwrap();
        assert!(schemas.contains_key(name), "{name} is referred to and not described");
    }
}

#[test]
fn every_member_is_described() {
    let json = serde_json::to_value(schemas()).unwrap();
    let mut missing = Vec::new();
    for (name, schema) in json.as_object().unwrap() {
        for part in schema["allOf"].as_array().into_iter().flatten().chain([schema]) {
            for (member, about) in part["properties"].as_object().into_iter().flatten() {
                // An optional reference carries its text beside the reference.
                let mut places = about["oneOf"].as_array().into_iter().flatten().chain([about]);
                if !places.any(|place| place["description"].as_str().is_some_and(|text| !text.is_empty())) {
                    missing.push(format!("{name}.{member}"));
                }
            }
        }
    }
    assert!(missing.is_empty(), "{missing:#?}");
}

#[test]
fn a_batch_item_is_described_as_written() {
    let schema = serde_json::to_value(BatchItem::schema()).unwrap();
    let members: Vec<_> = schema["properties"].as_object().unwrap().keys().cloned().collect();
    assert_eq!(members, ["ref", "create", "read", "reveal", "update", "delete", "search"]);
    assert_eq!(schema["additionalProperties"], Value::Bool(false));
}

fn collect<'a>(value: &'a Value, references: &mut Vec<&'a str>) {
    match value {
        Value::Object(members) => {
            for (name, value) in members {
                match value.as_str() {
                    Some(text) if name == "$ref" => references.push(text),
                    _ => collect(value, references),
                }
            }
        }
        Value::Array(items) => items.iter().for_each(|item| collect(item, references)),
        _ => {}
    }
}
