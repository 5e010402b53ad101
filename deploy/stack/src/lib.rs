//! What the platform consists of: its programs, and how they find each other, their databases and
//! their secrets.
//!
//! `cargo xtask up` and the end-to-end tests start their platforms by it. A new service is a variant
//! of [`Program`] and an entry of `ENTRIES`, in one order.

#![warn(missing_docs)]

mod deployment;

pub use deployment::{Deployment, REDOX_TOKEN, SIGNING_KEY, Setting, secret_file};

/// An address with this in it counts as verified where nobody reads mails.
pub const VERIFIED_TAG: &str = "+verified";

/// The server names that no program has: one for operators (`POST /internal/outbox/revive`), and one
/// for scripts and tools, which no internal operation admits.
const OTHER_SERVER_NAMES: [&str; 2] = ["operator", "scripts"];

/// A program of the platform.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Program {
    /// Accounts.
    UserApi,
    /// Permissions.
    Gatekeeper,
    /// Invitations, sign-ups and password resets.
    Confirm,
    /// Clinics.
    Clinic,
    /// The public origin.
    Gateway,
}

/// What is to know of a program.
struct Entry {
    program: Program,
    /// Its package, its program file, and its name as a server.
    name: &'static str,
    /// The port of its shipped settings.
    port: u16,
    /// Where it says whether it is ready.
    ready_path: &'static str,
    /// Settings that hold the URL of another program.
    peers: &'static [(&'static str, Program)],
    /// Settings that name a database, with the shipped name.
    databases: &'static [(&'static str, &'static str)],
    /// The setting of the secret with which it logs in at user-api.
    server_secret: Option<&'static str>,
}

/// In the order of the start.
static ENTRIES: [Entry; Program::COUNT] = [
    Entry {
        program: Program::UserApi,
        name: "user-api",
        port: 9107,
        ready_path: "/ready",
        peers: &[
            ("gatekeeper.url", Program::Gatekeeper),
            ("confirm.url", Program::Confirm),
            ("clinic.url", Program::Clinic),
        ],
        databases: &[("mongo.database", "user"), ("metadata.database", "seagull")],
        server_secret: None,
    },
    Entry {
        program: Program::Gatekeeper,
        name: "gatekeeper",
        port: 9123,
        ready_path: "/ready",
        peers: &[("user_api.url", Program::UserApi)],
        databases: &[("mongo.database", "gatekeeper")],
        server_secret: Some("user_api.server_secret"),
    },
    Entry {
        program: Program::Confirm,
        name: "confirm",
        port: 9157,
        ready_path: "/ready",
        peers: &[
            ("user_api.url", Program::UserApi),
            ("gatekeeper.url", Program::Gatekeeper),
            ("clinic.url", Program::Clinic),
            ("web.public_url", Program::Gateway),
        ],
        databases: &[("mongo.database", "confirm")],
        server_secret: Some("user_api.server_secret"),
    },
    Entry {
        program: Program::Clinic,
        name: "clinic",
        port: 9180,
        ready_path: "/ready",
        peers: &[
            ("user_api.url", Program::UserApi),
            ("gatekeeper.url", Program::Gatekeeper),
            ("confirm.url", Program::Confirm),
        ],
        databases: &[("mongo.database", "clinic")],
        server_secret: Some("user_api.server_secret"),
    },
    Entry {
        program: Program::Gateway,
        name: "gateway",
        port: 8080,
        // It speaks for all services.
        ready_path: "/status",
        peers: &[],
        databases: &[],
        server_secret: None,
    },
];

impl Program {
    /// How many there are.
    pub const COUNT: usize = 5;

    /// All of them, in the order of their start.
    pub fn all() -> impl Iterator<Item = Self> {
        ENTRIES.iter().map(|entry| entry.program)
    }

    /// Those behind the gateway.
    pub fn services() -> impl Iterator<Item = Self> {
        Self::all().filter(|program| program.is_service())
    }

    fn entry(self) -> &'static Entry {
        &ENTRIES[self as usize]
    }

    /// Whether the gateway stands before it.
    pub fn is_service(self) -> bool {
        self != Self::Gateway
    }

    /// The name of its package, of its program file, and as a server.
    pub fn name(self) -> &'static str {
        self.entry().name
    }

    /// The port of its shipped settings.
    pub fn port(self) -> u16 {
        self.entry().port
    }

    /// Where it says whether it is ready.
    pub fn ready_path(self) -> &'static str {
        self.entry().ready_path
    }

    /// The settings that hold the URL of another program, each with that program.
    pub fn peers(self) -> Vec<(String, Self)> {
        if self == Self::Gateway {
            let url = |service: Self| {
                let name = service.name().replace('-', "_");
                (format!("services.{name}"), service)
            };
            return Self::services().map(url).collect();
        }
        let peers = self.entry().peers.iter();
        peers
            .map(|(name, peer)| ((*name).to_owned(), *peer))
            .collect()
    }

    /// The settings that name a database, each with the shipped name.
    pub fn databases(self) -> &'static [(&'static str, &'static str)] {
        self.entry().databases
    }

    /// The setting of the secret with which it logs in at user-api; `None`: it does not.
    pub fn server_secret(self) -> Option<&'static str> {
        self.entry().server_secret
    }

    /// The variable of the environment for a setting such as `mongo.uri`.
    pub fn variable(self, setting: &str) -> String {
        let prefix = self.name().replace('-', "_");
        format!("{prefix}__{}", setting.replace('.', "__")).to_uppercase()
    }
}

/// The server names that get a secret of their own.
pub fn server_names() -> impl Iterator<Item = &'static str> {
    let programs = Program::all().filter(|program| program.server_secret().is_some());
    programs.map(Program::name).chain(OTHER_SERVER_NAMES)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::{ENTRIES, Program};

    fn read(path: &str) -> String {
        let root = concat!(env!("CARGO_MANIFEST_DIR"), "/../../");
        fs::read_to_string(format!("{root}{path}")).unwrap()
    }

    #[test]
    fn each_program_has_the_entry_in_its_place() {
        for (place, entry) in ENTRIES.iter().enumerate() {
            assert_eq!(entry.program as usize, place, "{}", entry.name);
        }
    }

    #[test]
    fn the_shipped_settings_have_these_ports_and_databases() {
        for program in Program::all() {
            let folder = if program.is_service() { "" } else { "deploy/" };
            let shipped = read(&format!("{folder}{}/config.default.toml", program.name()));
            let shipped: toml::Table = shipped.parse().unwrap();
            let listen = shipped["server"]["listen"].as_str().unwrap();
            assert!(
                listen.ends_with(&format!(":{}", program.port())),
                "{listen}"
            );
            for (setting, database) in program.databases() {
                let (section, name) = setting.split_once('.').unwrap();
                assert_eq!(
                    shipped[section][name].as_str(),
                    Some(*database),
                    "{setting}"
                );
            }
        }
    }

    #[test]
    fn the_gateway_knows_every_service() {
        let settings = read("deploy/gateway/config.default.toml");
        for (setting, service) in Program::Gateway.peers() {
            let (_, name) = setting.split_once('.').unwrap();
            let url = format!("http://{}:{}", service.name(), service.port());
            assert!(
                settings.contains(&format!("# {name} = \"{url}\"")),
                "{name}"
            );
        }
        let table: toml::Table = read("deploy/routes.toml").parse().unwrap();
        for route in table["route"].as_array().unwrap() {
            let service = route["service"].as_str().unwrap();
            assert!(
                Program::all().any(|program| program.name() == service),
                "{service}"
            );
        }
    }
}
