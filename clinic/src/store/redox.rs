//! What hospital records send, and what becomes of it: a file for each collection.

mod extended_json;
mod feeds;
mod message_document;
mod messages;
mod order_document;
mod quarantine;
mod reports;
mod scheduled;

use std::time::Duration;

use mongodb::Database;

pub(crate) use self::{
    feeds::{Feed, Feeds},
    messages::{Inserted, Messages, NewMessage, StoredOrder},
    quarantine::{Quarantine, QuarantinedMessage},
    reports::{OrderOutcome, OrderReport, ReportFilter, Reports},
    scheduled::{ScheduledReports, Scheduling},
};

/// All of it.
#[derive(Debug, Clone)]
pub(crate) struct Redox {
    pub(crate) messages: Messages,
    pub(crate) feeds: Feeds,
    pub(crate) quarantine: Quarantine,
    pub(crate) reports: Reports,
    pub(crate) scheduled: ScheduledReports,
}

impl Redox {
    /// `lease`: how long a worker that died keeps others from its feed.
    pub(super) fn on(database: &Database, lease: Duration) -> Self {
        let feeds = Feeds::on(database, lease);
        Self {
            messages: Messages::on(database, feeds.clone()),
            feeds,
            quarantine: Quarantine::on(database),
            reports: Reports::on(database),
            scheduled: ScheduledReports::on(database),
        }
    }

    /// Ensures the indexes of all.
    pub(super) async fn prepare(&self) -> anyhow::Result<()> {
        self.messages.prepare().await?;
        self.feeds.prepare().await?;
        self.quarantine.prepare().await?;
        self.reports.prepare().await?;
        self.scheduled.prepare().await
    }
}
