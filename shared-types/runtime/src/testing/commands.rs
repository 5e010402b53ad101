//! What reaches the database: the commands that a service sends, and the work that each one makes.

use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex, PoisonError},
};

use bson::{Bson, Document, doc};
use futures_util::TryStreamExt;
use mongodb::{
    Database,
    event::{EventHandler, command::CommandEvent},
};

/// What a service sends to the database, command by command, to count round trips
/// ([`crate::mongo::Connector::observed_by`]). The questions whether the database is there are left
/// out.
#[derive(Clone, Default)]
pub struct Commands(Arc<Mutex<Vec<Document>>>);

impl Commands {
    /// Notes the commands from here on.
    pub fn observer(&self) -> EventHandler<CommandEvent> {
        let seen = self.clone();
        EventHandler::callback(move |event| {
            if let CommandEvent::Started(started) = event
                && started.command_name != "ping"
            {
                seen.lock().push(started.command);
            }
        })
    }

    /// The commands since the last call.
    pub fn take(&self) -> Vec<Document> {
        std::mem::take(&mut *self.lock())
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<Document>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The notes that the database itself makes of its work, transactions included.
pub struct Profile<'a>(&'a Database);

impl<'a> Profile<'a> {
    /// Notes from here on what is done in `database`, and forgets what was noted before.
    pub async fn start(database: &'a Database) -> Self {
        let notes = database.collection::<Document>("system.profile");
        notes.drop().await.expect("the notes can be dropped");
        // Large enough to forget nothing.
        let notes = doc! { "create": "system.profile", "capped": true, "size": 256 << 20 };
        for command in [notes, doc! { "profile": 2 }] {
            let done = database.run_command(command).await;
            done.expect("the database notes its work");
        }
        Self(database)
    }

    /// Stops, and returns what was done in collections since the start, the oldest first.
    pub async fn end(self) -> Vec<Work> {
        let stopped = self.0.run_command(doc! { "profile": 0 }).await;
        stopped.expect("the database stops noting its work");
        let notes = self.0.collection("system.profile");
        let notes = notes.find(doc! {}).sort(doc! { "ts": 1 });
        let notes = notes.await.expect("the notes");
        let notes: Vec<Document> = notes.try_collect().await.expect("the notes");
        let work = notes.into_iter().map(Work);
        work.filter(|work| !matches!(work.collection(), "$cmd" | "system.profile"))
            .collect()
    }
}

/// What the database did for one command, or for one of several updates in a command.
#[derive(Debug)]
pub struct Work(pub Document);

impl Work {
    /// `query`, `insert`, `update`, `remove`, `getmore` or `command`.
    pub fn operation(&self) -> &str {
        self.0.get_str("op").expect("an operation")
    }

    /// The collection.
    pub fn collection(&self) -> &str {
        let namespace = self.0.get_str("ns").unwrap_or_default();
        namespace.split_once('.').map_or("", |(_, name)| name)
    }

    /// The command.
    pub fn command(&self) -> &Document {
        self.0.get_document("command").expect("a command")
    }

    /// How the documents were found; empty where none were looked for.
    pub fn plan(&self) -> &str {
        self.0.get_str("planSummary").unwrap_or_default()
    }

    /// The documents that were looked at.
    pub fn documents(&self) -> i64 {
        self.number("docsExamined")
    }

    /// The keys of indexes that were looked at.
    pub fn keys(&self) -> i64 {
        self.number("keysExamined")
    }

    /// The documents that were returned.
    pub fn returned(&self) -> i64 {
        self.number("nreturned")
    }

    fn number(&self, name: &str) -> i64 {
        match self.0.get(name) {
            Some(Bson::Int32(number)) => i64::from(*number),
            Some(Bson::Int64(number)) => *number,
            _ => 0,
        }
    }

    /// The operation with its filter, whose values are left out.
    fn shape(&self) -> String {
        let names = ["filter", "q", "query", "pipeline"];
        let filter = names.into_iter().find_map(|name| self.command().get(name));
        let filter = filter.map(shape).unwrap_or_default();
        format!("{} {} {filter}", self.operation(), self.collection())
    }
}

/// Asserts that nothing of `work` looked at a whole collection, or at more than `enough` documents or
/// keys; returns the different queries that it saw.
#[track_caller]
pub fn assert_indexed<'a>(
    work: impl IntoIterator<Item = &'a Work>,
    enough: i64,
) -> BTreeSet<String> {
    let mut shapes = BTreeSet::new();
    for work in work {
        if work.operation() == "insert" {
            continue;
        }
        assert!(!work.plan().contains("COLLSCAN"), "{work:?}");
        assert!(work.documents().max(work.keys()) <= enough, "{work:?}");
        shapes.insert(work.shape());
    }
    shapes
}

fn shape(value: &Bson) -> String {
    match value {
        Bson::Document(members) => {
            let members = members.iter();
            let members = members.map(|(name, value)| format!("{name}:{}", shape(value)));
            format!("{{{}}}", members.collect::<Vec<_>>().join(","))
        }
        Bson::Array(items) => {
            let items: Vec<String> = items.iter().map(shape).collect();
            format!("[{}]", items.join(","))
        }
        _ => "?".to_owned(),
    }
}
