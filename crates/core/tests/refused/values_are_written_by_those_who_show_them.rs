//! A person's value goes out by way of a permit and a mask. One that could be written or printed would go out by any other way.
use avouch_charter::{Normal, Value};

fn written<T: serde::Serialize>() {}
fn printed<T: std::fmt::Display>() {}

fn main() {
    written::<Value>();
    written::<Normal>();
    printed::<Value>();
    printed::<Normal>();
}
