//! Records are opened in the vault, behind the permit.
fn main() {
    let _ = avouch_core::vault::record::Record::find;
}
