//! A server with customers in it, ready to be measured.
//!
//! Everything is set up through the API as a company would: principals, keys, customers, tokens. There is no short
//! way into the store, so what is measured is what users have.

use std::collections::VecDeque;
use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::customer::{CSV_HEADER, Customer, IMPORTED};
use crate::error::{Error, Result};
use crate::http::{Caller, Control};
use crate::load::{Plan, drive};
use crate::measured::Measured;
use crate::meter::{Meter, Spent};
use crate::program::run;
use crate::proven::Watch;
use crate::server::{Engine, Server};
use crate::work::{Asker, BATCH, Kind, Known, World};

/// A running server, what it holds, and who may ask it.
#[derive(Debug)]
pub(crate) struct Bed {
    server: Server,
    name: String,
    directory: PathBuf,
    world: Arc<World>,
    load_key: String,
    meter: Meter,
}

impl Bed {
    /// Starts a server in `directory` and fills it with `subjects` customers.
    pub(crate) fn make(
        program: &Path,
        directory: PathBuf,
        engine: &Engine,
        database: Option<u32>,
        subjects: u64,
        plan: &Plan,
    ) -> Result<Self> {
        let server = Server::start(program, &directory, engine)?;
        let mut admin = Control::connect(server.address, &server.admin_key)?;
        let load_key = principal(&mut admin, &json!({"kind": "service", "name": "load", "roles": ["load"]}))?;
        let partner =
            json!({"kind": "service", "name": "partner", "roles": ["partner"], "recipient": "parcels"});
        let partner_key = principal(&mut admin, &partner)?;

        let mut world = World {
            load: Caller::new(server.address, &load_key),
            partner: Caller::new(server.address, &partner_key),
            known: Vec::new(),
            tokens: Vec::new(),
            next: AtomicU64::new(0),
        };
        world = fill(&server, world, subjects, plan)?;
        let mut service = Control::connect(server.address, &load_key)?;
        world.tokens = tokens(&mut service, &world.known)?;
        world.next = AtomicU64::new(subjects);

        let database = matches!(engine, Engine::Postgres { .. }).then_some(database).flatten();
        let meter = Meter { server: Some(server.pid()), database, client_is_child: false };
        let name = format!("avouch/{}", engine.name());
        Ok(Self { server, name, directory, world: Arc::new(world), load_key, meter })
    }

    /// One scenario through the API.
    pub(crate) fn measure(&self, kind: Kind, plan: &Plan) -> Result<Measured> {
        let mut askers = askers(&self.world, kind, None, plan);
        let mut edges = VecDeque::new();
        let watch = self.watch()?;
        let (tally, proven_after) = thread::scope(|scope| {
            let (running, ended) = mpsc::channel::<()>();
            let watching = scope.spawn(move || watch.run(&ended));
            let tally = drive(self.server.address, plan, &mut askers, || {
                edges.push_back(self.meter.read());
                Ok(())
            });
            drop(running);
            let waited = watching.join().map_err(|_| Error::Usage("a thread panicked".to_owned()))?;
            Ok::<_, Error>((tally?, waited?))
        })?;
        let mut measured = Measured::of_tally(kind.name(), self.name.clone(), tally, between(edges));
        measured.proven_after_ms = Some(proven_after.as_secs_f64() * 1000.0);
        Ok(measured)
    }

    fn watch(&self) -> Result<Watch> {
        let nobody = || Error::Usage("there is no customer to watch".to_owned());
        let subject = self.world.known.first().ok_or_else(nobody)?;
        Ok(Watch {
            service: Control::connect(self.server.address, &self.load_key)?,
            auditor: Control::connect(self.server.address, &self.server.admin_key)?,
            subject: String::from_utf8_lossy(&subject.id).into_owned(),
        })
    }

