//! avouch
fn main() {}
