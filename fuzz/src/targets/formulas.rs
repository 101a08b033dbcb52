//! What we make is what the formulas of the module pages make, on other people's primitives: XAES-256-GCM
//! from CMAC and AES-GCM, keys from HKDF, checks, terms and digests from HMAC. Each reads what the other
//! wrote; where nothing random is in it, both write the same.

use arbitrary::{Result, Unstructured};
use avouch_seal::{
    Key, SystemRandom,
    credential::ApiKey,
    token::{Namespace, PointerTarget, Token},
    transit::{Binding, HashAlgorithm, TransitKey},
    vault::{FieldAt, IndexScope, RecordAt},
    xaes,
};
use data_encoding::BASE64;
use zeroize::Zeroizing;

use crate::{
    plain::{self, Bytes32, aes_256_ctr, derive, first_half, hmac_sha_256, pae, sha_256},
    spelling::{base32, check_6},
    vault::{
        CLASS, ERASURE_FAMILY, INDEX_FAMILY, KEY_ID, OPEN, ROW_FAMILY, SECOND, SUBJECT, TOKEN_FAMILY, VAULT,
        family_root, person_key,
    },
};

pub(super) fn check(mut input: Unstructured<'_>) -> Result<()> {
    let (key, nonce): (Bytes32, [u8; 24]) = (input.arbitrary()?, input.arbitrary()?);
    let number: u32 = input.arbitrary()?;
    let length = input.arbitrary_len::<u8>()?;
    let one = input.bytes(length)?;
    let two = input.take_rest();
    ciphers(&key, &nonce, one, two);
    fields(&nonce, number, one, two);
    digests(number, one, two);
    backups(&nonce, one, two);
    erasures(number, one, two);
    tokens(number, one);
    api_keys(key, first_half(sha_256(one)));
    transit(&key, &nonce, one, two);
    Ok(())
}

fn ciphers(key: &Bytes32, nonce: &[u8; 24], aad: &[u8], plaintext: &[u8]) {
    let ours = || Key::from_bytes(Zeroizing::new(*key));
    let sealed = xaes::seal(&ours(), aad, plaintext, &SystemRandom::new()).expect("short enough");
    assert_eq!(plain::seal(key, drawn(&sealed), aad, plaintext), sealed);
    let opened = xaes::open(&ours(), aad, &plain::seal(key, nonce, aad, plaintext));
    assert_eq!(opened.expect("sealed by the formula").as_slice(), plaintext);
}

/// The nonce that was drawn for something sealed.
fn drawn(sealed: &[u8]) -> &[u8; 24] {
    sealed.get(1..).and_then(|rest| rest.first_chunk()).expect("sealed data begins with suite and nonce")
}

fn fields(nonce: &[u8; 24], number: u32, entries: &[u8], value: &[u8]) {
    let (record, version) = ([7; 16], u64::from(number) << 16);
    let at = FieldAt { record, field: number, version, charter: number / 2 };
    let owner: [&[u8]; 4] = [&VAULT, &SUBJECT, CLASS.as_bytes(), &KEY_ID];
    let place = [version.to_le_bytes().as_slice(), &(number / 2).to_le_bytes()].map(<[u8]>::to_vec);

    let labelled = |label: &[u8]| [pae(&[label, &[0x01]]), pae(&owner), pae(&[&record])].concat();
    let aad = [labelled(b"avouch/f/v1"), pae(&[&number.to_le_bytes(), &place[0], &place[1]])].concat();
    let sealed = OPEN.person.seal_field(&at, value, &SystemRandom::new()).expect("short enough");
    assert_eq!(plain::seal(&person_key(), drawn(&sealed), &aad, value), sealed);
    let opened = OPEN.person.open_field(&at, &plain::seal(&person_key(), nonce, &aad, value));
    assert_eq!(opened.expect("sealed by the formula").as_slice(), value);

    let at = RecordAt { record, version, charter: number / 2 };
    let set = pae(&[&place[0], &place[1], &sha_256(entries)]);
    let aad = [labelled(b"avouch/manifest/v1"), set].concat();
    let manifest = plain::seal(&person_key(), nonce, &aad, &[]);
    assert_eq!(OPEN.person.check_manifest(&at, entries, &manifest), Ok(()));
}

fn digests(epoch: u32, value: &[u8], other: &[u8]) {
    let scope = IndexScope { index: epoch, purpose: "exact", form: "1", epoch };
    let root = family_root(INDEX_FAMILY, if epoch < SECOND { 1 } else { SECOND });
    let number = epoch.to_le_bytes();
    let key = derive(&root, &VAULT, "avouch/idx/v1", &[&number, b"exact", b"1", &number]);
    let [head @ .., _, _, _, _, _, _, _, _] = first_half(hmac_sha_256(&key, value));
    let term = i64::try_from(u64::from_be_bytes(head) >> 2).expect("62 bits");
    assert_eq!(OPEN.keys.index_key(&scope).term(value, 62), term);

    let label = b"avouch/row-digest/v1";
    let key = derive(&family_root(ROW_FAMILY, 1), &VAULT, "avouch/row-digest/v1", &[]);
    let digest = hmac_sha_256(&key, &pae(&[label, &VAULT, b"idempotency", value, other]));
    assert_eq!(OPEN.keys.row_digest("idempotency", &[value, other]), digest);
}

