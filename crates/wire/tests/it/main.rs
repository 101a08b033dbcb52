//! The OpenAPI face of the types: every example is one that the type itself accepts, every reference leads somewhere, and everything that
//! a caller can send or get is described.

mod schema;
