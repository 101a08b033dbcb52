//! The contract as OpenAPI 3.1: made from the handlers' own declarations, completed here with what holds for every route: the
//! credential, the headers of every answer, and problems.

use avouch_wire::{Problem, header};
use utoipa::openapi::path::{Operation, PathItem};
use utoipa::openapi::security::{Http, HttpAuthScheme, SecurityScheme};
use utoipa::openapi::{
    ComponentsBuilder, ContentBuilder, HeaderBuilder, Info, License, OpenApi, OpenApiBuilder, Ref, RefOr,
    ResponseBuilder, SecurityRequirement, tag::TagBuilder,
};
use utoipa::{PartialSchema as _, ToSchema as _};

use crate::compat::{self, Errors};

/// Routes that need no credential.
const OPEN: [&str; 16] = [
    "/.well-known/oauth-authorization-server",
    "/healthz",
    "/readyz",
    "/v1/ledger",
    "/v1/ledger/{log}/checkpoint",
    "/v1/ledger/{log}/checkpoints",
    "/v1/ledger/{log}/tile/{level}/{*place}",
    "/v1/login",
    "/v1/login/code",
    "/v1/login/passkey",
    "/v1/login/sign-on",
    "/v1/login/sign-on/{provider}/logout",
    "/v1/oauth/revoke",
    "/v1/oauth/token",
    "/v1/openapi.json",
    // A service asks for its next certificate with the one that it has; whoever has neither is refused there.
    "/v1/principals/{id}/certificates",
];

const TAGS: [(&str, &str); 20] = [
    ("customers", "Store, show, reveal, change, delete and find customers"),
    ("erasures", "What was erased, proved by receipts, and what legal holds keep"),
    ("tokens", "References to values that one recipient can use, singly or in whole documents"),
    ("charter", "What is collected, for what, who may see it: in force, in the past, and planned"),
    ("access", "Principals and their keys"),
    (
        "services",
        "How services prove who they are: public keys, certificates, and tokens that nobody else can use",
    ),
    ("people", "Logging in, what one logs in with, one's sessions, and what one may do"),
    ("approvals", "What somebody may do only when others have agreed"),
    ("break-glass", "Looking in an emergency without anybody's word, and answering for it"),
    ("alarms", "What happened that somebody has to look at"),
    ("watch", "Who looks at customers without need: ties that explain a look, and cases that doubt one"),
    ("events", "Who did what, to how many, and why"),
    ("ledger", "That nobody has rewritten it: checkpoints, tiles, and proofs of single events"),
    ("imports", "Customers from a file"),
    ("exports", "Customers into a file"),
    ("backups", "Backups: which there are, and making one"),
    ("keys", "The vault's own keys, their rotation, and the seals around them"),
    ("transit", "Standalone keys, which applications use by name"),
    ("transit engine", "The same keys, for clients of HashiCorp Vault and OpenBao"),
    ("system", "How the server is"),
];

const KEY: &str = "api_key";

/// The document, as served at `/v1/openapi.json`.
///
/// # Panics
/// Never: the document is made of strings, numbers and maps.
#[must_use]
pub fn openapi() -> serde_json::Value {
    serde_json::to_value(crate::api::routes().1).unwrap_or_default()
}

pub(crate) fn is_open(path: &str) -> bool {
    OPEN.contains(&path) || compat::OPEN.contains(&path)
}

/// The document before any route is in it.
pub(crate) fn frame() -> OpenApi {
    let mut info = Info::new("avouch", env!("CARGO_PKG_VERSION"));
    info.description = Some(
        "Customer data under a charter. Every route but health, the checkpoints and tiles of the ledger, and this document needs an API key; every look at a \
         customer needs a purpose of the charter. What was refused comes as a problem (RFC 9457) that names all that \
         is missing at once, and never repeats a value."
            .to_owned(),
    );
    info.license = Some(License::new("Apache-2.0 OR MIT"));
    let mut schemas = vec![(Problem::name().into_owned(), Problem::schema())];
    schemas.push((Errors::name().into_owned(), Errors::schema()));
    Problem::schemas(&mut schemas);
    let mut components = ComponentsBuilder::new().schemas_from_iter(schemas).build();
    let scheme = Http::builder()
        .scheme(HttpAuthScheme::Bearer)
        .bearer_format("avk_…")
        .description(Some("An API key of a principal"))
        .build();
    components.add_security_scheme(KEY, SecurityScheme::Http(scheme));
    OpenApiBuilder::new()
        .info(info)
        .components(Some(components))
        .tags(Some(TAGS.map(|(name, about)| TagBuilder::new().name(name).description(Some(about)).build())))
        .security(Some([SecurityRequirement::new::<_, _, &str>(KEY, [])]))
        .build()
}

/// Adds to each operation what all have.
pub(crate) fn finish(mut document: OpenApi) -> OpenApi {
    for (path, item) in &mut document.paths.paths {
        let (error, media_type) = if compat::speaks(path) {
            (Errors::name(), "application/json")
        } else {
            (Problem::name(), header::PROBLEM_JSON)
        };
        for operation in operations(item) {
            complete(operation, &error, media_type);
        }
    }
    document
}

fn complete(operation: &mut Operation, error: &str, media_type: &str) {
    let request_id = HeaderBuilder::new().description(Some("Names this answer in logs")).build();
    for response in operation.responses.responses.values_mut() {
        if let RefOr::T(response) = response {
            response.headers.insert(header::REQUEST_ID.to_owned(), request_id.clone().into());
        }
    }
    let problem = ContentBuilder::new().schema(Some(RefOr::Ref(Ref::from_schema_name(error)))).build();
    let problem = ResponseBuilder::new()
        .description("What went wrong and what to do about it")
        .content(media_type, problem)
        .header(header::REQUEST_ID, request_id)
        .build();
    operation.responses.responses.insert("default".to_owned(), RefOr::T(problem));
}

fn operations(item: &mut PathItem) -> impl Iterator<Item = &mut Operation> {
    [&mut item.get, &mut item.post, &mut item.put, &mut item.patch, &mut item.delete].into_iter().flatten()
}
