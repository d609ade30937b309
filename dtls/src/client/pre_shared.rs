//! The client's part of a handshake with a pre-shared key; RFC 4279 section 2, RFC 5489 section 2.

use crate::context::{Context, Keyed, Negotiated, malformed, refused};
use crate::crypto::{NamedGroup, key_exchange};
use crate::event::CloseReason;
use crate::handshake::{MessageType, PskClientKeyExchange, PskServerKeyExchange};
use crate::pre_shared_key::MAX_IDENTITY;
use crate::reassembly::Whole;
use crate::wire::Reader;

/// The server's ephemeral key.
pub(crate) struct Share {
    group: NamedGroup,
    public_key: Vec<u8>,
}

/// The hint is ignored, as RFC 4279 section 5.2 has it.
pub(super) fn server_key_exchange(
    negotiated: &Negotiated,
    cx: &mut Context,
    message: &Whole,
) -> Result<Option<Share>, CloseReason> {
    let is_ephemeral = negotiated.suite.exchange.is_ephemeral();
    let exchange =
        PskServerKeyExchange::parse(&message.body, is_ephemeral).map_err(malformed(message.kind))?;
    if exchange.hint.len() > MAX_IDENTITY {
        return Err(CloseReason::IllegalParameter("a hint of more than 512 octets"));
    }
    if exchange.share.is_some_and(|(group, _)| !cx.config.groups.contains(&group)) {
        return Err(CloseReason::IllegalParameter("a group that was not offered"));
    }
    cx.add(message);
    Ok(exchange.share.map(|(group, public_key)| Share { group, public_key: public_key.to_vec() }))
}

/// Flight 5.
pub(super) fn answer(
    negotiated: Negotiated,
    share: Option<Share>,
    cx: &mut Context,
    message: &Whole,
) -> Result<Keyed, CloseReason> {
    Reader::new(&message.body).finish().map_err(malformed(message.kind))?;
    // Without a key no such suite was offered.
    let key = cx.config.pre_shared_key.clone().ok_or(CloseReason::NothingInCommon("pre-shared key"))?;
    cx.add(message);
    let group = share.as_ref().map(|share| share.group);
    let agreed = share.map(|Share { group, public_key }| {
        key_exchange::answer(&cx.config.backend, group, &public_key, &mut cx.rng)
    });
    let agreed = agreed.transpose().map_err(refused(MessageType::SERVER_KEY_EXCHANGE))?;
    let (public_key, secret) = agreed.unzip();
    let claimed = key.claimed();
    let premaster = claimed.premaster(secret.as_ref().map(|secret| secret.as_slice()));
    cx.flight.begin(Some(message.sequence));
    let exchange =
        PskClientKeyExchange { identity: key.identity().as_bytes(), public_key: public_key.as_deref() };
    cx.send(MessageType::CLIENT_KEY_EXCHANGE, |out| exchange.encode(out));
    let master = cx.make_keys(&premaster, &negotiated);
    cx.transcript.forget_messages();
    cx.send_finished(&master);
    Ok(Keyed::by_shared_key(negotiated, group, master, claimed.shared))
}
