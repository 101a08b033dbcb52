//! Promises: sentences of a privacy statement about all requests, each with the requests that it rules out.
//!
//! A promise is read and validated as a charter's policies are, but it is no policy: nothing here forbids anything,
//! and a decision must never depend on a promise. It holds when the effective policy allows no request that the
//! promise describes, which `tests/proofs` proves for all requests at once. Some promises are shipped, one follows
//! from what a charter says of its purposes, and a charter may bring its own.

use std::collections::BTreeSet;

use cedar_policy::{Effect, Policy};

use crate::engine::{SCHEMA, shipped};
use crate::grant::{quoted, uid, uids};
use crate::source::{Content, Loaded, Names, Reader, doubles, load};
use crate::{Action, ApprovalRule, Problem, PurposeFields, RoleGrant, Source};

const SHIPPED: &str = include_str!("promises.cedar");

/// A sentence about all requests, and in Cedar the requests that it says are never allowed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Promise {
    id: String,
    says: String,
    text: String,
}

impl Promise {
    /// The promises that a charter's policy is under: the shipped ones, those about its purposes and approvals, and its own from
    /// `sources`, in this order. Or everything that is wrong with its own.
    ///
    /// In a source, each promise is a `forbid` with an `@id` and the sentence in `@says`.
    pub fn of(
        grants: &[RoleGrant],
        purposes: &[PurposeFields],
        approvals: &[ApprovalRule],
        sources: &[Source],
    ) -> Result<Vec<Self>, Vec<Problem>> {
        let schema = SCHEMA.parse().map_err(|error| shipped("schema.cedarschema", &error))?;
        let names = Names::of(grants, purposes, approvals);
        let ours = [
            Source { name: "promises".into(), text: SHIPPED.into() },
            Source { name: "promises of purposes".into(), text: of_purposes(purposes) },
            Source { name: "promises of approvals".into(), text: of_approvals(approvals) },
        ];
        let (mut loaded, mut problems) = (Vec::new(), Vec::new());
        for (source, prefixed) in
            ours.iter().map(|source| (source, false)).chain(sources.iter().map(|source| (source, true)))
        {
            match load(source, prefixed, Content::Promises, &schema, &names) {
                Ok(promises) => loaded.extend(promises),
                Err(found) => problems.extend(found),
            }
        }
        problems.extend(doubles("promises", &loaded));
        if !problems.is_empty() {
            return Err(problems);
        }
        Ok(loaded.iter().map(|Loaded { policy, .. }| Self::from(policy)).collect())
    }

    /// What it is called: `promise:network`, or `<source>/<its id>` of a charter's own.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// The sentence.
    pub fn says(&self) -> &str {
        &self.says
    }

    /// One Cedar `forbid` that matches the requests that are never allowed.
    pub fn text(&self) -> &str {
        &self.text
    }
}

impl From<&Policy> for Promise {
    fn from(policy: &Policy) -> Self {
        Self {
            id: policy.id().to_string(),
            says: policy.annotation("says").unwrap_or_default().to_owned(),
            text: policy.to_string(),
        }
    }
}

/// The longest sentence, in bytes.
const SENTENCE: usize = 400;

impl Reader<'_> {
    /// A promise has a name, a sentence, and no other word for the machine.
    pub(crate) fn promise(&mut self, policy: &Policy) {
        if policy.effect() == Effect::Permit {
            let help = Some("write `forbid` and the requests that are never to be allowed".into());
            self.report("a promise is about what is never allowed".into(), help);
        }
        if policy.annotation("id").is_none_or(|id| id.trim().is_empty()) {
            self.report("this promise has no name".into(), Some("add `@id(\"..\")`".into()));
        }
        match policy.annotation("says").map(str::trim) {
            None | Some("") => {
                let help = Some("add `@says(\"..\")` with the sentence that people are given".into());
                self.report("this promise has no sentence".into(), help);
            }
            Some(says) if says.len() > SENTENCE || says.contains(char::is_control) => {
                let message = format!("the sentence is longer than a line of {SENTENCE} bytes");
                self.report(message, Some("say it shorter, or make it two promises".into()));
            }
            Some(_) => {}
        }
        for (key, _) in policy.annotations().filter(|(key, _)| !["id", "says", "note"].contains(key)) {
            let help = Some("the annotations of a promise are `@id`, `@says` and `@note`".into());
            self.report(format!("unknown annotation `@{key}`"), help);
        }
    }
}

