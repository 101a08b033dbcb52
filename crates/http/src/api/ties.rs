//! `/v1/ties` and `/v1/subjects/{id}/ties`: what somebody has to do with a customer, told by the system that cases are kept in.

use avouch_core::watch::{
    EndTie, Holder, NewTie, PutTies, ReadTies, TieKind as Kind, TieMade, TieShown, Whom,
};
use avouch_core::{Error, PrincipalId, SubjectId, TieId};
use avouch_wire::{Page, Tie, TieItem, TieKind, TieProblem, TieRequest, TiesRequest, TiesTold};
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use uuid::Uuid;

use crate::extract::{Caller, Json, Path};
use crate::perform::perform;
use crate::problem::Failure;
use crate::render;
use crate::service::{Service, Shared};

/// Says what somebody has to do with a customer: it explains looks that would be doubted else. Told by somebody about themselves
/// it is worth little.
#[utoipa::path(post, path = "/v1/subjects/{id}/ties", tag = "watch", request_body = TieRequest,
    params(("id" = Uuid, Path, description = "The customer")),
    responses((status = 201, body = Tie, description = "It holds")))]
pub(super) async fn create(
    State(service): State<Shared>,
    Caller(caller): Caller,
    Path(subject): Path<SubjectId>,
    Json(request, _): Json<TieRequest>,
) -> Result<Response, Failure> {
    let TieRequest { kind, actor, team, begins, ends, reference } = request;
    let new = NewTie {
        whom: Whom::Id(subject),
        holder: holder(actor, team).map_err(|detail| Failure::fault("/team", detail))?,
        kind: asked(kind),
        begins: begins.map(|at| at.0.as_microsecond()),
        ends: ends.map(|at| at.0.as_microsecond()),
        reference,
    };
    let put = PutTies::new(&service.app, vec![new])?;
    let made = perform(&service.app, &caller, put).await?.output;
    match made.into_iter().next() {
        Some(TieMade::Made(_, tie)) => render::json(StatusCode::CREATED, &shown(&service, tie)),
        Some(TieMade::Invalid(faults)) => Err(Error::Invalid(faults).into()),
        Some(TieMade::NotFound) | None => Err(Error::NotFound.into()),
    }
}

/// Lists the ties of a customer, those that hold longest first, at most 64.
#[utoipa::path(get, path = "/v1/subjects/{id}/ties", tag = "watch",
    params(("id" = Uuid, Path, description = "The customer")),
    responses((status = 200, body = Page<Tie>, description = "They")))]
pub(super) async fn list(
    State(service): State<Shared>,
    Caller(caller): Caller,
    Path(id): Path<SubjectId>,
) -> Result<Response, Failure> {
    let ties = perform(&service.app, &caller, ReadTies { id }).await?.output;
    let items = ties.into_iter().map(|tie| shown(&service, tie)).collect();
    render::ok(&Page { items, next_cursor: None })
}

/// Ends a tie before its time. What it has explained stays explained.
#[utoipa::path(delete, path = "/v1/subjects/{id}/ties/{tie}", tag = "watch",
    params(
        ("id" = Uuid, Path, description = "The customer"),
        ("tie" = Uuid, Path, description = "The tie"),
    ),
    responses((status = 204, description = "Ended")))]
pub(super) async fn end(
    State(service): State<Shared>,
    Caller(caller): Caller,
    Path((subject, id)): Path<(SubjectId, TieId)>,
) -> Result<StatusCode, Failure> {
    perform(&service.app, &caller, EndTie { subject, id }).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Tells many ties at once, each of a customer by id or by what another system knows them by. Those that do not hold are told with
/// their place; the others hold.
#[utoipa::path(post, path = "/v1/ties", tag = "watch", request_body = TiesRequest,
    responses((status = 200, body = TiesTold, description = "What became of them")))]
pub(super) async fn tell(
    State(service): State<Shared>,
    Caller(caller): Caller,
    Json(request, _): Json<TiesRequest>,
) -> Result<Response, Failure> {
    let mut ties = Vec::with_capacity(request.items.len());
    for (at, item) in request.items.into_iter().enumerate() {
        ties.push(new(item).map_err(|detail| Failure::fault(format!("/items/{at}"), detail))?);
    }
    let made = perform(&service.app, &caller, PutTies::new(&service.app, ties)?).await?.output;
    let mut answer = TiesTold { told: 0, problems: Vec::new() };
    for (item, made) in made.into_iter().enumerate() {
        let detail = match made {
            TieMade::Made(..) => {
                answer.told += 1;
                continue;
            }
            TieMade::NotFound => "there is no such customer".to_owned(),
            TieMade::Invalid(faults) => {
                let each = faults.iter().map(|fault| format!("{}: {}", fault.pointer, fault.detail));
                each.collect::<Vec<_>>().join("; ")
            }
        };
        answer.problems.push(TieProblem { item, detail });
    }
    render::ok(&answer)
}

fn new(item: TieItem) -> Result<NewTie, &'static str> {
    let TieItem { subject, key, kind, actor, team, begins, ends, reference } = item;
    let whom = match (subject, key) {
        (Some(id), None) => Whom::Id(SubjectId::from_bytes(id.into_bytes())),
        (None, Some(key)) => Whom::Key { field: key.field, value: key.value },
        _ => return Err("expected either `subject` or `key`"),
    };
    Ok(NewTie {
        whom,
        holder: holder(actor, team)?,
        kind: asked(kind),
        begins: begins.map(|at| at.0.as_microsecond()),
        ends: ends.map(|at| at.0.as_microsecond()),
        reference,
    })
}

fn holder(actor: Option<Uuid>, team: Option<Uuid>) -> Result<Holder, &'static str> {
    let id = |id: Uuid| PrincipalId::from_bytes(id.into_bytes());
    match (actor, team) {
        (Some(actor), None) => Ok(Holder::Actor(id(actor))),
        (None, Some(team)) => Ok(Holder::Team(id(team))),
        (None, None) => Ok(Holder::Any),
        (Some(_), Some(_)) => Err("expected either `actor` or `team`, or neither"),
    }
}

const fn asked(kind: TieKind) -> Kind {
    match kind {
        TieKind::Case => Kind::Case,
        TieKind::Order => Kind::Order,
        TieKind::Contact => Kind::Contact,
    }
}

fn shown(service: &Service, tie: TieShown) -> Tie {
    let (actor, team) = match tie.holder {
        Holder::Actor(id) => (Some(render::principal_id(id)), None),
        Holder::Team(id) => (None, Some(render::principal_id(id))),
        Holder::Any => (None, None),
    };
    Tie {
        id: Uuid::from_bytes(*tie.id.bytes()),
        kind: match tie.kind {
            Kind::Case => TieKind::Case,
            Kind::Order => TieKind::Order,
            Kind::Contact => TieKind::Contact,
        },
        actor,
        team,
        begins: render::time(tie.begins),
        ends: render::time(tie.ends),
        reference: tie.reference,
        made_by: render::actor(service, Some(tie.made_by)),
        made: render::time(tie.made),
    }
}
