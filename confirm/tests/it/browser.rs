//! Somebody with a browser: it keeps cookies, sends forms as browsers do, and follows nothing by
//! itself.

use std::collections::BTreeMap;

use reqwest::{
    Client, Method, RequestBuilder, Response,
    header::{COOKIE, SET_COOKIE},
    redirect,
};

use stand_ins::PASSWORD;

use crate::world::World;

pub(crate) struct Browser {
    url: String,
    client: Client,
    pub(crate) cookies: BTreeMap<String, String>,
}

/// What came back.
pub(crate) struct Page {
    pub(crate) status: u16,
    pub(crate) headers: reqwest::header::HeaderMap,
    pub(crate) html: String,
}

impl Browser {
    pub(crate) fn new(world: &World) -> Self {
        #[expect(
            clippy::disallowed_methods,
            reason = "a browser is a client of its own kind"
        )]
        let client = Client::builder()
            .no_proxy()
            .redirect(redirect::Policy::none())
            .build()
            .unwrap();
        Self {
            url: world.app.url.clone(),
            client,
            cookies: BTreeMap::new(),
        }
    }

    /// One in which `id` has logged in.
    pub(crate) async fn of(world: &World, id: &str) -> Self {
        let mut browser = Self::new(world);
        browser.get("/login").await.assert(200, "Log in");
        let email = format!("{id}@example.org");
        let entered = browser
            .submit("/login", &[("email", &email), ("password", PASSWORD)])
            .await;
        entered.assert_sees("/pages/invitations");
        browser
    }

    pub(crate) fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let request = self.client.request(method, format!("{}{path}", self.url));
        let cookies = self.cookies.iter();
        let cookies: Vec<String> = cookies
            .map(|(name, value)| format!("{name}={value}"))
            .collect();
        match cookies[..] {
            [] => request,
            _ => request.header(COOKIE, cookies.join("; ")),
        }
    }

    pub(crate) async fn get(&mut self, path: &str) -> Page {
        let request = self.request(Method::GET, path);
        self.load(request).await
    }

    /// Sends a form from one of our pages, with the token of the cookie.
    pub(crate) async fn submit(&mut self, path: &str, fields: &[(&str, &str)]) -> Page {
        let token = self.cookies.get("__Host-tidegate-form");
        let token = token.expect("a page with a form was opened before");
        let body = form(fields, Some(token));
        let request = self
            .request(Method::POST, path)
            .header("sec-fetch-site", "same-origin")
            .header("origin", "null")
            .body(body);
        self.load(request).await
    }

    /// The same where a proxy tells the place.
    pub(crate) async fn submit_from(
        &mut self,
        place: &str,
        path: &str,
        fields: &[(&str, &str)],
    ) -> Page {
        let token = self.cookies.get("__Host-tidegate-form");
        let token = token.expect("a page with a form was opened before");
        let request = self
            .request(Method::POST, path)
            .header("sec-fetch-site", "same-origin")
            .header("x-forwarded-for", place)
            .body(form(fields, Some(token)));
        self.load(request).await
    }

    pub(crate) async fn load(&mut self, request: RequestBuilder) -> Page {
        let response: Response = request.send().await.unwrap();
        for cookie in response.headers().get_all(SET_COOKIE) {
            let cookie = cookie.to_str().unwrap();
            let (pair, _) = cookie.split_once(';').unwrap();
            let (name, value) = pair.split_once('=').unwrap();
            if cookie.ends_with("; Max-Age=0") {
                self.cookies.remove(name);
            } else {
                self.cookies.insert(name.to_owned(), value.to_owned());
            }
        }
        Page {
            status: response.status().as_u16(),
            headers: response.headers().clone(),
            html: response.text().await.unwrap(),
        }
    }
}

/// A body as forms have it.
pub(crate) fn form(fields: &[(&str, &str)], token: Option<&str>) -> String {
    let mut url: reqwest::Url = "http://x/".parse().unwrap();
    let mut pairs = url.query_pairs_mut();
    pairs.extend_pairs(fields);
    if let Some(token) = token {
        pairs.append_pair("form_token", token);
    }
    drop(pairs);
    url.query().unwrap_or_default().to_owned()
}

impl Page {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }

    pub(crate) fn set_cookies(&self) -> Vec<&str> {
        let cookies = self.headers.get_all(SET_COOKIE).iter();
        cookies.map(|cookie| cookie.to_str().unwrap()).collect()
    }

    /// Asserts that it is the page with this heading and status.
    #[track_caller]
    pub(crate) fn assert(&self, status: u16, heading: &str) {
        assert_eq!(self.status, status, "{}", self.html);
        self.assert_says(&format!("<h1>{heading}</h1>"));
        self.assert_is_dressed();
    }

    #[track_caller]
    pub(crate) fn assert_says(&self, text: &str) {
        assert!(self.html.contains(text), "{text} is missing: {}", self.html);
    }

    /// Asserts that it leads on to one of our pages, without a word.
    #[track_caller]
    pub(crate) fn assert_sees(&self, path: &str) {
        assert_eq!((self.status, self.html.as_str()), (303, ""));
        assert_eq!(self.header("location"), Some(path));
    }

    /// Asserts that browsers load nothing else with it, tell nobody of it, and do not keep it.
    #[track_caller]
    fn assert_is_dressed(&self) {
        for (name, wanted) in [
            ("content-type", "text/html; charset=utf-8"),
            (
                "content-security-policy",
                "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; \
                 frame-ancestors 'none'; base-uri 'none'",
            ),
            ("referrer-policy", "no-referrer"),
            ("x-content-type-options", "nosniff"),
            ("cache-control", "no-store"),
            ("cross-origin-opener-policy", "same-origin"),
            ("cross-origin-resource-policy", "same-origin"),
        ] {
            assert_eq!(self.header(name), Some(wanted), "{name}");
        }
        assert!(self.html.starts_with("<!DOCTYPE html>\n<html lang=\"en\">"));
        for forbidden in ["<script", "<style", "style=", " on", "javascript:"] {
            let is_there = self.html.split('<').any(|tag| {
                let tag = format!("<{}", tag.split('>').next().unwrap());
                tag.contains(forbidden) && !tag.starts_with("<h1>")
            });
            assert!(!is_there, "{forbidden}: {}", self.html);
        }
    }
}
