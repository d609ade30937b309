//! Several encodings of one source at once.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod common;

use common::{config, exchange, side, track, transport};
use nomagic_sdp::Negotiator;
use nomagic_sdp::attribute::Direction;
use nomagic_sdp::negotiation::{Codec, Encoding, Kind};

//= rfc8853#5.1-1 test
//= rfc8853#5.3.1-1 test
//= rfc8853#5.3.2-3 test
//= rfc8853#5.3.2-7 test
//= rfc8853#5.3.2-8 test
//= rfc8853#5.3.3-1 test
//= rfc8853#5.3.3-4 test
//= rfc8829#5.2.1-32 test
//= rfc8829#5.2.1-33 test
//= rfc8829#5.2.1-35 test
//= rfc8829#5.2.2-19 test
//= rfc8829#5.2.2-20 test
//= rfc8851#6.1-3 test
//= rfc8851#6.3-4 test
//= rfc8853#5.2-9 test
//= rfc8853#5.2-10 test
//= rfc8853#5.3.3-5 test
/// Encodings are offered, taken in the order of the list without their pauses, kept in the next offers of both sides, and
/// not sent to whoever does not take them.
#[test]
fn several_encodings_are_offered_and_answered() {
    let simulcast = |side: &mut Negotiator| {
        let number = side.add_media(Kind::Video, Direction::SendRecv, track(5));
        let mut encodings = ["h", "m", "l"].map(Encoding::new).to_vec();
        encodings[1].restrictions = "max-width=640;max-fps=15".into();
        encodings[2].paused = true;
        side.set_encodings(number, encodings);
    };
    let (mut a, mut z) = (side(1), side(2));
    simulcast(&mut a);
    let (offer, answer) = exchange(&mut a, &mut z);
    assert!(offer.contains("a=rid:h send\r\na=rid:m send max-width=640;max-fps=15\r\na=rid:l send\r\na=simulcast:send h;m;l\r\n"), "{offer}");
    assert!(answer.contains("a=rid:h recv\r\na=rid:m recv max-width=640;max-fps=15\r\na=rid:l recv\r\na=simulcast:recv h;m;l\r\n"), "{answer}");
    let names =
        |side: &Negotiator| side.sections()[0].sending.iter().map(|own| own.rid.clone()).collect::<Vec<_>>();
    assert!(a.sections()[0].sending.iter().all(|own| !own.paused), "nobody here can be asked to pause");
    assert_eq!(names(&a), ["h", "m", "l"]);
    assert_eq!(z.sections()[0].remote.as_ref().unwrap().rids, ["h", "m", "l"]);
    for _ in 0..2 {
        let (offer, _) = exchange(&mut z, &mut a);
        assert!(offer.contains("a=simulcast:recv h;m;l\r\n"), "{offer}");
        assert_eq!(names(&a), ["h", "m", "l"]);
        let (offer, _) = exchange(&mut a, &mut z);
        assert!(offer.contains("a=simulcast:send h;m;l\r\n"));
    }
    // Fewer are taken, and only those that are not paused by an answer that may pause.
    let (mut a, mut few) = (
        side(1),
        Negotiator::new({
            let mut config = config(2);
            config.simulcast_streams = 2;
            config
        }),
    );
    simulcast(&mut a);
    let (_, answer) = exchange(&mut a, &mut few);
    assert!(answer.contains("a=simulcast:recv h;m\r\n"));
    assert_eq!(names(&a), ["h", "m"]);
    let (mut a, mut none) = (
        side(1),
        Negotiator::new({
            let mut config = config(2);
            config.simulcast_streams = 0;
            config
        }),
    );
    simulcast(&mut a);
    let (_, answer) = exchange(&mut a, &mut none);
    assert!(!answer.contains("simulcast") && !answer.contains("a=rid"));
    assert_eq!(names(&a), Vec::<String>::new());
    // With a way to ask for pauses, the offer says which encodings begin paused; an answer echoes none.
    let mut pausable = config(1);
    pausable.video.codecs[0] =
        Codec::new(96, "VP8", 90_000, None).with_feedback(&["nack", "nack pli", "ccm pause"]);
    pausable.video.codecs.pop();
    let (mut a, mut z) = (Negotiator::new(pausable.clone()), Negotiator::new(pausable));
    simulcast(&mut a);
    let (offer, answer) = exchange(&mut a, &mut z);
    assert!(
        offer.contains("a=simulcast:send h;m;~l\r\n") && answer.contains("a=simulcast:recv h;m;l\r\n"),
        "{offer}{answer}"
    );
    assert!(z.sections()[0].remote.as_ref().unwrap().sends[2].paused);
}

