//! Messages, and a receiver that reads to the end, one that does not, and one that nobody trusts.

use std::net::TcpListener;
use std::thread::{self, JoinHandle};

use rustls::{ServerConfig, ServerConnection};

use super::*;

fn event(ending: Ending) -> Event {
    let body = "b20001016e7375626a6563742e72657665616c021b00060a24181e4000035000000000000000000000000000000000050007010867737570706f7274098176726f6c653a737570706f72742f72657665616c732f310a800b8150070707070707070707070707070707070c81030d81040e010f801058200909090909090909090909090909090909090909090909090909090909090909128015051700";
    let body = data_encoding::HEXLOWER.decode(body.as_bytes()).unwrap();
    Event { ending, ..Event::decode(&body).unwrap() }
}

/// Frames as RFC 5425 has them: a length, a space, so many bytes.
fn frames(mut bytes: &[u8]) -> Vec<String> {
    let mut frames = Vec::new();
    while !bytes.is_empty() {
        let space = bytes.iter().position(|byte| *byte == b' ').unwrap();
        let length: usize = std::str::from_utf8(&bytes[..space]).unwrap().parse().unwrap();
        let (frame, rest) = bytes[space + 1..].split_at(length);
        frames.push(String::from_utf8(frame.to_vec()).unwrap());
        bytes = rest;
    }
    frames
}

fn send(syslog: &Syslog) -> Result<(), String> {
    let (event, lines) = (event(Ending::Done), ["{\"ä\":1}".to_owned(), "{}".to_owned()]);
    syslog.send(&Batch { key: String::new(), events: lines.iter().map(|line| (&event, line)).collect() })
}

/// Takes one connection and does this with it.
fn receiver<T: Send + 'static>(take: impl FnOnce(TcpStream) -> T + Send + 'static) -> (u16, JoinHandle<T>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    (port, thread::spawn(move || take(listener.accept().unwrap().0)))
}

#[test]
fn a_message_says_when_what_and_how_it_ended() {
    insta::assert_snapshot!(message(&event(Ending::Done), "{}"), @"<110>1 2023-11-14T22:13:20.000000Z - avouch - subject.reveal - {}");
    assert!(message(&event(Ending::Refused), "{}").starts_with("<109>1 "));
    let odd = Event { what: "a b\n\u{e9}".to_owned() + &"x".repeat(40), ..event(Ending::Failed) };
    let odd = message(&odd, "{}");
    assert_eq!(odd.split(' ').nth(5).unwrap(), "ab".to_owned() + &"x".repeat(30));
}

#[test]
fn what_is_read_to_the_end_is_received() {
    let (port, reading) = receiver(|mut stream| {
        let mut bytes = Vec::new();
        stream.read_to_end(&mut bytes).unwrap();
        bytes
    });
    send(&Syslog::new(("127.0.0.1", port), false, None, None).unwrap()).unwrap();
    let frames = frames(&reading.join().unwrap());
    assert_eq!(frames.len(), 2);
    assert!(frames[0].ends_with(" - {\"ä\":1}"));
}

#[test]
fn what_is_not_read_to_the_end_is_not_received() {
    // Whatever lies unread when a connection is dropped makes its end a reset.
    let (port, dropping) = receiver(|mut stream| stream.read_exact(&mut [0; 1]).unwrap());
    let syslog = Syslog::new(("127.0.0.1", port), false, None, None).unwrap();
    let error = send(&syslog).unwrap_err();
    dropping.join().unwrap();
    assert_eq!(error, "connection reset");
    assert_eq!(send(&syslog).unwrap_err(), "connection refused");
}

#[test]
fn by_tls_only_whom_the_authority_knows() {
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let other = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let key = made.signing_key.serialize_pem();
    let server = || {
        ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(
                vec![made.cert.der().clone()],
                PrivateKeyDer::from_pem_slice(key.as_bytes()).unwrap(),
            )
            .unwrap()
    };
    let listening = || {
        let config = Arc::new(server());
        receiver(move |mut stream| {
            let mut connection = ServerConnection::new(config).unwrap();
            let mut bytes = Vec::new();
            let mut tls = rustls::Stream::new(&mut connection, &mut stream);
            tls.read_to_end(&mut bytes).map(|_| bytes)
        })
    };
    let (port, reading) = listening();
    let ca = made.cert.pem();
    send(&Syslog::new(("localhost", port), true, Some(ca.as_bytes()), None).unwrap()).unwrap();
    assert_eq!(frames(&reading.join().unwrap().unwrap()).len(), 2);

    let (port, reading) = listening();
    let ca = other.cert.pem();
    let error =
        send(&Syslog::new(("localhost", port), true, Some(ca.as_bytes()), None).unwrap()).unwrap_err();
    assert!(error.starts_with("no trust: "), "{error}");
    reading.join().unwrap().unwrap_err();
    assert!(Syslog::new(("localhost", 1), true, Some(b"nothing"), None).is_err());
}
