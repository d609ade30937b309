//! The interface: WHIP with trickle, offers of our own, renegotiation, status.

use std::io::Read;
use std::sync::Arc;

use nomagic_sdp::Fragment;
use tiny_http::{Header, Method, Request as HttpRequest, Response};

use super::session::{Reply, Request};
use super::{NewSessionError, Server};

/// Octets of the largest body.
const MAX_BODY: usize = 256 << 10;

/// The kind of a piece of a description; RFC 8840 section 10.
const FRAGMENT: &str = "application/trickle-ice-sdpfrag";

/// What is answered.
struct Answer {
    status: u16,
    kind: &'static str,
    location: Option<String>,
    /// The ICE generation that a description or fragment belongs to; RFC 9725 section 4.3.
    tag: Option<String>,
    body: String,
}

impl Answer {
    fn new(status: u16, kind: &'static str, body: impl Into<String>) -> Self {
        Self { status, kind, location: None, tag: None, body: body.into() }
    }

    fn text(status: u16, body: impl Into<String>) -> Self {
        Self::new(status, "text/plain; charset=utf-8", body)
    }
}

/// Serves until the process ends, with a few threads, since a request may wait for its session.
///
/// # Errors
/// The address cannot be bound.
pub fn serve(server: &Arc<Server>) -> Result<(), String> {
    let address = server.config.address;
    let http =
        tiny_http::Server::http(address).map_err(|error| format!("cannot serve at {address}: {error}"))?;
    let http = Arc::new(http);
    let workers: Vec<_> = (0..4)
        .map(|_| {
            let (http, server) = (Arc::clone(&http), Arc::clone(server));
            std::thread::spawn(move || {
                while let Ok(mut request) = http.recv() {
                    let answer = route(&server, &mut request);
                    respond(request, answer);
                }
            })
        })
        .collect();
    for worker in workers {
        worker.join().map_err(|_| "a worker panicked".to_owned())?;
    }
    Ok(())
}

fn respond(request: HttpRequest, answer: Answer) {
    let mut response = Response::from_string(answer.body).with_status_code(answer.status);
    let header = |name: &str, value: &str| Header::from_bytes(name.as_bytes(), value.as_bytes()).ok();
    let headers = [
        header("Content-Type", answer.kind),
        header("Cache-Control", "no-store"),
        answer.location.as_deref().and_then(|location| header("Location", location)),
        answer.location.as_ref().and_then(|_| header("Accept-Patch", FRAGMENT)),
        answer.tag.as_deref().and_then(|tag| header("ETag", tag)),
    ];
    for header in headers.into_iter().flatten() {
        response.add_header(header);
    }
    // A client that has gone does not read its answer.
    let _ = request.respond(response);
}

fn header<'r>(request: &'r HttpRequest, name: &'static str) -> Option<&'r str> {
    request.headers().iter().find(|header| header.field.equiv(name)).map(|header| header.value.as_str())
}

/// Host and Origin must be ours, so that no page of another site can use the server through its visitor's browser.
fn is_foreign(server: &Server, request: &HttpRequest) -> bool {
    let port = server.config.address.port();
    let ours = |host: &str| {
        let names = [
            server.config.address.to_string(),
            format!("localhost:{port}"),
            format!("127.0.0.1:{port}"),
            format!("[::1]:{port}"),
        ];
        names.iter().any(|name| name == host)
    };
    let host = header(request, "Host").is_some_and(ours);
    let origin =
        header(request, "Origin").is_none_or(|origin| origin.strip_prefix("http://").is_some_and(ours));
    !(host && origin)
}

