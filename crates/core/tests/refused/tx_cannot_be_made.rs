//! A transaction comes from the store, and from nowhere else.
fn main() {
    let _ = avouch_store::Tx::sqlite;
}
