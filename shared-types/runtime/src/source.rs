//! Where a request comes from, for limits: the client behind the proxies that are trusted.

use std::{
    convert::Infallible,
    fmt,
    future::{Ready, ready},
    net::{IpAddr, Ipv4Addr, SocketAddr},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use actix_web::{FromRequest, HttpRequest, dev::Payload, http::header};
use ipnet::{IpNet, Ipv6Net};
use serde::{Deserialize, Deserializer, de::Error as _};
use tracing::warn;

use crate::config::comma_list;

/// One customer of a provider has at least so much of IPv6 (RFC 6177), so whoever has one address
/// has all that share these bits.
const IPV6_PREFIX: u8 = 64;

/// The proxies whose `X-Forwarded-For` is believed: addresses and networks, separated by commas.
#[derive(Debug, Clone, Default)]
pub struct TrustedProxies {
    networks: Arc<[IpNet]>,
    /// Whether the log says that somebody else forwards.
    has_warned: Arc<AtomicBool>,
}

impl TrustedProxies {
    /// Reads addresses and networks (`10.0.0.0/8`); the error names the one that is neither.
    pub fn parse(items: &[String]) -> Result<Self, String> {
        let read = |item: &String| {
            let network = item.parse::<IpNet>().ok();
            network
                .or_else(|| Some(item.parse::<IpAddr>().ok()?.to_canonical().into()))
                .ok_or_else(|| format!("{item} is neither an address nor a network"))
        };
        let networks: Result<Vec<IpNet>, String> = items.iter().map(read).collect();
        Ok(Self {
            networks: networks?.into(),
            has_warned: Arc::default(),
        })
    }

    /// Whether the host at `address` is such a proxy.
    pub fn contains(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        self.networks
            .iter()
            .any(|network| network.contains(&address))
    }

    /// Says once that a peer forwards which is not trusted: a forgotten gateway makes all people one
    /// source.
    fn warn_of_stranger(&self) {
        if !self.has_warned.swap(true, Ordering::Relaxed) {
            warn!(
                "X-Forwarded-For of a peer that is not in server.trusted_proxies is not believed; \
                 if it is the gateway's, limits count all its clients as one"
            );
        }
    }
}

impl<'de> Deserialize<'de> for TrustedProxies {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::parse(&comma_list(deserializer)?).map_err(D::Error::custom)
    }
}

/// Who sent a request, as limits count it: an IPv4 address, or a network of IPv6. An argument of a
/// handler.
///
/// It is the peer, unless that is a trusted proxy: then it is the last address in
/// `X-Forwarded-For` that is none. What stands before that address is the sender's own invention.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Source {
    network: IpNet,
    /// A trusted proxy that forwards nobody calls for itself, as services do that share a host with
    /// the gateway. What people do through the gateway does not count against it.
    is_forwarded: bool,
}

impl Source {
    /// The source of `request`.
    pub fn of(request: &HttpRequest) -> Self {
        let none = TrustedProxies::default();
        let trusted = request.app_data::<TrustedProxies>().unwrap_or(&none);
        let forwarded = request
            .headers()
            .get_all(header::X_FORWARDED_FOR)
            // What is no text is no address either.
            .flat_map(|value| value.to_str().unwrap_or("-").split(','));
        let peer = request.peer_addr().map(|peer| peer.ip());
        Self::behind(trusted, peer, &forwarded.collect::<Vec<_>>())
    }

    fn behind(trusted: &TrustedProxies, peer: Option<IpAddr>, forwarded: &[&str]) -> Self {
        // Without a peer only where there is no connection, as in tests of handlers.
        let peer = peer.unwrap_or(Ipv4Addr::UNSPECIFIED.into());
        let mut client = None;
        if !forwarded.is_empty() && !trusted.contains(peer) {
            trusted.warn_of_stranger();
        }
        if trusted.contains(peer) {
            for entry in forwarded.iter().rev() {
                let Some(address) = forwarded_address(entry.trim()) else {
                    break;
                };
                client = Some(address);
                if !trusted.contains(address) {
                    break;
                }
            }
        }
        Self {
            is_forwarded: client.is_some(),
            ..Self::from(client.unwrap_or(peer))
        }
    }

    /// An address of the source, for the `X-Forwarded-For` of a call on its behalf.
    pub fn address(&self) -> IpAddr {
        self.network.addr()
    }
}

/// Who calls from `address` without a proxy.
impl From<IpAddr> for Source {
    fn from(address: IpAddr) -> Self {
        Self {
            network: network_of(address),
            is_forwarded: false,
        }
    }
}

impl fmt::Display for Source {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.network.fmt(formatter)
    }
}

