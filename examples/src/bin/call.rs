//! The main job: a whole call between two peers in this process, over real UDP sockets on the loopback.
//!
//! Offer and answer, ICE, DTLS, SRTP with sound and pictures from files, data channels both ways; then it says how it
//! went, compares what arrived with what was sent, and exits accordingly.
#![forbid(unsafe_code)]
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "it is a program")]

use std::fs::File;
use std::io::{BufWriter, Write};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use clap::Parser;
use indicatif::{ProgressBar, ProgressStyle};
use nomagic_dtls::{Identity, KeyLog, SrtpProfile};
use nomagic_examples::capture::Capture;
use nomagic_examples::ladder::Rung;
use nomagic_examples::media::Media;
use nomagic_examples::peer::{Medium, Peer, PeerConfig, PeerEvent, Stages, Trace};
use nomagic_examples::proxy::{Impairment, Proxy};
use nomagic_examples::script::{Part, Report, Side};
use nomagic_examples::udp::Driver;
use rand::rngs::StdRng;

/// A whole WebRTC call between two peers in one process, over real UDP sockets on the loopback.
///
/// Exits with 0 if everything arrived as it should: without loss every frame and message, with loss every message, and
/// no frame that was not sent, has a hole or is out of order.
#[derive(Debug, Parser)]
#[command(version)]
struct Options {
    /// Datagrams that vanish on the way, in per cent
    #[arg(long, value_name = "PERCENT", default_value_t = 0.0, value_parser = percent)]
    loss: f64,
    /// One-way delay, in milliseconds, at most 1000
    #[arg(long, value_name = "MS", default_value_t = 0, value_parser = clap::value_parser!(u64).range(0..=1000))]
    delay: u64,
    /// Datagrams that arrive late, in per cent
    #[arg(long, value_name = "PERCENT", default_value_t = 0.0, value_parser = percent)]
    reorder: f64,
    /// Seed of the bad network's chances
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// How media are protected
    #[arg(long, value_enum, default_value_t = Protection::Gcm128)]
    srtp: Protection,
    /// Over ::1 instead of 127.0.0.1
    #[arg(long)]
    ipv6: bool,
    /// Port of the first peer's socket; 0 for any
    #[arg(long, default_value_t = 0)]
    port: u16,
    /// VP8 in IVF to send instead of the built-in picture
    #[arg(long, value_name = "FILE")]
    video: Option<PathBuf>,
    /// Opus in Ogg to send instead of the built-in sound
    #[arg(long, value_name = "FILE")]
    audio: Option<PathBuf>,
    /// Writes a capture of the first peer's packets, for Wireshark
    #[arg(long, value_name = "FILE")]
    pcap: Option<PathBuf>,
    /// Writes the keys with which Wireshark decrypts DTLS
    #[arg(long, value_name = "FILE")]
    keylog: Option<PathBuf>,
    /// Adds a plain sentence to every line of the ladder
    #[arg(long)]
    explain: bool,
    /// Prints nothing unless something goes wrong
    #[arg(long, conflicts_with_all = ["json", "explain"])]
    quiet: bool,
    /// Prints the summary as JSON and nothing else
    #[arg(long, conflicts_with = "explain")]
    json: bool,
}

/// The profiles of SRTP.
#[derive(Debug, Clone, Copy, clap::ValueEnum)]
enum Protection {
    /// AEAD_AES_128_GCM
    Gcm128,
    /// AEAD_AES_256_GCM
    Gcm256,
    /// AES128_CM_HMAC_SHA1_80
    Cm,
}

impl Protection {
    fn profile(self) -> SrtpProfile {
        match self {
            Self::Gcm128 => SrtpProfile::AEAD_AES_128_GCM,
            Self::Gcm256 => SrtpProfile::AEAD_AES_256_GCM,
            Self::Cm => SrtpProfile::AES128_CM_HMAC_SHA1_80,
        }
    }
}

fn percent(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(value) if (0.0..=90.0).contains(&value) => Ok(value),
        _ => Err("a number from 0 to 90 is expected".into()),
    }
}

/// After this a call that has not ended has failed.
const TIME_LIMIT: Duration = Duration::from_millis(18_300);
/// How long both sides may take to hang up.
const GOODBYE: Duration = Duration::from_millis(1500);

fn main() -> ExitCode {
    let options = Options::parse();
    match run(&options) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(message) => {
            eprintln!("call: {message}");
            ExitCode::from(2)
        }
    }
}

/// What was agreed on, as events told it: when the call is over, the parts have forgotten.
#[derive(Debug, Default)]
struct Agreed {
    dtls: Option<String>,
    srtp: Option<String>,
    path: Option<String>,
}

