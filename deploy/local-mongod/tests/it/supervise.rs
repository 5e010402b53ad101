//! A supervised process keeps its identity and its manners.

use std::io::{BufRead, BufReader, Read};
use std::os::unix::process::ExitStatusExt;
use std::process::Stdio;

use local_mongod::Supervised;

fn shell(script: &str) -> Supervised {
    let mut command = Supervised::command("/bin/sh");
    Supervised::spawn(command.args(["-c", script]).stdout(Stdio::piped())).unwrap()
}

#[test]
fn the_process_id_is_the_one_of_the_program() {
    let mut process = shell("echo $$; read -r _");
    let mut line = String::new();
    let (output, _) = process.take_output();
    BufReader::new(output.unwrap())
        .read_line(&mut line)
        .unwrap();

    assert_eq!(line.trim(), process.id().to_string());
}

#[test]
fn the_exit_status_is_the_one_of_the_program() {
    let mut process = shell("exit 7");
    let mut said = String::new();
    process
        .take_output()
        .0
        .unwrap()
        .read_to_string(&mut said)
        .unwrap();

    assert_eq!(process.stop().unwrap().code(), Some(7));
}

#[test]
fn stop_asks_first() {
    let mut process =
        shell("trap 'echo asked; exit 3' TERM; echo ready; while :; do sleep 0.05; done");
    let mut output = BufReader::new(process.take_output().0.unwrap());
    let mut said = String::new();
    output.read_line(&mut said).unwrap();

    let status = process.stop().unwrap();

    output.read_to_string(&mut said).unwrap();
    assert_eq!((status.code(), said.as_str()), (Some(3), "ready\nasked\n"));
}

#[test]
fn kill_does_not_ask() {
    let mut process = shell("trap '' TERM; echo ready; while :; do sleep 0.05; done");
    let mut line = String::new();
    BufReader::new(process.take_output().0.unwrap())
        .read_line(&mut line)
        .unwrap();

    assert_eq!(process.kill().unwrap().signal(), Some(9));
}

#[test]
fn the_output_ends_with_the_program_although_the_watcher_lives() {
    let mut process = shell("echo done");
    let mut said = String::new();

    process
        .take_output()
        .0
        .unwrap()
        .read_to_string(&mut said)
        .unwrap();

    assert_eq!(said, "done\n");
}
