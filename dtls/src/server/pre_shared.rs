//! The server's part of a handshake with a pre-shared key; RFC 4279 section 2, RFC 5489 section 2.

use super::State;
use crate::context::{Context, Keyed, Negotiated, malformed, refused};
use crate::crypto::key_exchange::EphemeralKey;
use crate::event::CloseReason;
use crate::handshake::{MessageType, PskClientKeyExchange, PskServerKeyExchange};
use crate::pre_shared_key::MAX_IDENTITY;
use crate::reassembly::Whole;

/// The rest of flight 4, behind the ServerHello. Nobody has a certificate here, and nobody is asked for one.
pub(super) fn offer(negotiated: Negotiated, key: Option<EphemeralKey>, cx: &mut Context) -> State {
    let hint = cx.config.pre_shared_keys.as_ref().map_or(String::new(), |keys| keys.hint().to_owned());
    let share = key.as_ref().map(|key| {
        let mut public_key = Vec::new();
        key.put_public_key(&mut public_key);
        (key.group(), public_key)
    });
    if share.is_some() || !hint.is_empty() {
        let share = share.as_ref().map(|(group, public_key)| (*group, public_key.as_slice()));
        let exchange = PskServerKeyExchange { hint: hint.as_bytes(), share };
        cx.send(MessageType::SERVER_KEY_EXCHANGE, |out| exchange.encode(out));
    }
    cx.send(MessageType::SERVER_HELLO_DONE, |_| ());
    cx.transcript.forget_messages();
    State::PreSharedExchange(negotiated, key)
}

/// Makes the keys. Whether the client has its part of them is seen when its Finished comes; until then, who names an unknown
/// identity is told no more than who has the wrong key.
pub(super) fn client_key_exchange(
    negotiated: Negotiated,
    key: Option<EphemeralKey>,
    cx: &mut Context,
    message: &Whole,
) -> Result<Keyed, CloseReason> {
    let exchange =
        PskClientKeyExchange::parse(&message.body, key.is_some()).map_err(malformed(message.kind))?;
    if exchange.identity.len() > MAX_IDENTITY {
        return Err(CloseReason::IllegalParameter("an identity of more than 512 octets"));
    }
    let group = key.as_ref().map(EphemeralKey::group);
    let agreed = key.zip(exchange.public_key).map(|(key, public_key)| key.agree(public_key));
    let agreed = agreed.transpose().map_err(refused(message.kind))?;
    // Without keys no such suite was chosen.
    let keys = cx.config.pre_shared_keys.as_ref().ok_or(CloseReason::NothingInCommon("pre-shared key"))?;
    let claimed = keys.find(exchange.identity, &mut cx.rng);
    cx.add(message);
    let premaster = claimed.premaster(agreed.as_ref().map(|secret| secret.as_slice()));
    let master = cx.make_keys(&premaster, &negotiated);
    Ok(Keyed::by_shared_key(negotiated, group, master, claimed.shared))
}