fn route(server: &Server, request: &mut HttpRequest) -> Answer {
    if is_foreign(server, request) {
        return Answer::text(403, "Host or Origin is not this server's\n");
    }
    // The page itself is no secret: it brings the token, which is behind the # of its address and so never sent with it.
    let page = *request.method() == Method::Get && request.url() == "/";
    if let Some(token) = server.config.token.as_ref().filter(|_| !page) {
        let wanted = format!("Bearer {token}");
        if header(request, "Authorization") != Some(wanted.as_str()) {
            return Answer::text(401, "the token is missing or wrong\n");
        }
    }
    let mut body = String::new();
    let declared = request.body_length().unwrap_or(0);
    let read = request.as_reader().take(MAX_BODY as u64 + 1).read_to_string(&mut body);
    if declared > MAX_BODY || body.len() > MAX_BODY {
        return Answer::text(413, format!("at most {MAX_BODY} octets\n"));
    }
    if read.is_err() {
        return Answer::text(400, "the body is not UTF-8\n");
    }
    let (path, query) = request.url().split_once('?').unwrap_or((request.url(), ""));
    let initiate = query.split('&').any(|pair| pair == "initiate=1");
    let parts: Vec<&str> = path.trim_matches('/').split('/').collect();
    let if_match = header(request, "If-Match").map(str::to_owned);
    let sdp = header(request, "Content-Type").is_some_and(|kind| kind.starts_with("application/sdp"));
    match (request.method(), &parts[..]) {
        (Method::Get, [""]) => {
            Answer::new(200, "text/html; charset=utf-8", include_str!("../../page/index.html"))
        }
        (Method::Post, ["whip"]) => create(server, Some(body), initiate),
        (Method::Post, ["whep"]) => create(server, None, initiate),
        (Method::Post, ["sessions", id]) => ask(server, id, Request::Answer(body), 200),
        (Method::Post, ["sessions", id, "offer"]) => ask(server, id, Request::Offer, 200),
        (Method::Patch, ["sessions", id]) if sdp => ask(server, id, Request::Accept(body), 204),
        (Method::Patch, ["sessions", id]) => patch(server, id, &body, if_match.as_deref()),
        (Method::Get, ["sessions", id]) => ask(server, id, Request::Status, 200),
        (Method::Delete, ["sessions", id]) => ask(server, id, Request::Close, 200),
        (_, [""] | ["whip"] | ["whep"] | ["sessions", _] | ["sessions", _, "offer"]) => {
            Answer::text(405, "this is not done here\n")
        }
        _ => Answer::text(404, "nothing is here\n"),
    }
}

/// A new session: with an offer it is answered, without one it offers.
fn create(server: &Server, offer: Option<String>, initiate: bool) -> Answer {
    let (id, session) = match server.start(offer.is_none(), initiate) {
        Ok(started) => started,
        Err(NewSessionError::TooMany) => return Answer::text(503, "too many sessions\n"),
        Err(NewSessionError::Socket(error)) => return Answer::text(500, format!("{error}\n")),
    };
    match session.ask(offer.map_or(Request::Offer, Request::Answer)) {
        Ok(Reply::Text(text)) => {
            let (location, tag) = (Some(format!("/sessions/{id}")), generation(&text));
            Answer { location, tag, ..Answer::new(201, "application/sdp", text) }
        }
        Ok(_) => Answer::text(500, "the session said nothing\n"),
        Err(reason) => {
            // A session that could not begin is not kept.
            let _ = session.ask(Request::Close);
            Answer::text(400, format!("{reason}\n"))
        }
    }
}

/// Candidates that came later, or new credentials: a restart. The entity tag says which generation of ICE is meant, and
/// `*` means whichever there is, as a restart may; RFC 9725 sections 4.3.2 and 4.3.3.
fn patch(server: &Server, id: &str, body: &str, if_match: Option<&str>) -> Answer {
    let Some(session) = server.find(id) else { return Answer::text(404, "no such session\n") };
    let fragment = match Fragment::parse(body.as_bytes()) {
        Ok(fragment) => fragment,
        Err(error) => return Answer::text(400, format!("{error}\n")),
    };
    match session.ask(Request::Trickle(fragment, if_match.filter(|tag| *tag != "*").map(str::to_owned))) {
        Ok(Reply::Text(text)) => Answer { tag: generation(&text), ..Answer::new(200, FRAGMENT, text) },
        Ok(Reply::OtherGeneration) => Answer::text(412, "If-Match names another generation of ICE\n"),
        Ok(_) => Answer::text(204, ""),
        Err(reason) => Answer::text(400, format!("{reason}\n")),
    }
}

/// The entity tag of a generation of ICE: our user fragment, which changes with each.
fn generation(description: &str) -> Option<String> {
    let ufrag = description.lines().find_map(|line| line.strip_prefix("a=ice-ufrag:"))?;
    Some(format!("\"{ufrag}\""))
}

fn ask(server: &Server, id: &str, request: Request, status: u16) -> Answer {
    let Some(session) = server.find(id) else { return Answer::text(404, "no such session\n") };
    match session.ask(request) {
        Ok(Reply::Done | Reply::OtherGeneration) => Answer::text(status, ""),
        Ok(Reply::Text(text)) => Answer::new(200, "application/sdp", text),
        Ok(Reply::Status(value)) => Answer::new(200, "application/json", value.to_string()),
        Err(reason) => Answer::text(400, format!("{reason}\n")),
    }
}
