//! Which column is which field: a proposal made from the header and the content, for a person to confirm. It never sees a
//! whole file and keeps nothing of what it saw.

use avouch_charter::{Charter, Field, FieldType};
use avouch_detect::column::{self, Kind};
use avouch_policy::Action;
use avouch_store::Tx;

use crate::Error;
use crate::app::{Cx, Operation, Outcome};
use crate::audit::Note;
use crate::gate::{Intent, Permit};
use crate::rules::Rules;

/// A column as its reader shows it.
#[derive(Clone)]
pub struct ColumnSample {
    /// The header.
    pub header: String,
    /// Some values.
    pub samples: Vec<String>,
}

impl core::fmt::Debug for ColumnSample {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("ColumnSample").field("header", &self.header).finish_non_exhaustive()
    }
}

/// Where a column belongs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ColumnGuess {
    /// The column.
    pub column: String,
    /// A field of the charter.
    pub field: String,
    /// A part of it: `street`, `city`, … of an address, `given` and `family` of a name.
    pub part: Option<String>,
    /// 0 to 100.
    pub confidence: u8,
    /// Why, in plain words.
    pub because: String,
}

/// A proposal for a file.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Proposal {
    /// Columns with a place.
    pub mapping: Vec<ColumnGuess>,
    /// Columns without one.
    pub unmapped: Vec<String>,
    /// Required fields that no column fills.
    pub missing_required: Vec<String>,
}

/// Below this a guess is not proposed.
const LEAST_CONFIDENCE: u8 = 40;

/// Proposes a mapping onto a charter.
#[must_use]
pub fn propose(charter: &Charter, columns: &[ColumnSample]) -> Proposal {
    let mut wishes: Vec<(usize, ColumnGuess)> = Vec::new();
    for (at, sample) in columns.iter().enumerate() {
        if let Some(guess) = by_name(charter, sample) {
            wishes.push((at, guess));
            continue;
        }
        let samples: Vec<&str> = sample.samples.iter().map(String::as_str).collect();
        for guess in column::classify(&sample.header, &samples) {
            if guess.confidence < LEAST_CONFIDENCE {
                continue;
            }
            for (field, part) in places_for(charter, guess.kind, &sample.header) {
                let (column, field) = (sample.header.clone(), field.name.clone());
                let (confidence, because) = (guess.confidence, guess.because.clone());
                wishes.push((
                    at,
                    ColumnGuess { column, field, part: part.map(str::to_owned), confidence, because },
                ));
            }
        }
    }
    // The surest first; a place that takes one column goes to the surest of those that want it.
    wishes.sort_by(|(left_at, left), (right_at, right)| {
        right.confidence.cmp(&left.confidence).then(left_at.cmp(right_at))
    });
    let mut proposal = Proposal::default();
    let mut placed: Vec<(usize, ColumnGuess)> = Vec::new();
    for (at, wish) in wishes {
        let list = charter.field(&wish.field).is_some_and(|field| field.list);
        let column_has_place = placed.iter().any(|(other, _)| *other == at);
        let conflict = placed.iter().any(|(_, other)| {
            other.field == wish.field
                && !list
                && (other.part == wish.part || other.part.is_none() != wish.part.is_none())
        });
        if !column_has_place && !conflict {
            placed.push((at, wish));
        }
    }
    placed.sort_by_key(|(at, _)| *at);
    proposal.unmapped = columns
        .iter()
        .enumerate()
        .filter(|(at, _)| !placed.iter().any(|(other, _)| other == at))
        .map(|(_, sample)| sample.header.clone())
        .collect();
    proposal.mapping = placed.into_iter().map(|(_, guess)| guess).collect();
    proposal.missing_required = charter
        .fields()
        .iter()
        .filter(|field| field.required && !proposal.mapping.iter().any(|guess| guess.field == field.name))
        .map(|field| field.name.clone())
        .collect();
    proposal
}

/// A column that carries the name or the title of a field is that field.
fn by_name(charter: &Charter, sample: &ColumnSample) -> Option<ColumnGuess> {
    let plain = |text: &str| -> String {
        text.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect()
    };
    let header = plain(&sample.header);
    let field = charter
        .fields()
        .iter()
        .find(|field| plain(&field.name) == header || plain(&field.title) == header)?;
    // A single column named "address" is a street, unless the charter's address is the only thing it can be.
    if matches!(field.of, FieldType::Address) {
        return None;
    }
    Some(ColumnGuess {
        column: sample.header.clone(),
        field: field.name.clone(),
        part: None,
        confidence: 100,
        because: "it carries the field's name".to_owned(),
    })
}