/// The keys of a backup that the formulas wrapped, and the tag that they take.
fn backups(nonce: &[u8; 24], header: &[u8], body: &[u8]) {
    let label = b"avouch/backup/v1";
    let [newest, oldest] =
        [SECOND, 1].map(|epoch| derive(&family_root(ROW_FAMILY, epoch), &VAULT, "avouch/backup/v1", &[]));
    let aad = pae(&[label, &VAULT, header]);
    let (stream, secret) = (first_half(sha_256(header)), sha_256(body));
    let keys = OPEN.keys.backup_keys();
    let content = [stream.as_slice(), &secret].concat();
    let wrapped = plain::seal(&oldest, nonce, &aad, &content);
    let (again, tag) = keys.unwrap(&wrapped, header).expect("wrapped by the formula");
    assert_eq!(*again, stream);
    let written = keys.wrap(&stream, &tag, header, &SystemRandom::new()).expect("short enough");
    assert_eq!(plain::seal(&newest, drawn(&written), &aad, &content), written);

    let mut taken = tag.begin(header);
    body.chunks(7).for_each(|piece| taken.update(piece));
    let message = [pae(&[b"avouch/backup/tag/v1", header]), body.to_vec()].concat();
    assert_eq!(taken.finish(), hmac_sha_256(&secret, &message));
}

fn erasures(number: u32, one: &[u8], two: &[u8]) {
    let root = family_root(ERASURE_FAMILY, 1);
    let key = derive(&root, &VAULT, "avouch/erasure/chain/v1", &[]);
    assert_eq!(OPEN.keys.erasure_link(&[one, two]), hmac_sha_256(&key, &pae(&[one, two])));
    let key = derive(&root, &VAULT, "avouch/erasure/identifier/v1", &[]);
    let identifier = first_half(hmac_sha_256(&key, &pae(&[&number.to_le_bytes(), one])));
    assert_eq!(OPEN.keys.erased_identifier(number, one), identifier);
}

fn tokens(number: u32, bytes: &[u8]) {
    let (namespace, name) = (Namespace::parse("mailer").expect("a name"), b"mailer");
    let epoch = number.rotate_left(7);
    let recipient = OPEN.keys.recipient(&namespace, epoch);
    let epoch = epoch.to_le_bytes();
    let subject = first_half(sha_256(bytes));
    let [slot, generation] =
        [number >> 16, number & 0xffff].map(|half| u16::try_from(half).expect("half of 32 bits"));
    let target = PointerTarget { subject, field: number, slot, generation };
    let place =
        [&subject[..], &number.to_be_bytes(), &slot.to_be_bytes(), &generation.to_be_bytes()].concat();
    let pointer = |root: Bytes32| {
        let label = "avouch/token/pointer-iv/v1";
        let key = derive(&root, &VAULT, label, &[name, &epoch]);
        let iv = first_half(hmac_sha_256(&key, &pae(&[label.as_bytes(), &VAULT, name, &place])));
        let key = derive(&root, &VAULT, "avouch/token/pointer-body/v1", &[name, &epoch]);
        let body = [iv.as_slice(), &aes_256_ctr(&key, iv, &place)].concat();
        Token::Pointer { namespace: namespace.clone(), body: body.try_into().expect("iv and target") }
    };
    let newest = family_root(TOKEN_FAMILY, SECOND);
    assert_eq!(recipient.pointer(&target), pointer(newest));
    assert_eq!(recipient.open_pointer(&pointer(family_root(TOKEN_FAMILY, 1))), Ok(target));

    let computed = |label: &str| {
        let key = derive(&newest, &VAULT, label, &[name, &epoch]);
        let parts: [&[u8]; 5] = [label.as_bytes(), &VAULT, name, &number.to_le_bytes(), bytes];
        Token::Random { namespace: namespace.clone(), body: first_half(hmac_sha_256(&key, &pae(&parts))) }
    };
    assert_eq!(recipient.equal(number, bytes), computed("avouch/token/equal/v1"));
    assert_eq!(recipient.one_way(number, bytes), computed("avouch/token/one-way/v1"));
}

fn api_keys(secret: Bytes32, id: [u8; 16]) {
    let text = format!("avk_live_{}_{}", base32(&id), base32(&secret));
    let key = ApiKey::parse(&format!("{text}_{}", check_6(&text))).expect("written by the formula");
    assert_eq!(key.hash(), sha_256(&pae(&[b"avouch/api-key/v1", b"live", &id, &secret])));
}

fn transit(secret: &Bytes32, nonce: &[u8; 24], associated_data: &[u8], plaintext: &[u8]) {
    let stored = |kind: u8| {
        let numbers = [1, 1, 1, 0].map(u32::to_le_bytes).concat();
        [&[0x01, kind, 0, 0, 0, 0], numbers.as_slice(), &[0; 8], secret].concat()
    };
    for (kind, context, label) in
        [(1, b"".as_slice(), "avouch/transit/v1"), (2, b"a", "avouch/transit/context/v1")]
    {
        let key = TransitKey::decode(&stored(kind)).expect("written by the formula");
        let parts: &[&[u8]] = if context.is_empty() { &[] } else { &[context] };
        let cipher = derive(secret, label.as_bytes(), label, parts);
        let version = 1_u32.to_le_bytes();
        let aad = pae(&[b"avouch/transit/v1", &[0x01], &version, context, associated_data]);
        let text = format!("vault:v1:{}", BASE64.encode(&plain::seal(&cipher, nonce, &aad, plaintext)));
        let opened = key.decrypt(&text, &Binding { context, associated_data });
        assert_eq!(opened.expect("sealed by the formula").as_slice(), plaintext);

        let label = "avouch/transit/hmac/v1";
        let mac = hmac_sha_256(&derive(secret, label.as_bytes(), label, &[b"sha2-256"]), plaintext);
        let text = format!("vault:v1:{}", BASE64.encode(&mac));
        assert_eq!(key.hmac(None, HashAlgorithm::Sha256, plaintext), Ok(text));
    }
}
