//! One customer, and every request that would show or change anything of them.

use avouch_client::Stated;
use avouch_wire::{
    ApprovalRequest, ApprovalWord, Fields, ImportStart, OnDuplicate, Secret, SubjectCreate, TokenRequest,
    token::TokenItem,
};
use serde_json::{Value, json};
use uuid::Uuid;

use super::canary::Canary;
use super::vault::{Ask, STAFF_NAME, Server, Vault};

pub(crate) const REASON: &str = "heard about the velocipede accident";

/// What is known of the customer. Every text in here is a canary.
pub(crate) fn values() -> Value {
    json!({
        "external_id": "KD-77415-Quokka",
        "name": "Quirina Zaunkönig",
        "company": "Zibeline Ofenbau",
        "birth_date": "1957-03-29",
        "email": "Quirina.Zaunkoenig@Example.org",
        "phones": ["+351 912 345 678"],
        "address": {"street": "Wisteriagasse 7", "city": "Obermusterstadt", "postal_code": "79098", "country": "DE"},
        "card_number": "5555 5555 5555 4444",
        "notes": "prefers marmalade before noon",
    })
}

/// The texts of [`values`], in every form.
pub(crate) fn canaries() -> Vec<Canary> {
    let plain = [
        "KD-77415-Quokka",
        "Quirina",
        "Zaunkönig",
        "Zaunkoenig@",
        "Zibeline",
        "1957-03-29",
        "912345678",
        "912 345 678",
        "Wisteriagasse",
        "Obermusterstadt",
        "5555555555554444",
        "5555 5555 5555 4444",
        "marmalade",
        "velocipede",
        STAFF_NAME,
        "Ratzenberger",
    ];
    plain.map(Canary::new).into()
}

/// The customer in the vault.
pub(crate) struct Customer {
    pub(crate) id: Uuid,
    token: String,
    import: Uuid,
}

impl Customer {
    pub(crate) fn create(vault: &Vault<'_>, server: &Server) -> Self {
        let Value::Object(fields) = values() else { panic!("an object") };
        Self::with(vault, server, Fields(fields))
    }

    /// Somebody else, of whom most is the same.
    pub(crate) fn create_other(vault: &Vault<'_>, server: &Server) -> Self {
        let Value::Object(mut fields) = values() else { panic!("an object") };
        fields.insert("external_id".to_owned(), json!("KD-77415-Quokka-0"));
        fields.insert("email".to_owned(), json!("other.Zaunkoenig@Example.org"));
        Self::with(vault, server, Fields(fields))
    }

    fn with(vault: &Vault<'_>, server: &Server, fields: Fields) -> Self {
        let shop = vault.client(server, "shop");
        let importer = vault.client(server, "importer");
        let id =
            importer.create(&SubjectCreate { fields, again: false }, &administration(), None).unwrap().id;
        let request = TokenRequest {
            purpose: "order_fulfilment".to_owned(),
            recipient: "parcels".to_owned(),
            items: vec![TokenItem { reference: None, subject: id, field: "address".to_owned(), value: None }],
            terms: None,
        };
        let token = shop.tokens(&request).unwrap().items.remove(0).token.unwrap().0.to_string();
        let start = ImportStart {
            source_digest: "ab".repeat(32),
            mapping_digest: "cd".repeat(32),
            dry_run: None,
            on_duplicate: OnDuplicate::Reject,
            on_erased: Default::default(),
        };
        let import = importer.import_start(&start, &administration()).unwrap().id;
        Self::agree_to_exports(vault, server);
        Self { id, token, import }
    }

    /// Nobody carries anybody out before two others have agreed.
    fn agree_to_exports(vault: &Vault<'_>, server: &Server) {
        let wish = ApprovalRequest {
            approval: "export".to_owned(),
            action: "subject.export".to_owned(),
            purpose: "data_rights".to_owned(),
            subject: None,
            search: None,
            everybody: true,
            fields: vec!["name".to_owned(), "email".to_owned()],
            reason: Secret(REASON.into()),
            case_reference: None,
            minutes: None,
            customers: Some(1_000),
        };
        let id = vault.client(server, "dpo").approval_ask(&wish).unwrap().id;
        for role in ["security", "admin"] {
            let word = ApprovalWord { agrees: true, why: None };
            vault.client(server, role).approval_word(id, &word).unwrap();
        }
    }

