//! An association that is up, and a peer that says what the input wants: chunks of every type whose numbers are near
//! those in use. Nothing panics, no packet passes the path, and time runs on without spinning.
#![no_main]

use std::time::Duration;

use libfuzzer_sys::fuzz_target;
use nomagic_sctp::{Association, Config, Reliability, SendOptions};
use nomagic_testkit::{clock, rng};

const KINDS: [u8; 24] =
    [0, 0, 3, 3, 64, 64, 192, 194, 130, 130, 1, 2, 4, 5, 6, 7, 8, 9, 10, 11, 14, 132, 0x3f, 0xff];

fn packet(tag: u32, chunks: &[u8]) -> Vec<u8> {
    let mut out = vec![0x13, 0x88, 0x13, 0x88];
    out.extend_from_slice(&tag.to_be_bytes());
    out.extend_from_slice(&[0; 4]);
    out.extend_from_slice(chunks);
    let crc = crc32c::crc32c(&out).to_le_bytes();
    out[8..12].copy_from_slice(&crc);
    out
}

fuzz_target!(|bytes: &[u8]| {
    let [first, commands @ ..] = bytes else { return };
    let mut config = Config::default();
    if first & 1 != 0 {
        (config.receive_window, config.max_receive_message) = (5000, 3000);
        config.send_buffer = 20_000;
    }
    let most = config.path_mtu;
    let mut machine = Association::new(config, &mut rng(1));
    let mut now = clock::origin();
    let ours = machine.sctp_init();
    let (tag, tsn) = (number(&ours[4..]), number(&ours[16..]));
    let mut init = vec![1, 0, 0, 32];
    init.extend([7u32, 100_000, 0x0010_0010, 1000].map(u32::to_be_bytes).concat());
    let extensions: &[u8] = if first & 2 != 0 { &[130, 192, 64, 194] } else { &[130, 192, 0, 0] };
    init.extend([&[0xc0, 0, 0, 4, 0x80, 8, 0, 8], extensions].concat());
    machine.connect_with(now, &init).expect("a good INIT");
    let mut input = commands.iter().copied();
    let mut sent = 0;
    while let Some(command) = input.next() {
        let mut byte = || input.next().unwrap_or(0);
        match command & 7 {
            0 => {
                let options = SendOptions {
                    ppid: 53,
                    unordered: command & 8 != 0,
                    reliability: match command >> 4 {
                        0 => Reliability::MaxRetransmits(u16::from(byte() & 1)),
                        1 => Reliability::Lifetime(Duration::from_millis(u64::from(byte()))),
                        2 => Reliability::Priority(u32::from(byte() & 3)),
                        _ => Reliability::Reliable,
                    },
                };
                let length = 1 + usize::from(byte()) * 30;
                sent += u32::from(
                    machine.send(now, u16::from(byte() & 7), vec![1; length].into(), options).is_ok(),
                );
            }
            1 => {
                let _ = machine.reset_streams(now, &[u16::from(byte() & 7)]);
            }
            2 => {
                now += Duration::from_millis(u64::from(byte()) * 4);
                machine.handle_timeout(now);
            }
            3 if command == 0xfb => machine.shutdown(now),
            3 if command == 0xf3 => machine.path_changed(now),
            3 if command == 0xeb => machine.set_path_mtu(1163),
            4 => {
                machine.receive(now);
            }
            _ => {
                let kind = KINDS[usize::from(byte()) % KINDS.len()];
                let (flags, length) = (byte(), usize::from(byte()));
                let mut value: Vec<u8> = (0..length).map(|_| byte()).collect();
                // The first number is near the one that counts.
                let at = if kind == 130 { 4 } else { 0 };
                if flags & 16 == 0 && value.len() >= at + 4 {
                    let base = if matches!(kind, 3 | 7) { tsn } else { 1000 };
                    let near = base.wrapping_add(u32::from(value[at])).wrapping_sub(16);
                    value[at..at + 4].copy_from_slice(&near.to_be_bytes());
                    if kind == 130 {
                        let size = u16::try_from(value.len()).unwrap_or(0).to_be_bytes();
                        let request = 13 + value[1] % 6;
                        value[..4].copy_from_slice(&[0, request, size[0], size[1]]);
                    }
                }
                let mut chunk = vec![kind, flags];
                chunk.extend_from_slice(&u16::try_from(value.len() + 4).unwrap_or(0).to_be_bytes());
                chunk.extend_from_slice(&value);
                chunk.resize(chunk.len().next_multiple_of(4), 0);
                let tag = if kind == 1 { 0 } else { tag };
                machine.handle_input(now, &mut packet(tag, &chunk));
            }
        }
        let mut out = Vec::new();
        for turn in 0.. {
            out.clear();
            if machine.poll_transmit(now, &mut out).is_none() {
                break;
            }
            assert!(out.len() <= most, "{} octets", out.len());
            assert!(turn < 20_000, "packets without end after {sent} messages");
        }
        // What is due is done at once, and then something else is next.
        if let Some(deadline) = machine.poll_timeout().filter(|at| *at <= now) {
            machine.handle_timeout(now);
            while machine.poll_transmit(now, &mut out).is_some() {}
            assert!(machine.poll_timeout().is_none_or(|next| next > deadline), "time stands still");
        }
    }
});

fn number(bytes: &[u8]) -> u32 {
    bytes.get(..4).and_then(|b| b.try_into().ok()).map_or(0, u32::from_be_bytes)
}