impl Agreed {
    fn note(&mut self, event: &PeerEvent, peer: &Peer) {
        match event {
            PeerEvent::Dtls(nomagic_dtls::Event::Connected(connected)) => {
                let group = connected.group.map_or_else(String::new, |group| format!(" {group}"));
                self.dtls = Some(format!("{}{group}", connected.suite));
                self.srtp = peer.srtp_profile().map(|profile| profile.to_string());
            }
            PeerEvent::Ice(nomagic_ice::Event::SelectedPair { pair, .. }) => {
                self.path = Some(pair.route.to_string());
            }
            _ => {}
        }
    }
}

/// What one side has to tell when it is over.
struct Outcome {
    report: Report,
    stages: Stages,
    trace: Vec<Trace>,
    sent: u64,
    received: u64,
    lost: i64,
    agreed: Agreed,
    clean: bool,
    timed_out: bool,
    why: Option<String>,
}

fn run(options: &Options) -> Result<bool, String> {
    let (audio, video) = load_media(options)?;
    let start = Instant::now();
    let ip: IpAddr = if options.ipv6 { Ipv6Addr::LOCALHOST.into() } else { Ipv4Addr::LOCALHOST.into() };
    let bind =
        |port| Driver::bind(ip, port).map_err(|error| format!("cannot bind {ip} port {port}: {error}"));
    let (mut driver_a, driver_z) = (bind(options.port)?, bind(0)?);
    let addresses = [driver_a.local_address(), driver_z.local_address()];
    let proxy = start_proxy(options, ip, addresses)?;
    let mut rng: StdRng = rand::make_rng();
    let identities = [(); 2].map(|()| Arc::new(Identity::generate(&mut rng)));
    let key_log = open_key_log(options)?;
    let [mut a, mut z] = [(true, &identities[0]), (false, &identities[1])].map(|(offering, identity)| {
        let mut config = PeerConfig::new(Arc::clone(identity), offering);
        config.profiles = vec![options.srtp.profile()];
        config.trace = offering && !options.quiet && !options.json;
        config.key_log = key_log.clone().filter(|_| offering);
        // Both ends acknowledge within 5 ms, so a lost packet need not be waited for as long as with a stranger.
        config.data.rto_initial = Duration::from_millis(200) + Duration::from_millis(2 * options.delay);
        config.data.sack_delay = Duration::from_millis(5);
        config.data.rto_min = Duration::from_millis(25);
        if options.delay == 0 {
            // A socket's buffer holds about a hundred packets: a megabyte at once would push sound and picture out of it.
            config.data.max_window = 32;
        }
        Peer::new(config, &mut rng)
    });
    let capture = open_capture(options, start, &mut driver_a)?;
    let signalling = signal(start, &mut a, &mut z, addresses, proxy.as_ref())?;
    if !options.quiet && !options.json {
        print_signalling(options, &signalling);
    }
    let outcomes = converse(options, start, (a, driver_a), (z, driver_z), &audio, &video)?;
    drop(proxy);
    finish_capture(capture)?;
    if options.json {
        println!("{}", to_json(options, start, &outcomes));
    } else if !options.quiet {
        print_ladder(options, start, &outcomes[0].trace);
        print_summary(start, &outcomes);
    }
    Ok(judge(options, &outcomes))
}

fn load_media(options: &Options) -> Result<(Media, Media), String> {
    let named = |path: &PathBuf, error| format!("{}: {error}", path.display());
    let audio = match &options.audio {
        Some(path) => Media::open_ogg(path).map_err(|error| named(path, error))?,
        None => {
            Media::from_ogg(include_bytes!("../../media/sound.opus").to_vec()).map_err(|e| e.to_string())?
        }
    };
    let video = match &options.video {
        Some(path) => Media::open_ivf(path).map_err(|error| named(path, error))?,
        None => {
            Media::from_ivf(include_bytes!("../../media/picture.ivf")).map_err(|error| error.to_string())?
        }
    };
    // A call ends by itself, so long media are cut.
    Ok((cut(audio), cut(video)))
}

fn cut(mut media: Media) -> Media {
    let longest = Duration::from_secs(8).as_nanos() / media.interval.as_nanos().max(1);
    media.frames.truncate(usize::try_from(longest).unwrap_or(usize::MAX));
    media
}

