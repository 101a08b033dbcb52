//! What was done under something, on its page.

use avouch_core::Action;
use avouch_core::gate::work::Worked;

use super::show::moment;

/// Something that was done, as a line.
pub(super) struct WorkRow {
    pub(super) at: String,
    pub(super) what: String,
    pub(super) fields: String,
    pub(super) why: String,
    pub(super) customers: String,
}

pub(super) fn work_row(work: Worked) -> WorkRow {
    let fields = work.fields.into_iter().map(|(name, view)| match view {
        Some(view) => format!("{name} ({view})"),
        None => name,
    });
    let whom: Vec<String> = work.customers.iter().map(ToString::to_string).collect();
    WorkRow {
        at: moment(work.at),
        what: work.action.parse::<Action>().map_or(work.action, |action| action.about().to_owned()),
        fields: fields.collect::<Vec<_>>().join(", "),
        why: work.reason.map(|reason| reason.as_str().to_owned()).unwrap_or_default(),
        customers: if whom.is_empty() { format!("{} customers", work.count) } else { whom.join(", ") },
    }
}