/// Fields that can hold a kind of column, and as which part.
fn places_for<'c>(charter: &'c Charter, kind: Kind, header: &str) -> Vec<(&'c Field, Option<&'static str>)> {
    let of = |fits: &dyn Fn(&FieldType) -> bool| {
        charter.fields().iter().filter(|field| fits(&field.of)).collect::<Vec<_>>()
    };
    let with = |fields: Vec<&'c Field>, part: Option<&'static str>| {
        fields.into_iter().map(|field| (field, part)).collect::<Vec<_>>()
    };
    let address = |part| with(of(&|of| matches!(of, FieldType::Address)), Some(part));
    let name = |part| with(of(&|of| matches!(of, FieldType::Name)), part);
    let named = |words: &[&str]| {
        charter
            .fields()
            .iter()
            .filter(|field| words.iter().any(|word| field.name.contains(word)))
            .map(|field| (field, None))
            .collect::<Vec<_>>()
    };
    match kind {
        Kind::Email => with(of(&|of| matches!(of, FieldType::Email)), None),
        Kind::Phone => with(of(&|of| matches!(of, FieldType::Phone { .. })), None),
        Kind::FullName => name(None),
        Kind::GivenName => name(Some("given")),
        Kind::FamilyName => name(Some("family")),
        Kind::Street => address("street"),
        Kind::City => address("city"),
        Kind::Region => address("region"),
        Kind::PostalCode => address("postal_code"),
        Kind::Country => address("country"),
        Kind::BirthDate => {
            let born = named(&["birth", "born"]);
            if born.is_empty() { with(of(&|of| matches!(of, FieldType::Date)), None) } else { born }
        }
        Kind::NationalId => with(of(&|of| matches!(of, FieldType::NationalId { .. })), None),
        Kind::Card => with(of(&|of| matches!(of, FieldType::Card)), None),
        Kind::Company => named(&["company", "organisation", "organization", "firm"]),
        Kind::Language => named(&["language", "locale"]),
        Kind::FreeText => named(&["note", "remark", "comment"]),
        Kind::Identifier => identifiers(charter, header),
        // Dates, choices and numbers could be anything; a person has to say.
        _ => Vec::new(),
    }
}

/// A customer number belongs to a unique text field; a number of somebody else (`SupportRepId`) to a field of that name.
fn identifiers<'c>(charter: &'c Charter, header: &str) -> Vec<(&'c Field, Option<&'static str>)> {
    let header = header.to_lowercase();
    let staff = ["rep", "agent", "manager", "owner", "clerk"].iter().any(|word| header.contains(word));
    charter
        .fields()
        .iter()
        .filter(|field| matches!(field.of, FieldType::Text { .. }))
        .filter(|field| {
            let unique = field.index.as_ref().is_some_and(|index| index.unique);
            if staff { field.name.contains("manager") || field.name.contains("agent") } else { unique }
        })
        .map(|field| (field, None))
        .collect()
}

/// Proposes a mapping onto the charter in force.
#[derive(Debug, Clone)]
pub struct ProposeMapping {
    /// The file's columns.
    pub columns: Vec<ColumnSample>,
    /// For which purpose.
    pub purpose: Option<String>,
}

impl Operation for ProposeMapping {
    const ACTION: Action = Action::SubjectImport;
    type Output = Proposal;
    type Facts = ();

    fn intent(&self, _rules: &Rules) -> Result<Intent, Error> {
        Ok(Intent::about(self.purpose.clone(), None, 0))
    }

    fn facts(&self, _tx: &mut Tx<'_>, _cx: &Cx<'_>) -> Result<(), Error> {
        Ok(())
    }

    fn run(&self, _tx: &mut Tx<'_>, cx: &Cx<'_>, _: &Permit, (): ()) -> Result<Outcome<Proposal>, Error> {
        Ok(Outcome::new(propose(&cx.rules.charter, &self.columns), Note::count(0)))
    }
}
