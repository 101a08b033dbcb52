//! Services over HTTP and over TLS with certificates: tokens as OAuth libraries ask for them, and what a thief has of each piece alone.

use std::io::Write as _;
use std::net::TcpStream;
use std::sync::Arc;
use std::time::Duration;

use avouch_http::ClientCa;
use avouch_testkit::{Program, Proof};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};
use serde_json::{Value, json};

use crate::house::{Answer, House, certificate};

const ORIGIN: &str = "https://avouch.example";
const TYPE: &str = "urn%3Aietf%3Aparams%3Aoauth%3Aclient-assertion-type%3Ajwt-bearer";

/// A server, and a service of it that signs for itself.
struct Desk {
    house: House,
    shop: String,
    program: Program,
    device: Program,
    trusted: Option<CertificateDer<'static>>,
}

impl Desk {
    fn new() -> Self {
        Self::with(House::with(|settings| settings.origin = Some(ORIGIN.to_owned())), None)
    }

    /// Over TLS, with certificates of clients.
    fn encrypted(ca: ClientCa) -> Self {
        let (tls, trusted) = certificate();
        let mut tls = Some(tls);
        let house = House::with(|settings| {
            settings.origin = Some(ORIGIN.to_owned());
            settings.listeners.iter_mut().for_each(|listener| listener.tls = tls.take());
            settings.client_ca = Some(ca);
        });
        Self::with(house, Some(trusted))
    }

    fn with(house: House, trusted: Option<CertificateDer<'static>>) -> Self {
        let desk =
            Self { house, shop: String::new(), program: Program::new(1), device: Program::new(2), trusted };
        // Far enough from the start that no nonce is needed.
        desk.house.clock.advance(Duration::from_secs(200));
        let shop = desk.hire("shop");
        let desk = Self { shop, ..desk };
        desk.send("PUT", &desk.path("jwks"), &desk.by_admin(), Some(&desk.program.jwks())).expect(200);
        desk
    }

    fn hire(&self, role: &str) -> String {
        let request = json!({"kind": "service", "name": format!("The {role}"), "roles": [role]});
        self.send("POST", "/v1/principals", &self.by_admin(), Some(&request)).expect(201).text("id")
    }

    fn by_admin(&self) -> Vec<(&'static str, String)> {
        vec![("authorization", format!("Bearer {}", self.house.admin))]
    }

    fn path(&self, rest: &str) -> String {
        format!("/v1/principals/{}/{rest}", self.shop)
    }

    fn now(&self) -> u64 {
        u64::try_from(self.house.app.now() / 1_000_000).expect("after 1970")
    }

    /// Sends a request, over TLS without a certificate where there is TLS.
    fn send(&self, method: &str, path: &str, headers: &[(&str, String)], body: Option<&Value>) -> Answer {
        self.send_with(None, method, path, headers, body.map(|body| ("application/json", body.to_string())))
    }

    fn send_with(
        &self,
        own: Option<&Own>,
        method: &str,
        path: &str,
        headers: &[(&str, String)],
        body: Option<(&str, String)>,
    ) -> Answer {
        let mut text =
            format!("{method} {path} HTTP/1.1\r\nhost: elsewhere.example\r\nconnection: close\r\n");
        for (name, value) in headers {
            text.push_str(&format!("{name}: {value}\r\n"));
        }
        match body {
            Some((media_type, body)) => {
                text.push_str(&format!(
                    "content-type: {media_type}\r\ncontent-length: {}\r\n\r\n{body}",
                    body.len()
                ));
            }
            None => text.push_str("\r\n"),
        }
        let mut stream = TcpStream::connect(self.house.address).expect("it listens");
        match &self.trusted {
            None => {
                stream.write_all(text.as_bytes()).expect("sent");
                Answer::read(stream)
            }
            Some(trusted) => {
                let mut stream = StreamOwned::new(connection(trusted, own), stream);
                stream.write_all(text.as_bytes()).expect("sent");
                Answer::read(stream)
            }
        }
    }

    fn assertion(&self, jti: &str) -> String {
        self.program.assertion(&self.shop, ORIGIN, jti, self.now(), &Value::Null)
    }

    fn form(&self, assertion: &str) -> String {
        format!("grant_type=client_credentials&client_assertion_type={TYPE}&client_assertion={assertion}")
    }

