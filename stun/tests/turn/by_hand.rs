//! Requests written by hand, so that a test can say what no client of ours would.

use nomagic_stun::attribute::{ErrorReason, Nonce, Realm, Username};
use nomagic_stun::turn::FiveTuple;
use nomagic_stun::{
    ErrorCode, IntegrityKey, Message, MessageBuilder, MessageType, PasswordAlgorithm, TransactionId,
};
use nomagic_testkit::rng;

use crate::world::{PASSWORD, REALM, World};

pub(crate) type Fill<'f> = &'f dyn for<'o> Fn(MessageBuilder<'o>) -> MessageBuilder<'o>;

pub(crate) fn key(user: &str) -> IntegrityKey {
    IntegrityKey::long_term(user, REALM, PASSWORD, PasswordAlgorithm::MD5).unwrap()
}

/// A request without credentials.
pub(crate) fn plain(kind: MessageType, id: TransactionId, fill: Fill<'_>) -> Vec<u8> {
    let mut request = Vec::new();
    fill(MessageBuilder::new(&mut request, kind, id)).finish().unwrap();
    request
}

/// A signed request.
pub(crate) fn signed(
    kind: MessageType,
    id: TransactionId,
    user: &str,
    nonce: &str,
    fill: Fill<'_>,
) -> Vec<u8> {
    let mut request = Vec::new();
    fill(MessageBuilder::new(&mut request, kind, id))
        .attribute(&Username::new(user).unwrap())
        .attribute(&Realm::new(REALM).unwrap())
        .attribute(&Nonce::new(nonce).unwrap())
        .integrity(&key(user))
        .finish()
        .unwrap();
    request
}

/// Hands in a request and gives the answer.
pub(crate) fn exchange(world: &mut World, from: FiveTuple, mut request: Vec<u8>) -> Option<Vec<u8>> {
    world.hand_to_server(from, &mut request);
    world.serve_sockets();
    world.poll_server()
}

/// A nonce for this client.
pub(crate) fn nonce(world: &mut World, from: FiveTuple) -> String {
    let kind = MessageType::new(nomagic_stun::Method::REFRESH, nomagic_stun::Class::Request);
    let answer = exchange(world, from, plain(kind, TransactionId([9; 12]), &|builder| builder)).unwrap();
    let message = Message::parse(&answer).unwrap();
    let error = message.attribute::<ErrorReason<'_>>().unwrap().unwrap();
    assert_eq!(error.code(), ErrorCode::UNAUTHENTICATED);
    message.attribute::<Nonce<'_>>().unwrap().unwrap().as_str().to_owned()
}

/// Asks with a fresh nonce and a fresh id; gives the answer, whose signature is checked.
pub(crate) fn ask(
    world: &mut World,
    from: FiveTuple,
    kind: MessageType,
    user: &str,
    fill: Fill<'_>,
) -> Vec<u8> {
    let nonce = nonce(world, from);
    let seed = world.server.stats().challenged;
    let id = TransactionId::random(&mut rng(seed));
    let answer = exchange(world, from, signed(kind, id, user, &nonce, fill)).expect("an answer");
    let message = Message::parse(&answer).unwrap();
    assert_eq!(message.transaction_id(), id);
    assert_eq!(message.verify(&key(user)), Ok(()), "{message}");
    answer
}