/// That data is touched for purposes of the charter and no others, and that no field is shown for a purpose that it does not belong
/// to: every purpose with its fields, in one claim. (The policy has a forbid for each purpose.)
fn of_purposes(purposes: &[PurposeFields]) -> String {
    // A set in Cedar cannot be empty.
    if purposes.is_empty() {
        return String::new();
    }
    let known: BTreeSet<&str> = purposes.iter().map(|purpose| purpose.name.as_str()).collect();
    let mut text = String::new();
    text.push_str("@id(\"promise:known-purpose\")\n");
    text.push_str(
        "@says(\"Customers' data is touched for a purpose that the charter names, or not at all.\")\n",
    );
    text.push_str("forbid (principal, action in Action::\"data\", resource)\nwhen { context has purpose }\n");
    text.push_str(&format!("unless {{ {}.contains(context.purpose) }};\n\n", uids("Purpose", known)));
    let belongs: Vec<String> = purposes
        .iter()
        .filter(|purpose| !purpose.fields.is_empty())
        .map(|PurposeFields { name, fields }| {
            let (purpose, fields) = (uid("Purpose", name), uids("Field", fields));
            format!("(context.purpose == {purpose} && {fields}.contains(resource))")
        })
        .collect();
    text.push_str("@id(\"promise:fields-of-purpose\")\n");
    text.push_str("@says(\"No field is shown for a purpose that it does not belong to.\")\n");
    text.push_str(
        "forbid (principal, action in Action::\"view\", resource is Field)\nwhen { context has purpose }",
    );
    if !belongs.is_empty() {
        text.push_str(&format!("\nunless {{\n  {}\n}}", belongs.join(" ||\n  ")));
    }
    text.push_str(";\n");
    text
}

