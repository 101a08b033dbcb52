//! What it costs to know who a request is from: a plain key, a token with a proof for the request, a token on a connection with a
//! certificate. The processor's time of the server for each; proofs are signed before, as clients do it.
//!
//! ```text
//! cargo run --release -p avouch-core --example service_cost
//! ```

use std::net::IpAddr;
use std::sync::mpsc;
use std::time::Instant;

use avouch_core::Error;
use avouch_core::gate::services::{
    CreateCertificate, Holder, NewToken, ServiceShown, SetServiceKeys, ShownCertificate, TokenShown,
};
use avouch_testkit::{Kind, Place, Program, Proof};
use data_encoding::BASE64;
use serde_json::{Value, json};

#[path = "bed/bed.rs"]
mod bed;
use bed::Bed;

const ROUNDS: u32 = 5_000;
const ISSUER: &str = "https://avouch.example";
const ENDPOINT: &str = "https://avouch.example/v1/oauth/token";
const URI: &str = "https://avouch.example/v1/detokenize";
const FROM: IpAddr = IpAddr::V4(std::net::Ipv4Addr::LOCALHOST);

fn main() -> Result<(), Error> {
    let place = Place::new(Kind::Sqlite);
    let bed = Bed::new(&place)?;
    let (program, device) = (Program::new(1), Program::new(2));
    let service = bed.application.id();
    let keys = SetServiceKeys::new(service, Some(program.jwks().to_string().as_bytes()))?;
    bed.by_admin(keys)?;

    let time = |name: &str, mut once: Box<dyn FnMut(u32) + '_>| {
        let start = Instant::now();
        (0..ROUNDS).for_each(&mut once);
        println!("{name:<44} {:>8.1} us", start.elapsed().as_secs_f64() * 1e6 / f64::from(ROUNDS));
    };
    time("a plain key", Box::new(|_| drop(bed.app.authenticate(&bed.key, FROM).expect("known"))));

    let now = u64::try_from(bed.app.now() / 1_000_000).unwrap_or_default();
    let name = service.to_string();
    // The time stands still here, so all requests come just after the start, and bring its nonce.
    let token = |jti: &str| {
        let assertion = program.assertion(&name, ISSUER, jti, now, &Value::Null);
        let request = Proof { method: "POST", uri: ENDPOINT, token: None, jti, now };
        issued(&bed, &assertion, Some(&device.proof(request, &Value::Null)), None)
    };
    let bound = token("the one");
    let shown = |proof: &str| {
        let holder = Holder::Key { proof, method: "POST", uri: URI };
        bed.app.authenticate_token(&TokenShown { token: &bound.token, holder }, FROM)
    };
    let request = |jti: &str, nonce: &str| {
        let request = Proof { method: "POST", uri: URI, token: Some(&bound.token), jti, now };
        device.proof(request, &json!({ "nonce": nonce }))
    };
    let Err(avouch_core::gate::services::TokenUnfit::Nonce(nonce)) = shown(&request("first", "none")) else {
        return Err(Error::Internal("it has not started just now"));
    };
    let proofs: Vec<_> = (0..ROUNDS).map(|at| request(&at.to_string(), &nonce)).collect();
    let mut next = proofs.iter();
    time(
        "a token and a proof (ES256)",
        Box::new(|_| drop(shown(next.next().expect("enough")).expect("good"))),
    );

    let key = rcgen::KeyPair::generate().expect("a key");
    let csr = rcgen::CertificateParams::default().serialize_request(&key).and_then(|csr| csr.pem());
    let create = CreateCertificate { principal: service, request: csr.expect("a request"), hours: 24 };
    let chain = bed.by_admin(create)?.chain;
    let body: String = chain.lines().skip(1).take_while(|line| !line.starts_with('-')).collect();
    let certificate =
        ShownCertificate::read(&BASE64.decode(body.as_bytes()).expect("PEM")).expect("a certificate");
    let assertion = program.assertion(&name, ISSUER, "another", now, &Value::Null);
    let bound = issued(&bed, &assertion, None, Some(&certificate));
    let shown = TokenShown { token: &bound.token, holder: Holder::Certificate(Some(&certificate)) };
    time(
        "a token on a connection with a certificate",
        Box::new(|_| drop(bed.app.authenticate_token(&shown, FROM).expect("good"))),
    );

    let jtis: Vec<_> = (0..200).map(|at| format!("token {at}")).collect();
    let start = Instant::now();
    jtis.iter().for_each(|jti| drop(token(jti)));
    let each = start.elapsed().as_secs_f64() * 1e6 / 200.0;
    println!("{:<44} {each:>8.1} us", "a new token, client's signatures and the disk");
    Ok(())
}

fn issued(
    bed: &Bed,
    assertion: &str,
    proof: Option<&str>,
    certificate: Option<&ShownCertificate>,
) -> NewToken {
    let shown = ServiceShown {
        client: None,
        assertion: Some(assertion),
        proof,
        certificate,
        audiences: &[ISSUER],
        uri: ENDPOINT,
    };
    let proven = bed.app.judge_service(&shown, FROM, true).expect("good");
    let (sender, receiver) = mpsc::channel();
    bed.app.issue_token(proven, move |made| drop(sender.send(made)));
    receiver.recv().expect("an answer").expect("a token")
}
