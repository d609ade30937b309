//! The interface: WHIP with trickle, offers of our own, renegotiation, status.

use std::io::Read;
use std::sync::Arc;

use nomagic_sdp::Fragment;
use tiny_http::{Header, Method, Request as HttpRequest, Response};

use super::session::{Reply, Request};
use super::{NewSessionError, Server};

/// Octets of the largest body.
const MAX_BODY: usize = 256 << 10;

/// What is answered.
struct Answer {
    status: u16,
    kind: &'static str,
    location: Option<String>,
    body: String,
}

impl Answer {
    fn new(status: u16, kind: &'static str, body: impl Into<String>) -> Self {
        Self { status, kind, location: None, body: body.into() }
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
    if let Some(token) = &server.config.token {
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
        (Method::Patch, ["sessions", id]) => match Fragment::parse(body.as_bytes()) {
            Ok(fragment) => ask(server, id, Request::Trickle(fragment), 204),
            Err(error) => Answer::text(400, format!("{error}\n")),
        },
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
            let location = Some(format!("/sessions/{id}"));
            Answer { location, ..Answer::new(201, "application/sdp", text) }
        }
        Ok(_) => Answer::text(500, "the session said nothing\n"),
        Err(reason) => {
            // A session that could not begin is not kept.
            let _ = session.ask(Request::Close);
            Answer::text(400, format!("{reason}\n"))
        }
    }
}

fn ask(server: &Server, id: &str, request: Request, status: u16) -> Answer {
    let Some(session) = server.find(id) else { return Answer::text(404, "no such session\n") };
    let trickle = matches!(request, Request::Trickle(_));
    match session.ask(request) {
        Ok(Reply::Done) => Answer::text(status, ""),
        Ok(Reply::Text(text)) if trickle => Answer::new(200, "application/trickle-ice-sdpfrag", text),
        Ok(Reply::Text(text)) => Answer::new(200, "application/sdp", text),
        Ok(Reply::Status(value)) => Answer::new(200, "application/json", value.to_string()),
        Err(reason) => Answer::text(400, format!("{reason}\n")),
    }
}
