//! What a vault writes is read by the formulas, and what the formulas write is read by a vault.
//!
//! Both start from the text of a key file and know nothing else: keyring, key-encryption key, subject key,
//! field. So one test holds the whole chain of the module pages, and whoever has only the pages could open
//! their vault without us.

use avouch_seal::{
    Key, SystemRandom, VaultId,
    backup::TagKey,
    credential::ApiKey,
    format::{Format, FormatKey, FormatScope},
    keyring::{Family, Keyring, KeyringKey, WrappedKek},
    root::{KeyFileSeal, PassphraseParams, PassphraseSeal, RootSeal as _, SealContext},
    token::{Namespace, PointerTarget, Token},
    vault::{FieldAt, IndexScope, RecordAt, SubjectKey, VaultKeys, WrappedSubjectKey},
    xaes,
};
use data_encoding::BASE32_NOPAD;
use proptest::{collection::vec, prelude::*, sample::Index};
use zeroize::Zeroizing;

use crate::plain::{self, Bytes32, aes_256_ctr, derive, first_half, hmac_sha_256, open, pae, seal, sha_256};

const GENERATION: u32 = 3;

fn rng() -> SystemRandom {
    SystemRandom::new()
}

pub(crate) fn random<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    avouch_seal::SecureRandom::fill(&rng(), &mut bytes).expect("randomness");
    bytes
}

/// Lower-case base32 without padding.
fn base32<const N: usize>(text: &str) -> [u8; N] {
    let bytes = BASE32_NOPAD.decode(text.to_ascii_uppercase().as_bytes()).expect("base32");
    bytes.try_into().expect("the length that the page says")
}

/// The keyring of a vault as the pages describe it: `0x01 || vault || (family || epoch || root)…`.
#[derive(Debug)]
struct PlainKeyring {
    vault: [u8; 16],
    encoded: Vec<u8>,
}

const KEK: u8 = 1;
const INDEX: u8 = 2;
const TOKEN: u8 = 3;
const ROW: u8 = 4;
const AUDIT: u8 = 5;
const ERASURE: u8 = 6;

impl PlainKeyring {
    /// Two roots in each family that can have them, the second from `epoch` on.
    fn generate(vault: [u8; 16], epoch: u32) -> Self {
        let mut encoded = [&[0x01], vault.as_slice()].concat();
        for (family, epochs) in (1..=6_u8).map(|family| (family, [Some(1), (family < 6).then_some(epoch)])) {
            for epoch in epochs.into_iter().flatten() {
                encoded.push(family);
                encoded.extend(epoch.to_le_bytes());
                encoded.extend(random::<32>());
            }
        }
        Self { vault, encoded }
    }

    /// Reads the two blobs, from nothing but the text of the key file.
    fn open(text: &str, vault: [u8; 16], wrapped: &[u8], blob: &[u8]) -> Self {
        let (header, sealed) = wrapped.split_at(9);
        let (key, id) = wrapping_key(text);
        assert_eq!(header, [&[0x01], id.as_slice()].concat());
        let keyring_key = open(&key, &root_aad("avouch/root/file/v1", header, vault), sealed);
        let keyring_key: Bytes32 = keyring_key.expect("sealed as the page says").try_into().expect("a key");
        let (key, aad) = keyring_cipher(&keyring_key, vault);
        Self { vault, encoded: open(&key, &aad, blob).expect("sealed as the page says") }
    }

    /// The wrapped keyring key, and the keyring.
    fn seal(&self, text: &str) -> (Vec<u8>, Vec<u8>) {
        let (key, id) = wrapping_key(text);
        let header = [&[0x01], id.as_slice()].concat();
        let aad = root_aad("avouch/root/file/v1", &header, self.vault);
        let keyring_key: Bytes32 = random();
        let wrapped = [header, seal(&key, &random(), &aad, &keyring_key)].concat();
        let (key, aad) = keyring_cipher(&keyring_key, self.vault);
        (wrapped, seal(&key, &random(), &aad, &self.encoded))
    }

