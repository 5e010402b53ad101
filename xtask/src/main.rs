//! The commands of the README: `cargo xtask up` runs the platform on this
//! machine, `cargo xtask test` runs everything that CI runs.
//!
//! It starts the services as processes and knows them by their settings and
//! their ports only; none of their code is linked here.

mod bench;
mod cargo;
mod data_dir;
mod demo;
mod environment;
mod fuzz;
mod http;
mod logs;
mod pure;
mod ready_file;
mod services;
mod stack;
mod test;
mod tokens;
mod up;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// Runs and tests Tidegate on this machine.
#[derive(Parser)]
#[command(bin_name = "cargo xtask")]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    Up(up::Arguments),
    Test(test::Arguments),
    Demo(demo::Arguments),
    Bench(bench::Arguments),
    Fuzz(fuzz::Arguments),
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let result = match Arguments::parse().command {
        Command::Up(arguments) => up::run(&arguments).await,
        Command::Test(arguments) => test::run(&arguments).await,
        Command::Demo(arguments) => demo::run(&arguments).await,
        Command::Bench(arguments) => bench::run(&arguments).await,
        Command::Fuzz(arguments) => fuzz::run(&arguments).await,
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}
