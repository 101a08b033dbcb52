//! Requests of one item or of many, which differ in shape on the way in and on the way out.

use std::sync::Arc;

use avouch_core::gate;
use avouch_core::transit::{Given, KeyName, UseKey, Work};
use axum::extract::{FromRequestParts, RawPathParams};
use axum::http::StatusCode;
use axum::http::request::Parts;
use axum::response::Response;
use serde_json::{Map, Value, json};

use super::envelope::{answer, answer_with, in_use};
use super::members::Members;
use crate::extract::Caller;
use crate::perform::{finished, perform};
use crate::problem::Failure;
use crate::service::{RequestId, Shared};

/// Items as they were sent, and how they are to be answered.
pub(super) struct Batch<T> {
    items: Vec<Given<T>>,
    /// What the caller calls each; none of a request that is no batch.
    references: Option<Vec<Option<String>>>,
    /// The status of an answer in which some items failed and others did not.
    partial: Option<StatusCode>,
}

/// What an item of many that failed does to the answer.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Failing {
    /// The answer is 400, or what the request wants it to be when others did not fail: encryption and decryption.
    Answer,
    /// The item says so, and nothing else: everything else.
    Item,
}

impl<T> Batch<T> {
    /// Reads the items. `item` takes the members of one: of the list `batch_input`, or of the request itself. A request with a
    /// list has nothing beside it that belongs to an item.
    pub(super) fn read(
        mut members: Members,
        item: impl Fn(&mut Members) -> Given<T>,
    ) -> Result<Self, Failure> {
        // Clients send 0 for what was not set.
        let partial = members.number("partial_failure_response_code")?.filter(|code| *code != 0);
        let partial = partial.map(partial_status).transpose()?;
        let Some(listed) = members.list("batch_input")? else {
            let given = item(&mut members).and_then(|given| members.end().map(|()| given));
            return Ok(Self { items: vec![given], references: None, partial });
        };
        members.end()?;
        let (references, items) = listed.into_iter().map(|listed| one(listed, &item)).unzip();
        Ok(Self { items, references: Some(references), partial })
    }
}

fn one<T>(listed: Value, item: impl Fn(&mut Members) -> Given<T>) -> (Option<String>, Given<T>) {
    let mut members = match Members::of_item(listed) {
        Ok(members) => members,
        Err(unfit) => return (None, Err(unfit)),
    };
    let reference = members.text("reference");
    let given = item(&mut members).and_then(|given| members.end().map(|()| given));
    match reference {
        Ok(reference) => (reference, given),
        Err(unfit) => (None, Err(unfit)),
    }
}

/// Any status that an answer with a body can have.
fn partial_status(code: u32) -> Result<StatusCode, Failure> {
    let status =
        u16::try_from(code).ok().filter(|code| (200..=599).contains(code) && *code != 204 && *code != 304);
    let expected =
        || Failure::fault("", "expected a status from 200 to 599 in `partial_failure_response_code`");
    status.and_then(|code| StatusCode::from_u16(code).ok()).ok_or_else(expected)
}

/// Who asks, with which key, and what the answer is called; and the algorithm, where the path says it.
pub(super) struct Asked {
    pub(super) service: Shared,
    pub(super) caller: gate::Caller,
    pub(super) id: RequestId,
    pub(super) name: KeyName,
    pub(super) algorithm: Option<String>,
}

impl FromRequestParts<Shared> for Asked {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, service: &Shared) -> Result<Self, Failure> {
        let Caller(caller) = Caller::from_request_parts(parts, service).await?;
        let id = RequestId::from_request_parts(parts, service).await?;
        let path =
            RawPathParams::from_request_parts(parts, service).await.map_err(|_| Failure::not_found())?;
        let said =
            |part: &str| path.iter().find(|(name, _)| *name == part).map(|(_, value)| value.to_owned());
        let name = said("name").and_then(|name| name.parse().ok()).ok_or_else(Failure::not_found)?;
        Ok(Self { service: Arc::clone(service), caller, id, name, algorithm: said("algorithm") })
    }
}

/// What came of an item, in the answer's words.
pub(super) type Shown = Map<String, Value>;

impl Asked {
    /// Has work done; what came of each item.
    pub(super) async fn done<W: Work>(&self, work: W) -> Result<Vec<Given<W::Made>>, Failure> {
        let operation = UseKey::new(self.name.clone(), work)?;
        let ready = perform(&self.service.app, &self.caller, operation).await.map_err(in_use)?.output;
        finished(ready).await
    }

    /// Has the work done that `work` makes of the items; `show` writes down what came of one.
    pub(super) async fn use_key<T, W: Work>(
        self,
        batch: Batch<T>,
        failing: Failing,
        work: impl FnOnce(Vec<Given<T>>) -> W,
        show: impl Fn(W::Made) -> Shown,
    ) -> Result<Response, Failure> {
        let Batch { items, references, partial } = batch;
        let made = self.done(work(items)).await?;
        let all = made.len();
        let mut failed = 0;
        let mut shown = Vec::with_capacity(all);
        for made in made {
            match (made, &references) {
                (Ok(made), _) => shown.push(show(made)),
                (Err(unfit), None) => return Err(unfit.into()),
                (Err(unfit), Some(_)) => {
                    failed += 1;
                    let problem = Failure::from(unfit).into_problem();
                    self.service.metrics.count(&problem);
                    shown.push(Shown::from_iter([("error".to_owned(), problem.detail.into())]));
                }
            }
        }
        let Some(references) = references else {
            return answer(self.id, shown.pop());
        };
        for (shown, reference) in shown.iter_mut().zip(references) {
            if let Some(reference) = reference {
                shown.insert("reference".to_owned(), reference.into());
            }
        }
        let status = if failing == Failing::Item || failed == 0 {
            StatusCode::OK
        } else {
            partial.filter(|_| failed < all).unwrap_or(StatusCode::BAD_REQUEST)
        };
        answer_with(self.id, status, json!({"batch_results": shown}), None)
    }
}

/// `{name: value, …}`
pub(super) fn shown<const N: usize>(members: [(&str, Value); N]) -> Shown {
    members.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}