/// That what others have to agree to is not done before they have: one claim for each action of each approval.
fn of_approvals(approvals: &[ApprovalRule]) -> String {
    let mut text = String::new();
    for ApprovalRule { name, people, needed_for } in approvals {
        let actions: BTreeSet<Action> = needed_for.iter().filter_map(|action| action.parse().ok()).collect();
        for action in actions {
            let others = if *people == 1 {
                "one other person has".into()
            } else {
                format!("{people} other people have")
            };
            let says = format!("`{action}` is never done before {others} agreed to it.");
            text.push_str(&format!("@id({})\n", quoted(&format!("promise:approval/{name}/{action}"))));
            text.push_str(&format!("@says({})\n", quoted(&says)));
            let (action, name) = (uid("Action", action.as_str()), quoted(name));
            text.push_str(&format!("forbid (principal, action, resource)\nwhen {{ action == {action} }}\n"));
            text.push_str(&format!(
                "unless {{ context.approvers >= {people} && context.approved.contains({name}) }};\n\n"
            ));
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn purposes() -> Vec<PurposeFields> {
        let purpose = |name: &str, fields: &[&str]| PurposeFields {
            name: name.into(),
            fields: fields.iter().map(|field| (*field).to_owned()).collect(),
        };
        vec![purpose("support", &["name", "email"]), purpose("dormant", &[])]
    }

    fn own(text: &str) -> Result<Vec<Promise>, Vec<Problem>> {
        let source = Source { name: "promises/shop.cedar".into(), text: text.into() };
        Promise::of(&[], &purposes(), &[], &[source])
    }

    fn refused(text: &str) -> String {
        let problems = own(text).expect_err("refused");
        problems.iter().map(Problem::to_string).collect::<Vec<_>>().join("\n")
    }

    #[test]
    fn the_sentences_read_as_a_statement() {
        let promises = Promise::of(&[], &purposes(), &[], &[]).expect("shipped");
        let lines = promises.iter().map(|promise| format!("{}: {}", promise.id(), promise.says()));
        insta::assert_snapshot!(lines.collect::<Vec<_>>().join("\n"), @r"
        promise:lawful-purpose: Nobody touches customers' data without a purpose that is lawful for these customers.
        promise:clear-value: Nobody sees a value, in clear or in part, without a purpose that is lawful for this customer.
        promise:reason: Nobody opens customers' data without saying why, unless the purpose runs by itself.
        promise:network: A caller outside its networks is allowed nothing.
        promise:contract: A recipient's service is allowed nothing before its contract begins, or when it is over.
        promise:recipient: A recipient's service does nothing but turn its own tokens back.
        promise:restricted: While processing is restricted, nothing is opened, nothing is shown in clear or in part, and no token is made.
        promise:two-factors: Whoever has logged in with less than two factors, or a passkey, does nothing but mend that.
        promise:enrol-first: Whoever shows nothing but a one-time link or a recovery code sets up how they log in, and does nothing else.
        promise:own-authenticators: What somebody logs in with is changed, and a session for a program begun, only in a session whose owner has shown who they are in the last five minutes.
        promise:break-glass-open: The glass is broken only by a person of the staff who has shown who they are in the last two minutes, in a way that no false page could have asked for.
        promise:break-glass: Behind broken glass staff with two factors look at customers: nobody changes, exports, turns tokens back or erases, and no program and no partner is ever there.
        promise:known-purpose: Customers' data is touched for a purpose that the charter names, or not at all.
        promise:fields-of-purpose: No field is shown for a purpose that it does not belong to.
        ");
    }

    #[test]
    fn the_promise_of_purposes_is_one_claim() {
        insta::assert_snapshot!(of_purposes(&purposes()), @r#"
        @id("promise:known-purpose")
        @says("Customers' data is touched for a purpose that the charter names, or not at all.")
        forbid (principal, action in Action::"data", resource)
        when { context has purpose }
        unless { [Purpose::"dormant", Purpose::"support"].contains(context.purpose) };

        @id("promise:fields-of-purpose")
        @says("No field is shown for a purpose that it does not belong to.")
        forbid (principal, action in Action::"view", resource is Field)
        when { context has purpose }
        unless {
          (context.purpose == Purpose::"support" && [Field::"name", Field::"email"].contains(resource))
        };
        "#);
        assert_eq!(of_purposes(&[]), "");
    }

    #[test]
    fn a_charter_adds_promises_of_its_own() {
        let promises = own(r#"
            @id("email") @says("Nobody exports e-mail addresses.") @note("asked for by the board")
            forbid (principal, action in Action::"view", resource == Field::"email")
            when { context.during == Operation::"subject.export" };
            "#)
        .expect("accepted");
        let last = promises.last().expect("not empty");
        assert_eq!(
            (last.id(), last.says()),
            ("promises/shop.cedar/email", "Nobody exports e-mail addresses.")
        );
        assert!(last.text().contains(r#"Field::"email""#));
    }

    #[test]
    fn what_is_wrong_with_a_promise_is_said_with_its_place() {
        insta::assert_snapshot!(refused(r#"
            permit (principal, action, resource);
            @id("a") @says("It is so.") @advice("view") forbid (principal, action, resource);
            @id("b") @says("Support never exports.")
            forbid (principal in Role::"suport", action == Action::"subject.export", resource);
            @id("c") @says("Nobody sees phone numbers.")
            forbid (principal, action in Action::"view", resource == Field::"phone") when { context.nights };
            "#), @r#"
        promises/shop.cedar:2:13: a promise is about what is never allowed
          help: write `forbid` and the requests that are never to be allowed
        promises/shop.cedar:2:13: this promise has no name
          help: add `@id("..")`
        promises/shop.cedar:2:13: this promise has no sentence
          help: add `@says("..")` with the sentence that people are given
        promises/shop.cedar:3:13: unknown annotation `@advice`
          help: the annotations of a promise are `@id`, `@says` and `@note`
        promises/shop.cedar:4:13: unknown role `suport`
        promises/shop.cedar:6:13: unknown field `phone`
        promises/shop.cedar:7:93: for policy `promises/shop.cedar/c`, attribute `nights` in context for Action::"view.clear" not found
          help: did you mean `means`?
        "#);
        insta::assert_snapshot!(refused(r#"@id("a") @says("x") forbid (principal is Staff, action, resource)
            when { principal has recipient };"#), @"promises/shop.cedar:1:1: for policy `promises/shop.cedar/a`, policy is impossible: the policy expression evaluates to false for all valid requests");
        let twice = r#"@id("a") @says("It is so.") forbid (principal, action, resource);"#;
        insta::assert_snapshot!(refused(&twice.repeat(2)), @"
        promises/shop.cedar:1:66: two policies are called `promises/shop.cedar/a`
          help: give each policy of a file its own `@id`
        ");
        let long = format!(r#"@id("a") @says("{}") forbid (principal, action, resource);"#, "a ".repeat(201));
        insta::assert_snapshot!(refused(&long), @"
        promises/shop.cedar:1:1: the sentence is longer than a line of 400 bytes
          help: say it shorter, or make it two promises
        ");
    }

    #[test]
    fn names_cannot_break_out_of_a_promise() {
        let purpose = PurposeFields {
            name: "a\") }; permit (principal, action, resource); //\\".into(),
            fields: vec!["\"].contains(resource) || true //".into()],
        };
        let promises = Promise::of(&[], &[purpose], &[], &[]).expect("still two promises");
        assert_eq!(promises.len(), Promise::of(&[], &[], &[], &[]).expect("shipped").len() + 2);
    }
}
