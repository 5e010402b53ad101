//! The bytes of a connection, and how long they may stay away.

use std::{
    cell::{Cell, RefCell},
    io,
    pin::Pin,
    rc::Rc,
    task::{Context, Poll, Waker},
    time::Duration,
};

use actix_web::rt::net::TcpStream;
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    time::{Instant, Sleep, sleep_until},
};

use super::LINGER;
use crate::config::ConnectionSettings;

/// What a client reads whose head takes too long. actix writes nothing at that time.
const TOO_SLOW: &[u8] =
    b"HTTP/1.1 408 Request Timeout\r\nconnection: close\r\ncontent-length: 0\r\n\r\n";

/// What a connection is waiting for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    /// For the rest of a head, until then.
    Head(Instant),
    /// For the next request, until then at most.
    Idle(Instant),
    /// For the response; the upload has its own limits.
    Answer,
    /// For the client to see its end, until then.
    Closing(Instant),
}

/// What a connection is waiting for, known to its stream and to its requests.
pub(super) struct Watch {
    settings: Rc<ConnectionSettings>,
    phase: Cell<Phase>,
    /// The connection, when it ends after the response under way.
    closes: RefCell<Option<Waker>>,
}

impl Watch {
    fn new(settings: Rc<ConnectionSettings>) -> Self {
        let phase = idle(&settings);
        Self {
            settings,
            phase: Cell::new(phase),
            closes: RefCell::new(None),
        }
    }

    pub(super) fn settings(&self) -> &ConnectionSettings {
        &self.settings
    }

    /// A request has come.
    pub(super) fn begin(&self) {
        self.phase.set(Phase::Answer);
    }

    /// The request is the last of `connection`.
    pub(super) fn close_after_this(&self, connection: Waker) {
        self.closes.replace(Some(connection));
    }

    /// The response is complete.
    pub(super) fn end(&self) {
        if let Some(connection) = self.closes.borrow().as_ref() {
            self.phase.set(Phase::Closing(Instant::now() + LINGER));
            connection.wake_by_ref();
        } else {
            self.phase.set(idle(&self.settings));
        }
    }

    fn bytes_came(&self) {
        if matches!(self.phase.get(), Phase::Idle(_)) {
            self.phase
                .set(Phase::Head(Instant::now() + self.head_timeout()));
        }
    }

    fn deadline(&self) -> Option<Instant> {
        match self.phase.get() {
            Phase::Head(deadline) | Phase::Idle(deadline) | Phase::Closing(deadline) => {
                Some(deadline)
            }
            Phase::Answer => None,
        }
    }

    fn head_timeout(&self) -> Duration {
        Duration::from_millis(self.settings.head_timeout_ms)
    }
}

/// actix ends a connection that is idle after a response. This is for one that has not begun, and
/// for one on which the beginning of a head came together with the request before.
fn idle(settings: &ConnectionSettings) -> Phase {
    let keep_alive = Duration::from_secs(settings.keep_alive_s);
    let head_timeout = Duration::from_millis(settings.head_timeout_ms);
    Phase::Idle(Instant::now() + keep_alive + head_timeout)
}

/// A stream that ends when the client keeps it waiting for too long.
pub(super) struct Guarded {
    stream: TcpStream,
    watch: Rc<Watch>,
    /// Set at the first wait; it is left alone while it is early enough.
    alarm: Option<Pin<Box<Sleep>>>,
    /// Running while the client takes nothing.
    stalled: Option<Pin<Box<Sleep>>>,
}

impl Guarded {
    pub(super) fn new(stream: TcpStream, settings: Rc<ConnectionSettings>) -> Self {
        Self {
            stream,
            watch: Rc::new(Watch::new(settings)),
            alarm: None,
            stalled: None,
        }
    }

    pub(super) fn watch(&self) -> Rc<Watch> {
        self.watch.clone()
    }

    /// Ready when the client has kept the connection waiting for too long.
    fn poll_deadline(&mut self, context: &mut Context<'_>) -> Poll<()> {
        loop {
            let now = Instant::now();
            let deadline = self.watch.deadline();
            if deadline.is_some_and(|deadline| deadline <= now) {
                return Poll::Ready(());
            }
            // During an answer only to look again: nobody wakes the stream when it is complete.
            let look = deadline.unwrap_or_else(|| now + self.watch.head_timeout());
            let alarm = self
                .alarm
                .get_or_insert_with(|| Box::pin(sleep_until(look)));
            if alarm.is_elapsed() || (deadline.is_some() && look < alarm.deadline()) {
                alarm.as_mut().reset(look);
            }
            if alarm.as_mut().poll(context).is_pending() {
                return Poll::Pending;
            }
        }
    }
}

impl AsyncRead for Guarded {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let read = Pin::new(&mut self.stream).poll_read(context, buffer);
        if read.is_ready() {
            if buffer.filled().len() > before {
                self.watch.bytes_came();
            }
            return read;
        }
        if self.poll_deadline(context).is_pending() {
            return Poll::Pending;
        }
        if matches!(self.watch.phase.get(), Phase::Head(_)) && self.stalled.is_none() {
            // The client may be gone; the connection ends either way.
            let _ = self.stream.try_write(TOO_SLOW);
        }
        // To actix this is a client that says nothing more.
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Guarded {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(context, bytes);
        if written.is_ready() {
            self.stalled = None;
            return written;
        }
        let limit = Duration::from_millis(self.watch.settings.write_idle_ms);
        let stalled = self
            .stalled
            .get_or_insert_with(|| Box::pin(sleep_until(Instant::now() + limit)));
        match stalled.as_mut().poll(context) {
            Poll::Ready(()) => Poll::Ready(Err(io::ErrorKind::TimedOut.into())),
            Poll::Pending => Poll::Pending,
        }
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}
