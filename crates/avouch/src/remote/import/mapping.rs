//! The mapping: which columns make which field, and how a row becomes the JSON of a customer.
//!
//! Several columns can make one field: joined by a space (`FirstName+LastName=name`), as parts (`City=address.city`), or as the values of
//! a list (`Phone=phone`, `Fax=phone`). An empty cell is absent: it makes no empty text, no empty part, no empty value. Anything else
//! about a value is the server's to judge.

use std::collections::HashMap;

use avouch_detect::table::{Cell, Record};
use avouch_wire::charter::CharterField;
use serde_json::{Value, json};

use crate::remote::CliError;

/// One line of a mapping: columns, joined, go to a field or a part of one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Rule {
    pub(super) columns: Vec<String>,
    /// Empty: left out.
    pub(super) field: String,
    pub(super) part: Option<String>,
}

impl Rule {
    /// `Column=field`, `A+B=field`, `Column=field.part`, `Column=`. A header that itself has a `+` is taken as one column.
    pub(super) fn parse(text: &str, headers: &[String]) -> Result<Self, CliError> {
        let Some((columns, target)) = text.rsplit_once('=') else {
            return Err(CliError::usage(format!("`{text}` should be `Column=field`")));
        };
        let known = |name: &str| headers.iter().any(|header| header == name);
        let columns: Vec<String> = if known(columns.trim()) {
            vec![columns.trim().to_owned()]
        } else {
            columns.split('+').map(|column| column.trim().to_owned()).collect()
        };
        if let Some(column) = columns.iter().find(|column| !known(column)) {
            let names = headers.join("`, `");
            return Err(CliError::usage(format!("the file has no column `{column}`; it has `{names}`")));
        }
        let (field, part) = match target.trim().split_once('.') {
            Some((field, part)) => (field, Some(part.to_owned())),
            None => (target.trim(), None),
        };
        Ok(Self { columns, field: field.to_owned(), part })
    }
}

/// A mapping that is ready to use.
#[derive(Debug)]
pub(super) struct Mapping {
    targets: Vec<Target>,
    rules: Vec<Rule>,
}

/// One field of the customer.
#[derive(Debug)]
struct Target {
    /// `"field":`, as JSON.
    key: Vec<u8>,
    shape: Shape,
}

/// How a field is made. Columns are positions in the file.
#[derive(Debug)]
enum Shape {
    /// One value of these, joined by a space.
    Single(Vec<usize>),
    /// An object; each part with its `"part":` as JSON.
    Parts(Vec<(Vec<u8>, Vec<usize>)>),
    /// A list with a value of each.
    List(Vec<Vec<usize>>),
}

impl Mapping {
    /// Checks the rules against the file's columns and, where it could be read, the charter.
    pub(super) fn new(
        rules: &[Rule],
        headers: &[String],
        charter: Option<&[CharterField]>,
    ) -> Result<Self, CliError> {
        let place: HashMap<&str, usize> =
            headers.iter().enumerate().map(|(place, name)| (name.as_str(), place)).collect();
        let rules: Vec<Rule> = rules.iter().filter(|rule| !rule.field.is_empty()).cloned().collect();
        let mut fields: Vec<&str> = Vec::new();
        for rule in &rules {
            if !fields.contains(&rule.field.as_str()) {
                fields.push(&rule.field);
            }
        }
        let mut targets = Vec::new();
        for name in fields {
            let known = charter.map(|fields| fields.iter().find(|field| field.name == name));
            if let Some(None) = known {
                return Err(CliError::usage(format!("the charter has no field `{name}`")));
            }
            let mut parts = Vec::new();
            for rule in rules.iter().filter(|rule| rule.field == name) {
                let columns: Vec<usize> =
                    rule.columns.iter().filter_map(|column| place.get(column.as_str()).copied()).collect();
                parts.push((rule.part.as_deref(), columns));
            }
            let shape = shape(name, parts, known.flatten())?;
            targets.push(Target { key: key(name), shape });
        }
        if targets.is_empty() {
            return Err(CliError::usage("no column goes to any field"));
        }
        Ok(Self { targets, rules })
    }

    /// What names this mapping, for the import's digest.
    pub(super) fn describe(&self) -> Value {
        let rule = |rule: &Rule| json!([rule.columns, rule.field, rule.part]);
        self.rules.iter().map(rule).collect()
    }

    /// Appends `{"row":…,"fields":{…}}`. False, and nothing is appended, if all cells that matter are empty.
    pub(super) fn write(&self, record: &Record, out: &mut Vec<u8>) -> bool {
        let start = out.len();
        out.extend_from_slice(b"{\"row\":");
        out.extend_from_slice(record.row.to_string().as_bytes());
        out.extend_from_slice(b",\"fields\":{");
        let empty = out.len();
        for target in &self.targets {
            let before = out.len();
            if before > empty {
                out.push(b',');
            }
            out.extend_from_slice(&target.key);
            if !target.shape.write(record, out) {
                out.truncate(before);
            }
        }
        if out.len() == empty {
            out.truncate(start);
            return false;
        }
        out.extend_from_slice(b"}}");
        true
    }
}

