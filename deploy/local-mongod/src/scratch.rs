//! Where a temporary server keeps its data.

use std::io;

use tempfile::TempDir;

/// A file system in memory, where there is one. Every acknowledged write waits until the disk has
/// it, which takes a test longer than all its computing.
const IN_MEMORY: &str = "/dev/shm";
/// What the data of all tests together may need, with a reserve.
const ROOM: u64 = 4 << 30;

/// A new folder, in memory if there is room.
pub(crate) fn create(prefix: &str) -> io::Result<TempDir> {
    let mut builder = tempfile::Builder::new();
    builder.prefix(prefix);
    if has_room() {
        // It may be closed to this user.
        if let Ok(folder) = builder.tempdir_in(IN_MEMORY) {
            return Ok(folder);
        }
    }
    builder.tempdir()
}

/// Whether the data find room there, and the machine has as much memory left besides.
#[cfg(target_os = "linux")]
fn has_room() -> bool {
    let is_large = nix::sys::statvfs::statvfs(IN_MEMORY)
        .is_ok_and(|space| space.blocks_available() * space.fragment_size() >= ROOM);
    let memory = std::fs::read_to_string("/proc/meminfo").unwrap_or_default();
    is_large && available(&memory).is_some_and(|available| available >= 2 * ROOM)
}

#[cfg(not(target_os = "linux"))]
fn has_room() -> bool {
    false
}

/// The bytes that programs may still take, by `/proc/meminfo`.
#[cfg(any(target_os = "linux", test))]
fn available(memory: &str) -> Option<u64> {
    let line = memory
        .lines()
        .find_map(|line| line.strip_prefix("MemAvailable:"))?;
    let kibibytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kibibytes << 10)
}

#[cfg(test)]
mod tests {
    use super::available;

    #[test]
    fn available_memory_is_read_in_bytes() {
        let memory = "MemTotal:       24615404 kB\nMemAvailable:   22894208 kB\n";
        assert_eq!(available(memory), Some(22_894_208 << 10));
        assert_eq!(available("MemTotal: 1 kB"), None);
        assert_eq!(available("MemAvailable: much"), None);
    }
}
