//! `retention.yaml`: how long data is kept, by class.

use super::{Draft, Keys, declared, line, name_rule, period};
use crate::model::StartEvent;
use crate::period::Period;
use crate::problem::{Placed, Sink};
use crate::yaml::Node;

/// A retention class as written; `None` where the part was wrong.
#[derive(Debug)]
pub(crate) struct DraftClass {
    pub(crate) name: Placed<String>,
    pub(crate) title: Option<String>,
    pub(crate) keep: Option<Period>,
    pub(crate) after: Option<StartEvent>,
    pub(crate) from_year_end: bool,
    pub(crate) why: Option<String>,
}

const KEYS: &[&str] = &["title", "keep", "after", "from_year_end", "why"];

pub(super) fn read(tree: &Node, draft: &mut Draft, sink: &mut Sink<'_>) {
    declared(tree, "retention classes", 50, name_rule, sink, |name, at, node, sink| {
        let name = Placed { value: name.to_owned(), at };
        let what = format!("retention class `{}`", name.value);
        draft.classes.push(match Keys::open(node, what, at, KEYS, sink) {
            Some(keys) => DraftClass {
                name,
                title: keys.title("title", "...", sink),
                keep: keys
                    .need("keep", "3 years", sink)
                    .and_then(|node| period(node, "keep", sink))
                    .map(|it| it.value),
                after: keys.word("after", sink),
                from_year_end: keys.flag("from_year_end", sink),
                why: keys.need("why", "...", sink).and_then(|node| line(node, "why", sink)),
            },
            None => {
                DraftClass { name, title: None, keep: None, after: None, from_year_end: false, why: None }
            }
        });
    });
}
