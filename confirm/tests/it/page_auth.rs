//! Every page against somebody who is not logged in and somebody who is.

use std::collections::BTreeSet;

use confirm::State;
use reqwest::Method;

use crate::{
    browser::{Browser, Page},
    pages::FORMS,
    world::World,
};

/// Method, path, and the statuses for: nobody, Carol. What the forms hold is in [`FORMS`], with
/// keys that are worth nothing.
const MATRIX: &[(&str, &str, [u16; 2])] = &[
    // Who is logged in goes on to the invitations.
    ("GET", "/login", [200, 303]),
    ("POST", "/login", [303, 303]),
    ("GET", "/signup", [200, 200]),
    // The second one has the address already.
    ("POST", "/signup", [303, 409]),
    ("GET", "/signup/personal", [200, 200]),
    ("POST", "/signup/personal", [409, 409]),
    ("GET", "/signup/clinician", [200, 200]),
    ("POST", "/signup/clinician", [409, 409]),
    ("GET", "/confirm-password-reset", [303, 303]),
    ("POST", "/confirm-password-reset", [404, 404]),
    ("GET", "/pages/forgot-password", [200, 200]),
    ("POST", "/pages/forgot-password", [303, 303]),
    // Who is not logged in has to.
    ("GET", "/pages/invitations", [303, 200]),
    ("POST", "/pages/invitations", [303, 404]),
    ("POST", "/pages/verify", [404, 404]),
    ("POST", "/pages/verification-mail", [303, 303]),
    ("POST", "/pages/log-out", [303, 303]),
    ("GET", "/pages/account-change", [404, 404]),
    ("POST", "/pages/account-change", [404, 404]),
    ("GET", "/pages/done/{outcome}", [200, 200]),
    ("GET", "/pages/style.css", [200, 200]),
    ("GET", "/pages/icon.svg", [200, 200]),
];

const METHODS: [&str; 5] = ["GET", "POST", "PUT", "PATCH", "DELETE"];

type Routes = BTreeSet<(&'static str, &'static str)>;

fn covered() -> Routes {
    let routes = MATRIX.iter().map(|(method, path, _)| (*method, *path));
    routes.collect()
}

async fn ask(browser: &mut Browser, method: &str, path: &str) -> Page {
    let form = FORMS.iter().find(|(of, _)| *of == path);
    if let ("POST", Some((_, fields))) = (method, form) {
        return browser.submit(path, fields).await;
    }
    let method = Method::from_bytes(method.as_bytes()).unwrap();
    let path = path.replace("{outcome}", "verified");
    let request = browser.request(method, &path);
    browser.load(request).await
}

#[actix_web::test]
async fn every_page_answers_each_kind_of_caller_as_documented() {
    let world = World::without_relay().await;
    for id in ["alice", "carol"] {
        world.user_api.has(id);
    }
    for (method, path, [for_nobody, for_carol]) in MATRIX {
        let mut nobody = Browser::new(&world);
        nobody.get("/login").await;
        let mut carol = Browser::of(&world, "carol").await;
        for (name, browser, status) in [
            ("nobody", &mut nobody, for_nobody),
            ("Carol", &mut carol, for_carol),
        ] {
            let page = ask(browser, method, path).await;
            assert_eq!(page.status, *status, "{method} {path} by {name}");
        }
    }
}

#[actix_web::test]
async fn no_page_takes_other_methods() {
    let world = World::without_relay().await;
    let (covered, mut browser) = (covered(), Browser::new(&world));
    for (_, path) in &covered {
        for method in METHODS {
            if !covered.contains(&(method, path)) {
                let page = ask(&mut browser, method, path).await;
                assert_eq!(page.status, 405, "{method} {path}");
            }
        }
    }
}

#[test]
fn the_matrix_has_every_page() {
    assert_eq!(covered(), State::page_routes().into_iter().collect());
}

#[test]
fn the_forms_are_those_of_every_page() {
    let sent: Routes = FORMS.iter().map(|(path, _)| ("POST", *path)).collect();
    let mut served: Routes = State::page_routes().into_iter().collect();
    served.retain(|(method, _)| *method == "POST");
    assert_eq!(sent, served);
}
