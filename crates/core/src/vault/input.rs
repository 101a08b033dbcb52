//! Values from outside: parsed against the charter once, before the store is asked, so that the writing thread only
//! writes. What comes out is typed; what was wrong is told all at once and without the values.

use avouch_charter::{Normal, Value};
use serde_json::{Map, Value as Json};

use crate::rules::Rules;
use crate::{Error, Fault};

/// The most values a list may hold.
pub(crate) const MAX_LIST: usize = 50;

/// One field as given.
#[derive(Debug)]
pub(crate) struct Given {
    pub(crate) place: usize,
    /// Empty: the field is to be absent.
    pub(crate) values: Vec<Value>,
}

/// Parses `fields`. An absent field, `null`, and an empty list all mean "no value"; `partial` input (a patch) may leave
/// required fields out, but not empty them.
pub(crate) fn parse(rules: &Rules, fields: &Map<String, Json>, partial: bool) -> Result<Vec<Given>, Error> {
    let mut given = Vec::with_capacity(fields.len());
    let mut faults = Vec::new();
    for (name, json) in fields {
        let pointer = format!("/fields/{}", escape(name));
        let Some(place) = rules.place(name) else {
            faults.push(Fault::new(pointer, "the charter has no such field"));
            continue;
        };
        match values(rules, place, json) {
            Ok(values) => given.push(Given { place, values }),
            Err((suffix, detail)) => faults.push(Fault::new(format!("{pointer}{suffix}"), detail)),
        }
    }
    for (place, field) in rules.charter.fields().iter().enumerate() {
        let found = given.iter().find(|given| given.place == place);
        let missing = match found {
            Some(given) => given.values.is_empty(),
            None => !partial && !fields.contains_key(&field.name),
        };
        if field.required && missing {
            faults.push(Fault::new(format!("/fields/{}", field.name), "this field is required"));
        }
    }
    if faults.is_empty() { Ok(given) } else { Err(Error::Invalid(faults)) }
}

fn values(rules: &Rules, place: usize, json: &Json) -> Result<Vec<Value>, (String, String)> {
    let plain = |detail: String| (String::new(), detail);
    let field = rules.field(place).map_err(|error| plain(error.to_string()))?;
    let one = |json: &Json| field.of.parse(json).map_err(|invalid| invalid.to_string());
    match json {
        Json::Null => Ok(Vec::new()),
        Json::Array(items) if field.list => {
            if items.len() > MAX_LIST {
                return Err(plain(format!("expected at most {MAX_LIST} values")));
            }
            let mut values = Vec::with_capacity(items.len());
            let mut seen: Vec<Normal> = Vec::with_capacity(items.len());
            for (at, item) in items.iter().enumerate() {
                let value = one(item).map_err(|detail| (format!("/{at}"), detail))?;
                let normal = field.of.normal(&value);
                // The same number written twice is one number.
                if !seen.contains(&normal) {
                    seen.push(normal);
                    values.push(value);
                }
            }
            Ok(values)
        }
        Json::Array(_) => Err(plain("expected one value, not a list".to_owned())),
        json => Ok(vec![one(json).map_err(plain)?]),
    }
}

/// A name as a part of a JSON pointer (RFC 6901).
pub(crate) fn escape(name: &str) -> String {
    name.replace('~', "~0").replace('/', "~1")
}
