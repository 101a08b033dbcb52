//! Files that are not text, known by their first bytes, and what to do with each.

use super::Error;

/// Refuses a file that begins like a known binary format.
pub(super) fn refuse(head: &[u8]) -> Result<(), Error> {
    for &(magic, found, remedy) in SIGNATURES {
        if head.starts_with(magic) {
            let (found, remedy) = if magic == ZIP { zipped(head) } else { (found, remedy) };
            return Err(Error::NotText { found, remedy });
        }
    }
    Ok(())
}

const ZIP: &[u8] = b"PK\x03\x04";
const SAVE_AS: &str = "save the sheet as \"CSV UTF-8\" first";
const UNPACK: &str = "unpack it first";
const EXPORT: &str = "export the table as CSV or JSON Lines first";

const SIGNATURES: &[(&[u8], &str, &str)] = &[
    (ZIP, "a zip archive", UNPACK),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "an old Excel or Office file", SAVE_AS),
    (b"\x1f\x8b", "a gzip file", UNPACK),
    (b"\x28\xb5\x2f\xfd", "a zstd file", UNPACK),
    (b"\xfd7zXZ\0", "an xz file", UNPACK),
    (b"BZh", "a bzip2 file", UNPACK),
    (b"7z\xbc\xaf\x27\x1c", "a 7-Zip archive", UNPACK),
    (b"%PDF-", "a PDF document", EXPORT),
    (b"PAR1", "a Parquet file", EXPORT),
    (b"SQLite format 3\0", "an SQLite database", EXPORT),
    (b"{\\rtf", "a rich text document", EXPORT),
    (b"\xff\xfe\0\0", "text in UTF-32", "save it as UTF-8"),
    (b"\0\0\xfe\xff", "text in UTF-32", "save it as UTF-8"),
    (b"-----BEGIN AGE ENCRYPTED FILE", "an encrypted file (age)", "decrypt it first"),
    (b"age-encryption.org/", "an encrypted file (age)", "decrypt it first"),
    (b"-----BEGIN PGP MESSAGE", "an encrypted file (OpenPGP)", "decrypt it first"),
];

/// A spreadsheet is a zip archive; its file names stand in clear near the beginning.
fn zipped(head: &[u8]) -> (&'static str, &'static str) {
    let names = |what: &[u8]| head.windows(what.len()).take(64 * 1024).any(|window| window == what);
    if names(b"xl/") || names(b"[Content_Types].xml") {
        ("an Excel workbook", SAVE_AS)
    } else if names(b"opendocument.spreadsheet") {
        ("an OpenDocument spreadsheet", SAVE_AS)
    } else {
        ("a zip archive", UNPACK)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_what_it_refuses() {
        let text = |head: &[u8]| refuse(head).expect_err("not text").to_string();
        insta::assert_snapshot!(text(b"PK\x03\x04\x14\0\x06\0\x08\0\0\0!\0[Content_Types].xml"), @r#"this is an Excel workbook, not CSV or JSON Lines; save the sheet as "CSV UTF-8" first"#);
        insta::assert_snapshot!(text(b"PK\x03\x04 kunden.csv"), @"this is a zip archive, not CSV or JSON Lines; unpack it first");
        insta::assert_snapshot!(text(b"\x1f\x8b\x08\0"), @"this is a gzip file, not CSV or JSON Lines; unpack it first");
        assert!(refuse(b"id,name\n").is_ok());
        assert!(refuse(b"").is_ok());
    }
}
