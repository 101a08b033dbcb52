//! Neither of the two threads waits for the other.

use std::sync::Mutex;

use avouch_core::app::opening::Parts;
use avouch_core::app::{Done, Once};
use avouch_core::erasure::{Erase, ErasureSettings, Receipt, erase};
use avouch_core::keys::{Primary, Recovery};
use avouch_core::vault::CreateSubject;
use avouch_core::{Error, MIGRATIONS, SubjectId};
use avouch_seal::root::{KeyFileSeal, RootResult, RootSeal, SealContext, SealInfo};
use avouch_seal::{SecureRandom, SystemRandom};
use avouch_testkit::{Kind, Place};
use serde_json::{Map, json};
use zeroize::Zeroizing;

use super::*;
use crate::host::SystemClock;

/// Longer than anything here takes.
const LONG: Duration = Duration::from_secs(60);

/// A device that, from a moment on, says when it is asked and answers when it is told to.
struct Slow {
    inner: KeyFileSeal,
    slow: Arc<AtomicBool>,
    asked: Sender<()>,
    told: Mutex<Receiver<()>>,
}

impl RootSeal for Slow {
    fn info(&self) -> SealInfo {
        self.inner.info()
    }
    fn wrap(&self, plain: &[u8], context: &SealContext, rng: &dyn SecureRandom) -> RootResult<Vec<u8>> {
        self.inner.wrap(plain, context, rng)
    }
    fn unwrap(&self, blob: &[u8], context: &SealContext) -> RootResult<Zeroizing<Vec<u8>>> {
        if self.slow.load(Ordering::Acquire) {
            self.asked.send(()).unwrap();
            let _ = self.told.lock().unwrap().recv();
        }
        self.inner.unwrap(blob, context)
    }
    fn health(&self) -> RootResult<()> {
        Ok(())
    }
}

fn key_file() -> KeyFileSeal {
    KeyFileSeal::generate(&SystemRandom::new()).unwrap().0
}

fn vault(place: &Place, seal: impl RootSeal + 'static) -> Arc<App> {
    let parts = Parts {
        store: place.open(MIGRATIONS).unwrap(),
        primary: Primary { seal: Arc::new(seal), beside_data: false },
        clock: Arc::new(SystemClock),
        environment: "test".to_owned(),
        erasure: ErasureSettings::default(),
        witnesses: Default::default(),
        people: Default::default(),
        outbox: Default::default(),
    };
    let recovery = Recovery { slot: "second".to_owned(), seal: &key_file() };
    App::init(parts, &[recovery], &crate::charter::default_files(), "admin", 30).unwrap().app
}

fn create(app: &Arc<App>) -> SubjectId {
    let fields = Map::from_iter([("name".to_owned(), json!("Ana"))]);
    let operation = CreateSubject::new(app, &fields, None, None).unwrap();
    app.perform_wait(&Caller::system(), Once { operation, key: None }).unwrap().output.id
}

fn erased(app: &Arc<App>, id: SubjectId) -> Result<Done<Receipt>, Error> {
    let (sender, receiver) = channel();
    let order = Erase::whole(id, None, None);
    erase(app, &Caller::system(), order, None, move |result| sender.send(result).unwrap());
    receiver.recv().unwrap()
}

#[test]
fn an_erasure_that_failed_half_way_does_not_wait_for_work_that_takes_long() {
    let place = Place::new(Kind::Sqlite);
    let slow = Arc::new(AtomicBool::new(false));
    let ((asked, at_work), (tell, told)) = (channel(), channel());
    let app = vault(&place, Slow { inner: key_file(), slow: slow.clone(), asked, told: Mutex::new(told) });
    let id = create(&app);
    app.rotate_indexes(&Caller::system()).unwrap();
    slow.store(true, Ordering::Release);
    let housekeeping = Housekeeping::start(
        Arc::clone(&app),
        Periods { backup_hours: 0, keep_days: 0, receivers: Vec::new() },
    )
    .unwrap();
    at_work.recv_timeout(LONG).expect("it waits for the device, to forget the older root");

    let stop = "create trigger stop before delete on subject_key begin select raise(abort, 'stop'); end";
    place.meddle(true, stop, stop);
    erased(&app, id).expect_err("its second half fails");
    place.meddle(true, "drop trigger stop", "drop trigger stop");
    let started = Instant::now();
    while app.erasures_pending() {
        assert!(started.elapsed() < LONG, "nobody finishes it");
        thread::yield_now();
    }
    drop(tell);
    housekeeping.stop();
}
