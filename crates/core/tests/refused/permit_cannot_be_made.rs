//! A permit is made by the gate and by nobody else.
fn main() {
    let _ = avouch_core::gate::Permit { views: Vec::new(), policies: Vec::new() };
}
