#![doc = include_str!("../README.md")]

pub mod column;
pub mod table;

mod shape;
