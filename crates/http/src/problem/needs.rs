//! What is missing, in the words of somebody who can do something about it.

use avouch_core::{KeyClass, Need, ProofNeed, View};
use avouch_wire::ProblemKind;
use axum::http::HeaderValue;

use crate::render;

/// One line for all of them.
pub(super) fn summary(needs: &[Need]) -> String {
    match needs.len() {
        0 => "no policy allows this".to_owned(),
        1 => "one thing is missing: see `needs`".to_owned(),
        count => format!("{count} things are missing: see `needs`"),
    }
}

/// Which problem this is: one that a log-in mends, beside what the caller can say of itself, or one that it does not.
pub(super) fn kind(needs: &[Need]) -> ProblemKind {
    let by_logging_in = |need: &Need| matches!(need, Need::Proof(_) | Need::Session);
    let by_saying = |need: &Need| matches!(need, Need::Purpose { .. } | Need::Reason);
    if needs.iter().any(by_logging_in) && needs.iter().all(|need| by_logging_in(need) || by_saying(need)) {
        ProblemKind::InsufficientUserAuthentication
    } else {
        ProblemKind::DeniedByPolicy
    }
}

/// The challenge of RFC 9470: the strongest and freshest of all that is asked for.
pub(super) fn challenge(needs: &[avouch_wire::Need]) -> HeaderValue {
    let age = needs.iter().filter_map(|need| need.max_age).min();
    let resistant = needs.iter().any(|need| need.phishing_resistant);
    // Of OpenID's Extended Authentication Profile: phishing-resistant, and in hardware; and SP 800-63B's second level as others write it.
    let bound = needs.iter().any(|need| need.device_bound);
    let acr = if bound {
        "phrh"
    } else if resistant {
        "phr"
    } else {
        "urn:nist:sp:800-63b:aal2"
    };
    let age = age.map(|seconds| format!(", max_age=\"{seconds}\"")).unwrap_or_default();
    let text = format!("Bearer error=\"insufficient_user_authentication\", acr_values=\"{acr}\"{age}");
    HeaderValue::from_str(&text).unwrap_or(HeaderValue::from_static("Bearer"))
}

/// All of them, each with what to do. Which policies decided matters where two lack the same thing for different reasons.
pub(crate) fn plain(needs: &[Need], policies: &[String]) -> Vec<avouch_wire::Need> {
    let by = |policy: &str| policies.iter().any(|decided| decided == policy);
    needs
        .iter()
        .map(|need| {
            let (detail, allowed) = match need {
                Need::Field { field, .. } if by(RECIPIENT_FIELDS) => {
                    (format!("the charter does not share `{field}` with this recipient"), Vec::new())
                }
                Need::Purpose { allowed } if by(RECIPIENT_PURPOSES) => {
                    let detail =
                        "the charter gives this recipient nothing for that purpose: state one that it serves";
                    (detail.to_owned(), allowed.clone())
                }
                Need::Reason if by(UNTIED) => {
                    let detail = "this look is reviewed: nothing is known that ties you to this customer. Say why, in 3 to 500 characters";
                    (detail.to_owned(), Vec::new())
                }
                need => words(need),
            };
            let proof = match need {
                Need::Proof(proof) => Some(proof),
                _ => None,
            };
            let (quota, resets) = match need {
                Need::Quota { of, resets, .. } => (Some(of.clone()), Some(*resets)),
                Need::Settled { until, .. } => (None, *until),
                _ => (None, None),
            };
            let key = proof.map(|proof| proof.key).unwrap_or_default();
            avouch_wire::Need {
                need: need.name().to_owned(),
                detail,
                allowed,
                max_age: proof.and_then(|proof| proof.within).map(|minutes| minutes.saturating_mul(60)),
                phishing_resistant: proof.is_some_and(|proof| proof.phishing_resistant),
                device_bound: key >= KeyClass::DeviceBound,
                attested: key == KeyClass::Attested,
                resets: resets.map(render::time),
                quota,
            }
        })
        .collect()
}

/// How core names the charter's list of a recipient's fields.
const RECIPIENT_FIELDS: &str = "charter:recipients/fields";
/// What asks for a reason before something delicate is opened without a tie.
const UNTIED: &str = "watch:untied";
/// And that of its purposes.
const RECIPIENT_PURPOSES: &str = "charter:recipients/purposes";

