//! What calls cost: nanoseconds a call, on one thread and on two at the same time.
//!
//! ```text
//! cargo run --release -p avouch-seal --example transit_cost
//! ```
//! With two cores to itself the second column is the first: calls share nothing but keys that nobody writes
//! to. Where it is more, the cores share something, or the machine has other work.

use std::{
    hint::black_box,
    thread,
    time::{Duration, Instant},
};

use avouch_seal::{
    DrawnAhead, Result, SystemRandom, VaultId,
    format::{Format, Luhn},
    keyring::Keyring,
    token::{Namespace, PointerTarget, Token},
    transit::{Binding, HashAlgorithm, SignatureForm, SignedInput, TransitKey, TransitKind},
    vault::{FieldAt, SubjectKey},
};

const VALUE: &[u8; 32] = b"ada.lovelace@example.org 1815-12";
const NOTHING: Binding<'_> = Binding { context: b"", associated_data: b"" };
const DATA: Binding<'_> = Binding { context: b"", associated_data: b"customer 4711, field 3" };
const CONTEXT: Binding<'_> = Binding { context: b"customer 4711", associated_data: b"" };
const FIELD: FieldAt = FieldAt { record: [3; 16], field: 4, version: 5, charter: 6 };

fn main() -> Result<()> {
    println!("{:<44} {:>12} {:>12}", "nanoseconds a call", "1 thread", "2 threads");
    let rng = SystemRandom::new();
    ciphers(&rng)?;
    macs(&rng)?;
    tokens(&rng)?;
    pointers(&rng)?;
    signatures(&rng)?;
    fields(&rng)
}

fn ciphers(rng: &SystemRandom) -> Result<()> {
    let key = TransitKey::generate(TransitKind::Aes256Gcm { derived: false }, 0, rng)?;
    let text = key.encrypt(None, VALUE, &DATA, rng)?;
    report("encrypt 32 bytes", |rng| key.encrypt(None, VALUE, &NOTHING, rng));
    report("encrypt 32 bytes, randomness call by call", |_| key.encrypt(None, VALUE, &NOTHING, rng));
    report("encrypt 32 bytes and 22 of associated data", |rng| key.encrypt(None, VALUE, &DATA, rng));
    report("decrypt the same", |_| key.decrypt(&text, &DATA));
    report("rewrap the same", |rng| key.rewrap(&text, None, &DATA, rng));

    let derived = TransitKey::generate(TransitKind::Aes256Gcm { derived: true }, 0, rng)?;
    let text = derived.encrypt(None, VALUE, &CONTEXT, rng)?;
    report("encrypt 32 bytes with the key of a context", |rng| derived.encrypt(None, VALUE, &CONTEXT, rng));
    report("decrypt the same", |_| derived.decrypt(&text, &CONTEXT));

    let stored = key.encode();
    report("make a stored key ready", |_| TransitKey::decode(&stored));
    Ok(())
}

fn macs(rng: &SystemRandom) -> Result<()> {
    let key = TransitKey::generate(TransitKind::Hmac, 0, rng)?;
    for hash in [HashAlgorithm::Sha256, HashAlgorithm::Sha384, HashAlgorithm::Sha512] {
        let mac = key.hmac(None, hash, VALUE)?;
        report(&format!("hmac of 32 bytes, {}", hash.name()), |_| key.hmac(None, hash, VALUE));
        report("verify the same", |_| key.verify_hmac(hash, VALUE, &mac));
    }
    Ok(())
}

fn pointers(rng: &SystemRandom) -> Result<()> {
    let keyring = Keyring::generate(VaultId([1; 16]), rng)?;
    let kek = keyring.generate_kek(1, rng)?;
    let courier = keyring.unlock(&[kek])?.recipient(&Namespace::parse("courier")?, 0);
    let target = PointerTarget { subject: [3; 16], field: 4, slot: 0, generation: 0 };
    let text = courier.pointer(&target).to_string();
    report("pointer token, as text", |_| Ok::<_, avouch_seal::Error>(courier.pointer(&target).to_string()));
    report("place behind the same", |_| courier.open_pointer(&Token::parse(&text)?));
    Ok(())
}

fn tokens(rng: &SystemRandom) -> Result<()> {
    for (name, format, value) in [
        ("token of 16 digits", Format::Digits, "4000123412341234"),
        ("token of a card", Format::Card(Luhn::Invalid), "4012888888881881"),
        ("token of 12 letters and digits", Format::Alphanumeric, "AB123456cd78"),
    ] {
        let key = TransitKey::generate(TransitKind::Format(format), 0, rng)?;
        let token = key.tokenise(value)?;
        report(name, |_| key.tokenise(value));
        report("value of the same", |_| key.detokenise(&token));
    }
    Ok(())
}

fn signatures(rng: &SystemRandom) -> Result<()> {
    let (form, input) = (SignatureForm::default(), SignedInput::Message(VALUE));
    for (name, kind) in [
        ("ed25519", TransitKind::Ed25519),
        ("ecdsa p-256", TransitKind::EcdsaP256),
        ("ecdsa p-384", TransitKind::EcdsaP384),
    ] {
        let key = TransitKey::generate(kind, 0, rng)?;
        let (signature, stored) = (key.sign(None, form, input)?, key.encode());
        report(&format!("sign 32 bytes, {name}"), |_| key.sign(None, form, input));
        report("verify the same", |_| key.verify(form, input, &signature));
        report("make the stored key ready", |_| TransitKey::decode(&stored));
    }
    Ok(())
}

fn fields(rng: &SystemRandom) -> Result<()> {
    let key = subject_key(rng)?;
    let sealed = key.seal_field(&FIELD, VALUE, rng)?;
    report("seal a field of 32 bytes", |rng| key.seal_field(&FIELD, VALUE, rng));
    report("open the same", |_| key.open_field(&FIELD, &sealed));
    Ok(())
}

/// The key of one person in a vault of its own.
fn subject_key(rng: &SystemRandom) -> Result<SubjectKey> {
    let keyring = Keyring::generate(VaultId([1; 16]), rng)?;
    let kek = keyring.generate_kek(1, rng)?;
    Ok(keyring.unlock(&[kek])?.new_subject_key([2; 16], "core", rng)?.0)
}

/// How long a figure is measured at a time.
const TIME: Duration = Duration::from_millis(60);

fn report<T>(name: &str, call: impl Fn(&DrawnAhead<'_>) -> T + Sync) {
    let [one, two] = [1, 2].map(|threads| {
        thread::scope(|scope| {
            let running: Vec<_> = (0..threads).map(|_| scope.spawn(|| nanoseconds(&call))).collect();
            let figures = running.into_iter().map(|thread| thread.join().unwrap_or(f64::NAN));
            figures.sum::<f64>() / f64::from(threads)
        })
    });
    println!("{name:<44} {one:>12.0} {two:>12.0}");
}

/// The best of five, so that what else the machine does counts for little.
fn nanoseconds<T>(call: impl Fn(&DrawnAhead<'_>) -> T) -> f64 {
    let source = SystemRandom::new();
    let rng = DrawnAhead::new(&source);
    let run = || {
        let (start, mut calls) = (Instant::now(), 0_u32);
        while start.elapsed() < TIME {
            (0..16).for_each(|_| drop(black_box(call(&rng))));
            calls += 16;
        }
        start.elapsed().as_secs_f64() * 1e9 / f64::from(calls)
    };
    (0..5).map(|_| run()).fold(f64::INFINITY, f64::min)
}