    /// A proof of the device for a request to a path.
    fn proof(&self, method: &str, path: &str, token: Option<&str>, jti: &str) -> String {
        let uri = format!("{ORIGIN}{path}");
        self.device.proof(Proof { method, uri: &uri, token, jti, now: self.now() }, &Value::Null)
    }

    fn ask(&self, own: Option<&Own>, form: String, proof: Option<String>) -> Answer {
        let headers: Vec<_> = proof.into_iter().map(|proof| ("dpop", proof)).collect();
        let body = Some(("application/x-www-form-urlencoded", form));
        self.send_with(own, "POST", "/v1/oauth/token", &headers, body)
    }

    fn token(&self, jti: &str) -> String {
        let proof = self.proof("POST", "/v1/oauth/token", None, jti);
        self.ask(None, self.form(&self.assertion(jti)), Some(proof)).expect(200).text("access_token")
    }

    /// Asks what the service is allowed to ask.
    fn list(&self, own: Option<&Own>, authorization: String, proof: Option<String>) -> Answer {
        let mut headers = vec![("authorization", authorization)];
        headers.extend(proof.map(|proof| ("dpop", proof)));
        self.send_with(
            own,
            "POST",
            "/v1/subjects/search",
            &headers,
            Some(("application/json", SEARCH.to_owned())),
        )
    }

    fn search(&self, token: &str, jti: &str) -> Answer {
        let proof = self.proof("POST", "/v1/subjects/search", Some(token), jti);
        self.list(None, format!("DPoP {token}"), Some(proof))
    }

    /// A certificate of the service from the vault's authority.
    fn certified(&self, hours: u16) -> Own {
        let (request, key) = request();
        let body = json!({"csr": request, "hours": hours});
        let made = self.send("POST", &self.path("certificates"), &self.by_admin(), Some(&body)).expect(201);
        Own { chain: made.text("chain"), key }
    }
}

const SEARCH: &str = r#"{"purpose": "order_fulfilment", "by": {"email": "nobody@example.org"}}"#;

/// What a client shows of itself on a connection.
struct Own {
    chain: String,
    key: String,
}

fn request() -> (String, String) {
    let key = rcgen::KeyPair::generate().expect("a key");
    let request =
        rcgen::CertificateParams::default().serialize_request(&key).and_then(|request| request.pem());
    (request.expect("a request"), key.serialize_pem())
}

fn connection(trusted: &CertificateDer<'static>, own: Option<&Own>) -> ClientConnection {
    let mut roots = RootCertStore::empty();
    roots.add(trusted.clone()).expect("a certificate");
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let builder = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("versions");
    let builder = builder.with_root_certificates(roots);
    let config = match own {
        None => builder.with_no_client_auth(),
        Some(own) => {
            let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(own.chain.as_bytes()).collect();
            let key = PrivateKeyDer::from_pem_slice(own.key.as_bytes()).expect("a key");
            builder.with_client_auth_cert(chain.expect("PEM"), key).expect("they go together")
        }
    };
    let name = ServerName::try_from("localhost").expect("a name");
    ClientConnection::new(Arc::new(config), name).expect("a connection")
}

#[track_caller]
fn challenge(answer: &Answer) -> String {
    assert_eq!(answer.status, 401, "{}", String::from_utf8_lossy(&answer.body));
    answer.header("www-authenticate").expect("how to come again").to_owned()
}

const INVALID: &str =
    r#"DPoP error="invalid_token", algs="ES256 ES384 EdDSA Ed25519 RS256 RS384 RS512 PS256 PS384 PS512""#;

#[test]
fn a_token_as_a_library_asks_for_it() {
    let desk = Desk::new();
    let metadata = desk.send("GET", "/.well-known/oauth-authorization-server", &[], None).expect(200);
    assert_eq!(metadata.text("issuer"), ORIGIN);
    assert_eq!(metadata.text("token_endpoint"), format!("{ORIGIN}/v1/oauth/token"));
    assert_eq!(metadata.member("token_endpoint_auth_methods_supported"), json!(["private_key_jwt"]));
    let proof = desk.proof("POST", "/v1/oauth/token", None, "a");
    let answer = desk.ask(None, desk.form(&desk.assertion("a")), Some(proof)).expect(200);
    assert_eq!((answer.text("token_type"), answer.member("expires_in")), ("DPoP".to_owned(), json!(600)));
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    assert_eq!(answer.header("pragma"), Some("no-cache"));
    let token = answer.text("access_token");
    assert!(token.starts_with("ava_test_"));
    desk.search(&token, "1").expect(200);
    let shown =
        desk.send("GET", &format!("/v1/principals/{}", desk.shop), &desk.by_admin(), None).expect(200);
    assert_eq!(shown.member("proves_by"), json!({"api_keys": 0, "public_keys": 1, "access_tokens": 1}));
    let status = desk.send("GET", "/v1/status", &desk.by_admin(), None).expect(200);
    let services = json!({"with_api_keys_only": 0, "with_public_keys": 1, "access_tokens": 1});
    assert_eq!(status.member("services"), services);
}