    /// Who asks what, for every door. On a vault that works each shows or changes something.
    pub(crate) fn doors(&self) -> Vec<(&'static str, Ask<'static>)> {
        let Self { id, token, import } = self;
        let one = format!("/v1/subjects/{id}");
        let support = vec![("Avouch-Purpose", "support"), ("Avouch-Reason", "velocipede")];
        let rights = vec![("Avouch-Purpose", "data_rights"), ("Avouch-Reason", "velocipede")];
        let moving = vec![("Avouch-Purpose", "administration")];
        let ask = |method, path: &str, headers: &[(&'static str, &'static str)], body: Value| Ask {
            method,
            path: path.to_owned(),
            headers: headers.to_vec(),
            body: if body.is_null() { String::new() } else { body.to_string() },
        };
        let get = |path: &str, headers: &[_]| ask("GET", path, headers, Value::Null);
        let post = |path: &str, body| ask("POST", path, &[], body);
        let mut patch = ask("PATCH", &one, &support, json!({"fields": {"notes": "marmalade at noon"}}));
        patch.headers.push(("If-Match", "\"1\""));
        let reveal =
            json!({"purpose": "support", "reason": REASON, "fields": ["name", "email", "notes", "phones"]});
        let search = json!({"purpose": "support", "reason": REASON, "by": {"email": "quirina.zaunkoenig@example.org"}});
        let tokens = json!({
            "purpose": "order_fulfilment", "recipient": "parcels", "items": [{"subject": id, "field": "name"}],
        });
        let tokenize = json!({
            "purpose": "order_fulfilment", "recipient": "parcels", "subject": id,
            "document": {"name": "Quirina Zaunkönig"},
        });
        let detokenize = json!({"purpose": "order_fulfilment", "document": {"to": token}});
        let export = json!({
            "purpose": "data_rights", "reason": REASON, "fields": ["name", "email"], "format": "csv", "plain": true,
        });
        let chunk = json!({"rows": [{"row": 1, "fields": {"name": "Zibeline Quirina"}}]});
        vec![
            ("support", post(&format!("{one}/reveal"), reveal)),
            ("support", get(&one, &support)),
            ("support", get("/v1/subjects", &support)),
            ("support", post("/v1/subjects/search", search)),
            ("support", get(&format!("{one}/history"), &support)),
            ("support", get(&format!("{one}/accesses"), &support)),
            ("shop", post("/v1/tokens", tokens)),
            ("shop", post("/v1/tokenize", tokenize)),
            ("parcels_api", post("/v1/detokenize", detokenize)),
            ("dpo", post("/v1/exports", export)),
            ("auditor", get("/v1/events", &[])),
            ("auditor", get("/v1/principals", &[])),
            ("support", ask("POST", "/v1/subjects", &support, json!({"fields": {"name": "Quirina Zwei"}}))),
            ("importer", ask("PUT", &format!("/v1/imports/{import}/chunks/1"), &moving, chunk)),
            ("support", patch),
            ("dpo", ask("DELETE", &one, &rights, Value::Null)),
        ]
    }

    /// A batch is answered item by item, so it is asked apart.
    pub(crate) fn batch(&self) -> Ask<'static> {
        let id = self.id;
        let body = json!({"purpose": "support", "reason": REASON, "items": [
            {"read": {"id": id}},
            {"reveal": {"id": id, "fields": ["name", "notes"]}},
            {"search": {"by": {"email": "quirina.zaunkoenig@example.org"}}},
            {"create": {"fields": {"name": "Quirina Drei"}}},
            {"update": {"id": id, "version": 1, "fields": {"notes": "marmalade"}}},
        ]});
        Ask {
            method: "POST",
            path: "/v1/subjects/batch".to_owned(),
            headers: Vec::new(),
            body: body.to_string(),
        }
    }
}

pub(crate) fn administration() -> Stated {
    Stated::purpose("administration")
}