//= rfc8853#5.2-1 test
//= rfc8853#5.2-2 test
//= rfc8853#5.2-4 test
//= rfc8853#5.2-5 test
//= rfc8853#5.2-17 test
//= rfc8853#5.3.2-1 test
//= rfc8853#5.3.2-2 test
//= rfc8853#5.3.2-5 test
//= rfc8851#4-10 test
//= rfc8851#6.2.2-1 test
//= rfc8851#6.2.2-2 test
//= rfc8851#6.3-3 test
//= rfc8851#6.3-5 test
//= rfc8851#6.3-6 test
//= rfc8829#5.8.3-8 test
//= rfc8829#5.8.2-25 test
//= rfc8829#5.8.2-26 test
/// What a hostile or careless offer says of encodings.
#[test]
fn encodings_that_make_no_sense_are_not_answered() {
    let mut a = side(1);
    let number = a.add_media(Kind::Video, Direction::SendRecv, track(5));
    a.set_encodings(number, ["1", "2"].map(Encoding::new).to_vec());
    let offer = a.create_offer(&transport(1)).unwrap();
    let lines = "a=rid:1 send\r\na=rid:2 send\r\na=simulcast:send 1;2\r\n";
    assert!(offer.contains(lines), "{offer}");
    let answered = |to: &str| {
        let mut z = side(2);
        z.accept_offer(offer.replace(lines, to).as_bytes()).map(|()| {
            let answer = z.create_answer(&transport(2)).unwrap();
            let kept =
                answer.lines().filter(|line| line.starts_with("a=rid") || line.starts_with("a=simulcast"));
            kept.map(str::to_owned).collect::<Vec<_>>()
        })
    };
    let none = Vec::<String>::new();
    assert_eq!(answered(lines).unwrap(), ["a=rid:1 recv", "a=rid:2 recv", "a=simulcast:recv 1;2"]);
    assert!(answered("a=rid:1 send\r\na=simulcast:send 1;2\r\n").is_err(), "a name that is not declared");
    assert_eq!(answered(&format!("{lines}a=simulcast:send 1\r\n")).unwrap(), none, "twice");
    let session = format!("a=rid:1 send\r\n{}", "");
    assert_eq!(answered(&session).unwrap(), none, "declared alone");
    assert_eq!(
        answered("a=rid:1 send\r\na=rid:1 send\r\na=rid:2 send\r\na=simulcast:send 1;2\r\n").unwrap(),
        ["a=rid:2 recv", "a=simulcast:recv 2"]
    );
    assert_eq!(
        answered("a=rid:1 recv\r\na=rid:2 send\r\na=simulcast:send 1;2\r\n").unwrap(),
        ["a=rid:2 recv", "a=simulcast:recv 2"]
    );
    assert_eq!(
        answered("a=rid:1 send\r\na=rid:2 send\r\na=simulcast:send 1;1;2\r\n").unwrap(),
        ["a=rid:1 recv", "a=rid:2 recv", "a=simulcast:recv 1;2"]
    );
    assert_eq!(
        answered("a=rid:1 send pt=96,55\r\na=rid:2 send pt=55\r\na=simulcast:send 1;2\r\n").unwrap(),
        ["a=rid:1 recv pt=96", "a=simulcast:recv 1"]
    );
    assert_eq!(
        answered("a=rid:1 send\r\na=rid:2 send depend=9\r\na=simulcast:send 1;2\r\n").unwrap(),
        ["a=rid:1 recv", "a=simulcast:recv 1"]
    );
    assert_eq!(
        answered("a=rid:1 send\r\na=rid:2 send\r\na=simulcast:send 1,2\r\n").unwrap(),
        ["a=rid:1 recv", "a=simulcast:recv 1"]
    );
    // The other side takes one of ours, however many we have, and no others.
    let mut z = side(2);
    z.accept_offer(offer.replace(lines, "a=rid:1 recv\r\na=simulcast:recv 1\r\n").as_bytes()).unwrap();
    z.set_media(0, Direction::SendRecv, track(9));
    z.set_encodings(0, ["1", "2", "3"].map(Encoding::new).to_vec());
    let answer = z.create_answer(&transport(2)).unwrap();
    assert!(answer.contains("a=rid:1 send\r\na=simulcast:send 1\r\n"), "{answer}");
    assert!(!answer.contains("a=rid:2") && !answer.contains("a=rid:3"), "{answer}");
    // At the session it means nothing.
    let mut z = side(2);
    let text = offer.replace(lines, "").replace("t=0 0\r\n", &format!("t=0 0\r\n{lines}"));
    z.accept_offer(text.as_bytes()).unwrap();
    assert!(!z.create_answer(&transport(2)).unwrap().contains("simulcast"));
}

//= rfc8851#6.4-1 test
//= rfc8851#6.4-2 test
//= rfc8851#6.4-3 test
//= rfc8851#6.4-4 test
//= rfc8853#5.3.3-2 test
/// An answer may restrict more, never less, and nothing that was not offered.
#[test]
fn answers_that_loosen_restrictions_lose_their_encodings() {
    let kept = |line: &str| {
        let (mut a, mut z) = (side(1), side(2));
        let number = a.add_media(Kind::Video, Direction::SendRecv, track(5));
        let mut encoding = Encoding::new("1");
        encoding.restrictions = "max-width=640".into();
        a.set_encodings(number, vec![encoding, Encoding::new("2")]);
        let offer = a.create_offer(&transport(1)).unwrap();
        z.accept_offer(offer.as_bytes()).unwrap();
        let answer = z.create_answer(&transport(2)).unwrap();
        let text = answer.replace("a=rid:1 recv max-width=640", line);
        assert_ne!(line == "a=rid:1 recv max-width=640", text != answer);
        a.accept_answer(text.as_bytes()).unwrap();
        a.sections()[0].sending.iter().map(|own| own.rid.clone()).collect::<Vec<_>>()
    };
    assert_eq!(kept("a=rid:1 recv max-width=640"), ["1", "2"]);
    assert_eq!(kept("a=rid:1 recv max-width=320"), ["1", "2"]);
    assert_eq!(kept("a=rid:1 recv max-width=1280"), ["2"]);
    assert_eq!(kept("a=rid:1 recv max-width=640;max-fps=5"), ["2"]);
    assert_eq!(kept("a=rid:1 recv pt=96"), ["2"]);
}