fn shape(
    name: &str,
    mut parts: Vec<(Option<&str>, Vec<usize>)>,
    field: Option<&CharterField>,
) -> Result<Shape, CliError> {
    let list = field.map(|field| field.list);
    let of_name =
        field.map_or_else(|| parts.iter().any(|(part, _)| is_name_part(*part)), |field| field.of == "name");
    if of_name && parts.iter().all(|(part, _)| is_name_part(*part)) {
        // Given names first, as the vault keeps a name as one text.
        parts.sort_by_key(|(part, _)| *part == Some("family"));
        return Ok(Shape::Single(parts.into_iter().flat_map(|(_, columns)| columns).collect()));
    }
    let with_parts = parts.iter().filter(|(part, _)| part.is_some()).count();
    if with_parts > 0 {
        if with_parts < parts.len() {
            return Err(CliError::usage(format!("`{name}` cannot be made of a whole and of parts")));
        }
        let mut seen: Vec<&str> = Vec::new();
        for part in parts.iter().filter_map(|(part, _)| *part) {
            if seen.contains(&part) {
                return Err(twice(&format!("{name}.{part}")));
            }
            seen.push(part);
        }
        let parts =
            parts.into_iter().map(|(part, columns)| (key(part.unwrap_or_default()), columns)).collect();
        return Ok(Shape::Parts(parts));
    }
    let mut columns: Vec<_> = parts.into_iter().map(|(_, columns)| columns).collect();
    match (list, columns.len()) {
        (Some(true), _) | (None, 2..) => Ok(Shape::List(columns)),
        (Some(false), 2..) => Err(twice(name)),
        (Some(false) | None, _) => Ok(Shape::Single(columns.pop().unwrap_or_default())),
    }
}

fn is_name_part(part: Option<&str>) -> bool {
    matches!(part, Some("given" | "family"))
}

fn twice(name: &str) -> CliError {
    CliError::usage(format!(
        "`{name}` holds one value; join its columns (`A+B={name}`) or leave one out (`B=`)"
    ))
}

fn key(name: &str) -> Vec<u8> {
    format!("{}:", Value::from(name)).into_bytes()
}

impl Shape {
    /// Appends the value; false if there is none, and then what was appended is to be taken back.
    fn write(&self, record: &Record, out: &mut Vec<u8>) -> bool {
        match self {
            Self::Single(columns) => value(record, columns, out),
            Self::Parts(parts) => {
                out.push(b'{');
                let empty = out.len();
                for (key, columns) in parts {
                    let before = out.len();
                    if before > empty {
                        out.push(b',');
                    }
                    out.extend_from_slice(key);
                    if !value(record, columns, out) {
                        out.truncate(before);
                    }
                }
                let any = out.len() > empty;
                out.push(b'}');
                any
            }
            Self::List(values) => {
                out.push(b'[');
                let empty = out.len();
                for columns in values {
                    let before = out.len();
                    if before > empty {
                        out.push(b',');
                    }
                    if !element(record, columns, out) {
                        out.truncate(before);
                    }
                }
                let any = out.len() > empty;
                out.push(b']');
                any
            }
        }
    }
}

/// A value of a list; an array in the file stands for all its values.
fn element(record: &Record, columns: &[usize], out: &mut Vec<u8>) -> bool {
    let [column] = columns else { return value(record, columns, out) };
    match record.cell(*column) {
        Cell::Json(Value::Array(items)) => {
            for (index, item) in items.iter().enumerate() {
                if index > 0 {
                    out.push(b',');
                }
                json_value(item, out);
            }
            !items.is_empty()
        }
        _ => value(record, columns, out),
    }
}

fn value(record: &Record, columns: &[usize], out: &mut Vec<u8>) -> bool {
    if let [column] = columns {
        return match record.cell(*column) {
            Cell::Empty => false,
            Cell::Json(json) => {
                json_value(json, out);
                true
            }
            Cell::Text(text) => {
                let text = text.trim();
                json_text(text, out);
                !text.is_empty()
            }
        };
    }
    let mut joined = String::new();
    for cell in columns.iter().map(|column| record.cell(*column)) {
        let number;
        let text = match cell {
            Cell::Empty => continue,
            Cell::Text(text) => text.trim(),
            Cell::Json(json) => {
                number = json.to_string();
                &number
            }
        };
        if !text.is_empty() && !joined.is_empty() {
            joined.push(' ');
        }
        joined.push_str(text);
    }
    json_text(&joined, out);
    !joined.is_empty()
}

fn json_text(text: &str, out: &mut Vec<u8>) {
    // Cannot fail: a Vec takes everything and a text always serialises.
    let _ = serde_json::to_writer(out, text);
}

fn json_value(value: &Value, out: &mut Vec<u8>) {
    let _ = serde_json::to_writer(out, value);
}

