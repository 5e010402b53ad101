#![allow(dead_code)]
#[path = "it/associates.rs"] mod associates;
#[path = "it/gatekeeper.rs"] mod gatekeeper;
#[path = "it/metadata.rs"] mod metadata;
#[path = "it/world.rs"] mod world;
