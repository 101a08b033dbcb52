//! Values that are planted, and every form in which they could lie around.

/// A text in every byte form that is looked for.
pub(crate) struct Canary {
    pub(crate) text: String,
    forms: Vec<Vec<u8>>,
}

impl Canary {
    pub(crate) fn new(text: &str) -> Self {
        let raw = text.as_bytes();
        let utf16 = |bytes: fn(u16) -> [u8; 2]| text.encode_utf16().flat_map(bytes).collect::<Vec<u8>>();
        let mut forms = vec![raw.to_vec(), utf16(u16::to_le_bytes), utf16(u16::to_be_bytes)];
        forms.push(text.to_lowercase().into_bytes());
        forms.push(text.to_uppercase().into_bytes());
        forms.push(json_escaped(text).into_bytes());
        forms.push(percent_encoded(text).into_bytes());
        for raw in [raw, text.to_lowercase().as_bytes()] {
            forms.push(raw.iter().rev().copied().collect());
            forms.push(raw.iter().flat_map(|byte| format!("{byte:02x}").into_bytes()).collect());
            forms.push(raw.iter().flat_map(|byte| format!("{byte:02X}").into_bytes()).collect());
            // What `Debug` makes of bytes.
            forms.push(raw.iter().map(u8::to_string).collect::<Vec<_>>().join(", ").into_bytes());
            for offset in 0..3 {
                forms.extend(base64_cores(raw, offset));
            }
        }
        forms.sort_unstable();
        forms.dedup();
        assert!(forms.iter().all(|form| form.len() >= 6), "`{text}` is too short to be told from chance");
        Self { text: text.to_owned(), forms }
    }

    /// Every form, for a search of one's own.
    pub(crate) fn forms(&self) -> &[Vec<u8>] {
        &self.forms
    }

    /// Whether it stands there in any form.
    pub(crate) fn is_in(&self, bytes: &[u8]) -> bool {
        self.forms.iter().any(|form| contains(bytes, form))
    }
}

/// Fails the test if any of them stands there, as it is or compressed.
#[track_caller]
pub(crate) fn assert_none(canaries: &[Canary], place: &str, bytes: &[u8]) {
    let inflated = inflated(bytes);
    for canary in canaries {
        assert!(!canary.is_in(bytes), "`{}` stands in {place}", canary.text);
        for inflated in &inflated {
            assert!(!canary.is_in(inflated), "`{}` stands compressed in {place}", canary.text);
        }
    }
}

/// Substring search by the rarest thing at hand: the first byte, then the rest.
fn contains(bytes: &[u8], form: &[u8]) -> bool {
    let Some((first, rest)) = form.split_first() else { return true };
    let mut from = bytes;
    while let Some(at) = from.iter().position(|byte| byte == first) {
        from = &from[at + 1..];
        if from.starts_with(rest) {
            return true;
        }
    }
    false
}

/// Everything that inflates where gzip, zlib or zip announce themselves.
fn inflated(bytes: &[u8]) -> Vec<Vec<u8>> {
    use miniz_oxide::inflate::{decompress_to_vec_with_limit, decompress_to_vec_zlib_with_limit};
    const LIMIT: usize = 16 << 20;
    let mut found = Vec::new();
    for at in 0..bytes.len().saturating_sub(18) {
        let rest = &bytes[at..];
        // What breaks off is kept as far as it goes.
        let part = |result: Result<Vec<u8>, miniz_oxide::inflate::DecompressError>| {
            result.unwrap_or_else(|e| e.output)
        };
        let out = match rest {
            [0x1f, 0x8b, 8, ..] => part(decompress_to_vec_with_limit(&rest[10..], LIMIT)),
            [0x78, 0x01 | 0x5e | 0x9c | 0xda, ..] => part(decompress_to_vec_zlib_with_limit(rest, LIMIT)),
            _ => continue,
        };
        if out.len() >= 6 {
            found.push(out);
        }
    }
    found
}

fn json_escaped(text: &str) -> String {
    text.encode_utf16()
        .map(|unit| match u8::try_from(unit) {
            Ok(byte) if byte.is_ascii() => char::from(byte).to_string(),
            _ => format!("\\u{unit:04x}"),
        })
        .collect()
}

fn percent_encoded(text: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    text.bytes()
        .map(|byte| if plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") })
        .collect()
}

/// The characters that no neighbour has a part in, in both alphabets, when the text starts at this offset.
fn base64_cores(raw: &[u8], offset: usize) -> Vec<Vec<u8>> {
    const STANDARD: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let skip = (3 - offset) % 3;
    let whole = &raw[skip..skip + (raw.len() - skip) / 3 * 3];
    let standard: Vec<u8> = whole
        .chunks(3)
        .flat_map(|chunk| {
            let word = u32::from_be_bytes([0, chunk[0], chunk[1], chunk[2]]);
            (0..4).map(move |at| STANDARD[(word >> (18 - 6 * at) & 63) as usize])
        })
        .collect();
    let url = |byte: &u8| match byte {
        b'+' => b'-',
        b'/' => b'_',
        other => *other,
    };
    let url: Vec<u8> = standard.iter().map(url).collect();
    if standard.len() < 8 { Vec::new() } else { vec![standard, url] }
}

#[test]
fn every_form_is_found_and_nothing_else() {
    let canary = Canary::new("Quirina Zaunkönig");
    // Made elsewhere: printf '…' | base64, | gzip, | xxd -p.
    let hidden: [&[u8]; 7] = [
        "before Quirina Zaunkönig after".as_bytes(),
        "..QUIRINA ZAUNKÖNIG..".as_bytes(),
        b"eFF1aXJpbmEgWmF1bmvDtm5pZw==",
        b"xx5175697269 6e61",
        b"51756972696e61205a61756e6bc3b66e6967",
        "{\"name\":\"Quirina Zaunk\\u00f6nig\"}".as_bytes(),
        b"gin\xb6\xc3knuaZ aniriuQ",
    ];
    let found: Vec<bool> = hidden.iter().map(|bytes| canary.is_in(bytes)).collect();
    assert_eq!(found, [true, true, true, false, true, true, true]);
    let zlib = miniz_oxide::deflate::compress_to_vec_zlib("noise, Quirina Zaunkönig, noise".as_bytes(), 6);
    let buried = [b"\x00\x01\x02".as_slice(), &zlib, &[9; 40]].concat();
    assert!(!canary.is_in(&buried) && inflated(&buried).iter().any(|bytes| canary.is_in(bytes)));
}
