//! What a crash, a full disk, a lost connection and a thief leave behind. The server is the real one, killed by SIGKILL
//! under load; what must be true afterwards is asked over the API and then looked up in the stores, past the server.

pub(crate) mod canary;
pub(crate) mod doors;
mod load;
mod outage;
pub(crate) mod stores;
mod thief;
pub(crate) mod vault;
mod wire;

use std::collections::{HashMap, HashSet};
use std::hash::{BuildHasher as _, Hasher as _};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc;
use std::time::Duration;

use avouch_wire::{ProblemKind, Rotate};

use load::{Callers, Rng, Worker};
use stores::{Look, event_number};
use vault::{Server, Vault};

/// How often the server is killed.
const KILLS: usize = 20;
/// How many callers at a time.
const WORKERS: usize = 6;

avouch_testkit::both_engines! {
    fn what_was_acknowledged_outlives_twenty_kills(databases) {
        let vault = Vault::new(databases, "warn");
        let seed = seed();
        let mut rng = Rng(seed);
        let mut workers: Vec<_> = (0..WORKERS).map(|number| Worker::new(number, seed)).collect();
        let mut server = vault.serve();
        let mut interrupted = 0;
        for kill in 1..=KILLS {
            load_until_killed(&vault, &mut server, &mut workers, rng.millis(60, 500));
            vault.stores().wait_until_alone();
            if rng.below(3) == 0 {
                vault.stillborn(rng.millis(0, 120));
            }
            interrupted += usize::from(workers.iter().any(Worker::waits));
            server = vault.serve();
            let callers = callers(&vault, &server);
            for worker in &mut workers {
                worker.settle(&callers).unwrap();
                worker.check(&callers, kill == KILLS);
            }
            assert_stores_hold(&vault, &workers);
            // What was signed before each of them is the beginning of what there is at the end.
            if kill % 5 == 0 {
                vault.assert_ledger_holds(&server);
            }
        }
        let acknowledged: usize = workers.iter().map(|worker| worker.acknowledged).sum();
        let fates: [usize; 2] = std::array::from_fn(|fate| workers.iter().map(|worker| worker.fates[fate]).sum());
        eprintln!("{acknowledged} acts acknowledged; of those cut off, {} were done and {} not", fates[0], fates[1]);
        assert!(acknowledged > KILLS * WORKERS * 3, "only {acknowledged} acts: this was no load");
        assert!(interrupted > KILLS / 2, "only {interrupted} kills met an act under way");
        let keys = vault.client(&server, "admin").key_state().unwrap();
        let epoch = keys.kek_epochs.last().unwrap().epoch;
        let generation = keys.generations.last().unwrap().generation;
        eprintln!("keys were rotated: what wraps {} times, what is wrapped {} times", epoch - 1, generation - 1);
        assert!(epoch as usize > KILLS / 2, "no rotation was under way when the server was killed");
        // One that takes longer than a server lives is gone on with by the next, so there are fewer.
        assert!(generation as usize > KILLS / 4, "nobody was being sealed anew when the server was killed");
        let root = keys.indexes.epochs.last().unwrap();
        eprintln!("indexes were built anew {} times", root - 1);
        assert!(*root as usize > KILLS / 4, "no index was being built when the server was killed");
        eprintln!("tokens got another root {} times", keys.token_epochs.len() - 1);
        assert!(keys.token_epochs.len() > 1, "no token root was added");
        vault::wait_for(|| vault.client(&server, "admin").key_state().unwrap().indexes.outstanding == 0);
        let look = Look::take(&vault.stores());
        assert!(look.terms.values().all(|terms| *terms <= TERMS), "terms of old indexes were left");
        assert!(server.stop().0.success());
    }
}

/// Random for each run; a run with another's number makes the same choices: `AVOUCH_CRASH_SEED=… cargo test`.
fn seed() -> u64 {
    let random = || std::collections::hash_map::RandomState::new().build_hasher().finish();
    let seed = option_env!("AVOUCH_CRASH_SEED").and_then(|seed| seed.parse().ok()).unwrap_or_else(random);
    eprintln!("seed {seed}");
    seed
}

fn callers(vault: &Vault<'_>, server: &Server) -> Callers {
    Callers { support: vault.client(server, "support"), dpo: vault.client(server, "dpo") }
}