#[test]
fn what_is_wrong_is_said_as_rfc_6749_has_it() {
    let desk = Desk::new();
    let proof = |jti: &str| Some(desk.proof("POST", "/v1/oauth/token", None, jti));
    let form = |jti: &str| desk.form(&desk.assertion(jti));
    let wrong = |answer: Answer| (answer.status, answer.text("error"));
    let answers = [
        desk.ask(None, form("a").replace("client_credentials", "password"), proof("a")),
        desk.ask(None, "client_id=x".to_owned(), proof("b")),
        desk.ask(None, format!("{}&scope=all", form("c")), proof("c")),
        desk.ask(None, form("d"), None),
        desk.ask(None, form("e").replace("jwt-bearer", "saml2-bearer"), proof("e")),
        desk.ask(None, format!("{}&grant_type=client_credentials", form("f")), proof("f")),
        desk.ask(None, "grant_type=client_credentials".to_owned(), proof("g")),
        desk.ask(None, form("h").replace("client_assertion=ey", "client_assertion=ex"), proof("h")),
        desk.ask(None, form("i"), Some(desk.proof("GET", "/v1/oauth/token", None, "i"))),
        desk.ask(None, form("j"), Some(desk.proof("POST", "/v1/oauth/revoke", None, "j"))),
        desk.ask(None, format!("grant_type=client_credentials&client_id={}", desk.shop), proof("k")),
    ];
    let all: Vec<_> = answers.into_iter().map(wrong).collect();
    let expected = [
        (400, "unsupported_grant_type"),
        (400, "invalid_request"),
        (400, "invalid_scope"),
        (400, "invalid_request"),
        (400, "invalid_request"),
        (400, "invalid_request"),
        (400, "invalid_request"),
        (401, "invalid_client"),
        (400, "invalid_dpop_proof"),
        (400, "invalid_dpop_proof"),
        (401, "invalid_client"),
    ];
    assert_eq!(all, expected.map(|(status, error)| (status, error.to_owned())));
    let json = desk.send("POST", "/v1/oauth/token", &[], Some(&json!({"grant_type": "client_credentials"})));
    assert_eq!(wrong(json), (400, "invalid_request".to_owned()));
    let two = [("dpop", proof("l").unwrap()), ("dpop", proof("m").unwrap())];
    let body = Some(("application/x-www-form-urlencoded", form("l")));
    assert_eq!(wrong(desk.send_with(None, "POST", "/v1/oauth/token", &two, body)).1, "invalid_dpop_proof");
    desk.token("n");
}

#[test]
fn an_assertion_is_good_once() {
    let desk = Desk::new();
    let form = desk.form(&desk.assertion("a"));
    let proof = |jti: &str| Some(desk.proof("POST", "/v1/oauth/token", None, jti));
    desk.ask(None, form.clone(), proof("a")).expect(200);
    assert_eq!(desk.ask(None, form, proof("b")).expect(401).text("error"), "invalid_client");
}

#[test]
fn after_too_many_failures_there_is_a_wait() {
    let desk = Desk::new();
    let stranger = Program::new(9);
    let ask = |jti: &str| {
        let assertion = stranger.assertion(&desk.shop, ORIGIN, jti, desk.now(), &Value::Null);
        desk.ask(None, desk.form(&assertion), Some(desk.proof("POST", "/v1/oauth/token", None, jti)))
    };
    for at in 0..5 {
        ask(&format!("{at}")).expect(401);
    }
    let waits = ask("more").expect(429);
    assert_eq!(
        (waits.text("error").as_str(), waits.header("retry-after")),
        ("temporarily_unavailable", Some("901"))
    );
}