fn start_proxy(options: &Options, ip: IpAddr, addresses: [SocketAddr; 2]) -> Result<Option<Proxy>, String> {
    let impairment = Impairment {
        loss: options.loss / 100.0,
        delay: Duration::from_millis(options.delay),
        reorder: options.reorder / 100.0,
    };
    if impairment == Impairment::default() {
        return Ok(None);
    }
    let proxy = Proxy::start(ip, addresses, impairment, options.seed);
    proxy.map(Some).map_err(|error| format!("cannot start the proxy: {error}"))
}

fn open_key_log(options: &Options) -> Result<Option<KeyLog>, String> {
    let Some(path) = &options.keylog else { return Ok(None) };
    let file = File::create(path).map_err(|error| format!("{}: {error}", path.display()))?;
    let file = Mutex::new(file);
    Ok(Some(KeyLog::new(move |line| {
        if let Ok(mut file) = file.lock() {
            // A full disk costs the log, not the call.
            let _ = writeln!(file, "{line}");
        }
    })))
}

type SharedCapture = Arc<Mutex<Option<Capture<BufWriter<File>>>>>;

fn open_capture(
    options: &Options,
    start: Instant,
    driver: &mut Driver,
) -> Result<Option<(PathBuf, SharedCapture)>, String> {
    let Some(path) = &options.pcap else { return Ok(None) };
    let opened = File::create(path).and_then(|file| Capture::new(BufWriter::new(file)));
    let capture = opened.map_err(|error| format!("{}: {error}", path.display()))?;
    let shared: SharedCapture = Arc::new(Mutex::new(Some(capture)));
    let tap = Arc::clone(&shared);
    driver.set_tap(Box::new(move |now, source, destination, bytes| {
        if let Ok(mut capture) = tap.lock()
            && let Some(capture) = capture.as_mut()
        {
            let _ = capture.datagram(now.saturating_duration_since(start), source, destination, bytes);
        }
    }));
    Ok(Some((path.clone(), shared)))
}

fn finish_capture(capture: Option<(PathBuf, SharedCapture)>) -> Result<(), String> {
    let Some((path, shared)) = capture else { return Ok(()) };
    let capture = shared.lock().ok().and_then(|mut capture| capture.take());
    let flushed = capture.map_or(Ok(()), |capture| capture.into_inner().flush());
    flushed.map_err(|error| format!("{}: {error}", path.display()))
}

/// Offer and answer, handed over in this process; a line for each.
fn signal(
    start: Instant,
    a: &mut Peer,
    z: &mut Peer,
    addresses: [SocketAddr; 2],
    proxy: Option<&Proxy>,
) -> Result<[(Duration, String); 2], String> {
    let now = Instant::now();
    a.add_local_address(now, addresses[0])?;
    z.add_local_address(now, addresses[1])?;
    for peer in [&mut *a, &mut *z] {
        peer.add_media(Medium::Audio);
        peer.add_media(Medium::Video);
        peer.add_data();
    }
    // With a proxy, each side is told the proxy's address in place of the other's.
    let through = |text: String, own: SocketAddr, stand_in: Option<SocketAddr>| match stand_in {
        Some(stand_in) => text.replace(
            &format!("{} {} typ", own.ip(), own.port()),
            &format!("{} {} typ", stand_in.ip(), stand_in.port()),
        ),
        None => text,
    };
    let offer = a.create_offer().map_err(|error| format!("the offer: {error}"))?;
    let offered = start.elapsed();
    let offer = through(offer, addresses[0], proxy.map(Proxy::address_for_z));
    let answer = z.answer_offer(Instant::now(), &offer).map_err(|error| format!("the offer: {error}"))?;
    let answer = through(answer, addresses[1], proxy.map(Proxy::address_for_a));
    a.accept_answer(Instant::now(), &answer).map_err(|error| format!("the answer: {error}"))?;
    Ok([(offered, offer), (start.elapsed(), answer)])
}

/// Lets both sides talk, each in a thread of its own, until both are done; then both hang up.
fn converse(
    options: &Options,
    start: Instant,
    a: (Peer, Driver),
    z: (Peer, Driver),
    audio: &Media,
    video: &Media,
) -> Result<[Outcome; 2], String> {
    let (done, progress) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let over = AtomicBool::new(false);
    let bar = if options.quiet || options.json { ProgressBar::hidden() } else { progress_bar() };
    let talk = |side, (peer, driver): (Peer, Driver)| {
        let (audio, video) = (audio.clone(), video.clone());
        let (done, progress, over) = (&done, &progress, &over);
        move || Talk { side, start, done, progress, over }.run(peer, driver, audio, video)
    };
    let (talk_a, talk_z) = (talk(Side::A, a), talk(Side::Z, z));
    std::thread::scope(|scope| {
        let threads = [scope.spawn(talk_a), scope.spawn(talk_z)];
        while !threads.iter().all(std::thread::ScopedJoinHandle::is_finished) {
            bar.set_position(progress.load(Ordering::Relaxed) as u64);
            std::thread::sleep(Duration::from_millis(20));
        }
        bar.finish_and_clear();
        let [a, z] =
            threads.map(|thread| thread.join().map_err(|_| "a side of the call panicked".to_owned()));
        Ok([a??, z??])
    })
}