    /// The roots of one family, epochs ascending.
    fn roots(&self, family: u8) -> Vec<(u32, Bytes32)> {
        let (head, entries) = self.encoded.split_at(17);
        assert_eq!(head, [&[0x01], self.vault.as_slice()].concat());
        let mut roots = Vec::new();
        for entry in entries.chunks(1 + 4 + 32) {
            let (of, rest) = entry.split_first().expect("a family");
            let (epoch, root) = rest.split_first_chunk().expect("an epoch");
            if *of == family {
                roots.push((u32::from_le_bytes(*epoch), root.try_into().expect("a root")));
            }
        }
        roots
    }

    fn oldest(&self, family: u8) -> Bytes32 {
        self.roots(family).first().expect("one at least").1
    }

    fn newest(&self, family: u8) -> Bytes32 {
        self.roots(family).last().expect("one at least").1
    }

    /// The newest index root that began at or before `epoch`; the oldest for anything earlier.
    fn index_root(&self, epoch: u32) -> Bytes32 {
        let begun = self.roots(INDEX).into_iter().rfind(|(first, _)| *first <= epoch);
        begun.map_or_else(|| self.oldest(INDEX), |(_, root)| root)
    }

    fn kek_aad(&self, epoch: u32) -> Vec<u8> {
        pae(&[b"avouch/kek/v1", &self.vault, &epoch.to_le_bytes()])
    }

    fn open_kek(&self, kek: &WrappedKek) -> Bytes32 {
        let key = open(&self.newest(KEK), &self.kek_aad(kek.epoch), &kek.wrapped);
        key.expect("sealed as the page says").try_into().expect("a key")
    }

    fn seal_kek(&self, epoch: u32, kek: &Bytes32) -> WrappedKek {
        WrappedKek { epoch, wrapped: seal(&self.newest(KEK), &random(), &self.kek_aad(epoch), kek) }
    }
}

/// `K` and `id` of a key file, from its text.
fn wrapping_key(text: &str) -> (Bytes32, [u8; 8]) {
    let (_, line) = text.trim_end().split_once('\n').expect("two lines");
    let key = base32(line.split_once('_').expect("a check").0);
    let label = "avouch/root/file/v1";
    let id = derive(&key, label.as_bytes(), "avouch/root/file-id/v1", &[]);
    (derive(&key, label.as_bytes(), label, &[]), *id.first_chunk().expect("32 bytes have a first 8"))
}

fn root_aad(label: &str, header: &[u8], vault: [u8; 16]) -> Vec<u8> {
    pae(&[label.as_bytes(), header, &vault, b"avouch/keyring-key/v1", &GENERATION.to_le_bytes()])
}

/// The cipher key of the keyring, and its associated data.
fn keyring_cipher(keyring_key: &Bytes32, vault: [u8; 16]) -> (Bytes32, Vec<u8>) {
    let label = "avouch/keyring/v1";
    let aad = pae(&[label.as_bytes(), &vault, &GENERATION.to_le_bytes()]);
    (derive(keyring_key, &vault, label, &[]), aad)
}

/// A vault of ours with two roots in each family, and the same as the formulas read it from what is stored.
fn our_vault(vault: [u8; 16], epoch: u32, kek_epoch: u32) -> (Keyring, WrappedKek, PlainKeyring) {
    let mut keyring = Keyring::generate(VaultId(vault), &rng()).expect("randomness");
    for family in [Family::Kek, Family::Index, Family::Token, Family::Row, Family::Audit] {
        keyring.add_root(family, epoch, &rng()).expect("a higher epoch");
    }
    let (root, text) = KeyFileSeal::generate(&rng()).expect("randomness");
    let key = KeyringKey::generate(VaultId(vault), &rng()).expect("randomness");
    let wrapped = key.wrap(&root, GENERATION, &rng()).expect("randomness");
    let blob = keyring.seal(&key, GENERATION, &rng()).expect("randomness");
    let kek = keyring.generate_kek(kek_epoch, &rng()).expect("randomness");
    let plain = PlainKeyring::open(&text, vault, &wrapped, &blob);
    (keyring, kek, plain)
}

