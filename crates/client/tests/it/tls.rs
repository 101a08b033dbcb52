use std::{
    io::{BufRead, BufReader, Write},
    net::TcpListener,
    sync::Arc,
    thread,
    time::Duration,
};

use avouch_client::{Client, Error, Options};
use avouch_wire::Secret;
use rcgen::{CertificateParams, CertifiedKey, KeyPair, generate_simple_self_signed};
use rustls::{
    ServerConfig, ServerConnection, StreamOwned,
    crypto::aws_lc_rs,
    pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer},
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
            let mut line = String::new();
            while matches!(stream.read_line(&mut line), Ok(read) if read > 2) {
                line.clear();
            }
            let _ = stream
                .get_mut()
                .write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 15\r\n\r\n{\"status\":\"ok\"}");
        }
    });
    (port, cert.pem())
}

fn client(port: u16, ca: String) -> Client {
    let mut options = Options::new(format!("https://localhost:{port}"), Secret("avk_test".into()));
    options.ca = Some(ca.into());
    options.patience = Duration::ZERO;
    Client::new(options).expect("the options are good")
}

#[test]
fn the_given_authority_is_trusted_and_no_other() {
    let (port, pem) = secured();

    client(port, pem).health().unwrap();

    let other = CertificateParams::new(["localhost".to_owned()])
        .and_then(|params| params.self_signed(&KeyPair::generate()?))
        .unwrap();
    let error = client(port, other.pem()).health().unwrap_err();
    assert!(matches!(&error, Error::Transport(text) if text.starts_with("no trust")), "{error}");
}
