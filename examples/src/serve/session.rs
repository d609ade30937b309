//! A session's thread: it drives the peer, and does what HTTP asks of it in between.

use std::io;
use std::net::IpAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel, sync_channel};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use nomagic_dtls::Identity;
use nomagic_sdp::Fragment;
use serde_json::Value;

use super::echo::Echo;
use crate::peer::{Medium, Peer, PeerConfig, PeerEvent};
use crate::udp::Driver;

/// What HTTP asks of a session.
#[derive(Debug)]
pub(super) enum Request {
    /// Answer this offer.
    Answer(String),
    /// Make an offer.
    Offer,
    /// Read the answer to our offer.
    Accept(String),
    /// Take candidates, if this is the entity tag of the present generation of ICE.
    Trickle(Fragment, Option<String>),
    /// Tell how it goes.
    Status,
    /// End.
    Close,
}

/// A description, a fragment, a status, or nothing.
#[derive(Debug)]
pub(super) enum Reply {
    Text(String),
    Status(Value),
    Done,
    /// The entity tag is another's.
    OtherGeneration,
}

type Ask = (Request, std::sync::mpsc::SyncSender<Result<Reply, String>>);

/// The handle that HTTP keeps.
#[derive(Debug)]
pub(super) struct Session {
    requests: Mutex<Sender<Ask>>,
    over: Arc<AtomicBool>,
}

/// A session to which nobody connects ends after this.
const SETUP_TIME: Duration = Duration::from_secs(60);
/// How often requests are looked for.
const TICK: Duration = Duration::from_millis(10);

impl Session {
    pub(super) fn start(
        ip: IpAddr,
        identity: Arc<Identity>,
        offering: bool,
        initiate: bool,
        loopback_only: bool,
    ) -> io::Result<Self> {
        let driver = Driver::bind(ip, 0)?;
        let mut config = PeerConfig::new(identity, offering);
        config.loopback_only = loopback_only;
        config.return_media = true;
        let mut rng: rand::rngs::StdRng = rand::make_rng();
        let mut peer = Peer::new(config, &mut rng);
        let now = Instant::now();
        peer.add_local_address(now, driver.local_address()).map_err(io::Error::other)?;
        peer.add_media(Medium::Audio);
        peer.add_media(Medium::Video);
        peer.add_data();
        let (requests, inbox) = channel();
        let over = Arc::new(AtomicBool::new(false));
        let thread =
            Thread { peer, driver, echo: Echo::new(initiate), inbox, over: Arc::clone(&over), began: now };
        std::thread::Builder::new().name("session".into()).spawn(move || thread.run())?;
        Ok(Self { requests: Mutex::new(requests), over })
    }

    /// Asks the thread, and waits for what it says.
    pub(super) fn ask(&self, request: Request) -> Result<Reply, String> {
        let (reply, answer) = sync_channel(1);
        let sent = self.requests.lock().map(|requests| requests.send((request, reply)));
        match sent {
            Ok(Ok(())) => {
                answer.recv_timeout(Duration::from_secs(5)).map_err(|_| "the session is over".to_owned())?
            }
            _ => Err("the session is over".into()),
        }
    }

    pub(super) fn is_over(&self) -> bool {
        self.over.load(Ordering::Relaxed)
    }
}

struct Thread {
    peer: Peer,
    driver: Driver,
    echo: Echo,
    inbox: Receiver<Ask>,
    over: Arc<AtomicBool>,
    began: Instant,
}

impl Thread {
    fn run(mut self) {
        let mut closing = None;
        while !self.peer.is_closed() {
            let now = Instant::now();
            while let Ok((request, reply)) = self.inbox.try_recv() {
                // Whoever asked may have given up.
                let _ = reply.send(self.serve(now, request));
            }
            while let Some(event) = self.peer.poll_event() {
                if self.ends(&event) {
                    self.peer.close(now);
                }
                self.echo.note(now, &event, &mut self.peer);
            }
            self.echo.go_on(now, &mut self.peer);
            if self.peer.stages().connected.is_none() && now > self.began + SETUP_TIME {
                self.peer.close(now);
            }
            if self.peer.is_closing() {
                let since = *closing.get_or_insert(now);
                if now > since + Duration::from_secs(2) {
                    break;
                }
            }
            if self.driver.turn(&mut self.peer, now + TICK).is_err() {
                break;
            }
        }
        self.over.store(true, Ordering::Relaxed);
    }

    fn serve(&mut self, now: Instant, request: Request) -> Result<Reply, String> {
        let text = |error: crate::peer::SignalError| error.to_string();
        match request {
            Request::Answer(offer) => self.peer.answer_offer(now, &offer).map(Reply::Text).map_err(text),
            Request::Offer => self.peer.create_offer().map(Reply::Text).map_err(text),
            Request::Accept(answer) => {
                self.peer.accept_answer(now, &answer).map(|()| Reply::Done).map_err(text)
            }
            Request::Trickle(_, Some(tag))
                if tag.trim_matches('"') != self.peer.ice().local_credentials().ufrag() =>
            {
                Ok(Reply::OtherGeneration)
            }
            Request::Trickle(fragment, _) => {
                let answer = self.peer.trickle(now, &fragment).map_err(text)?;
                let written =
                    answer.map(|answer| answer.write().map_err(|error| error.to_string())).transpose()?;
                Ok(written.map_or(Reply::Done, Reply::Text))
            }
            Request::Status => Ok(Reply::Status(self.echo.status(self.began, &self.peer, &self.driver))),
            Request::Close => {
                self.peer.close(now);
                Ok(Reply::Done)
            }
        }
    }

    /// The other side has gone: it said so, or its consent is lost.
    fn ends(&self, event: &PeerEvent) -> bool {
        match event {
            PeerEvent::Dtls(nomagic_dtls::Event::Closed(_))
            | PeerEvent::Ice(nomagic_ice::Event::Failed { .. }) => true,
            PeerEvent::Ice(nomagic_ice::Event::ConsentLost { .. }) => self.peer.ice().route().is_none(),
            _ => false,
        }
    }
}