#[test]
fn each_piece_alone_lets_nobody_in() {
    let desk = Desk::new();
    let (token, other) = (desk.token("a"), desk.token("b"));
    let path = "/v1/subjects/search";
    let by = |proof: Option<String>| desk.list(None, format!("DPoP {token}"), proof);
    let plain = desk.list(None, format!("Bearer {token}"), None);
    assert_eq!(challenge(&plain), INVALID, "the token as if it were a key");
    assert_eq!(challenge(&by(None)), INVALID, "the token without a proof");
    let thief = Program::new(3);
    let uri = format!("{ORIGIN}{path}");
    let request = Proof { method: "POST", uri: &uri, token: Some(&token), jti: "1", now: desk.now() };
    assert_eq!(challenge(&by(Some(thief.proof(request, &Value::Null)))), INVALID, "with another key");
    assert_eq!(challenge(&by(Some(desk.proof("GET", path, Some(&token), "2")))), INVALID, "another method");
    assert_eq!(
        challenge(&by(Some(desk.proof("POST", "/v1/subjects", Some(&token), "3")))),
        INVALID,
        "another address"
    );
    assert_eq!(challenge(&by(Some(desk.proof("POST", path, Some(&other), "4")))), INVALID, "another token");
    let elsewhere = "https://elsewhere.example/v1/subjects/search";
    let request = Proof { uri: elsewhere, jti: "5", ..request };
    let named = desk.device.proof(request, &Value::Null);
    assert_eq!(challenge(&by(Some(named))), INVALID, "the address that the request names instead of ours");
    let proof = desk.proof("POST", path, Some(&token), "6");
    by(Some(proof.clone())).expect(200);
    assert_eq!(challenge(&by(Some(proof.clone()))), INVALID, "a proof that was shown before");
    assert_eq!(
        challenge(&desk.list(None, format!("DPoP {}", desk.house.admin), Some(proof))),
        INVALID,
        "a key as a token"
    );
    let engine = [("x-vault-token", token.clone())];
    assert_eq!(desk.send("GET", "/v1/sys/health", &engine, None).status, 200, "open to all");
    assert_eq!(
        desk.send("GET", "/v1/auth/token/lookup-self", &engine, None).status,
        403,
        "nor in an engine's header"
    );
    assert_eq!(
        desk.send("GET", "/v1/account", &[("cookie", format!("__Host-avouch={token}"))], None).status,
        401
    );
}