#[cfg(test)]
mod tests {
    use avouch_detect::table::{Options, open};

    use super::*;

    const CSV: &str = "\
First,Last,Street,City,Phone,Fax,E-Mail,A+B\n\
 Luís ,Gonçalves,\"Av. \"\"Um\"\", 3\",São José,+55 1,+55 2,l@example.org,x\n\
Leonie,,,,,+49 1,,\n\
,,,,,,,\n";

    fn field(name: &str, of: &str, list: bool) -> CharterField {
        serde_json::from_value(json!({
            "name": name, "title": name, "type": of, "list": list, "required": false,
            "category": "contact", "sensitivity": "ordinary", "class": "customer"
        }))
        .unwrap()
    }

    fn mapped(rules: &[&str], charter: Option<&[CharterField]>) -> Result<String, String> {
        let table = open(CSV.as_bytes(), &Options::default()).unwrap();
        let headers = table.headers().to_vec();
        let rules: Result<Vec<_>, _> = rules.iter().map(|text| Rule::parse(text, &headers)).collect();
        let mapping = rules
            .and_then(|rules| Mapping::new(&rules, &headers, charter))
            .map_err(|error| error.to_string())?;
        let mut text = String::new();
        for record in table {
            let mut out = Vec::new();
            let any = mapping.write(&record.unwrap(), &mut out);
            assert_eq!(any, !out.is_empty());
            text.push_str(std::str::from_utf8(&out).unwrap());
            text.push('\n');
        }
        Ok(text)
    }

    #[test]
    fn columns_are_joined_made_parts_and_made_a_list() {
        let rules = [
            "First+Last=name",
            "Street=address.street",
            "City=address.city",
            "Phone=phone",
            "Fax=phone",
            "E-Mail=email",
        ];
        insta::assert_snapshot!(mapped(&rules, None).unwrap(), @r#"
        {"row":1,"fields":{"name":"Luís Gonçalves","address":{"street":"Av. \"Um\", 3","city":"São José"},"phone":["+55 1","+55 2"],"email":"l@example.org"}}
        {"row":2,"fields":{"name":"Leonie","phone":["+49 1"]}}
        "#);
    }

    #[test]
    fn the_charter_makes_one_column_a_list_and_orders_names() {
        let charter = [field("phone", "phone", true), field("name", "name", false)];
        let rules = ["Phone=phone", "Last=name.family", "First=name.given"];
        insta::assert_snapshot!(mapped(&rules, Some(&charter)).unwrap(), @r#"
        {"row":1,"fields":{"phone":["+55 1"],"name":"Luís Gonçalves"}}
        {"row":2,"fields":{"name":"Leonie"}}
        "#);
    }

    #[test]
    fn a_header_with_a_plus_is_one_column() {
        assert!(mapped(&["A+B=note"], None).unwrap().starts_with(r#"{"row":1,"fields":{"note":"x"}}"#));
    }

    #[test]
    fn what_cannot_be_is_said() {
        let charter = [field("email", "email", false), field("address", "address", false)];
        let error = |rules: &[&str]| mapped(rules, Some(&charter)).unwrap_err();
        insta::assert_snapshot!(error(&["Mail=email"]), @"the file has no column `Mail`; it has `First`, `Last`, `Street`, `City`, `Phone`, `Fax`, `E-Mail`, `A+B`");
        insta::assert_snapshot!(error(&["E-Mail"]), @"`E-Mail` should be `Column=field`");
        insta::assert_snapshot!(error(&["E-Mail=mail"]), @"the charter has no field `mail`");
        insta::assert_snapshot!(error(&["E-Mail=email", "Fax=email"]), @"`email` holds one value; join its columns (`A+B=email`) or leave one out (`B=`)");
        insta::assert_snapshot!(error(&["City=address.city", "Street=address"]), @"`address` cannot be made of a whole and of parts");
        insta::assert_snapshot!(error(&["City=address.city", "Street=address.city"]), @"`address.city` holds one value; join its columns (`A+B=address.city`) or leave one out (`B=`)");
        insta::assert_snapshot!(error(&["E-Mail="]), @"no column goes to any field");
    }

    #[test]
    fn json_lines_keep_their_types_and_arrays() {
        let lines = "{\"points\":12,\"phone\":[\"1\",\"2\"],\"fax\":\"3\",\"none\":[]}\n";
        let table = open(lines.as_bytes(), &Options::default()).unwrap();
        let headers = table.headers().to_vec();
        let rules: Vec<_> = ["points=points", "phone=phone", "none=phone", "fax=phone"]
            .iter()
            .map(|text| Rule::parse(text, &headers).unwrap())
            .collect();
        let mapping = Mapping::new(&rules, &headers, None).unwrap();
        let mut out = Vec::new();
        for record in table {
            assert!(mapping.write(&record.unwrap(), &mut out));
        }
        insta::assert_snapshot!(String::from_utf8(out).unwrap(), @r#"{"row":1,"fields":{"points":12,"phone":["1","2","3"]}}"#);
    }
}
