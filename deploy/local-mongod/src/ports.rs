//! Free ports on the loopback interface.

use std::{
    io,
    net::{Ipv4Addr, TcpListener, UdpSocket},
    ops::Range,
    sync::{Mutex, PoisonError},
};

use anyhow::Context;
use rand::RngExt;

/// Below the range from which operating systems number outgoing connections
/// (32768 upwards on Linux), so that a port found free stays free.
const RANGE: Range<u16> = 20_000..32_000;

/// What was handed out is taken until this process ends, so that nobody who asks here gets a port
/// whose server has not started yet or starts again. Datagrams have ports of their own: a socket of
/// theirs tells the other processes without being in the server's way.
static TAKEN: Mutex<Vec<UdpSocket>> = Mutex::new(Vec::new());

/// Whether nothing listens on `port` of 127.0.0.1.
pub fn is_free(port: u16) -> bool {
    bind(port).is_ok()
}

/// Different ports on which nothing listens, for this process and those it starts.
pub fn free<const COUNT: usize>() -> anyhow::Result<[u16; COUNT]> {
    let mut random = rand::rng();
    let mut ports = [0; COUNT];
    for port in &mut ports {
        let drawn = (0..1_000).find_map(|_| take(random.random_range(RANGE)));
        *port = drawn.with_context(|| {
            format!(
                "no free port between {} and {} on 127.0.0.1",
                RANGE.start, RANGE.end
            )
        })?;
    }
    Ok(ports)
}

/// Takes `port`, unless somebody has it.
fn take(port: u16) -> Option<u16> {
    let taken = UdpSocket::bind((Ipv4Addr::LOCALHOST, port)).ok()?;
    is_free(port).then(|| {
        let mut all = TAKEN.lock().unwrap_or_else(PoisonError::into_inner);
        all.push(taken);
        port
    })
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
    fn nobody_gets_a_port_twice() {
        let [port] = free().unwrap();

        assert!(is_free(port) && take(port).is_none());
    }

    #[test]
    fn a_port_somebody_listens_on_is_not_free() {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();

        assert!(!is_free(listener.local_addr().unwrap().port()));
    }
}