#[test]
fn just_after_a_start_a_proof_needs_the_nonce_that_is_given() {
    let house = House::with(|settings| settings.origin = Some(ORIGIN.to_owned()));
    let request = json!({"kind": "service", "name": "Shop", "roles": ["shop"]});
    let shop = house.post(&house.admin, "/v1/principals", request).expect(201).text("id");
    let (program, device) = (Program::new(1), Program::new(2));
    let desk = Desk { house, shop, program, device, trusted: None };
    desk.send("PUT", &desk.path("jwks"), &desk.by_admin(), Some(&desk.program.jwks())).expect(200);
    let token = desk.token("b");
    let told = desk.search(&token, "1");
    assert!(challenge(&told).starts_with(r#"DPoP error="use_dpop_nonce""#));
    let nonce = told.header("dpop-nonce").expect("a nonce");
    let uri = format!("{ORIGIN}/v1/subjects/search");
    let request = Proof { method: "POST", uri: &uri, token: Some(&token), jti: "2", now: desk.now() };
    let proof = desk.device.proof(request, &json!({"nonce": nonce}));
    desk.list(None, format!("DPoP {token}"), Some(proof)).expect(200);
}

#[test]
fn a_token_is_revoked_by_its_service() {
    let desk = Desk::new();
    let token = desk.token("a");
    desk.search(&token, "1").expect(200);
    let revoke = |form: String| {
        desk.send_with(
            None,
            "POST",
            "/v1/oauth/revoke",
            &[],
            Some(("application/x-www-form-urlencoded", form)),
        )
    };
    let by = |jti: &str| format!("client_assertion_type={TYPE}&client_assertion={}", desk.assertion(jti));
    assert_eq!(revoke(format!("token={token}")).expect(400).text("error"), "invalid_request");
    assert_eq!(revoke(by("b")).expect(400).text("error"), "invalid_request");
    revoke(format!("token=ava_test_nothing&{}", by("c"))).expect(200);
    desk.search(&token, "2").expect(200);
    revoke(format!("token={token}&token_type_hint=access_token&{}", by("d"))).expect(200);
    assert_eq!(challenge(&desk.search(&token, "3")), INVALID);
}

#[test]
fn private_keys_are_refused_with_a_word_of_their_own() {
    let desk = Desk::new();
    let answer = desk.send("PUT", &desk.path("jwks"), &desk.by_admin(), Some(&desk.program.private_jwks()));
    let answer = answer.expect(422);
    insta::assert_snapshot!(answer.plain(), @r#"
    422 {
      "type": "/problems/validation",
      "title": "The request does not fit",
      "status": 422,
      "detail": "`/keys`: a private or shared key was handed out where a public one belongs: replace it",
      "request_id": "request",
      "errors": [
        {
          "pointer": "/keys",
          "detail": "a private or shared key was handed out where a public one belongs: replace it"
        }
      ]
    }
    "#);
    let known = desk.send("GET", &desk.path("jwks"), &desk.by_admin(), None).expect(200);
    assert_eq!(known.member("keys")[0]["kid"], "key-1");
    let own = desk.token("a");
    let proof = desk.proof("GET", &desk.path("jwks"), Some(&own), "1");
    let headers = [("authorization", format!("DPoP {own}")), ("dpop", proof)];
    desk.send("GET", &desk.path("jwks"), &headers, None).expect(403);
    desk.send("PUT", &desk.path("jwks"), &desk.by_admin(), Some(&json!({"keys": []}))).expect(200);
    assert_eq!(challenge(&desk.search(&own, "2")), INVALID);
}

#[test]
fn a_service_is_known_by_its_certificate_and_its_token_goes_with_it_alone() {
    let desk = Desk::encrypted(ClientCa::BuiltIn);
    let metadata = desk.send("GET", "/.well-known/oauth-authorization-server", &[], None).expect(200);
    assert_eq!(
        metadata.member("token_endpoint_auth_methods_supported"),
        json!(["private_key_jwt", "tls_client_auth"])
    );
    assert_eq!(metadata.member("tls_client_certificate_bound_access_tokens"), true);
    let own = desk.certified(24);
    let form = format!("grant_type=client_credentials&client_id={}", desk.shop);
    assert_eq!(desk.ask(None, form.clone(), None).expect(401).text("error"), "invalid_client");
    let answer = desk.ask(Some(&own), form.clone(), None).expect(200);
    assert_eq!(answer.text("token_type"), "Bearer");
    let bearer = format!("Bearer {}", answer.text("access_token"));
    desk.list(Some(&own), bearer.clone(), None).expect(200);
    assert_eq!(challenge(&desk.list(None, bearer.clone(), None)), INVALID, "without a certificate");
    let another = desk.certified(24);
    assert_eq!(challenge(&desk.list(Some(&another), bearer.clone(), None)), INVALID, "with another");
    let other = desk.hire("importer");
    let foreign = format!("grant_type=client_credentials&client_id={other}");
    assert_eq!(desk.ask(Some(&own), foreign, None).expect(401).text("error"), "invalid_client");
    // A certificate alone is no credential anywhere else.
    let search = Some(("application/json", SEARCH.to_owned()));
    assert_eq!(desk.send_with(Some(&own), "POST", "/v1/subjects/search", &[], search).status, 401);

    let path = format!("/v1/principals/{}", desk.shop);
    desk.send("PATCH", &path, &desk.by_admin(), Some(&json!({"status": "suspended"}))).expect(200);
    assert_eq!(challenge(&desk.list(Some(&own), bearer, None)), INVALID, "suspended");
    assert_eq!(desk.ask(Some(&own), form, None).expect(401).text("error"), "invalid_client");
}

#[test]
fn over_tls_a_token_may_be_bound_to_a_key_all_the_same() {
    let desk = Desk::encrypted(ClientCa::BuiltIn);
    let own = desk.certified(24);
    let form = format!("grant_type=client_credentials&client_id={}", desk.shop);
    let proof = desk.proof("POST", "/v1/oauth/token", None, "a");
    let answer = desk.ask(Some(&own), form, Some(proof)).expect(200);
    assert_eq!(answer.text("token_type"), "DPoP");
    let token = answer.text("access_token");
    desk.search(&token, "1").expect(200);
    assert_eq!(challenge(&desk.list(Some(&own), format!("Bearer {token}"), None)), INVALID);
}

#[test]
fn a_service_renews_its_certificate_on_a_connection_with_it() {
    let desk = Desk::encrypted(ClientCa::BuiltIn);
    let own = desk.certified(24);
    let (csr, key) = request();
    let body = |hours: u16| Some(("application/json", json!({"csr": csr, "hours": hours}).to_string()));
    let renew = |own: Option<&Own>, path: &str| desk.send_with(own, "POST", path, &[], body(48));
    assert_eq!(renew(None, &desk.path("certificates")).status, 401);
    let other = desk.hire("importer");
    assert_eq!(renew(Some(&own), &format!("/v1/principals/{other}/certificates")).status, 401);
    let next = renew(Some(&own), &desk.path("certificates")).expect(201);
    assert_eq!(next.text("until"), "2026-03-03T09:33:20.000000Z");
    let next = Own { chain: next.text("chain"), key };
    let form = format!("grant_type=client_credentials&client_id={}", desk.shop);
    desk.ask(Some(&next), form.clone(), None).expect(200);
    let short = desk.send_with(Some(&own), "POST", &desk.path("certificates"), &[], body(23));
    assert_eq!(short.expect(422).member("errors")[0]["pointer"], "/hours");
    // When its time is over, TLS does not let it in any more.
    desk.house.clock.advance(Duration::from_secs(24 * 3_600));
    assert!(refused(&desk, &own), "over");
    desk.ask(Some(&next), form, None).expect(200);
    // One of another authority, whatever it says.
    let key = rcgen::KeyPair::generate().expect("a key");
    let mut params = rcgen::CertificateParams::default();
    let name = format!("avouch://service/{}", desk.shop).try_into().expect("ASCII");
    params.subject_alt_names = vec![rcgen::SanType::URI(name)];
    let made = params.self_signed(&key).expect("a certificate");
    assert!(refused(&desk, &Own { chain: made.pem(), key: key.serialize_pem() }), "of another authority");
}

/// Whether the handshake comes to nothing.
fn refused(desk: &Desk, own: &Own) -> bool {
    let trusted = desk.trusted.as_ref().expect("TLS");
    let stream = TcpStream::connect(desk.house.address).expect("it listens");
    let mut stream = StreamOwned::new(connection(trusted, Some(own)), stream);
    let sent = stream.write_all(b"GET /healthz HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n");
    let read = std::io::Read::read_to_end(&mut stream, &mut Vec::new());
    sent.is_err() || read.is_err()
}

#[test]
fn the_authorities_may_be_somebody_elses() {
    let key = rcgen::KeyPair::generate().expect("a key");
    let mut params = rcgen::CertificateParams::default();
    params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    let authority = params.self_signed(&key).expect("an authority");
    let issuer = rcgen::Issuer::new(params, key);
    let desk = Desk::encrypted(ClientCa::Pem(authority.pem().into_bytes()));
    let own_key = rcgen::KeyPair::generate().expect("a key");
    let mut params = rcgen::CertificateParams::default();
    let name = format!("avouch://service/{}", desk.shop).try_into().expect("ASCII");
    params.subject_alt_names = vec![rcgen::SanType::URI(name)];
    let made = params.signed_by(&own_key, &issuer).expect("a certificate");
    let own = Own { chain: made.pem(), key: own_key.serialize_pem() };
    let form = format!("grant_type=client_credentials&client_id={}", desk.shop);
    desk.ask(Some(&own), form, None).expect(200);
}

#[test]
fn without_an_address_of_our_own_no_assertion_is_for_us() {
    let desk = Desk::new();
    let house = House::new();
    house.clock.advance(Duration::from_secs(200));
    let shop = house.post(
        &house.admin,
        "/v1/principals",
        json!({"kind": "service", "name": "Shop", "roles": ["shop"]}),
    );
    let desk = Desk { shop: shop.expect(201).text("id"), house, ..desk };
    let answer = desk.ask(None, desk.form(&desk.assertion("a")), None).expect(400);
    assert!(answer.text("error_description").contains("[people] origin"));
    desk.send("GET", "/.well-known/oauth-authorization-server", &[], None).expect(404);
}
