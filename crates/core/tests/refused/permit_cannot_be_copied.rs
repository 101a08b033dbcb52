//! A permit is lent for one transaction; a copy could be kept.
fn keep(permit: &avouch_core::gate::Permit) -> avouch_core::gate::Permit {
    permit.clone()
}
fn main() {
    let _ = keep;
}