impl FromRequest for Source {
    type Error = Infallible;
    type Future = Ready<Result<Self, Infallible>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(Ok(Self::of(request)))
    }
}

fn network_of(address: IpAddr) -> IpNet {
    match address.to_canonical() {
        IpAddr::V4(address) => IpNet::from(IpAddr::from(address)),
        IpAddr::V6(address) => Ipv6Net::new(address, IPV6_PREFIX)
            .expect("the prefix is shorter than an address")
            .trunc()
            .into(),
    }
}

/// The address in an entry of `X-Forwarded-For`; some proxies add the port.
fn forwarded_address(entry: &str) -> Option<IpAddr> {
    let bare = entry
        .strip_prefix('[')
        .and_then(|rest| rest.strip_suffix(']'))
        .unwrap_or(entry);
    bare.parse().ok().or_else(|| {
        let address: SocketAddr = entry.parse().ok()?;
        Some(address.ip())
    })
}

#[cfg(test)]
mod tests {
    use super::{Source, TrustedProxies};

    fn trusted(list: &str) -> TrustedProxies {
        let items: Vec<String> = list.split_whitespace().map(str::to_owned).collect();
        TrustedProxies::parse(&items).unwrap()
    }

    fn source(proxies: &str, peer: &str, forwarded: &[&str]) -> String {
        let peer = Some(peer.parse().unwrap());
        Source::behind(&trusted(proxies), peer, forwarded).to_string()
    }

    #[test]
    fn only_trusted_proxies_are_believed_and_only_about_the_last_stranger() {
        for (proxies, peer, forwarded, expected) in [
            ("", "203.0.113.7", &[][..], "203.0.113.7/32"),
            ("", "203.0.113.7", &["6.6.6.6"], "203.0.113.7/32"),
            ("10.0.0.0/8", "203.0.113.7", &["6.6.6.6"], "203.0.113.7/32"),
            ("10.0.0.0/8", "10.1.2.3", &["6.6.6.6"], "6.6.6.6/32"),
            (
                "10.0.0.0/8",
                "10.1.2.3",
                &["6.6.6.6", " 7.7.7.7 "],
                "7.7.7.7/32",
            ),
            (
                "10.0.0.0/8",
                "10.1.2.3",
                &["6.6.6.6", "7.7.7.7", "10.9.9.9"],
                "7.7.7.7/32",
            ),
            ("10.0.0.0/8", "10.1.2.3", &["10.9.9.9"], "10.9.9.9/32"),
            ("10.0.0.0/8", "10.1.2.3", &[], "10.1.2.3/32"),
            ("10.0.0.0/8", "10.1.2.3", &["unknown"], "10.1.2.3/32"),
            (
                "10.0.0.0/8",
                "10.1.2.3",
                &["6.6.6.6", "unknown", "10.9.9.9"],
                "10.9.9.9/32",
            ),
            ("10.1.2.3", "10.1.2.3", &["7.7.7.7:4711"], "7.7.7.7/32"),
            ("::1", "::1", &["[2001:db8::1]:80"], "2001:db8::/64"),
            ("::1", "::1", &["[2001:db8::1]"], "2001:db8::/64"),
        ] {
            assert_eq!(
                source(proxies, peer, forwarded),
                expected,
                "{peer} {forwarded:?}"
            );
        }
    }

    #[test]
    fn mapped_addresses_are_those_they_stand_for() {
        assert_eq!(source("", "::ffff:203.0.113.7", &[]), "203.0.113.7/32");
        assert_eq!(
            source("10.0.0.1", "::ffff:10.0.0.1", &["::ffff:7.7.7.7"]),
            "7.7.7.7/32"
        );
    }

    #[test]
    fn a_network_of_ipv6_is_one_source() {
        assert_eq!(
            source("", "2001:db8:0:1::1", &[]),
            source("", "2001:db8:0:1:ffff::2", &[])
        );
        assert_ne!(
            source("", "2001:db8:0:1::1", &[]),
            source("", "2001:db8:0:2::1", &[])
        );
    }

    #[test]
    fn a_proxy_that_calls_for_itself_is_another_source_than_one_it_forwards() {
        let proxies = trusted("127.0.0.1");
        let peer = Some("127.0.0.1".parse().unwrap());
        assert_ne!(
            Source::behind(&proxies, peer, &[]),
            Source::behind(&proxies, peer, &["127.0.0.1"])
        );
    }

    #[test]
    fn what_is_no_network_is_named() {
        let error = TrustedProxies::parse(&["10.0.0.0/8".into(), "gateway".into()]).unwrap_err();
        assert_eq!(error, "gateway is neither an address nor a network");
    }
}
