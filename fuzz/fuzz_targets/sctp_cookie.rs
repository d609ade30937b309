//! State cookies: the input changes one that was made, or is one. Only the unchanged cookie sets anything up.
#![no_main]

use std::time::Duration;

use libfuzzer_sys::fuzz_target;
use nomagic_sctp::chunk::Chunk;
use nomagic_sctp::packet::Packet;
use nomagic_sctp::param::ParamType;
use nomagic_sctp::{Association, AssociationState, Config};
use nomagic_testkit::{clock, rng};

fn packet(tag: u32, kind: u8, value: &[u8]) -> Vec<u8> {
    let mut out = vec![0x13, 0x88, 0x13, 0x88];
    out.extend_from_slice(&tag.to_be_bytes());
    out.extend_from_slice(&[0; 4]);
    let length = u16::try_from(value.len() + 4).unwrap_or(u16::MAX);
    out.extend_from_slice(&[kind, 0]);
    out.extend_from_slice(&length.to_be_bytes());
    out.extend_from_slice(value);
    out.resize(out.len().next_multiple_of(4), 0);
    let crc = crc32c::crc32c(&out).to_le_bytes();
    out[8..12].copy_from_slice(&crc);
    out
}

fuzz_target!(|bytes: &[u8]| {
    let [how, late, rest @ ..] = bytes else { return };
    if rest.len() > 60_000 {
        return;
    }
    let mut machine = Association::new(Config::default(), &mut rng(1));
    let mut now = clock::origin();
    let init = [7u32, 9999, 0x0005_0005, 1].map(u32::to_be_bytes).concat();
    machine.handle_input(now, &mut packet(0, 1, &init));
    let mut answer = Vec::new();
    machine.poll_transmit(now, &mut answer).expect("an INIT is answered");
    let parsed = Packet::parse(&answer).expect("our packets parse");
    let Some(Ok(Chunk::InitAck(ack))) = parsed.chunks().next().map(Chunk::parse) else { panic!("{parsed}") };
    let good = ack.params.find(ParamType::STATE_COOKIE).expect("a cookie").to_vec();
    let mut cookie = good.clone();
    match how & 3 {
        0 => cookie = rest.to_vec(),
        1 => cookie.iter_mut().zip(rest).for_each(|(octet, change)| *octet ^= change),
        2 => cookie.truncate(rest.len()),
        _ => cookie.extend_from_slice(rest),
    }
    now += Duration::from_secs(u64::from(*late));
    machine.handle_input(now, &mut packet(ack.tag, 10, &cookie));
    let up = machine.state() == AssociationState::Established;
    assert_eq!(up, cookie == good && *late <= 60);
    machine.handle_input(now, &mut packet(ack.tag, 10, &cookie));
    let mut out = Vec::new();
    while machine.poll_transmit(now, &mut out).is_some() {}
});
