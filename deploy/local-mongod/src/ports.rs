//! Free ports on the loopback interface.

use std::io;
use std::net::{Ipv4Addr, TcpListener};
use std::ops::Range;

use anyhow::bail;
use rand::RngExt;

/// Below the range from which operating systems number outgoing connections
/// (32768 upwards on Linux), so that a port found free stays free.
const RANGE: Range<u16> = 20_000..32_000;

/// Whether nothing listens on `port` of 127.0.0.1.
pub fn is_free(port: u16) -> bool {
    bind(port).is_ok()
}

/// `count` different ports on which nothing listens at the moment.
pub fn free<const COUNT: usize>() -> anyhow::Result<[u16; COUNT]> {
    let mut held = Vec::with_capacity(COUNT);
    let mut random = rand::rng();
    for _ in 0..1_000 {
        if held.len() == COUNT {
            break;
        }
        if let Ok(listener) = bind(random.random_range(RANGE)) {
            held.push(listener);
        }
    }
    let mut ports = [0; COUNT];
    if held.len() < COUNT {
        bail!(
            "no free port between {} and {} on 127.0.0.1",
            RANGE.start,
            RANGE.end
        );
    }
    for (port, listener) in ports.iter_mut().zip(&held) {
        *port = listener.local_addr()?.port();
    }
    Ok(ports)
}

fn bind(port: u16) -> io::Result<TcpListener> {
    TcpListener::bind((Ipv4Addr::LOCALHOST, port))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn free_ports_differ_and_can_be_bound() {
        let [first, second, third] = free().unwrap();

        assert!(first != second && second != third && first != third);
        assert!(is_free(first) && is_free(second) && is_free(third));
    }

    #[test]
    fn a_port_somebody_listens_on_is_not_free() {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();

        assert!(!is_free(listener.local_addr().unwrap().port()));
    }
}
