//! HTTP as it is on the wire, for requests that no client library sends.

use std::time::Duration;

use serde::de::DeserializeOwned;
use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader},
    net::{
        TcpStream,
        tcp::{OwnedReadHalf, OwnedWriteHalf},
    },
};

/// A connection on which the test writes what it likes.
pub struct Wire {
    reader: BufReader<OwnedReadHalf>,
    writer: OwnedWriteHalf,
}

impl Wire {
    /// Connects to the host and port of `url`, such as [`super::TestApp::url`].
    pub async fn connect(url: &str) -> Self {
        let address = url.strip_prefix("http://").unwrap_or(url);
        let stream = TcpStream::connect(address).await.expect("a listener");
        let (reader, writer) = stream.into_split();
        Self {
            reader: BufReader::new(reader),
            writer,
        }
    }

    /// Sends `bytes` as they are.
    pub async fn send(&mut self, bytes: impl AsRef<[u8]>) {
        let sent = self.writer.write_all(bytes.as_ref()).await;
        sent.expect("a connection that takes bytes");
    }

    /// Says that nothing more comes.
    pub async fn hang_up(&mut self) {
        let ended = self.writer.shutdown().await;
        ended.expect("a connection that was open");
    }

    /// The next answer; `None` when the connection ended instead.
    pub async fn answer(&mut self) -> Option<WireAnswer> {
        read(&mut self.reader).await
    }

    /// The next answer while `bytes` are sent again and again, a few at a time.
    pub async fn answer_to_drops(&mut self, bytes: &[u8]) -> Option<WireAnswer> {
        tokio::select! {
            answer = read(&mut self.reader) => answer,
            () = drip(&mut self.writer, bytes) => None,
        }
    }

    /// Waits until the server ends the connection; how many bytes came before.
    pub async fn ended(mut self) -> usize {
        read_to_end(&mut self.reader).await
    }

    /// The same while `bytes` are sent again and again, a few at a time.
    pub async fn ended_under_drops(mut self, bytes: &[u8]) -> usize {
        tokio::select! {
            read = read_to_end(&mut self.reader) => read,
            () = drip(&mut self.writer, bytes) => 0,
        }
    }
}

async fn read(reader: &mut BufReader<OwnedReadHalf>) -> Option<WireAnswer> {
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        if reader.read_line(&mut head).await.ok()? == 0 {
            return None;
        }
    }
    let mut answer = WireAnswer {
        status: head.split(' ').nth(1)?.parse().ok()?,
        head: head.to_lowercase(),
        body: Vec::new(),
    };
    if let Some(length) = answer.header("content-length") {
        answer.body = vec![0; length.parse().ok()?];
        reader.read_exact(&mut answer.body).await.ok()?;
    }
    Some(answer)
}

async fn read_to_end(reader: &mut BufReader<OwnedReadHalf>) -> usize {
    let mut rest = Vec::new();
    // A reset ends it as well.
    let _ = reader.read_to_end(&mut rest).await;
    rest.len()
}

/// Returns when the connection takes nothing more.
async fn drip(writer: &mut OwnedWriteHalf, bytes: &[u8]) {
    let mut drops = tokio::time::interval(Duration::from_millis(20));
    while writer.write_all(bytes).await.is_ok() {
        drops.tick().await;
    }
    // What was answered before is still to be read.
    std::future::pending::<()>().await;
}

/// What came back.
#[derive(Debug, Clone)]
pub struct WireAnswer {
    /// The status.
    pub status: u16,
    /// Status line and headers, in lower case.
    pub head: String,
    /// The body, where its length is announced.
    pub body: Vec<u8>,
}

impl WireAnswer {
    /// The value of a header, in lower case.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.head
            .lines()
            .find_map(|line| line.strip_prefix(name)?.strip_prefix(':'))
            .map(str::trim)
    }

    /// The body as JSON.
    pub fn json<T: DeserializeOwned>(&self) -> T {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error} in {self:?}"))
    }

    /// Whether the server says that it ends the connection.
    pub fn is_last(&self) -> bool {
        self.header("connection")
            .is_some_and(|options| options.split(", ").any(|option| option == "close"))
    }
}