fn words(need: &Need) -> (String, Vec<String>) {
    match need {
        Need::Permission { action, roles_that_have_it } if roles_that_have_it.is_empty() => {
            (format!("no role that you could hold may do `{action}`"), Vec::new())
        }
        Need::Permission { action, roles_that_have_it } => {
            let detail =
                format!("none of your roles may do `{action}`: ask an administrator for one that may");
            (detail, roles_that_have_it.clone())
        }
        Need::Purpose { allowed } if allowed.is_empty() => {
            ("your roles serve no purpose for which this may be done".to_owned(), Vec::new())
        }
        Need::Purpose { allowed } => {
            ("state one of these purposes, if it is truly yours".to_owned(), allowed.clone())
        }
        Need::LawfulPurpose => {
            let detail =
                "this purpose rests on consent, and there is none: state another purpose or obtain it";
            (detail.to_owned(), Vec::new())
        }
        Need::Reason => ("say why, in 3 to 500 characters".to_owned(), Vec::new()),
        Need::Contract => (
            "have the contract's days mended in the charter: they have not begun, or are over".to_owned(),
            Vec::new(),
        ),
        Need::Network => ("call from a network that this key is bound to".to_owned(), Vec::new()),
        Need::Recipient => {
            let detail = "a service that acts for a recipient can only use that recipient's tokens";
            (detail.to_owned(), Vec::new())
        }
        Need::Unrestricted => {
            ("the customer has had processing restricted: ask the privacy officer".to_owned(), Vec::new())
        }
        Need::FewerRows => ("ask for fewer customers at once".to_owned(), Vec::new()),
        Need::Field { field, purposes } if purposes.is_empty() => {
            (format!("`{field}` belongs to none of the purposes you may state: leave it out"), Vec::new())
        }
        Need::Field { field, purposes } => (
            format!("`{field}` does not belong to this purpose: leave it out, or state one it belongs to"),
            purposes.clone(),
        ),
        Need::View { field, most: View::Nothing } => {
            (format!("your roles do not show `{field}` here: leave it out"), Vec::new())
        }
        Need::View { field, most } => {
            let detail =
                format!("your roles show `{field}` as `{most}` at most: ask for less, or leave it out");
            (detail, Vec::new())
        }
        Need::Session => {
            ("log in yourself: a key does not show that anybody is there".to_owned(), Vec::new())
        }
        Need::Proof(ProofNeed { within, phishing_resistant, key }) => {
            let how = match key {
                KeyClass::Attested => "with a security key of a maker that your organisation has chosen",
                KeyClass::DeviceBound => {
                    "with a passkey that cannot leave its device, such as a security key"
                }
                KeyClass::Any if *phishing_resistant => "with a passkey",
                KeyClass::Any => "with a passkey, or password and code",
            };
            let when = match within {
                None => String::new(),
                Some(1) => ", now".to_owned(),
                Some(minutes) => format!(" again, if that was more than {minutes} minutes ago"),
            };
            (format!("show that it is you, {how}{when}"), Vec::new())
        }
        Need::Settled { hours, until } => {
            let when = until.map_or_else(
                || format!("{hours} hours later"),
                |until| format!("from {} on", render::time(until)),
            );
            let detail = format!(
                "what you log in with, or where you are told of it, was changed: this can be done {when}"
            );
            (detail, Vec::new())
        }
        Need::Approval { name } => {
            (format!("others have to agree: ask for the approval `{name}`"), vec![name.clone()])
        }
        Need::Key { keys } if keys.is_empty() => {
            ("no role of yours names a standalone key for this: ask an administrator".to_owned(), Vec::new())
        }
        Need::Key { keys } => {
            let detail =
                "your roles do not name this standalone key: use one that they name, or ask an administrator";
            (detail.to_owned(), keys.clone())
        }
        Need::Quota { of, most, .. } if of == "break_glass" => {
            let detail = format!(
                "behind broken glass you look at {most} customers, and this would be more: ask others"
            );
            (detail, Vec::new())
        }
        Need::Quota { of, most, .. } => {
            let of = match of.as_str() {
                "subjects" => "customers looked at",
                "clear_fields" => "values opened in clear",
                _ => "customers carried out",
            };
            let detail = format!(
                "your roles let you have {most} {of} in a day, and this would be more: go on after midnight UTC, or ask for less"
            );
            (detail, Vec::new())
        }
    }
}
