//! Every name a charter declares, whether or not the rest of its declaration was right, and what lists of names mean.
//!
//! A mistake is told once: where something was not understood, nothing is concluded from what it seems to lack. So an
//! unknown category does not make every role that names it look greedy.

use crate::problem::{At, Placed, Sink, shown, suggest};
use crate::read::{self, Draft};

/// The declared names.
pub(super) struct Declared {
    categories: Vec<String>,
    /// Name and category, in the charter's order.
    fields: Vec<(String, Option<String>)>,
    purposes: Vec<Purpose>,
    classes: Vec<String>,
}

struct Purpose {
    name: String,
    /// The fields it may touch, if that is known.
    fields: Option<Vec<String>>,
}

impl Declared {
    pub(super) fn of(draft: &Draft) -> Self {
        let category = |name: &Option<Placed<String>>| name.as_ref().map(|category| category.value.clone());
        let mut declared = Self {
            categories: draft.categories.iter().map(|it| it.value.name.clone()).collect(),
            fields: draft.fields.iter().map(|it| (it.name.value.clone(), category(&it.category))).collect(),
            purposes: Vec::new(),
            classes: draft.classes.iter().map(|it| it.name.value.clone()).collect(),
        };
        let known =
            |category: &Option<String>| category.as_ref().is_some_and(|it| declared.categories.contains(it));
        let sorted = declared.fields.iter().all(|(_, category)| known(category));
        declared.purposes = draft
            .purposes
            .iter()
            .map(|it| {
                let sure = sorted && declared.knows_all(&it.fields);
                Purpose {
                    name: it.name.value.clone(),
                    fields: sure.then(|| declared.members(&it.fields.names)),
                }
            })
            .collect();
        declared
    }

    /// The category of a field, if it is declared; else says so.
    pub(super) fn category(&self, name: &Placed<String>, sink: &mut Sink<'_>) -> bool {
        known(name, "category", &self.categories, sink)
    }

    pub(super) fn is_field(&self, name: &str) -> bool {
        self.fields.iter().any(|(field, _)| field == name)
    }

    /// What to do where a category is named and only a field will do.
    pub(super) fn category_help(&self, name: &str) -> Option<&'static str> {
        let category = self.categories.iter().any(|category| category == name);
        category.then_some("that is a category: name its fields one by one")
    }

    /// The same for a field, where a category will not do.
    pub(super) fn has_field(&self, name: &str, at: At, sink: &mut Sink<'_>) -> bool {
        let declared = self.is_field(name);
        if !declared {
            let fields = self.fields.iter().map(|(field, _)| field.as_str());
            let help = self.category_help(name).map_or_else(|| suggest(name, fields), str::to_owned);
            sink.help(at, format!("unknown field {}", shown(name)), help);
        }
        declared
    }

    /// The same for a retention class.
    pub(super) fn class(&self, name: &Placed<String>, sink: &mut Sink<'_>) -> bool {
        known(name, "retention class", &self.classes, sink)
    }

    /// The purposes of a list, without those that are not declared.
    pub(super) fn purposes(&self, written: &read::Names, sink: &mut Sink<'_>) -> Vec<String> {
        let all: Vec<String> = self.purposes.iter().map(|purpose| purpose.name.clone()).collect();
        let written = written.names.iter().filter(|name| known(name, "purpose", &all, sink));
        written.map(|name| name.value.clone()).collect()
    }

    /// The fields that a list of fields and categories names, in the charter's order, each once.
    pub(super) fn expand(&self, written: &read::Names, sink: &mut Sink<'_>) -> Vec<String> {
        for name in written.names.iter().filter(|name| !self.knows(&name.value)) {
            let all = self.fields.iter().map(|(field, _)| field).chain(&self.categories).map(String::as_str);
            sink.help(
                name.at,
                format!("unknown field or category `{}`", name.value),
                suggest(&name.value, all),
            );
        }
        self.members(&written.names)
    }

    /// Whether everything in a list of fields and categories is known.
    pub(super) fn knows_all(&self, written: &read::Names) -> bool {
        written.read && written.names.iter().all(|name| self.knows(&name.value))
    }

    /// All fields that some of these purposes may touch; `None` if that is not known.
    pub(super) fn reach(&self, purposes: &read::Names) -> Option<Vec<&str>> {
        let mut reach = Vec::new();
        for name in purposes.read.then_some(&purposes.names)? {
            let purpose = self.purposes.iter().find(|purpose| purpose.name == name.value)?;
            reach.extend(purpose.fields.as_ref()?.iter().map(String::as_str));
        }
        Some(reach)
    }

    /// The words of a list that name fields out of reach, and these fields.
    pub(super) fn outside<'a>(
        &'a self,
        written: &'a [Placed<String>],
        reach: &'a [&str],
    ) -> impl Iterator<Item = (&'a Placed<String>, Vec<&'a str>)> {
        written.iter().filter_map(move |word| {
            let members =
                self.fields.iter().filter(|field| named(field, &word.value)).map(|(name, _)| name.as_str());
            let outside: Vec<&str> = members.filter(|name| !reach.contains(name)).collect();
            (!outside.is_empty()).then_some((word, outside))
        })
    }

    fn knows(&self, word: &str) -> bool {
        self.categories.iter().any(|it| it == word) || self.is_field(word)
    }

    fn members(&self, words: &[Placed<String>]) -> Vec<String> {
        let fields = self.fields.iter().filter(|field| words.iter().any(|word| named(field, &word.value)));
        fields.map(|(name, _)| name.clone()).collect()
    }
}

/// Whether a word of a list names this field: by itself or by its category.
fn named((field, category): &(String, Option<String>), word: &str) -> bool {
    field == word || category.as_deref() == Some(word)
}

/// Whether a name is declared; if not, says so.
fn known(name: &Placed<String>, what: &str, declared: &[String], sink: &mut Sink<'_>) -> bool {
    let known = declared.contains(&name.value);
    if !known {
        let help = suggest(&name.value, declared.iter().map(String::as_str));
        sink.help(name.at, format!("unknown {what} `{}`", name.value), help);
    }
    known
}
