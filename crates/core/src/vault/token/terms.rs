//! What a caller asks of the tokens it has made, beyond what the charter says. It can only be stricter.

use avouch_charter::TokenRule;
use serde_json::{Map, Value as Json};

use crate::{Error, Fault};

/// The most that is kept with a token, in bytes of JSON.
pub const MAX_METADATA: usize = 4096;
/// The most tags of a token.
pub const MAX_TAGS: usize = 16;
/// The longest tag.
pub const MAX_TAG: usize = 64;
/// The most uses that can be counted.
pub const MAX_USES: u32 = 1_000_000;

const DAY_MICROS: i64 = 86_400_000_000;

/// See the module.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Terms {
    pub(crate) expires: Option<i64>,
    pub(crate) uses: Option<u32>,
    pub(crate) metadata: Option<String>,
    pub(crate) tags: Vec<String>,
}

impl Terms {
    /// Checks what was asked. `expires` is in microseconds UTC, `now` too.
    ///
    /// # Errors
    /// [`Error::Invalid`] with every fault.
    pub fn new(
        expires: Option<i64>,
        uses: Option<u32>,
        metadata: Option<&Map<String, Json>>,
        tags: &[String],
        now: i64,
    ) -> Result<Self, Error> {
        let mut faults = Vec::new();
        if expires.is_some_and(|expires| expires <= now) {
            faults.push(Fault::new("/expires", "expected a time to come"));
        }
        if uses.is_some_and(|uses| uses == 0 || uses > MAX_USES) {
            faults.push(Fault::new("/uses", format!("expected 1 to {MAX_USES}")));
        }
        let metadata = metadata.map(|metadata| Json::Object(metadata.clone()).to_string());
        if let Some(text) = &metadata {
            if text.len() > MAX_METADATA {
                faults.push(Fault::new("/metadata", format!("expected at most {MAX_METADATA} bytes")));
            } else if let Err(found) = avouch_charter::screen(text) {
                faults.push(Fault::new("/metadata", found.to_string()));
            }
        }
        if tags.len() > MAX_TAGS {
            faults.push(Fault::new("/tags", format!("expected at most {MAX_TAGS}")));
        }
        for (at, _) in tags.iter().enumerate().filter(|(_, tag)| !is_tag(tag)) {
            let expected = format!("expected 1 to {MAX_TAG} letters, digits, `.`, `:`, `_` or `-`");
            faults.push(Fault::new(format!("/tags/{at}"), expected));
        }
        let mut tags = tags.to_vec();
        tags.sort_unstable();
        tags.dedup();
        if faults.is_empty() {
            Ok(Self { expires, uses, metadata, tags })
        } else {
            Err(Error::Invalid(faults))
        }
    }

    /// Whether nothing is asked.
    #[must_use]
    pub fn are_none(&self) -> bool {
        *self == Self::default()
    }

    /// When a token that is made now ends; 0: never.
    pub(crate) fn expiry(&self, rule: &TokenRule, now: i64) -> i64 {
        let by_rule = rule.expires.map(|period| now + i64::from(period.about_days()) * DAY_MICROS);
        self.expires.into_iter().chain(by_rule).min().unwrap_or(0)
    }

    pub(crate) fn uses(&self, rule: &TokenRule) -> Option<u32> {
        self.uses.into_iter().chain(rule.uses).min()
    }
}

pub(crate) fn is_tag(tag: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b".:_-".contains(&byte);
    (1..=MAX_TAG).contains(&tag.len()) && tag.bytes().all(allowed) && avouch_charter::screen(tag).is_ok()
}
