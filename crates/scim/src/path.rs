//! Names of attributes, as filters and patches write them: `userName`, `name.familyName`, and either behind the schema's URN.

use crate::schema::{Attribute, Schema};

/// An attribute, and a part of it if one is meant.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Path {
    pub(crate) attribute: &'static Attribute,
    pub(crate) part: Option<&'static Attribute>,
}

/// What a name stands for.
#[derive(Debug)]
pub(crate) enum Named {
    Path(Path),
    /// Something of the RFC, or of an extension of it, that is not kept.
    Unkept,
    Nothing,
}

/// Looks a name up.
pub(crate) fn named(name: &str, schema: &Schema) -> Named {
    let urn = name.get(..4).is_some_and(|start| start.eq_ignore_ascii_case("urn:"));
    let name = match name.split_at_checked(schema.urn.len()) {
        Some((urn, rest)) if urn.eq_ignore_ascii_case(schema.urn) && rest.starts_with(':') => {
            rest.trim_start_matches(':')
        }
        _ if urn => return Named::Unkept,
        _ => name,
    };
    let (first, part) = match name.split_once('.') {
        Some((first, part)) => (first, Some(part)),
        None => (name, None),
    };
    let Some(attribute) = schema.attribute(first) else {
        return if schema.leaves_out(first) { Named::Unkept } else { Named::Nothing };
    };
    match part.map(|part| attribute.part(part)) {
        None => Named::Path(Path { attribute, part: None }),
        Some(Some(part)) => Named::Path(Path { attribute, part: Some(part) }),
        // Parts of what is kept: `name.middleName`, `emails.display`.
        Some(None) if attribute.parts.is_empty() => Named::Nothing,
        Some(None) => Named::Unkept,
    }
}
