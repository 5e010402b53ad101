//! `cargo xtask demo`: the story of a family, a clinic and a hospital against a running platform, every
//! call and its response, and every mail.
//!
//! It is a tutorial and a test at once: a call that is not answered as the story says ends it.

mod clinics;
mod hospital;
mod invitations;
mod mailbox;
mod scene;
mod stage;

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, ensure};
use reqwest::Method;
use serde_json::{Value, json};
use stack::{REDOX_TOKEN, VERIFIED_TAG, secret_file};

use self::{
    mailbox::Mailbox,
    scene::Scene,
    stage::{Person, Stage, set},
};
use crate::cargo;

/// The service that does what people cannot.
const SERVICE: &str = "scripts";

/// Plays the story of a family, a clinic and a hospital against a running platform and prints every
/// call, its response, and the mails that come.
///
/// It makes new accounts each time. A response that is not as the story says ends it with an error.
/// Steps that are for services are skipped where their secret is not known: it is that of the
/// ready file, or of the platform that runs in the workspace.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// The public origin of the platform.
    #[arg(long, default_value = "http://127.0.0.1:8080")]
    origin: String,
    /// The folder to which it writes its mails [default: .tidegate/mail in the workspace].
    #[arg(long)]
    mail_dir: Option<PathBuf>,
    /// The ready file of the platform, which tells both, and the secret of a service.
    #[arg(long, conflicts_with_all = ["origin", "mail_dir"])]
    ready_file: Option<PathBuf>,
    /// What makes an address count as verified there.
    #[arg(long, default_value = VERIFIED_TAG)]
    verified_tag: String,
}

pub(crate) async fn run(arguments: &Arguments) -> anyhow::Result<()> {
    let places = places(arguments)?;
    let stage = Stage::new(&places.origin)?;
    let mails = Mailbox::open(&places.mail_dir)?;
    let family = Family::sign_up(&stage, &arguments.verified_tag).await?;
    share(&stage, &family).await?;
    drop_rights(&stage, &family).await?;
    run_a_child_account(&stage, &family).await?;
    delete_an_account(&stage, &family).await?;
    let scene = Scene {
        stage: &stage,
        mails: &mails,
        secret: places.secret,
        redox_token: places.redox_token,
    };
    invitations::tell(&scene).await?;
    clinics::tell(&scene).await?;
    hospital::tell(&scene).await?;
    println!("\nThe story is told. Every answer was as it should be.");
    Ok(())
}

/// What the story has to know of the platform.
struct Places {
    origin: String,
    /// The folder of its mails.
    mail_dir: PathBuf,
    /// With what [`SERVICE`] logs in there, if that is known.
    secret: Option<String>,
    /// What hospital records show there, if that is known.
    redox_token: Option<String>,
}

fn places(arguments: &Arguments) -> anyhow::Result<Places> {
    match &arguments.ready_file {
        Some(file) => read_places(file),
        None => Ok(default_places(arguments)),
    }
}

fn read_places(file: &Path) -> anyhow::Result<Places> {
    let text =
        fs::read_to_string(file).with_context(|| format!("{} is not there", file.display()))?;
    let places: Value = serde_json::from_str(&text)?;
    let origin = places["origin"].as_str();
    let mail_dir = places["mail_dir"].as_str();
    let secret = places["server_secret"][SERVICE].as_str();
    Ok(Places {
        origin: origin.context("the ready file names no origin")?.to_owned(),
        mail_dir: mail_dir
            .context(
                "mails of that platform go to a mail server, where the story cannot read them",
            )?
            .into(),
        secret: secret.map(str::to_owned),
        redox_token: places["redox_token"].as_str().map(str::to_owned),
    })
}

fn default_places(arguments: &Arguments) -> Places {
    let origin = arguments.origin.clone();
    if let Some(mail_dir) = &arguments.mail_dir {
        // It may be that of any platform.
        return Places {
            origin,
            mail_dir: mail_dir.clone(),
            secret: None,
            redox_token: None,
        };
    }
    let data_dir = cargo::workspace().join(".tidegate");
    let secret = |file: &str| {
        let secret = fs::read_to_string(data_dir.join("secrets").join(file)).ok()?;
        Some(secret.trim().to_owned())
    };
    Places {
        origin,
        mail_dir: data_dir.join("mail"),
        secret: secret(&secret_file(SERVICE)),
        redox_token: secret(REDOX_TOKEN),
    }
}

struct Family {
    alice: Person,
    bob: Person,
    carol: Person,
    dave: Person,
    ellen: Person,
    stranger: Person,
}

impl Family {
    async fn sign_up(stage: &Stage, verified_tag: &str) -> anyhow::Result<Self> {
        stage.chapter("Alice is ten and has diabetes. She and the people around her sign up.");
        let person = async |name| stage.sign_up(name, verified_tag).await;
        let family = Self {
            alice: person("Alice").await?,
            bob: person("Bob").await?,
            carol: person("Carol").await?,
            dave: person("Dave").await?,
            ellen: person("Ellen").await?,
            stranger: person("Mallory").await?,
        };
        let profile = json!({ "fullName": "Alice", "patient": { "birthday": "2016-05-04" } });
        let alice = &family.alice;
        stage
            .call(
                alice,
                Method::PUT,
                &format!("/metadata/{}/profile", alice.id),
                Some(&profile),
            )
            .await?
            .must_be(200)?;
        Ok(family)
    }
}

