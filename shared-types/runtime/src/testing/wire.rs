//! HTTP as it is on the wire, for requests that no client library sends.

use serde::de::DeserializeOwned;
use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader},
    net::TcpStream,
};

/// A connection on which the test writes what it likes.
pub struct Wire(BufReader<TcpStream>);

impl Wire {
    /// Connects to the host and port of `url`, such as [`super::TestApp::url`].
    pub async fn connect(url: &str) -> Self {
        let address = url.strip_prefix("http://").unwrap_or(url);
        let stream = TcpStream::connect(address).await.expect("a listener");
        Self(BufReader::new(stream))
    }

    /// Sends `bytes` as they are.
    pub async fn send(&mut self, bytes: impl AsRef<[u8]>) {
        let sent = self.0.get_mut().write_all(bytes.as_ref()).await;
        sent.expect("a connection that takes bytes");
    }

    /// The next answer; `None` when the connection ended instead.
    pub async fn answer(&mut self) -> Option<WireAnswer> {
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") {
            if self.0.read_line(&mut head).await.ok()? == 0 {
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
            self.0.read_exact(&mut answer.body).await.ok()?;
        }
        Some(answer)
    }

    /// Says that nothing more comes.
    pub async fn hang_up(&mut self) {
        let ended = self.0.get_mut().shutdown().await;
        ended.expect("a connection that was open");
    }

    /// Waits until the server ends the connection; how many bytes came before.
    pub async fn ended(mut self) -> usize {
        let mut rest = Vec::new();
        // A reset ends it as well.
        let _ = self.0.read_to_end(&mut rest).await;
        rest.len()
    }
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