    /// `avouch import` of `rows` customers, timed from its start to its end.
    pub(crate) fn import(&self, rows: u64) -> Result<Measured> {
        let file = self.directory.join("customers.csv");
        write_csv(&file, rows).map_err(Error::io("writing the file to import"))?;
        let meter = Meter { client_is_child: true, ..self.meter };
        let before = meter.read();
        let started = Instant::now();
        let said = run(&mut self.server.import(&file, &self.load_key), "")?;
        let took = started.elapsed();
        let spent = meter.read().since(before);
        // A row that was not taken is not an operation, however fast it was refused.
        let summary: Value = serde_json::from_str(&said).unwrap_or_default();
        let accepted = summary.get("accepted").and_then(Value::as_u64);
        let accepted = accepted.ok_or_else(|| Error::Program {
            program: "avouch import".to_owned(),
            said: "no `accepted` in what it wrote".to_owned(),
        })?;
        let mut measured = Measured::whole("import", self.name.clone(), accepted, took, spent);
        measured.errors = rows.saturating_sub(accepted);
        Ok(measured)
    }
}

/// What was spent between the first and the last reading.
fn between(mut edges: VecDeque<Spent>) -> Spent {
    match (edges.pop_front(), edges.pop_back()) {
        (Some(first), Some(last)) => last.since(first),
        _ => Spent::default(),
    }
}

fn askers(world: &Arc<World>, kind: Kind, until: Option<u64>, plan: &Plan) -> Vec<Asker> {
    (0u64..).take(plan.threads).map(|thread| Asker::new(world, kind, until, thread)).collect()
}

/// Creates a principal and a key for it; gives the key.
fn principal(admin: &mut Control, principal: &Value) -> Result<String> {
    let created = admin.post("/v1/principals", principal)?;
    let path = format!("/v1/principals/{}/keys", text(&created, "id")?);
    let key = admin.post(&path, &json!({"label": "bench", "expires_in_days": 1}))?;
    text(&key, "key")
}

/// No preparation may take longer.
const FILLING: Duration = Duration::from_secs(900);

/// Creates customers `0..subjects` as fast as the server takes them.
fn fill(server: &Server, world: World, subjects: u64, plan: &Plan) -> Result<World> {
    let world = Arc::new(world);
    let mut askers = askers(&world, Kind::Create, Some(subjects), plan);
    let filling = Plan { warm_up: Duration::ZERO, window: FILLING, ..*plan };
    let tally = drive(server.address, &filling, &mut askers, || Ok(()))?;
    if let Some(failure) = tally.first_failure {
        return Err(Error::Server(format!(
            "did not take {} of {subjects} customers: {failure}",
            tally.failures
        )));
    }
    let mut known: Vec<Known> = Vec::new();
    for asker in askers {
        known.extend(&asker.created);
    }
    known.sort_unstable_by_key(|known| known.number);
    let world = Arc::into_inner(world)
        .ok_or_else(|| Error::Usage("the load threads are still running".to_owned()))?;
    Ok(World { known, ..world })
}

/// As many customers get a token of their e-mail address.
const TOKENS: usize = 10_000;

fn tokens(service: &mut Control, known: &[Known]) -> Result<Vec<String>> {
    let mut tokens = Vec::new();
    for known in known.get(..TOKENS.min(known.len())).unwrap_or_default().chunks(BATCH) {
        let items = known
            .iter()
            .map(|known| json!({"subject": String::from_utf8_lossy(&known.id), "field": "email"}));
        let items: Vec<Value> = items.collect();
        let asked = json!({"purpose": "delivery", "recipient": "parcels", "items": items});
        let answer = service.post("/v1/tokens", &asked)?;
        for item in answer.get("items").and_then(Value::as_array).into_iter().flatten() {
            tokens.push(text(item, "token")?);
        }
    }
    Ok(tokens)
}

pub(crate) fn text(json: &Value, member: &str) -> Result<String> {
    let text = json.get(member).and_then(Value::as_str).map(str::to_owned);
    text.ok_or_else(|| Error::Server(format!("gave no `{member}`")))
}

fn write_csv(path: &Path, rows: u64) -> std::io::Result<()> {
    let mut file = BufWriter::new(File::create(path)?);
    file.write_all(CSV_HEADER.as_bytes())?;
    for number in IMPORTED..IMPORTED + rows {
        file.write_all(Customer::new(number).csv().as_bytes())?;
    }
    file.into_inner()?.sync_all()
}
