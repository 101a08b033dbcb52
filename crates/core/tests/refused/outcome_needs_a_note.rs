//! There is no result without its note for the ledger.
fn main() {
    let _ = avouch_core::app::Outcome::new("shown");
}
