//! The settings that make one platform of the programs.

use std::{
    collections::BTreeMap,
    fs, io,
    path::{Path, PathBuf},
};

use crate::{Program, server_names};

/// The file with the key that signs session tokens, in [`Deployment::secrets`].
pub const SIGNING_KEY: &str = "user-api-signing-key.pem";

/// The file with what hospital records show to clinic, in [`Deployment::secrets`].
pub const REDOX_TOKEN: &str = "redox-verification-token";

/// The file with the secret of the server `name`, in [`Deployment::secrets`].
pub fn secret_file(name: &str) -> String {
    format!("server-secret-{name}")
}

/// One platform on this machine.
pub struct Deployment {
    /// The port of each program, in the order of [`Program::all`].
    pub ports: [u16; Program::COUNT],
    /// The connection string.
    pub mongodb_uri: String,
    /// What a database is called here, by its shipped name; the others have that name.
    pub databases: BTreeMap<&'static str, String>,
    /// The folder with [`SIGNING_KEY`], [`REDOX_TOKEN`] and a [`secret_file`] for each server name.
    pub secrets: PathBuf,
    /// The folder that receives the mails; `None` when the environment says where they go.
    pub mail_dir: Option<PathBuf>,
}

/// A setting as a variable of the environment.
pub struct Setting {
    /// The variable.
    pub variable: String,
    /// Its value.
    pub value: String,
    /// Whether others depend on it, so that nobody may choose another value.
    pub is_fixed: bool,
}

impl Deployment {
    /// Where a program listens.
    pub fn address(&self, program: Program) -> String {
        format!("127.0.0.1:{}", self.ports[program as usize])
    }

    /// The base URL of a program.
    pub fn url(&self, program: Program) -> String {
        format!("http://{}", self.address(program))
    }

    /// Where a program says whether it is ready.
    pub fn ready_url(&self, program: Program) -> String {
        self.url(program) + program.ready_path()
    }

    /// What `name` is called here.
    pub fn database(&self, name: &'static str) -> &str {
        self.databases.get(name).map_or(name, String::as_str)
    }

    /// The secret with which the server `name` logs in.
    pub fn server_secret(&self, name: &str) -> io::Result<String> {
        self.secret(&secret_file(name))
    }

    /// What hospital records show to clinic.
    pub fn redox_token(&self) -> io::Result<String> {
        self.secret(REDOX_TOKEN)
    }

    fn secret(&self, file: &str) -> io::Result<String> {
        let secret = fs::read_to_string(self.secrets.join(file))?;
        Ok(secret.trim().to_owned())
    }

    /// What a program has to be told to be part of this platform.
    pub fn settings(&self, program: Program) -> Vec<Setting> {
        let mut settings = vec![fixed(program, "server.listen", self.address(program))];
        for (name, peer) in program.peers() {
            settings.push(Setting {
                // From outside, the origin may have another name.
                is_fixed: peer.is_service(),
                ..fixed(program, &name, self.url(peer))
            });
        }
        if !program.databases().is_empty() {
            settings.push(fixed(program, "mongo.uri", self.mongodb_uri.clone()));
        }
        for (name, database) in program.databases() {
            if let Some(here) = self.databases.get(database) {
                settings.push(fixed(program, name, here.clone()));
            }
        }
        if let Some(name) = program.server_secret() {
            settings.push(self.file(program, name, &secret_file(program.name())));
        }
        if program == Program::UserApi {
            settings.push(self.file(program, "tokens.private_key", SIGNING_KEY));
            for name in server_names() {
                let setting = format!("server_secrets.{name}");
                settings.push(self.file(program, &setting, &secret_file(name)));
            }
        }
        if program == Program::Clinic {
            settings.push(self.file(program, "redox.verification_token", REDOX_TOKEN));
        }
        if program == Program::Confirm
            && let Some(folder) = &self.mail_dir
        {
            settings.push(fixed(program, "mail.transport", "file".to_owned()));
            settings.push(fixed(program, "mail.directory", text(folder)));
        }
        settings
    }

    fn file(&self, program: Program, setting: &str, file: &str) -> Setting {
        Setting {
            variable: program.variable(setting) + "_FILE",
            value: text(&self.secrets.join(file)),
            is_fixed: false,
        }
    }
}

fn fixed(program: Program, setting: &str, value: String) -> Setting {
    Setting {
        variable: program.variable(setting),
        value,
        is_fixed: true,
    }
}

fn text(path: &Path) -> String {
    path.display().to_string()
}
