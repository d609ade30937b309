//! Two ends of an association under an adversarial link, driven by commands.
#![no_main]

use libfuzzer_sys::fuzz_target;
use std::time::Duration;

use nomagic_sctp::Config;
use nomagic_sctp::channel::{ChannelOptions, Channels, Message, Role};
use nomagic_testkit::{clock, rng};

fuzz_target!(|bytes: &[u8]| {
    let mut ends = [1, 2].map(|seed| Channels::new(Config::default(), &mut rng(seed)));
    let mut now = clock::origin();
    ends[0].connect(now, Role::Client);
    ends[1].connect(now, Role::Server);
    let mut ids = [Vec::new(), Vec::new()];
    for command in bytes.chunks(3) {
        let [first, bend, more] = [0, 1, 2].map(|at| command.get(at).copied().unwrap_or(0));
        let side = usize::from(first & 1);
        now += Duration::from_millis(u64::from(first >> 4) * 11);
        match first >> 1 & 7 {
            0 => ends[side].handle_timeout(now),
            1 => {
                let options = ChannelOptions { ordered: bend & 1 == 0, ..ChannelOptions::default() };
                ids[side].extend(ends[side].open(now, "label", options));
            }
            2 => {
                if let Some(id) = ids[side].get(usize::from(bend) % ids[side].len().max(1)).copied() {
                    let _ = ends[side].send(now, id, Message::binary(vec![bend; usize::from(more) * 40]));
                }
            }
            3 => {
                if let Some(id) = ids[side].pop() {
                    ends[side].close_channel(now, id);
                }
            }
            4 => {
                while ends[side].receive(now).is_some() {}
                while ends[side].poll_event().is_some() {}
            }
            5 if bend == 255 => ends[side].close(now),
            _ => {
                let mut out = Vec::new();
                if ends[side].poll_transmit(now, &mut out).is_some() && bend & 7 != 7 {
                    if bend > 250 {
                        let at = usize::from(more) % out.len();
                        out[at] ^= 1;
                    }
                    ends[1 - side].handle_input(now, &mut out);
                }
            }
        }
    }
});
