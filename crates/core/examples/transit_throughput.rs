//! What standalone keys do in a second, through the one door: batches of a thousand items, each an operation that is decided,
//! recorded and durable before it is worked. On SQLite, in a temporary directory.
//!
//! ```text
//! cargo run --release -p avouch-core --example transit_throughput
//! ```
//! A column is a number of callers, each of whom waits for an answer before asking again. One caller waits for the disk at each
//! batch; two fill two cores.

use std::thread;
use std::time::{Duration, Instant};

use avouch_core::Error;
use avouch_core::gate::Caller;
use avouch_core::transit::{
    Bound, CreateKey, Decode, Decrypt, DecryptItem, Encode, Encrypt, EncryptItem, Format, HashAlgorithm,
    Hmac, HmacItem, KeyName, Sign, SignItem, SignatureForm, TransitKind, UseKey, Work,
};
use avouch_testkit::{Kind, Place};

const BATCH: u32 = 1000;
const CALLERS: [u32; 3] = [1, 2, 4];
const VALUE: &[u8; 32] = b"ada.lovelace@example.org 1815-12";

fn main() -> Result<(), Error> {
    let place = Place::new(Kind::Sqlite);
    let bench = Bench(Bed::new(&place)?);
    println!(
        "{:<36} {:>12} {:>12} {:>12}",
        "items a second, in batches of 1000", "1 caller", "2 callers", "4 callers"
    );

    let cipher = bench.key("cipher", TransitKind::Aes256Gcm { derived: false })?;
    let plain = || EncryptItem { plaintext: VALUE.to_vec().into(), bound: Bound::nothing(), version: None };
    let encrypt = Encrypt(items(plain));
    let made = bench.once(&cipher, encrypt.clone())?;
    bench.report("encrypt 32 bytes", &cipher, &encrypt)?;
    let sealed = made.into_iter().flatten();
    let open = sealed.map(|made| Ok(DecryptItem { ciphertext: made.text, bound: Bound::nothing() }));
    bench.report("decrypt the same", &cipher, &Decrypt(open.collect()))?;

    let mac = HmacItem { input: VALUE.to_vec().into(), version: None };
    let macs = Hmac { hash: HashAlgorithm::Sha256, items: items(|| mac.clone()) };
    bench.report("hmac of 32 bytes", &cipher, &macs)?;

    let digits = bench.key("digits", TransitKind::Format(Format::Digits))?;
    let numbers = (0..BATCH).map(|number| Ok(format!("4000{number:012}").into()));
    let encode = Encode(numbers.collect());
    let tokens = bench.once(&digits, encode.clone())?.into_iter().collect();
    bench.report("token of 16 digits (FF1)", &digits, &encode)?;
    bench.report("value of the same", &digits, &Decode(tokens))?;

    let signer = bench.key("signer", TransitKind::Ed25519)?;
    let message = SignItem { input: VALUE.to_vec().into(), version: None };
    let sign = Sign { form: SignatureForm::default(), prehashed: false, items: items(|| message.clone()) };
    bench.report("sign 32 bytes, ed25519", &signer, &sign)
}

fn items<T>(one: impl Fn() -> T) -> Vec<Result<T, avouch_core::transit::Unfit>> {
    (0..BATCH).map(|_| Ok(one())).collect()
}

#[path = "bed/bed.rs"]
mod bed;
use bed::Bed;

struct Bench(Bed);

impl Bench {
    fn key(&self, name: &str, kind: TransitKind) -> Result<KeyName, Error> {
        let name: KeyName = name.parse()?;
        self.0.app.perform_wait(&Caller::system(), CreateKey { name: name.clone(), kind })?;
        Ok(name)
    }

    fn once<W: Work>(
        &self,
        name: &KeyName,
        work: W,
    ) -> Result<Vec<Result<W::Made, avouch_core::transit::Unfit>>, Error> {
        self.0.act(UseKey::new(name.clone(), work)?)?.run()
    }

    fn report<W: Work + Clone>(&self, what: &str, name: &KeyName, work: &W) -> Result<(), Error> {
        let mut columns = Vec::new();
        for callers in CALLERS {
            let rates = thread::scope(|scope| {
                let running: Vec<_> = (0..callers).map(|_| scope.spawn(|| self.rate(name, work))).collect();
                running
                    .into_iter()
                    .map(|caller| caller.join().expect("no caller panics"))
                    .collect::<Result<Vec<_>, _>>()
            })?;
            columns.push(format!("{:>12.0}", rates.iter().sum::<f64>()));
        }
        println!("{what:<36} {}", columns.join(" "));
        Ok(())
    }

    /// Items a second of one caller.
    fn rate<W: Work + Clone>(&self, name: &KeyName, work: &W) -> Result<f64, Error> {
        let (start, mut batches) = (Instant::now(), 0_u32);
        while start.elapsed() < TIME {
            self.once(name, work.clone())?;
            batches += 1;
        }
        Ok(f64::from(batches * BATCH) / start.elapsed().as_secs_f64())
    }
}

/// How long a figure is measured.
const TIME: Duration = Duration::from_secs(2);