/// Alice grants, the right people see it, the others do not.
async fn share(stage: &Stage, family: &Family) -> anyhow::Result<()> {
    let Family {
        alice,
        bob,
        carol,
        dave,
        ellen,
        stranger,
    } = family;
    stage.chapter("Alice lets each of them do what they need to.");
    for (person, names) in [
        (bob, &["view", "upload", "note", "edit", "admin"][..]),
        (carol, &["view", "upload", "note"]),
        (dave, &["note"]),
        (ellen, &["upload", "note"]),
    ] {
        stage
            .set(alice, &alice.id, &person.id, names)
            .await?
            .must_equal(200, &set(names))?;
    }

    stage.chapter("Alice and Bob, who has admin, see who can reach Alice. Nobody else does.");
    for person in [alice, bob] {
        let members = stage.members(person, &alice.id).await?.must_be(200)?;
        ensure!(
            members
                .as_object()
                .is_some_and(|members| members.len() == 5),
            "five can reach Alice"
        );
        ensure!(
            members[&alice.id] == set(&["root"]),
            "Alice has root on her own account"
        );
    }
    for person in [carol, dave, ellen, stranger] {
        stage
            .members(person, &alice.id)
            .await?
            .must_equal(401, &json!("Unauthorized"))?;
    }

    stage.chapter("Bob looks up whose accounts he can reach.");
    let groups = stage
        .call(
            bob,
            Method::GET,
            &format!("/access/groups/{}", bob.id),
            None,
        )
        .await?
        .must_be(200)?;
    ensure!(
        groups[&alice.id] == set(&["view", "upload", "note", "edit", "admin"]),
        "Bob reaches Alice with his five permissions, and root is not among them"
    );
    Ok(())
}

/// People give up what they have; nobody takes more.
async fn drop_rights(stage: &Stage, family: &Family) -> anyhow::Result<()> {
    let Family {
        alice, carol, dave, ..
    } = family;
    stage.chapter("Carol gives up uploading. She can't give herself editing.");
    let fewer = ["view", "note"];
    stage
        .set(carol, &alice.id, &carol.id, &fewer)
        .await?
        .must_equal(200, &set(&fewer))?;
    let more = ["view", "note", "edit"];
    stage
        .set(carol, &alice.id, &carol.id, &more)
        .await?
        .must_equal(401, &json!("Unauthorized"))?;

    stage.chapter("Dave gives up everything and disappears from the list.");
    stage
        .set(dave, &alice.id, &dave.id, &[])
        .await?
        .must_equal(200, &Value::Null)?;
    let members = stage.members(alice, &alice.id).await?.must_be(200)?;
    ensure!(members.get(&dave.id).is_none(), "Dave is gone");
    ensure!(
        members[&carol.id] == set(&fewer),
        "Carol still has the rest"
    );
    Ok(())
}

/// A child account always keeps somebody who runs it.
async fn run_a_child_account(stage: &Stage, family: &Family) -> anyhow::Result<()> {
    let Family { bob, carol, .. } = family;
    stage.chapter("Bob makes an account for his small son, without password and without address.");
    let child = stage
        .call(
            bob,
            Method::POST,
            &format!("/auth/user/createChild/{}", bob.id),
            Some(&json!({ "fullName": "Finn" })),
        )
        .await?
        .must_be(201)?;
    let child = child["userid"].as_str().context("the child has an id")?;
    let members = stage.members(bob, child).await?.must_be(200)?;
    let all = ["view", "edit", "note", "admin", "upload"];
    ensure!(members[&bob.id] == set(&all), "Bob runs the account");
    let profile = stage
        .call(
            bob,
            Method::GET,
            &format!("/metadata/{child}/profile"),
            None,
        )
        .await?
        .must_be(200)?;
    ensure!(
        profile["isDataAccount"] == json!(true),
        "the child's account is a data account"
    );

    stage.chapter("Nobody could ever reach the account if Bob left it, so he can't.");
    stage.set(bob, child, &bob.id, &[]).await?.must_be(403)?;

    stage.chapter("He makes Carol an admin as well. Then he can leave, and Carol can't.");
    let admin = ["view", "admin"];
    stage
        .set(bob, child, &carol.id, &admin)
        .await?
        .must_equal(200, &set(&admin))?;
    stage
        .set(bob, child, &bob.id, &[])
        .await?
        .must_equal(200, &Value::Null)?;
    stage
        .set(carol, child, &carol.id, &[])
        .await?
        .must_be(403)?;
    Ok(())
}

/// A deleted account is gone everywhere.
async fn delete_an_account(stage: &Stage, family: &Family) -> anyhow::Result<()> {
    let Family { alice, bob, .. } = family;
    stage
        .chapter("Bob deletes his account. Soon no list shows him and no service knows his token.");
    let password = json!({ "password": bob.password });
    stage
        .call(
            bob,
            Method::DELETE,
            &format!("/auth/user/{}", bob.id),
            Some(&password),
        )
        .await?
        .must_be(204)?;
    stage
        .call(bob, Method::GET, "/auth/user", None)
        .await?
        .must_be(401)?;
    stage
        .until(
            "Bob's token is refused by the permission service",
            async |quiet| {
                let groups = format!("/access/groups/{}", bob.id);
                Ok(quiet.call(bob, Method::GET, &groups, None).await?.status == 401)
            },
        )
        .await?;
    stage
        .until("Bob is gone from Alice's list", async |quiet| {
            let members = quiet.members(alice, &alice.id).await?.must_be(200)?;
            Ok(members.get(&bob.id).is_none())
        })
        .await?;
    stage.members(alice, &alice.id).await?.must_be(200)?;
    Ok(())
}
