//! Effects as types: how a row is written, and who carries it out.

use std::{collections::HashMap, time::Duration};

use anyhow::Context as _;
use bson::{Document, deserialize_from_document};
use futures_util::future::LocalBoxFuture;
use serde::{Serialize, de::DeserializeOwned};

/// An effect on others that must not get lost; what the type holds is the payload of its row.
///
/// Rows outlive the release that wrote them: neither the topic nor the members of a payload change
/// their meaning.
pub trait Effect: Serialize + DeserializeOwned + 'static {
    /// Which effect it is.
    const TOPIC: &'static str;

    /// Rows of one key are delivered one after the other, in the order of their changes. A row
    /// that waits or fails holds back the later rows of its key and no others.
    fn key(&self) -> String;

    /// How long after the change it is due; at once unless the effect says otherwise.
    fn delay(&self) -> Duration {
        Duration::ZERO
    }
}

type Handler<S> =
    Box<dyn for<'a> Fn(&'a S, &'a Document, i64) -> LocalBoxFuture<'a, anyhow::Result<()>>>;

/// Who carries out the effects that a service owes, by their topics. `S` is what handlers share.
pub struct Effects<S> {
    state: S,
    handlers: HashMap<&'static str, Handler<S>>,
    former: HashMap<&'static str, Former>,
}

/// How an earlier release wrote an effect.
struct Former {
    /// Its topic today.
    topic: &'static str,
    /// What its payload has today and had not.
    lacking: Document,
}

impl<S> Effects<S> {
    /// No effects yet, of a service with this state.
    pub fn of(state: S) -> Self {
        Self {
            state,
            handlers: HashMap::new(),
            former: HashMap::new(),
        }
    }

    /// Has `handle` carry out the effects of one type. `Err` means that the row is tried again, so
    /// what `handle` does is repeatable.
    ///
    /// # Panics
    ///
    /// If another type has the same topic.
    #[must_use]
    pub fn on<E: Effect>(
        self,
        handle: impl AsyncFn(&S, &E) -> anyhow::Result<()> + Copy + 'static,
    ) -> Self {
        self.insert::<E>(handler(move |state, payload, _| {
            Box::pin(async move { handle(state, &read(payload)?).await })
        }))
    }

    /// The same for receivers that keep the latest of several changes: `handle` is given a number
    /// as well, which is greater the later a row of the same key was written.
    ///
    /// # Panics
    ///
    /// If another type has the same topic.
    #[must_use]
    pub fn on_numbered<E: Effect>(
        self,
        handle: impl AsyncFn(&S, &E, i64) -> anyhow::Result<()> + Copy + 'static,
    ) -> Self {
        self.insert::<E>(handler(move |state, payload, number| {
            Box::pin(async move { handle(state, &read(payload)?, number).await })
        }))
    }

    fn insert<E: Effect>(mut self, handler: Handler<S>) -> Self {
        let other = self.handlers.insert(E::TOPIC, handler);
        assert!(other.is_none(), "two effects have the topic {}", E::TOPIC);
        self
    }

    /// Has the rows of `topic`, under which earlier releases wrote `E` without the members
    /// `lacking`, carried out as well.
    #[must_use]
    pub fn formerly<E: Effect>(mut self, topic: &'static str, lacking: Document) -> Self {
        let former = Former {
            topic: E::TOPIC,
            lacking,
        };
        self.former.insert(topic, former);
        self
    }

    /// Carries one row out, which is the `number`th of all.
    pub(super) async fn carry_out(
        &self,
        topic: &str,
        payload: &Document,
        number: i64,
    ) -> anyhow::Result<()> {
        if let Some(former) = self.former.get(topic) {
            let mut payload = payload.clone();
            payload.extend(former.lacking.clone());
            return self.handle(former.topic, &payload, number).await;
        }
        self.handle(topic, payload, number).await
    }

    async fn handle(&self, topic: &str, payload: &Document, number: i64) -> anyhow::Result<()> {
        let handler = self.handlers.get(topic);
        let handler = handler.with_context(|| format!("nobody carries out {topic}"))?;
        handler(&self.state, payload, number).await
    }
}

/// Gives a closure the type of a handler, which the compiler does not see by itself.
fn handler<S, H>(handle: H) -> Handler<S>
where
    H: for<'a> Fn(&'a S, &'a Document, i64) -> LocalBoxFuture<'a, anyhow::Result<()>> + 'static,
{
    Box::new(handle)
}

fn read<E: Effect>(payload: &Document) -> anyhow::Result<E> {
    deserialize_from_document(payload.clone()).context("the payload cannot be read")
}
