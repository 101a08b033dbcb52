//! Policies that could fail to evaluate, refused before they count.
//!
//! Strict validation leaves two ways to fail: arithmetic that leaves 64 bits, and functions of Cedar's extensions. A policy that
//! fails denies here, so it could only keep people from their work; but whoever reads a forbid with a sum in it must be able to rely on
//! what it says. Arithmetic is let through when no value that the server fills in can make it overflow.

use serde_json::Value;

/// What a fact is at most, and none is below zero. The server rounds and caps them so (`Proof`, `SubjectClass`, `Approved`).
const FACTS: &[(&str, i128)] = &[
    ("aal", 3),
    ("proof_age", 525_600),
    ("novelty", 100),
    ("settled", 8_760),
    ("tier", 255),
    ("approvers", 4_294_967_295),
    ("sensitivity", 255),
];

/// Why a policy could fail; nothing when it cannot. Takes it in Cedar's JSON form.
pub(crate) fn could_fail(policy: &Value) -> Option<&'static str> {
    let conditions = policy.get("conditions").and_then(Value::as_array)?;
    conditions.iter().filter_map(|condition| condition.get("body")).find_map(walk)
}

const OVERFLOW: &str =
    "this arithmetic could leave the range of whole numbers, and a policy that fails to evaluate denies";
const EXTENSION: &str =
    "functions of addresses, decimals and times can fail to evaluate, and no fact of a request is one";

/// Looks at an expression and at all within it.
fn walk(expression: &Value) -> Option<&'static str> {
    let (operator, inside) = expression.as_object().and_then(|map| map.iter().next())?;
    let parts = |names: &[&str]| names.iter().filter_map(|name| inside.get(name)).find_map(walk);
    match operator.as_str() {
        "Value" | "Var" => None,
        "+" | "-" | "*" | "neg" if bounds(expression).is_none() => Some(OVERFLOW),
        "!" | "neg" | "isEmpty" => parts(&["arg"]),
        "." | "has" | "like" => parts(&["left"]),
        "is" => parts(&["left", "in"]),
        "==" | "!=" | "<" | "<=" | ">" | ">=" | "in" | "&&" | "||" | "+" | "-" | "*" | "contains"
        | "containsAll" | "containsAny" | "getTag" | "hasTag" => parts(&["left", "right"]),
        "if-then-else" => parts(&["if", "then", "else"]),
        "Set" => inside.as_array().and_then(|all| all.iter().find_map(walk)),
        "Record" => inside.as_object().and_then(|all| all.values().find_map(walk)),
        _ => Some(EXTENSION),
    }
}

/// Between what a number lies, when it is known to lie in 64 bits.
fn bounds(expression: &Value) -> Option<(i128, i128)> {
    let (operator, inside) = expression.as_object()?.iter().next()?;
    let part = |name: &str| inside.get(name).and_then(bounds);
    let found = match operator.as_str() {
        "Value" => inside.as_i64().map(|number| (number.into(), number.into()))?,
        "." => {
            let attribute = inside.get("attr")?.as_str()?;
            FACTS.iter().find(|(name, _)| *name == attribute).map(|(_, most)| (0, *most))?
        }
        "neg" => part("arg").map(|(least, most)| (-most, -least))?,
        "if-then-else" => {
            let (one, other) = (part("then")?, part("else")?);
            (one.0.min(other.0), one.1.max(other.1))
        }
        "+" | "-" | "*" => {
            let (one, other) = (part("left")?, part("right")?);
            let corner = |a: i128, b: i128| match operator.as_str() {
                "+" => a + b,
                "-" => a - b,
                _ => a * b,
            };
            let corners = [
                corner(one.0, other.0),
                corner(one.0, other.1),
                corner(one.1, other.0),
                corner(one.1, other.1),
            ];
            (corners.into_iter().min()?, corners.into_iter().max()?)
        }
        _ => return None,
    };
    (found.0 >= i64::MIN.into() && found.1 <= i64::MAX.into()).then_some(found)
}

#[cfg(test)]
mod tests {
    use cedar_policy::Policy;

    use super::*;

    fn told(condition: &str) -> Option<&'static str> {
        let text = format!("permit (principal, action, resource) when {{ {condition} }};");
        could_fail(&Policy::parse(None, text).expect("a policy").to_json().expect("JSON"))
    }

    #[test]
    fn arithmetic_is_let_through_where_no_fact_can_make_it_overflow() {
        for fine in [
            "context.proof_age + 5 > 10",
            "context.proof_age * 60 < 900",
            "if context.reason then context.tier - 300 < 0 else true",
            "-context.tier > -3",
            "(if context.reason then context.aal else 2) * 1000000 > 0",
            "[1, 2].contains(context.aal) && context has purpose && context.purpose in [Purpose::\"a\"]",
            "resource is Field in Category::\"contact\" || principal in Role::\"support\"",
            "{\"a\": context.tier}.a > 0 && \"abc\" like \"a*\"",
        ] {
            assert_eq!(told(fine), None, "{fine}");
        }
    }

    #[test]
    fn what_could_fail_is_found_wherever_it_stands() {
        for (fails, why) in [
            ("context.tier * 9223372036854775807 == 2", OVERFLOW),
            ("resource.sensitivity + 9223372036854775807 > 0", OVERFLOW),
            ("if context.reason then true else [context.tier * 9223372036854775807].contains(1)", OVERFLOW),
            ("context.unheard_of + 1 > 0", OVERFLOW),
            ("(context.tier * 4611686018427387904) * (context.tier * 4611686018427387904) > 0", OVERFLOW),
            ("!({\"a\": context.tier - 9223372036854775807 - 300}.a > 0)", OVERFLOW),
            ("ip(\"192.0.2.1\").isInRange(ip(\"192.0.2.0/24\"))", EXTENSION),
            ("datetime(\"2026-01-01\").offset(duration(\"9000000d\")) > datetime(\"2026-01-01\")", EXTENSION),
            ("context.reason && decimal(\"1.0\").lessThan(decimal(\"2.0\"))", EXTENSION),
        ] {
            assert_eq!(told(fails), Some(why), "{fails}");
        }
    }
}