/// Everybody acts at once, until the moment has come. Nothing may go wrong before.
fn load_until_killed(vault: &Vault<'_>, server: &mut Server, workers: &mut [Worker], moment: Duration) {
    let killing = AtomicBool::new(false);
    let (sender, complaints) = mpsc::channel::<String>();
    std::thread::scope(|scope| {
        for worker in workers {
            let (callers, sender, killing) = (callers(vault, server), sender.clone(), &killing);
            scope.spawn(move || {
                let acts = AssertUnwindSafe(|| {
                    loop {
                        if let Err(error) = worker.act(&callers) {
                            return (error.problem().is_some() || !killing.load(Ordering::SeqCst))
                                .then(|| error.to_string());
                        }
                    }
                });
                let complaint = catch_unwind(acts).unwrap_or_else(|_| Some("an answer was wrong".to_owned()));
                let _ = complaint.map(|complaint| sender.send(complaint));
            });
        }
        let (admin, killing_too) = (vault.client(server, "admin"), &killing);
        let sender = sender.clone();
        scope.spawn(move || {
            // Keys are rotated all the while: what was begun before the kill is gone on with after the next start.
            for what in [Rotate::Kek, Rotate::Data, Rotate::Index, Rotate::Token].into_iter().cycle() {
                if killing_too.load(Ordering::SeqCst) {
                    break;
                }
                match admin.rotate_keys(what) {
                    Err(error)
                        if error.problem().is_some_and(|problem| problem.kind != ProblemKind::Conflict) =>
                    {
                        let _ = sender.send(format!("a rotation: {error}"));
                        return;
                    }
                    _ => vault::wait(Duration::from_millis(20)),
                }
            }
        });
        let early = complaints.recv_timeout(moment);
        killing.store(true, Ordering::SeqCst);
        server.kill();
        if let Ok(complaint) = early {
            panic!("before the kill: {complaint}\n{}", server.written());
        }
    });
    drop(sender);
    let late: Vec<_> = complaints.iter().collect();
    assert!(late.is_empty(), "{late:?}");
}

/// Terms of a customer: the address; the name as a whole, its words' sounds, and the beginnings of 3 to 8 letters.
const TERMS: i64 = 1 + 1 + 2 + 4;
/// A term has so few bits that two of one name are sometimes the same: of some ten thousand names, in one index.
const FEWEST: i64 = TERMS - 1;

/// What the workers have in their books is what lies in the stores, no more and no less.
fn assert_stores_hold(vault: &Vault<'_>, workers: &[Worker]) {
    let look = Look::take(&vault.stores());
    look.assert_sound();
    let known: HashMap<_, _> = workers
        .iter()
        .flat_map(|worker| &worker.known)
        .map(|known| (known.id.into_bytes(), known.version))
        .collect();
    let stored: HashMap<_, _> =
        look.records.iter().map(|(id, (version, _))| (*id, version.cast_unsigned())).collect();
    assert!(known == stored, "{} customers in the books, {} in the store", known.len(), stored.len());
    for subject in known.keys() {
        // While indexes are exchanged there are those of the old ones, too, and whoever was not looked at yet has only these.
        assert!((FEWEST..=3 * TERMS).contains(&look.terms[subject]), "{} terms", look.terms[subject]);
        // The fields are of two classes, which have a key each, or two while they are exchanged; one may have been erased.
        assert!((1..=4).contains(&look.keys[subject]), "{} keys", look.keys[subject]);
    }
    let gone: HashSet<_> = workers.iter().flat_map(|worker| &worker.gone).map(|id| id.into_bytes()).collect();
    let orphans = look.orphan_keys();
    assert!(orphans.iter().all(|orphan| !gone.contains(orphan)), "a key of somebody erased lives on");
    let cut_off: usize = workers.iter().map(|worker| worker.fates[1]).sum();
    assert!(orphans.len() <= cut_off, "{} keys of nobody after {cut_off} acts cut off", orphans.len());
    for (subject, event) in workers.iter().flat_map(|worker| &worker.looks) {
        let number = event_number(*event);
        let event = look.events.get(&number).expect("an acknowledged look has its event");
        assert_eq!(event.what, "subject.reveal");
        let linked = look.links.contains(&(*event.subjects[0], number));
        assert_eq!(linked, known.contains_key(subject.as_bytes()), "a look is found from its customer");
    }
}