fn progress_bar() -> ProgressBar {
    let bar = ProgressBar::new(1000);
    if let Ok(style) = ProgressStyle::with_template("  in the call [{bar:40}] {percent}%") {
        bar.set_style(style.progress_chars("=> "));
    }
    bar
}

/// One side's thread.
struct Talk<'s> {
    side: Side,
    start: Instant,
    done: &'s AtomicUsize,
    progress: &'s AtomicUsize,
    over: &'s AtomicBool,
}

impl Talk<'_> {
    fn run(self, mut peer: Peer, mut driver: Driver, audio: Media, video: Media) -> Result<Outcome, String> {
        let mut part = Part::new(self.side, Instant::now(), audio, video, &mut peer);
        let (mut counted, mut hung_up, mut timed_out) = (false, None, false);
        let mut agreed = Agreed::default();
        loop {
            let now = Instant::now();
            while let Some(event) = peer.poll_event() {
                agreed.note(&event, &peer);
                if let PeerEvent::Channel(event) = event {
                    part.note(event, &mut peer);
                }
            }
            let wake = part.go_on(now, &mut peer);
            if self.side == Side::A {
                self.progress.store(per_mille(part.progress()), Ordering::Relaxed);
            }
            if !counted && part.is_done(now) {
                counted = true;
                self.done.fetch_add(1, Ordering::Relaxed);
            }
            timed_out |= now > self.start + TIME_LIMIT;
            if self.done.load(Ordering::Relaxed) == 2 || timed_out {
                self.over.store(true, Ordering::Relaxed);
            }
            if hung_up.is_none() && self.over.load(Ordering::Relaxed) {
                peer.close(now);
                hung_up = Some(now);
            }
            let patience = hung_up.is_some_and(|since| now > since + GOODBYE);
            if peer.is_closed() || patience {
                break;
            }
            driver.turn(&mut peer, wake).map_err(|error| format!("socket: {error}"))?;
        }
        Ok(Self::outcome(&mut peer, &driver, &part, agreed, timed_out))
    }

    fn outcome(peer: &mut Peer, driver: &Driver, part: &Part, agreed: Agreed, timed_out: bool) -> Outcome {
        Outcome {
            report: part.report(),
            stages: peer.stages(),
            trace: peer.take_trace(),
            sent: driver.sent,
            received: driver.received,
            lost: peer.rtp().sources().map(|source| source.lost).sum(),
            agreed,
            clean: peer.is_closed(),
            timed_out,
            why: peer.ice().why_not_connected().map(|diagnosis| diagnosis.to_string()),
        }
    }
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a share of 0 to 1")]
fn per_mille(share: f64) -> usize {
    (share.clamp(0.0, 1.0) * 1000.0) as usize
}

fn print_signalling(options: &Options, signalling: &[(Duration, String); 2]) {
    for ((time, text), (name, arrow)) in
        signalling.iter().zip([("offer", "a ------> z"), ("answer", "a <------ z")])
    {
        let media = text.matches("\nm=").count();
        let milliseconds = time.as_secs_f64() * 1000.0;
        println!(
            "{milliseconds:9.1} ms  {arrow}  SDP   {name} of {} octets, {media} media  [RFC 9429 section 5]",
            text.len()
        );
        if options.explain {
            println!(
                "{:38}Who I am, where I can be reached, which codecs I know, and which certificate I will show.",
                ""
            );
        }
    }
}

fn print_ladder(options: &Options, start: Instant, trace: &[Trace]) {
    let mut last = start;
    for line in trace {
        if line.time.saturating_duration_since(last) > Duration::from_secs(1) {
            println!("{:12}  ... the call ...", "");
        }
        last = line.time;
        println!("{}", Rung::new(start, line, options.explain));
    }
}

