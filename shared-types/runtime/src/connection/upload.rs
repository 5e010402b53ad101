//! The body of a request, which does not take for ever.

use std::{
    cell::Cell,
    io,
    pin::Pin,
    rc::Rc,
    task::{Context, Poll},
    time::Duration,
};

use actix_web::{dev::Payload, error::PayloadError, web::Bytes};
use futures_util::Stream;
use tokio::time::{Instant, Sleep, sleep_until};

use crate::config::ConnectionSettings;

/// How far a body was read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Progress {
    /// Nobody has asked for it.
    Unread,
    /// Not to its end.
    Begun,
    /// To its end.
    Whole,
}

/// How far a body was read, for whoever answers.
pub(super) struct UploadState(Rc<Cell<Progress>>);

impl UploadState {
    /// Whether it was read, and not to its end: it broke off, was too slow or too long.
    pub(super) fn broke_off(&self) -> bool {
        self.0.get() == Progress::Begun
    }
}

/// A body whose chunks do not stay away for too long, each and all together.
pub(super) struct Upload {
    payload: Payload,
    /// Bytes that are still the body's; `None`: the payload knows its end.
    left: Option<u64>,
    idle: Duration,
    total: Duration,
    /// Since the first chunk that was waited for.
    ends: Option<Instant>,
    /// Of the chunk that is waited for.
    overdue: Option<Instant>,
    alarm: Option<Pin<Box<Sleep>>>,
    progress: Rc<Cell<Progress>>,
}

impl Upload {
    pub(super) fn new(payload: Payload, settings: &ConnectionSettings) -> Self {
        Self {
            payload,
            left: None,
            idle: Duration::from_millis(settings.body_idle_ms),
            total: Duration::from_millis(settings.body_timeout_ms),
            ends: None,
            overdue: None,
            alarm: None,
            progress: Rc::new(Cell::new(Progress::Unread)),
        }
    }

    /// The same, of which only the first `length` bytes are the body.
    pub(super) fn limited_to(self, length: u64) -> Self {
        Self {
            left: Some(length),
            ..self
        }
    }

    pub(super) fn state(&self) -> UploadState {
        UploadState(self.progress.clone())
    }

    fn poll_deadline(&mut self, context: &mut Context<'_>) -> Poll<()> {
        let now = Instant::now();
        let ends = *self.ends.get_or_insert(now + self.total);
        let overdue = *self.overdue.get_or_insert(now + self.idle);
        let deadline = ends.min(overdue);
        let alarm = self
            .alarm
            .get_or_insert_with(|| Box::pin(sleep_until(deadline)));
        if alarm.deadline() != deadline {
            alarm.as_mut().reset(deadline);
        }
        alarm.as_mut().poll(context)
    }
}

impl Stream for Upload {
    type Item = Result<Bytes, PayloadError>;

    fn poll_next(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Bytes, PayloadError>>> {
        if self.left == Some(0) {
            self.progress.set(Progress::Whole);
            return Poll::Ready(None);
        }
        if self.progress.get() == Progress::Unread {
            self.progress.set(Progress::Begun);
        }
        match Pin::new(&mut self.payload).poll_next(context) {
            Poll::Ready(Some(Ok(mut chunk))) => {
                self.overdue = None;
                if let Some(left) = self.left {
                    let taken =
                        usize::try_from(left).map_or(chunk.len(), |left| left.min(chunk.len()));
                    chunk.truncate(taken);
                    self.left = Some(left - taken as u64);
                }
                Poll::Ready(Some(Ok(chunk)))
            }
            Poll::Ready(None) => {
                self.progress.set(Progress::Whole);
                Poll::Ready(None)
            }
            Poll::Ready(Some(Err(error))) => Poll::Ready(Some(Err(error))),
            Poll::Pending => {
                if self.poll_deadline(context).is_pending() {
                    return Poll::Pending;
                }
                let late = io::Error::from(io::ErrorKind::TimedOut);
                Poll::Ready(Some(Err(PayloadError::Io(late))))
            }
        }
    }
}
