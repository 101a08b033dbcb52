//! What an operation brings back is an outcome, with its note; a bare value is not enough.
use avouch_core::app::{Cx, Operation, Outcome};
use avouch_core::gate::{Intent, Permit};
use avouch_core::{Error, Rules};
use avouch_store::Tx;

struct Peek;

impl Operation for Peek {
    const ACTION: avouch_policy::Action = avouch_policy::Action::SubjectRead;
    type Output = String;
    type Facts = ();
    fn intent(&self, _: &Rules) -> Result<Intent, Error> {
        Ok(Intent::plain())
    }
    fn facts(&self, _: &mut Tx<'_>, _: &Cx<'_>) -> Result<(), Error> {
        Ok(())
    }
    fn run(&self, _: &mut Tx<'_>, _: &Cx<'_>, _: &Permit, (): ()) -> Result<Outcome<String>, Error> {
        Ok("shown without a record".to_owned())
    }
}

fn main() {}
