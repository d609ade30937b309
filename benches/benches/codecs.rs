//! Single functions over time, by criterion: `cargo bench -p nomagic-benches --bench codecs`.
#![allow(clippy::unwrap_used, reason = "a bench stops at the first thing that is wrong")]
#![allow(missing_docs, reason = "criterion's macros make a public function")]

use criterion::{Criterion, criterion_group, criterion_main};
use nomagic_stun::attribute::{Priority, Username};
use nomagic_stun::{IntegrityKey, Message, MessageBuilder, MessageType, TransactionId};

fn stun(criterion: &mut Criterion) {
    let key = IntegrityKey::short_term("VOkJxbRl1RmTxUk/WvJxBt");
    let build = |out: &mut Vec<u8>| {
        out.clear();
        MessageBuilder::new(out, MessageType::BINDING_REQUEST, TransactionId([7; 12]))
            .attribute(&Username::new("evtj:h6vY").unwrap())
            .attribute(&Priority(1))
            .integrity(&key)
            .fingerprint()
            .finish()
            .unwrap()
    };
    let mut out = Vec::with_capacity(256);
    build(&mut out);
    let message = out.clone();
    criterion.bench_function("stun/parse with fingerprint", |bench| {
        bench.iter(|| Message::parse(&message).unwrap());
    });
    criterion.bench_function("stun/parse and verify", |bench| {
        bench.iter(|| Message::parse(&message).unwrap().verify(&key).unwrap());
    });
    criterion.bench_function("stun/build and sign", |bench| bench.iter(|| build(&mut out)));
}

criterion_group!(benches, stun);
criterion_main!(benches);
