//! Any octets as the value of every attribute: a typed getter gives an error or a value, and a value writes itself so that
//! it reads as the same.
#![no_main]

use libfuzzer_sys::fuzz_target;
use nomagic_stun::attribute::*;
use nomagic_stun::{AttributeType, Message, MessageBuilder, MessageType, TransactionId};

const ID: TransactionId = TransactionId(*b"abcdefghijkl");

fn written<'a>(attribute: &impl Attribute<'a>) -> Vec<u8> {
    let mut out = Vec::new();
    MessageBuilder::new(&mut out, MessageType::BINDING_REQUEST, ID)
        .attribute(attribute)
        .finish()
        .expect("it fits");
    out
}

macro_rules! reads_back {
    ($value:expr, $($type:ty),*) => {$({
        let attribute_type = <$type as Attribute<'_>>::TYPE;
        let bytes = written(&Opaque { attribute_type, value: $value });
        let message = Message::parse(&bytes).expect("well formed");
        let _ = message.to_string();
        if let Ok(read) = message.attribute::<$type>() {
            let read = read.expect("it is there");
            let again = written(&read);
            let message = Message::parse(&again).expect("well formed");
            assert_eq!(message.attribute::<$type>(), Ok(Some(read)), "{attribute_type}");
        }
    })*};
}

fuzz_target!(|value: &[u8]| {
    let value = &value[..value.len().min(4000)];
    reads_back!(
        value,
        AccessToken<'_>,
        AdditionalAddressFamily,
        AddressErrorCode<'_>,
        AlternateDomain<'_>,
        AlternateServer,
        CacheTimeout,
        ChangeRequest,
        ChannelNumberAttribute,
        ChosenAlgorithm<'_>,
        ConnectionId,
        Data<'_>,
        DontFragment,
        EcnCheck,
        ErrorReason<'_>,
        EvenPort,
        IceControlled,
        IceControlling,
        Icmp,
        Lifetime,
        MappedAddress,
        MobilityTicket<'_>,
        Nonce<'_>,
        OtherAddress,
        Padding<'_>,
        PasswordAlgorithms<'_>,
        Priority,
        Realm<'_>,
        RequestedAddressFamily,
        RequestedTransport,
        ReservationToken,
        ResponseOrigin,
        ResponsePort,
        Software<'_>,
        ThirdPartyAuthorization<'_>,
        TransmitCounter,
        UnknownAttributes,
        UseCandidate,
        Userhash,
        Username<'_>,
        XorMappedAddress,
        XorPeerAddress,
        XorRelayedAddress
    );
    if let [high, low, value @ ..] = value {
        let attribute_type = AttributeType(u16::from_be_bytes([*high, *low]));
        // FINGERPRINT and the integrity attributes have their lengths and their place.
        let bytes = written(&Opaque { attribute_type, value });
        if let Ok(message) = Message::parse(&bytes) {
            assert!(message.attributes().all(|raw| raw.value == value));
        }
    }
});
