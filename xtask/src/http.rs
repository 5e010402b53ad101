//! Asking a service whether it is ready.

use std::time::Duration;

use anyhow::bail;
use reqwest::Client;
use tokio::time::{Instant, sleep};

const TIMEOUT: Duration = Duration::from_secs(2);
const POLL: Duration = Duration::from_millis(50);

/// The client of this crate.
#[expect(
    clippy::disallowed_methods,
    reason = "xtask does not link the runtime, whose client this ban points to"
)]
pub(crate) fn client() -> anyhow::Result<Client> {
    Ok(Client::builder().timeout(TIMEOUT).no_proxy().build()?)
}

/// Returns when `url` answers 200; an error with its last answer when it does not before `deadline`.
pub(crate) async fn wait_for_ok(
    client: &Client,
    url: &str,
    deadline: Instant,
) -> anyhow::Result<()> {
    loop {
        let last = match client.get(url).send().await {
            Ok(answer) if answer.status().is_success() => return Ok(()),
            Ok(answer) => format!("answers {}", answer.status()),
            Err(_) => "does not answer".to_owned(),
        };
        if Instant::now() >= deadline {
            bail!("{url} {last}");
        }
        sleep(POLL).await;
    }
}
