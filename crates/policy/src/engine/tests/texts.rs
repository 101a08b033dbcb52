//! Texts of operators: mistakes are refused with their place, and what is taken is what stands there.

use super::*;

fn refused(text: &str) -> String {
    let (grants, purposes) = shop();
    let problems = Engine::compile(&grants, &purposes, &[source(text)]).expect_err("it is refused");
    problems.iter().map(Problem::to_string).collect::<Vec<_>>().join("\n")
}

#[test]
fn mistakes_have_a_place_and_a_help() {
    insta::assert_snapshot!(refused("permit (principal, action, resource)\nwhen { context.reason }"), @"policies/night.cedar:2:24: unexpected end of input");
    insta::assert_snapshot!(refused("permit (principal, action, resource)\nwhen { context.raeson };"), @r#"
    policies/night.cedar:2:8: for policy `policies/night.cedar/1`, attribute `raeson` in context for Action::"access.change" not found
      help: did you mean `reason`?
    "#);
    insta::assert_snapshot!(
        refused("@advise(\"reason\")\nforbid (principal, action, resource);\n\n@advice(\"raeson\")\nforbid (principal, action, resource);"),
        @r"
    policies/night.cedar:1:1: unknown annotation `@advise`
      help: the annotations are `@id`, `@advice` and `@note`
    policies/night.cedar:1:1: a forbid has to say what the caller lacks
      help: add `@advice(..)` with one of `permission`, `purpose`, `lawful_purpose`, `reason`, `network`, `contract`, `recipient`, `unrestricted`, `fewer_rows`, `field`, `view`, `session`, `proof`, `proof:15m`, `proof:5m:phishing-resistant`, `proof:device-bound`, `proof:attested`, `settled:24h`, `approval:name`
    policies/night.cedar:4:1: unknown advice `raeson`
      help: did you mean `reason`?
    "
    );
    insta::assert_snapshot!(refused("@advice(\"reason\")\npermit (principal, action, resource);"), @"
    policies/night.cedar:1:1: a permit gives no advice: `@advice` says why something was forbidden
      help: use `@note` for remarks
    ");
    insta::assert_snapshot!(
        refused("permit (principal in Role::\"suport\", action, resource);\npermit (principal, action, resource == Field::\"emial\");\npermit (principal == Staff::\"anna\", action, resource);"),
        @r#"
    policies/night.cedar:1:1: unknown role `suport`
      help: did you mean `support`?
    policies/night.cedar:2:1: unknown field `emial`
      help: did you mean `email`?
    policies/night.cedar:3:1: policies know roles, not single callers like `Staff::"anna"`
      help: write `principal is Staff in Role::".."`
    "#
    );
    insta::assert_snapshot!(refused("permit (principal, action == Action::\"subject.raed\", resource);"), @r#"
    policies/night.cedar:1:30: for policy `policies/night.cedar/1`, unrecognized action `Action::"subject.raed"`
      help: did you mean `Action::"subject.read"`?
    "#);
    insta::assert_snapshot!(
        refused("permit (principal, action, resource) when { context.rows == Rows::\"mayn\" };"),
        @r#"
    policies/night.cedar:1:61: for policy `policies/night.cedar/1`: entity `Rows::"mayn"` is of an enumerated entity type, but `"mayn"` is not declared as a valid eid
      help: valid entity eids: "one", "few", "many"
    "#
    );
    insta::assert_snapshot!(refused("permit (principal == ?principal, action, resource);"), @"
    policies/night.cedar: `policy0` is a template, and grants are data here
      help: write the role in place of `?principal` or `?resource`
    ");
    insta::assert_snapshot!(
        refused("@id(\"a\") permit (principal, action, resource);\n@id(\"a\") permit (principal, action, resource);"),
        @"
    policies/night.cedar:2:1: two policies are called `policies/night.cedar/a`
      help: give each policy of a file its own `@id`
    "
    );
    insta::assert_snapshot!(refused(&" ".repeat(Source::LIMIT + 1)), @"
    policies/night.cedar: the text is longer than 262144 bytes
      help: split it into several files
    ");
}

/// A text that nests without end is refused, and does not end the process.
#[test]
fn nesting_has_a_bottom() {
    let depth = 10_000;
    let bodies = [
        format!("{}true{}", "(".repeat(depth), ")".repeat(depth)),
        format!("{}true{}", "[".repeat(depth), "]".repeat(depth)),
        format!("{}true{}", "{a:".repeat(depth), "}".repeat(depth)),
        format!("{}true", "!".repeat(depth)),
        format!("{}true", "if true then true else ".repeat(depth)),
        format!("{}true", "if ".repeat(depth)) + &" then true else true".repeat(depth),
        format!("context{}", ".reason".repeat(depth)),
        format!("context{}", "[\"reason\"]".repeat(depth)),
        format!("context{}", ".reason()".repeat(depth)),
        format!("1{} == 1", " + 1".repeat(depth)),
        format!("true{}", " || true".repeat(depth)),
        format!("true{}", " && true".repeat(depth)),
        format!("true{}", " == true".repeat(depth)),
        format!("1{} == 1", "*1".repeat(depth)),
    ];
    for body in bodies {
        let text = format!("permit (principal, action, resource) when {{ {body} }};");
        assert!(refused(&text).contains("nested too deeply"), "{}", &body[..20]);
    }
}

#[test]
fn ids_of_shipped_policies_cannot_be_taken() {
    let (grants, purposes) = shop();
    let thief = Source {
        name: "role:support".into(),
        text: r#"@id("subject.read") permit (principal, action, resource);"#.into(),
    };
    let problems = Engine::compile(&grants, &purposes, &[thief]).expect_err("refused");
    insta::assert_snapshot!(problems[0], @"
    policies: two policies are called `role:support/subject.read`
      help: name each file once, and not like the shipped policies
    ");
}

#[test]
fn the_effective_text_is_the_policy() {
    let extra = source("@id(\"all\") permit (principal, action == Action::\"key.read\", resource);");
    let engine = engine_with(&[extra]);
    let text: cedar_policy::PolicySet = engine.text().parse().expect("it is Cedar");
    assert_eq!(text.policies().count(), engine.policies.len());
    let policy = engine.policy("role:support/charter.read").expect("known");
    assert!(engine.text().contains(policy), "{policy}");
}
