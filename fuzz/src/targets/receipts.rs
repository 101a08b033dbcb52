//! A receipt is written as it was read, and one that verifies shows the leaf that it was given for, where it was. So is
//! evidence written as it was read, and no log is accused that has said one thing only.

use std::sync::LazyLock;

use arbitrary::{Result, Unstructured};
use avouch_ledger::{
    Error, checkpoint::Checkpoint, evidence::Evidence, hash::Hash, note::NoteSigner, receipt::Receipt,
};

use crate::edits::text_or_edited;

static LOG: LazyLock<NoteSigner> =
    LazyLock::new(|| NoteSigner::from_seed("example.org/log", &[0x42; 32]).expect("a name without spaces"));

static GENUINE: LazyLock<Receipt> = LazyLock::new(|| {
    let (leaf, sibling) = (Hash::leaf(b"leaf"), Hash::leaf(b"another"));
    let root = Hash::node(&sibling, &leaf);
    let note = LOG.sign(&Checkpoint { origin: "example.org/log".to_owned(), size: 2, root }.to_string());
    Receipt::new(1, vec![sibling], note.expect("a checkpoint"), b"extra".to_vec()).expect("a receipt")
});

pub(super) fn check(input: Unstructured<'_>) -> Result<()> {
    let Some(text) = text_or_edited(input, &GENUINE.to_string())? else { return Ok(()) };
    match Receipt::parse(&text) {
        Ok(receipt) => {
            assert_eq!(receipt.to_string(), text);
            if receipt.verify_by_log(b"leaf", [LOG.verifier_key()]).is_ok() {
                assert!(text.contains(&format!("index 1\n{}\n\n", Hash::leaf(b"another"))));
                assert!(receipt.verify_by_log(b"another", [LOG.verifier_key()]).is_err());
            }
        }
        Err(refused) => assert!(matches!(refused, Error::Malformed(_)), "{refused}"),
    }
    let note = GENUINE.note();
    for text in [text.clone(), format!("avouch split view v1\n{text}\n{note}\n{note}")] {
        if let Ok(evidence) = Evidence::parse(&text) {
            assert_eq!(evidence.to_string(), text);
            assert!(evidence.verify([LOG.verifier_key()]).is_err());
        }
    }
    Ok(())
}
