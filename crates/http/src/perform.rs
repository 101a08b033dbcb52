//! From the runtime to the store's threads and back. An operation is handed over when the function is called, not when its
//! future is polled: many can be started and then awaited together, and a future that is dropped takes nothing back.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use avouch_core::Error;
use avouch_core::app::{App, Done, Operation};
use avouch_core::gate::Caller;
use avouch_core::transit::{Given, Ready, Work};
use tokio::sync::{Semaphore, oneshot};

use crate::problem::{Failure, internal};

/// Starts an operation; the future is its outcome.
pub(crate) fn perform<O: Operation>(
    app: &Arc<App>,
    caller: &Caller,
    operation: O,
) -> Answer<Done<O::Output>> {
    answered(|answer| app.perform(caller, operation, answer))
}

/// Starts something that answers once; the future is the answer.
pub(crate) fn answered<T: Send + 'static>(
    start: impl FnOnce(Box<dyn FnOnce(Result<T, Error>) + Send>),
) -> Answer<T> {
    let (sender, receiver) = oneshot::channel();
    // A caller that is gone does not want the answer any more.
    start(Box::new(move |result| drop(sender.send(result))));
    Answer(receiver)
}

/// What the store's thread will say.
#[derive(Debug)]
pub(crate) struct Answer<T>(oneshot::Receiver<Result<T, Error>>);

impl<T> Future for Answer<T> {
    type Output = Result<T, Failure>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        Pin::new(&mut self.0).poll(cx).map(|answer| match answer {
            Ok(result) => result.map_err(Failure::from),
            // Whoever was to answer was dropped without doing so.
            Err(_) => Err(internal()),
        })
    }
}

/// Does something that takes a while on a thread where nobody else waits for it.
pub(crate) async fn aside<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Error> + Send + 'static,
) -> Result<T, Failure> {
    apart(|| work().map_err(Failure::from)).await
}

/// Does the work of a standalone key: here when that is quick, else aside.
pub(crate) async fn finished<W: Work>(ready: Ready<W>) -> Result<Vec<Given<W::Made>>, Failure> {
    if ready.is_light() { Ok(ready.run()?) } else { aside(|| ready.run()).await }
}

/// What is done aside goes on when its request is given up, by its caller or by the clock, and has its room back then; so the number of
/// requests is no limit on it.
static AT_ONCE: Semaphore = Semaphore::const_new(32);

/// The same for what knows itself what to answer when it fails.
pub(crate) async fn apart<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Failure> + Send + 'static,
) -> Result<T, Failure> {
    let room = AT_ONCE.acquire().await.map_err(|_| internal())?;
    let work = move || {
        let _room = room;
        work()
    };
    tokio::task::spawn_blocking(work).await.unwrap_or_else(|_| Err(internal()))
}