/// A vault that the formulas wrote, as we open it, with two key-encryption keys that are one and the same:
/// what tells their epochs apart is then the binding alone.
fn their_vault(vault: [u8; 16], epoch: u32, kek_epochs: [u32; 2]) -> (VaultKeys, PlainKeyring, Bytes32) {
    let (root, text) = KeyFileSeal::generate(&rng()).expect("randomness");
    let plain = PlainKeyring::generate(vault, epoch);
    let kek = random();
    let (wrapped, blob) = plain.seal(&text);
    let key = KeyringKey::unwrap(&wrapped, &root, VaultId(vault), GENERATION).expect("well written");
    let keyring = Keyring::open(&blob, &key, GENERATION).expect("well written");
    let keys = keyring.unlock(&kek_epochs.map(|epoch| plain.seal_kek(epoch, &kek))).expect("well written");
    (keys, plain, kek)
}

/// All that a sealed field is bound to, as one value.
#[derive(Debug, Clone)]
struct Place {
    vault: [u8; 16],
    subject: [u8; 16],
    class: String,
    key_id: [u8; 16],
    at: FieldAt,
}

/// The parts of an associated data or of a MAC, each with its name.
pub(crate) type Parts = Vec<(&'static str, Vec<u8>)>;

impl Place {
    fn owner(&self) -> Parts {
        vec![
            ("vault", self.vault.into()),
            ("subject", self.subject.into()),
            ("class", self.class.clone().into()),
            ("key id", self.key_id.into()),
        ]
    }

    fn field(&self) -> Parts {
        let mut parts = vec![("label", b"avouch/f/v1".into()), ("suite", vec![0x01])];
        parts.extend(self.owner());
        parts.extend([
            ("record", self.at.record.into()),
            ("field", self.at.field.to_le_bytes().into()),
            ("version", self.at.version.to_le_bytes().into()),
            ("charter", self.at.charter.to_le_bytes().into()),
        ]);
        parts
    }

    fn manifest(&self, entries: &[u8]) -> Parts {
        let mut parts = vec![("label", b"avouch/manifest/v1".into()), ("suite", vec![0x01])];
        parts.extend(self.owner());
        parts.extend([
            ("record", self.at.record.into()),
            ("version", self.at.version.to_le_bytes().into()),
            ("charter", self.at.charter.to_le_bytes().into()),
            ("entries", sha_256(entries).into()),
        ]);
        parts
    }

    fn wrapped_key(&self, kek_epoch: u32) -> Parts {
        let mut parts = vec![("label", b"avouch/subject-key/v1".into())];
        parts.extend(self.owner());
        parts.push(("kek epoch", kek_epoch.to_le_bytes().into()));
        parts
    }

    fn check(&self) -> Parts {
        let mut parts = vec![("label", b"avouch/kcv/v1".into())];
        parts.extend(self.owner());
        parts
    }

    const fn record(&self) -> RecordAt {
        RecordAt { record: self.at.record, version: self.at.version, charter: self.at.charter }
    }

    /// A subject key written by the formulas: `key`, under `kek`, with these parts as AAD and in the check.
    fn wrap(
        &self,
        kek: &Bytes32,
        epoch: u32,
        key: &Bytes32,
        aad: &Parts,
        check: &Parts,
    ) -> WrappedSubjectKey {
        let payload = [&[0x01], key.as_slice(), &PSEUDONYM].concat();
        WrappedSubjectKey {
            key_id: self.key_id,
            epoch,
            wrapped: seal(kek, &random(), &encoded(aad), &payload),
            check: hmac_sha_256(key, &encoded(check)),
        }
    }

    fn open_in(&self, keys: &VaultKeys, wrapped: &WrappedSubjectKey) -> avouch_seal::Result<SubjectKey> {
        keys.open_subject_key(self.subject, &self.class, wrapped)
    }
}

const PSEUDONYM: [u8; 16] = [8; 16];

pub(crate) fn encoded(parts: &Parts) -> Vec<u8> {
    pae(&parts.iter().map(|(_, bytes)| bytes.as_slice()).collect::<Vec<_>>())
}

/// The same parts with one bit of one of them changed, once for each part.
pub(crate) fn each_part_changed(parts: &Parts, bit: Index) -> Vec<(&'static str, Parts)> {
    let mut all = Vec::new();
    for at in 0..parts.len() {
        let mut changed = parts.clone();
        let (name, bytes) = changed.get_mut(at).expect("one of them");
        let bit = bit.index(bytes.len() * 8);
        *bytes.get_mut(bit / 8).expect("within") ^= 1 << (bit % 8);
        all.push((*name, changed));
    }
    all
}

fn places() -> impl Strategy<Value = Place> {
    // Classes long enough that some contexts leave the inline buffer.
    let at = any::<([u8; 16], u32, u64, u32)>().prop_map(|(record, field, version, charter)| FieldAt {
        record,
        field,
        version,
        charter,
    });
    (any::<[u8; 16]>(), any::<[u8; 16]>(), "[a-z-]{1,120}", any::<[u8; 16]>(), at)
        .prop_map(|(vault, subject, class, key_id, at)| Place { vault, subject, class, key_id, at })
}

pub(crate) fn values() -> impl Strategy<Value = Vec<u8>> {
    vec(any::<u8>(), 0..200)
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn xaes_opens_what_the_plain_one_sealed_and_the_other_way_round(
        key: Bytes32,
        nonce: [u8; 24],
        aad in values(),
        plaintext in values(),
    ) {
        let ours = || Key::from_bytes(Zeroizing::new(key));
        let sealed = xaes::seal(&ours(), &aad, &plaintext, &rng()).unwrap();
        prop_assert_eq!(sealed.len(), plaintext.len() + xaes::OVERHEAD);
        prop_assert_eq!(open(&key, &aad, &sealed), Some(plaintext.clone()));
        let opened = xaes::open(&ours(), &aad, &seal(&key, &nonce, &aad, &plaintext)).unwrap();
        prop_assert_eq!(opened.as_slice(), plaintext);
    }

    #[test]
    fn the_formulas_read_the_fields_of_our_vaults(
        mut place in places(),
        epochs in (2_u32.., any::<u32>()),
        plaintext in values(),
    ) {
        let (keyring, wrapped_kek, plain) = our_vault(place.vault, epochs.0, epochs.1);
        let kek = plain.open_kek(&wrapped_kek);
        let keys = keyring.unlock(&[wrapped_kek]).unwrap();

        let (subject_key, wrapped) = keys.new_subject_key(place.subject, &place.class, &rng()).unwrap();
        place.key_id = wrapped.key_id;
        let payload = open(&kek, &encoded(&place.wrapped_key(epochs.1)), &wrapped.wrapped).unwrap();
        let (format, rest) = payload.split_first().unwrap();
        let (key, pseudonym) = rest.split_first_chunk::<32>().unwrap();
        prop_assert_eq!((*format, pseudonym.to_vec()), (0x01, subject_key.pseudonym().to_vec()));
        prop_assert_eq!(hmac_sha_256(key, &encoded(&place.check())), wrapped.check);

        let field = subject_key.seal_field(&place.at, &plaintext, &rng()).unwrap();
        prop_assert_eq!(open(key, &encoded(&place.field()), &field), Some(plaintext.clone()));
        let manifest = subject_key.seal_manifest(&place.record(), &plaintext, &rng()).unwrap();
        prop_assert_eq!(open(key, &encoded(&place.manifest(&plaintext)), &manifest), Some(vec![]));
    }

    #[test]
    fn our_vaults_read_the_fields_that_the_formulas_wrote(
        place in places(),
        key: Bytes32,
        epoch in 2_u32..,
        kek_epoch: u32,
        plaintext in values(),
    ) {
        let (keys, _, kek) = their_vault(place.vault, epoch, [kek_epoch, kek_epoch ^ 1]);
        let wrapped = place.wrap(&kek, kek_epoch, &key, &place.wrapped_key(kek_epoch), &place.check());
        let subject_key = place.open_in(&keys, &wrapped).unwrap();
        prop_assert_eq!((subject_key.key_id(), subject_key.pseudonym()), (place.key_id, PSEUDONYM));

        let field = seal(&key, &random(), &encoded(&place.field()), &plaintext);
        let opened = subject_key.open_field(&place.at, &field).unwrap();
        prop_assert_eq!(opened.as_slice(), plaintext.as_slice());
        let manifest = seal(&key, &random(), &encoded(&place.manifest(&plaintext)), &[]);
        prop_assert_eq!(subject_key.check_manifest(&place.record(), &plaintext, &manifest), Ok(()));
    }

    /// One bit of one part, written by the formulas with everything else right: vault, subject, class, key
    /// id, record, field number, version, charter, and for a key the epoch of its key-encryption key. The
    /// check is right where the AAD is wrong and the reverse, so neither stands in for the other.
    #[test]
    fn each_part_of_a_context_is_bound_on_its_own(
        place in places(),
        key: Bytes32,
        kek_epoch: u32,
        plaintext in values(),
        bit: Index,
    ) {
        let epochs = [kek_epoch, kek_epoch ^ 1 << bit.index(32)];
        let (keys, _, kek) = their_vault(place.vault, 2, epochs);
        let (aad, check) = (place.wrapped_key(kek_epoch), place.check());
        let refused = Err(avouch_seal::Error::Tampered);

        let genuine = place.wrap(&kek, kek_epoch, &key, &aad, &check);
        let subject_key = place.open_in(&keys, &genuine).unwrap();
        for (part, changed) in each_part_changed(&aad, bit) {
            let moved = place.wrap(&kek, kek_epoch, &key, &changed, &check);
            prop_assert_eq!(place.open_in(&keys, &moved).map(drop), refused, "AAD of a key: {}", part);
        }
        for (part, changed) in each_part_changed(&check, bit) {
            let moved = place.wrap(&kek, kek_epoch, &key, &aad, &changed);
            prop_assert_eq!(place.open_in(&keys, &moved).map(drop), refused, "check of a key: {}", part);
        }
        // The other epoch has the very same key-encryption key.
        let claimed = WrappedSubjectKey { epoch: epochs[1], ..genuine };
        prop_assert_eq!(place.open_in(&keys, &claimed).map(drop), refused);

        for (part, changed) in each_part_changed(&place.field(), bit) {
            let moved = seal(&key, &random(), &encoded(&changed), &plaintext);
            let opened = subject_key.open_field(&place.at, &moved).map(drop);
            prop_assert_eq!(opened, refused, "field: {}", part);
        }
        for (part, changed) in each_part_changed(&place.manifest(&plaintext), bit) {
            let moved = seal(&key, &random(), &encoded(&changed), &[]);
            let checked = subject_key.check_manifest(&place.record(), &plaintext, &moved);
            prop_assert_eq!(checked, refused, "manifest: {}", part);
        }
    }

    #[test]
    fn index_terms_are_what_the_formula_says(
        vault: [u8; 16],
        second in 2_u32..,
        index: u32,
        (purpose, form) in ("[a-z]{1,12}", "[0-9A-Z.]{1,12}"),
        epoch in prop_oneof![Just(0_u32), Just(1), 2..10_u32, any::<u32>()],
        value in values(),
        bits in 1_u8..=62,
    ) {
        let (keyring, kek, plain) = our_vault(vault, second, 1);
        let keys = keyring.unlock(&[kek]).unwrap();
        // At the seam between the two roots as well.
        for epoch in [epoch, second - 1, second] {
            let ours = IndexScope { index, purpose: &purpose, form: &form, epoch };
            let parts: [&[u8]; 4] =
                [&index.to_le_bytes(), purpose.as_bytes(), form.as_bytes(), &epoch.to_le_bytes()];
            let key = derive(&plain.index_root(epoch), &vault, "avouch/idx/v1", &parts);
            let digest = hmac_sha_256(&key, &value);
            let head = u64::from_be_bytes(*digest.first_chunk().unwrap());
            let term = i64::try_from(head >> (64 - bits)).unwrap();
            prop_assert_eq!(keys.index_key(&ours).term(&value, bits), term);
        }
    }

    #[test]
    fn rows_and_their_digests_are_what_the_formulas_say(
        vault: [u8; 16],
        id in values(),
        parts in vec(values(), 0..4),
        plaintext in values(),
    ) {
        let (keyring, kek, plain) = our_vault(vault, 2, 1);
        let keys = keyring.unlock(&[kek]).unwrap();
        let label = b"avouch/row/v1";
        let aad = pae(&[label, &vault, b"principal", &id]);
        let key = |root: Bytes32| derive(&root, &vault, "avouch/row/v1", &[]);
        let sealed = keys.seal_row("principal", &id, &plaintext, &rng()).unwrap();
        prop_assert_eq!(open(&key(plain.newest(ROW)), &aad, &sealed), Some(plaintext.clone()));
        for root in [plain.oldest(ROW), plain.newest(ROW)] {
            let sealed = seal(&key(root), &random(), &aad, &plaintext);
            let opened = keys.open_row("principal", &id, &sealed).unwrap();
            prop_assert_eq!(opened.as_slice(), plaintext.as_slice());
        }

        let key = derive(&plain.oldest(ROW), &vault, "avouch/row-digest/v1", &[]);
        let given: Vec<&[u8]> = parts.iter().map(Vec::as_slice).collect();
        let all = [&[b"avouch/row-digest/v1".as_slice(), &vault, b"idempotency"], given.as_slice()].concat();
        prop_assert_eq!(keys.row_digest("idempotency", &given), hmac_sha_256(&key, &pae(&all)));
    }

    #[test]
    fn keys_and_tags_of_backups_are_what_the_formulas_say(
        vault: [u8; 16],
        header in values(),
        body in values(),
        stream: [u8; 16],
    ) {
        let (keyring, kek, plain) = our_vault(vault, 2, 1);
        let keys = keyring.unlock(&[kek]).unwrap();
        let key = |root: Bytes32| derive(&root, &vault, "avouch/backup/v1", &[]);
        let aad = pae(&[b"avouch/backup/v1", &vault, &header]);
        let tag = TagKey::generate(&rng()).unwrap();
        let wrapped = keys.backup_keys().wrap(&stream, &tag, &header, &rng()).unwrap();
        let opened = open(&key(plain.newest(ROW)), &aad, &wrapped).unwrap();
        let (first, second) = opened.split_at(16);
        prop_assert_eq!(first, stream.as_slice());
        let message = [pae(&[b"avouch/backup/tag/v1", &header]), body.clone()].concat();
        let ours = hmac_sha_256(second.try_into().unwrap(), &message);
        let mut theirs = tag.begin(&header);
        theirs.update(&body);
        prop_assert_eq!(theirs.finish(), ours);

        // What was written under an older root opens too.
        let old = seal(&key(plain.oldest(ROW)), &random(), &aad, &opened);
        let (again, tag) = keys.backup_keys().unwrap(&old, &header).unwrap();
        let mut theirs = tag.begin(&header);
        theirs.update(&body);
        prop_assert!(*again == stream && theirs.verify(&ours));
    }

    #[test]
    fn tokens_are_what_the_formulas_say(
        vault: [u8; 16],
        namespace in "[a-z][a-z0-9]{1,23}",
        target: ([u8; 16], u32, u16, u16),
        epoch: u32,
        value in values(),
    ) {
        let (keyring, kek, plain) = our_vault(vault, 2, 1);
        let recipient =
            keyring.unlock(&[kek]).unwrap().recipient(&Namespace::parse(&namespace).unwrap(), epoch);
        let (name, epoch) = (namespace.as_bytes(), epoch.to_le_bytes());
        let (subject, field, slot, generation) = target;
        let target = PointerTarget { subject, field, slot, generation };
        let place = [
            subject.as_slice(),
            &field.to_be_bytes(),
            &slot.to_be_bytes(),
            &generation.to_be_bytes(),
        ]
        .concat();
        let pointer = |root: Bytes32| {
            let label = "avouch/token/pointer-iv/v1";
            let key = derive(&root, &vault, label, &[name, &epoch]);
            let iv = first_half(hmac_sha_256(&key, &pae(&[label.as_bytes(), &vault, name, &place])));
            let key = derive(&root, &vault, "avouch/token/pointer-body/v1", &[name, &epoch]);
            let body = [iv.as_slice(), &aes_256_ctr(&key, iv, &place)].concat();
            let namespace = Namespace::parse(&namespace).expect("a name");
            Token::Pointer { namespace, body: body.try_into().expect("iv and target") }
        };
        prop_assert_eq!(recipient.pointer(&target), pointer(plain.newest(TOKEN)));
        prop_assert_eq!(recipient.open_pointer(&pointer(plain.oldest(TOKEN))), Ok(target));

        let computed = |label: &str| {
            let key = derive(&plain.newest(TOKEN), &vault, label, &[name, &epoch]);
            let parts: [&[u8]; 5] = [label.as_bytes(), &vault, name, &field.to_le_bytes(), &value];
            let body = first_half(hmac_sha_256(&key, &pae(&parts)));
            Token::Random { namespace: Namespace::parse(&namespace).expect("a name"), body }
        };
        prop_assert_eq!(recipient.equal(field, &value), computed("avouch/token/equal/v1"));
        prop_assert_eq!(recipient.one_way(field, &value), computed("avouch/token/one-way/v1"));

        // The keys of formats hang on a key of the recipient, which is in no other token.
        let formats = derive(&plain.newest(TOKEN), &vault, "avouch/token/formats/v1", &[name, &epoch]);
        let formats = Key::from_bytes(Zeroizing::new(formats));
        let namespace = Namespace::parse(&namespace).expect("a name");
        let scope =
            FormatScope { namespace: &namespace, field, epoch: u32::from_le_bytes(epoch) };
        let key = FormatKey::derive(&formats, VaultId(vault), &scope, Format::Digits).unwrap();
        let ours = recipient.format(field, Format::Digits).unwrap();
        prop_assert_eq!(ours.seal("0123456789"), key.seal("0123456789"));
    }

    #[test]
    fn hashes_of_api_keys_are_what_the_formula_says(id: [u8; 16], environment in "[a-z][a-z0-9]{1,15}") {
        let key = ApiKey::generate(&environment, id, &rng()).unwrap();
        let text = key.reveal();
        let parts: Vec<&str> = text.split('_').collect();
        prop_assert_eq!((parts[0], parts[1], base32(parts[2])), ("avk", environment.as_str(), id));
        let secret: Bytes32 = base32(parts[3]);
        let expected = sha_256(&pae(&[b"avouch/api-key/v1", environment.as_bytes(), &id, &secret]));
        prop_assert_eq!(key.hash(), expected);
        prop_assert!(key.verify(&expected));
    }
}

/// Stretching takes its time, so a single passphrase has to do.
#[test]
fn a_key_under_a_passphrase_is_what_the_formulas_say() {
    let (memory, passes, lanes) = (19 * 1024, 2, 1);
    let passphrase = "correct horse battery staple";
    let ours = PassphraseSeal::new(
        Zeroizing::new(passphrase.to_owned()),
        PassphraseParams::new(memory, passes, lanes).unwrap(),
    )
    .unwrap();
    let context =
        SealContext { vault: VaultId([1; 16]), purpose: "avouch/keyring-key/v1", generation: GENERATION };
    let label = "avouch/root/passphrase/v1";
    let keys = |salt: &[u8]| -> (Bytes32, [u8; 8]) {
        let params = argon2::Params::new(memory, passes, lanes, Some(32)).unwrap();
        let mut stretched = [0; 32];
        argon2::Argon2::new(argon2::Algorithm::Argon2id, argon2::Version::V0x13, params)
            .hash_password_into(passphrase.as_bytes(), salt, &mut stretched)
            .unwrap();
        let id = derive(&stretched, salt, "avouch/root/passphrase-id/v1", &[]);
        (derive(&stretched, salt, label, &[]), *id.first_chunk().unwrap())
    };
    let header = |salt: &[u8], id: &[u8]| {
        let numbers = [memory, passes, lanes].map(u32::to_le_bytes).concat();
        [&[0x02], numbers.as_slice(), salt, id].concat()
    };

    let blob = ours.wrap(b"the key", &context, &rng()).unwrap();
    let (head, sealed) = blob.split_at(1 + 12 + 16 + 8);
    let salt = &head[13..29];
    let (key, id) = keys(salt);
    assert_eq!(head, header(salt, &id));
    assert_eq!(open(&key, &root_aad(label, head, [1; 16]), sealed).unwrap(), b"the key");

    let salt: [u8; 16] = random();
    let (key, id) = keys(&salt);
    let head = header(&salt, &id);
    let sealed = seal(&key, &random(), &root_aad(label, &head, [1; 16]), b"the key");
    assert_eq!(ours.unwrap(&[head, sealed].concat(), &context).unwrap().as_slice(), b"the key");
}

/// The vectors of the C2SP document, so that the second implementation is not wrong in the same way.
#[test]
fn the_second_implementation_is_xaes_itself() {
    let nonce = b"ABCDEFGHIJKLMNOPQRSTUVWX";
    for (key, aad, expected) in [
        ([1; 32], "", "ce546ef63c9cc60765923609b33a9a1974e96e52daf2fcf7075e2271"),
        ([3; 32], "c2sp.org/XAES-256-GCM", "986ec1832593df5443a179437fd083bf3fdb41abd740a21f71eb769d"),
    ] {
        let sealed = plain::seal(&key, nonce, aad.as_bytes(), b"XAES-256-GCM");
        assert_eq!(sealed[25..], crate::hex(expected));
    }
}

/// Of the oldest roots: what was noted and signed before a root came is still found and verified after it.
#[test]
fn erasures_are_linked_recognised_and_signed_as_the_page_says() {
    let vault = random();
    let (keys, plain, _) = their_vault(vault, 5, [1, 2]);
    let from = |family, label| derive(&plain.oldest(family), &vault, label, &[]);
    let chain = from(ERASURE, "avouch/erasure/chain/v1");
    assert_eq!(keys.erasure_link(&[b"a", b"bc"]), hmac_sha_256(&chain, &pae(&[b"a", b"bc"])));
    let identifier = from(ERASURE, "avouch/erasure/identifier/v1");
    let mac = hmac_sha_256(&identifier, &pae(&[&7_u32.to_le_bytes(), b"ada@example.org"]));
    assert_eq!(keys.erased_identifier(7, b"ada@example.org"), first_half(mac));
    assert_eq!(*keys.receipt_seed(), from(AUDIT, "avouch/erasure/receipt/v1"));
}

#[test]
fn the_keys_of_a_log_are_what_the_formulas_say() {
    let vault = random();
    let (keys, plain, _) = their_vault(vault, 5, [1, 2]);
    let of_logs = derive(&plain.oldest(AUDIT), &vault, "avouch/log/v1", &[]);
    for origin in ["avouch/3f1c/log/1", "avouch/3f1c/log/2-00ff"] {
        let from = |label| derive(&of_logs, &vault, label, &[origin.as_bytes()]);
        let [ed25519, ml_dsa] = keys.log_seeds(origin);
        assert_eq!(*ed25519, from("avouch/log/ed25519/v1"));
        assert_eq!(*ml_dsa, from("avouch/log/ml-dsa-44/v1"));
    }
}