fn stage_times(start: Instant, stages: &Stages) -> [(&'static str, Option<f64>); 6] {
    let since =
        |stage: Option<Instant>| stage.map(|at| at.saturating_duration_since(start).as_secs_f64() * 1000.0);
    [
        ("signalled", since(stages.signalled)),
        ("path found", since(stages.connected)),
        ("path chosen", since(stages.selected)),
        ("secured", since(stages.secured)),
        ("data channels", since(stages.data)),
        ("first media", since(stages.media)),
    ]
}

fn print_summary(start: Instant, [a, z]: &[Outcome; 2]) {
    println!();
    println!("{:<24}{:>22}{:>22}", "", "peer a", "peer z");
    for (first, second) in stage_times(start, &a.stages).iter().zip(stage_times(start, &z.stages)) {
        let text = |time: Option<f64>| time.map_or("never".to_owned(), |time| format!("{time:.1} ms"));
        println!("{:<24}{:>22}{:>22}", first.0, text(first.1), text(second.1));
    }
    let row = |name: &str, value: &dyn Fn(&Outcome) -> String| {
        println!("{name:<24}{:>22}{:>22}", value(a), value(z));
    };
    row("datagrams sent", &|side| side.sent.to_string());
    row("datagrams received", &|side| side.received.to_string());
    row("media packets lost", &|side| side.lost.to_string());
    row("audio frames", &|side| {
        format!("{} of {}", side.report.frames_received[0], side.report.frames_expected[0])
    });
    row("video frames", &|side| {
        format!("{} of {}", side.report.frames_received[1], side.report.frames_expected[1])
    });
    row("messages", &|side| {
        format!(
            "{} of {}",
            side.report.messages_received,
            side.report.messages_received + side.report.messages_missing
        )
    });
    let known = |text: &Option<String>| text.clone().unwrap_or_else(|| "-".into());
    println!("{:<24}{}", "DTLS", known(&a.agreed.dtls));
    println!("{:<24}{}", "SRTP", known(&a.agreed.srtp));
    println!("{:<24}{}", "path", known(&a.agreed.path));
    println!("{:<24}{:.1} s", "in all", start.elapsed().as_secs_f64());
}

/// Whether the call was as it should be; says what was not.
fn judge(options: &Options, outcomes: &[Outcome; 2]) -> bool {
    let lossless = options.loss == 0.0;
    let mut complaints = Vec::new();
    for (outcome, name) in outcomes.iter().zip(["peer a", "peer z"]) {
        let report = &outcome.report;
        complaints.extend(report.faults.iter().map(|fault| format!("{name}: received {fault}")));
        if report.messages_missing > 0 {
            complaints.push(format!("{name}: {} messages are missing", report.messages_missing));
        }
        for (at, kind) in ["audio", "video"].iter().enumerate() {
            let (received, expected) = (report.frames_received[at], report.frames_expected[at]);
            if lossless && received != expected {
                complaints.push(format!("{name}: {received} of {expected} {kind} frames arrived"));
            } else if received == 0 {
                complaints.push(format!("{name}: no {kind} arrived"));
            }
        }
        if outcome.timed_out {
            let why = outcome.why.as_ref().map_or(String::new(), |why| format!(": {why}"));
            complaints.push(format!("{name}: not done after {:.1} s{why}", TIME_LIMIT.as_secs_f64()));
        } else if lossless && !outcome.clean {
            complaints.push(format!("{name}: the call did not end cleanly"));
        }
    }
    for complaint in &complaints {
        eprintln!("call: {complaint}");
    }
    complaints.is_empty()
}

fn to_json(options: &Options, start: Instant, outcomes: &[Outcome; 2]) -> serde_json::Value {
    let side = |outcome: &Outcome| {
        let stages: serde_json::Map<String, serde_json::Value> = stage_times(start, &outcome.stages)
            .into_iter()
            .map(|(name, time)| (name.replace(' ', "_"), time.into()))
            .collect();
        serde_json::json!({
            "stages_ms": stages,
            "datagrams": { "sent": outcome.sent, "received": outcome.received },
            "media_packets_lost": outcome.lost,
            "audio_frames": { "received": outcome.report.frames_received[0], "expected": outcome.report.frames_expected[0] },
            "video_frames": { "received": outcome.report.frames_received[1], "expected": outcome.report.frames_expected[1] },
            "messages": {
                "sent": outcome.report.messages_sent,
                "received": outcome.report.messages_received,
                "missing": outcome.report.messages_missing,
            },
            "faults": outcome.report.faults,
            "dtls": outcome.agreed.dtls,
            "srtp": outcome.agreed.srtp,
            "path": outcome.agreed.path,
            "ended_cleanly": outcome.clean,
        })
    };
    serde_json::json!({
        "network": { "loss_percent": options.loss, "delay_ms": options.delay, "reorder_percent": options.reorder },
        "seconds": start.elapsed().as_secs_f64(),
        "a": side(&outcomes[0]),
        "z": side(&outcomes[1]),
    })
}
