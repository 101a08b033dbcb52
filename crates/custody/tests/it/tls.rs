use std::{
    io::{BufReader, Write as _},
    net::TcpListener,
    sync::Arc,
    thread,
};

use avouch_custody::{Reach, TransitSettings};
use avouch_seal::root::{RootError, RootSeal as _};
use rcgen::{CertificateParams, CertifiedKey, KeyPair, generate_simple_self_signed};
use rustls::{
    ServerConfig, ServerConnection, StreamOwned,
    crypto::aws_lc_rs,
    pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer},
};
use serde_json::json;

use crate::{
    bao::{Key, seal},
    server::{always, patient, read},
};

/// A server for `localhost` with a certificate of its own. Its port, and the certificate as PEM.
fn secured() -> (u16, String) {
    let CertifiedKey { cert, signing_key } =
        generate_simple_self_signed(["localhost".to_owned()]).expect("it signs");
    let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(signing_key.serialize_der()));
    let config = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .expect("versions and ciphers fit")
        .with_no_client_auth()
        .with_single_cert(vec![cert.der().clone()], key)
        .expect("key and certificate fit");
    let config = Arc::new(config);
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port is free");
    let port = listener.local_addr().expect("it is bound").port();
    thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            let connection = ServerConnection::new(Arc::clone(&config)).expect("the config is good");
            let mut stream = BufReader::new(StreamOwned::new(connection, stream));
            if read(&mut stream).is_some() {
                let body = json!({"data": Key::new(0).properties}).to_string();
                let answer = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{body}", body.len());
                let _ = stream.get_mut().write_all(answer.as_bytes());
            }
        }
    });
    (port, cert.pem())
}

fn health(address: &str, ca: &str) -> Result<(), RootError> {
    let reach = Reach { ca: Some(ca.into()), ..patient() };
    seal(TransitSettings { reach, ..TransitSettings::new(address, "avouch") }).health()
}

#[test]
fn the_pinned_authority_is_trusted_and_no_other() {
    let (port, pem) = secured();
    let address = format!("https://localhost:{port}");

    assert_eq!(health(&address, &pem), Ok(()));

    let other = CertificateParams::new(["localhost".to_owned()])
        .and_then(|params| params.self_signed(&KeyPair::generate()?))
        .unwrap();
    let refused = health(&address, &other.pem()).unwrap_err().to_string();
    insta::assert_snapshot!(refused.replace(&address, "https://bao"), @"cannot be reached: `https://bao` is not trusted, invalid peer certificate: BadSignature; pin the authority that signed its certificate");
    let refused = health(&format!("https://127.0.0.1:{port}"), &pem).unwrap_err().to_string();
    assert!(refused.contains("is not trusted"), "{refused}");
}

#[test]
fn a_server_without_tls_is_told() {
    let plain = always(|| crate::bao::errors(500, "who is there"));
    let (_, pem) = secured();
    let address = format!("https://localhost:{}", plain.port);
    let refused = health(&address, &pem).unwrap_err();
    assert!(matches!(refused, RootError::Unreachable(_)), "{refused:?}");
}
