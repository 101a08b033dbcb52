//! A connection that leaves nothing of a request in the buffer that the next one is read into.
//!
//! That buffer is hyper's, and lives as long as the connection: what was read stays behind its end until it is written over,
//! for half a minute on a connection that is kept and not used. Whoever reads hands us the room behind the end, and we hand it
//! back wiped: also when nothing has come, which is how hyper waits for the next request.

use std::io::{IoSlice, Result};
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// See the module.
#[derive(Debug)]
pub(crate) struct Wiped<S>(pub(crate) S);

impl<S: AsyncRead + Unpin> AsyncRead for Wiped<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<Result<()>> {
        // Writes zeros into all that is not known to be initialised. Of a buffer that hyper gives nothing is.
        buffer.initialize_unfilled();
        Pin::new(&mut self.0).poll_read(cx, buffer)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Wiped<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<Result<usize>> {
        Pin::new(&mut self.0).poll_write(cx, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<Result<usize>> {
        Pin::new(&mut self.0).poll_write_vectored(cx, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.0.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<()>> {
        Pin::new(&mut self.0).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use std::mem::MaybeUninit;
    use std::task::Waker;

    use super::*;

    /// Nothing has come yet.
    struct Silent;

    impl AsyncRead for Silent {
        fn poll_read(self: Pin<&mut Self>, _: &mut Context<'_>, _: &mut ReadBuf<'_>) -> Poll<Result<()>> {
            Poll::Pending
        }
    }

    #[test]
    fn what_an_earlier_read_left_is_wiped_by_waiting_for_the_next() {
        let mut left = [MaybeUninit::new(b'x'); 64];
        let mut buffer = ReadBuf::uninit(&mut left);
        buffer.put_slice(b"kept");
        let mut wiped = Wiped(Silent);
        let waiting = Pin::new(&mut wiped).poll_read(&mut Context::from_waker(Waker::noop()), &mut buffer);
        assert!(waiting.is_pending());
        // All of it is initialised now: what is asked for is what lies there.
        assert_eq!((buffer.filled(), buffer.initialized().len()), (&b"kept"[..], 64));
        assert!(buffer.initialized()[4..].iter().all(|byte| *byte == 0));
    }
}
