//! Code points: integers with names, so that unknown values survive being read.

use core::fmt;

/// What a message asks for; 12 bits, RFC 8489 section 18.2.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Method(u16);

impl Method {
    /// Which address does the server see? RFC 8489 section 3.
    pub const BINDING: Self = Self(0x001);
    /// Reserve a relayed address; RFC 8656 section 7.
    pub const ALLOCATE: Self = Self(0x003);
    /// Prolong or end an allocation; RFC 8656 section 8.
    pub const REFRESH: Self = Self(0x004);
    /// Datagram from the client to a peer; RFC 8656 section 11.
    pub const SEND: Self = Self(0x006);
    /// Datagram from a peer to the client; RFC 8656 section 11.
    pub const DATA: Self = Self(0x007);
    /// Let a peer's address in; RFC 8656 section 10.
    pub const CREATE_PERMISSION: Self = Self(0x008);
    /// Give a peer a channel number; RFC 8656 section 12.
    pub const CHANNEL_BIND: Self = Self(0x009);
    /// Connect to a peer over TCP; RFC 6062 section 4.3.
    pub const CONNECT: Self = Self(0x00a);
    /// Make this connection the one that carries a peer's data; RFC 6062 section 4.3.
    pub const CONNECTION_BIND: Self = Self(0x00b);
    /// A peer has connected; RFC 6062 section 4.4.
    pub const CONNECTION_ATTEMPT: Self = Self(0x00c);

    /// The method with this number; only the low 12 bits count.
    pub const fn new(number: u16) -> Self {
        Self(number & 0x0fff)
    }

    /// The number, 0 to 0xfff.
    pub const fn number(self) -> u16 {
        self.0
    }
}

impl fmt::Display for Method {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match *self {
            Self::BINDING => "Binding",
            Self::ALLOCATE => "Allocate",
            Self::REFRESH => "Refresh",
            Self::SEND => "Send",
            Self::DATA => "Data",
            Self::CREATE_PERMISSION => "CreatePermission",
            Self::CHANNEL_BIND => "ChannelBind",
            Self::CONNECT => "Connect",
            Self::CONNECTION_BIND => "ConnectionBind",
            Self::CONNECTION_ATTEMPT => "ConnectionAttempt",
            Self(number) => return write!(f, "method {number:#05x}"),
        })
    }
}

/// The part a message plays in a transaction; RFC 8489 section 5.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Class {
    /// Asks, and is answered.
    Request,
    /// Tells, and is not answered.
    Indication,
    /// Answers a request that succeeded.
    Success,
    /// Answers a request that failed, with an ERROR-CODE.
    Error,
}

/// Method and class together, as they stand in the first two octets; RFC 8489 section 5.
///
/// ```text
///  0                 1
///  2  3  4 5 6 7 8 9 0 1 2 3 4 5
/// +--+--+-+-+-+-+-+-+-+-+-+-+-+-+
/// |M |M |M|M|M|C|M|M|M|C|M|M|M|M|
/// |11|10|9|8|7|1|6|5|4|0|3|2|1|0|
/// +--+--+-+-+-+-+-+-+-+-+-+-+-+-+
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct MessageType {
    /// What is asked for.
    pub method: Method,
    /// The message's part in the transaction.
    pub class: Class,
}

impl MessageType {
    /// A Binding request, the message that ICE sends most.
    pub const BINDING_REQUEST: Self = Self { method: Method::BINDING, class: Class::Request };

    /// Joins a method and a class.
    pub const fn new(method: Method, class: Class) -> Self {
        Self { method, class }
    }

    /// Splits the first two octets of a message, whose two top bits are zero.
    pub const fn from_bits(bits: u16) -> Self {
        let method = (bits & 0x000f) | (bits & 0x00e0) >> 1 | (bits & 0x3e00) >> 2;
        let class = match (bits & 0x0100 != 0, bits & 0x0010 != 0) {
            (false, false) => Class::Request,
            (false, true) => Class::Indication,
            (true, false) => Class::Success,
            (true, true) => Class::Error,
        };
        Self { method: Method(method), class }
    }

    /// The first two octets of the message.
    pub const fn to_bits(self) -> u16 {
        let method = self.method.0;
        let class = match self.class {
            Class::Request => 0,
            Class::Indication => 0x0010,
            Class::Success => 0x0100,
            Class::Error => 0x0110,
        };
        (method & 0x000f) | (method & 0x0070) << 1 | (method & 0x0f80) << 2 | class
    }
}

impl fmt::Display for MessageType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let class = match self.class {
            Class::Request => "request",
            Class::Indication => "indication",
            Class::Success => "success",
            Class::Error => "error",
        };
        write!(f, "{} {class}", self.method)
    }
}

/// 96 random bits that tie a response to its request; RFC 8489 section 5.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TransactionId(pub [u8; 12]);

impl TransactionId {
    /// Draws an id from `rng`, which must be cryptographic: an id that can be guessed lets an attacker off the path
    /// answer for the server.
    //= rfc8489#5-4
    pub fn random(rng: &mut impl rand::CryptoRng) -> Self {
        let mut id = [0; 12];
        rng.fill_bytes(&mut id);
        Self(id)
    }
}

impl fmt::Display for TransactionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|octet| write!(f, "{octet:02x}"))
    }
}

impl fmt::Debug for TransactionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TransactionId({self})")
    }
}

/// An attribute's type; RFC 8489 section 18.3.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AttributeType(pub u16);

macro_rules! attribute_types {
    ($($(#[$doc:meta])* $name:ident = $value:literal, $text:literal;)*) => {
        impl AttributeType {
            $($(#[$doc])* pub const $name: Self = Self($value);)*

            /// The RFC's name, where one is known.
            pub const fn name(self) -> Option<&'static str> {
                match self {
                    $(Self::$name => Some($text),)*
                    _ => None,
                }
            }
        }
    };
}

attribute_types! {
    /// RFC 8489 section 14.1.
    MAPPED_ADDRESS = 0x0001, "MAPPED-ADDRESS";
    /// RFC 5780 section 7.2.
    CHANGE_REQUEST = 0x0003, "CHANGE-REQUEST";
    /// RFC 8489 section 14.3.
    USERNAME = 0x0006, "USERNAME";
    /// RFC 8489 section 14.5.
    MESSAGE_INTEGRITY = 0x0008, "MESSAGE-INTEGRITY";
    /// RFC 8489 section 14.8.
    ERROR_CODE = 0x0009, "ERROR-CODE";
    /// RFC 8489 section 14.13.
    UNKNOWN_ATTRIBUTES = 0x000a, "UNKNOWN-ATTRIBUTES";
    /// RFC 8656 section 18.1.
    CHANNEL_NUMBER = 0x000c, "CHANNEL-NUMBER";
    /// RFC 8656 section 18.2.
    LIFETIME = 0x000d, "LIFETIME";
    /// RFC 8656 section 18.3.
    XOR_PEER_ADDRESS = 0x0012, "XOR-PEER-ADDRESS";
    /// RFC 8656 section 18.4.
    DATA = 0x0013, "DATA";
    /// RFC 8489 section 14.9.
    REALM = 0x0014, "REALM";
    /// RFC 8489 section 14.10.
    NONCE = 0x0015, "NONCE";
    /// RFC 8656 section 18.5.
    XOR_RELAYED_ADDRESS = 0x0016, "XOR-RELAYED-ADDRESS";
    /// RFC 8656 section 18.6.
    REQUESTED_ADDRESS_FAMILY = 0x0017, "REQUESTED-ADDRESS-FAMILY";
    /// RFC 8656 section 18.7.
    EVEN_PORT = 0x0018, "EVEN-PORT";
    /// RFC 8656 section 18.8.
    REQUESTED_TRANSPORT = 0x0019, "REQUESTED-TRANSPORT";
    /// RFC 8656 section 18.9.
    DONT_FRAGMENT = 0x001a, "DONT-FRAGMENT";
    /// RFC 7635 section 6.2.
    ACCESS_TOKEN = 0x001b, "ACCESS-TOKEN";
    /// RFC 8489 section 14.6.
    MESSAGE_INTEGRITY_SHA256 = 0x001c, "MESSAGE-INTEGRITY-SHA256";
    /// RFC 8489 section 14.12.
    PASSWORD_ALGORITHM = 0x001d, "PASSWORD-ALGORITHM";
    /// RFC 8489 section 14.4.
    USERHASH = 0x001e, "USERHASH";
    /// RFC 8489 section 14.2.
    XOR_MAPPED_ADDRESS = 0x0020, "XOR-MAPPED-ADDRESS";
    /// RFC 8656 section 18.10.
    RESERVATION_TOKEN = 0x0022, "RESERVATION-TOKEN";
    /// RFC 6062 section 6.2.1.
    CONNECTION_ID = 0x002a, "CONNECTION-ID";
    /// RFC 8445 section 16.1.
    PRIORITY = 0x0024, "PRIORITY";
    /// RFC 8445 section 16.1.
    USE_CANDIDATE = 0x0025, "USE-CANDIDATE";
    /// RFC 5780 section 7.6.
    PADDING = 0x0026, "PADDING";
    /// RFC 5780 section 7.5.
    RESPONSE_PORT = 0x0027, "RESPONSE-PORT";
    /// RFC 8656 section 18.11.
    ADDITIONAL_ADDRESS_FAMILY = 0x8000, "ADDITIONAL-ADDRESS-FAMILY";
    /// RFC 8656 section 18.12.
    ADDRESS_ERROR_CODE = 0x8001, "ADDRESS-ERROR-CODE";
    /// RFC 8656 section 18.13.
    ICMP = 0x8004, "ICMP";
    /// RFC 8489 section 14.11.
    PASSWORD_ALGORITHMS = 0x8002, "PASSWORD-ALGORITHMS";
    /// RFC 8489 section 14.16.
    ALTERNATE_DOMAIN = 0x8003, "ALTERNATE-DOMAIN";
    /// RFC 8489 section 14.14.
    SOFTWARE = 0x8022, "SOFTWARE";
    /// RFC 8489 section 14.15.
    ALTERNATE_SERVER = 0x8023, "ALTERNATE-SERVER";
    /// RFC 7982 section 3.1.
    TRANSACTION_TRANSMIT_COUNTER = 0x8025, "TRANSACTION-TRANSMIT-COUNTER";
    /// RFC 5780 section 9.1.
    CACHE_TIMEOUT = 0x8027, "CACHE-TIMEOUT";
    /// RFC 8489 section 14.7.
    FINGERPRINT = 0x8028, "FINGERPRINT";
    /// RFC 8445 section 16.1.
    ICE_CONTROLLED = 0x8029, "ICE-CONTROLLED";
    /// RFC 8445 section 16.1.
    ICE_CONTROLLING = 0x802a, "ICE-CONTROLLING";
    /// RFC 5780 section 7.3.
    RESPONSE_ORIGIN = 0x802b, "RESPONSE-ORIGIN";
    /// RFC 5780 section 7.4.
    OTHER_ADDRESS = 0x802c, "OTHER-ADDRESS";
    /// RFC 6679 section 7.2.2.
    ECN_CHECK = 0x802d, "ECN-CHECK";
    /// RFC 7635 section 6.1.
    THIRD_PARTY_AUTHORIZATION = 0x802e, "THIRD-PARTY-AUTHORIZATION";
    /// RFC 8016 section 3.3.
    MOBILITY_TICKET = 0x8030, "MOBILITY-TICKET";
}

impl AttributeType {
    /// Whether an agent that does not know the attribute must refuse a request that carries it; RFC 8489 section 14.
    pub const fn comprehension_required(self) -> bool {
        self.0 < 0x8000
    }
}

impl fmt::Display for AttributeType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.name() {
            Some(name) => f.write_str(name),
            None => write!(f, "attribute {:#06x}", self.0),
        }
    }
}

/// An error code, 300 to 699; RFC 8489 section 14.8.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ErrorCode(u16);

impl ErrorCode {
    /// Ask the server in ALTERNATE-SERVER instead.
    pub const TRY_ALTERNATE: Self = Self(300);
    /// The request was malformed.
    pub const BAD_REQUEST: Self = Self(400);
    /// The credentials are missing or wrong.
    pub const UNAUTHENTICATED: Self = Self(401);
    /// The request is valid and will not be done; RFC 8656 section 19.
    pub const FORBIDDEN: Self = Self(403);
    /// The server moves no allocations; RFC 8016 section 3.4.
    pub const MOBILITY_FORBIDDEN: Self = Self(405);
    /// An attribute that must be understood was not.
    pub const UNKNOWN_ATTRIBUTE: Self = Self(420);
    /// The nonce is no longer valid; try again with the one in the response.
    pub const STALE_NONCE: Self = Self(438);
    /// No allocation where one is needed, or one where none must be; RFC 8656 section 19.
    pub const ALLOCATION_MISMATCH: Self = Self(437);
    /// The server has no addresses of this family; RFC 8656 section 19.
    pub const ADDRESS_FAMILY_NOT_SUPPORTED: Self = Self(440);
    /// The allocation is another user's; RFC 8656 section 19.
    pub const WRONG_CREDENTIALS: Self = Self(441);
    /// The server does not relay this protocol; RFC 8656 section 19.
    pub const UNSUPPORTED_TRANSPORT_PROTOCOL: Self = Self(442);
    /// The peer's address is of another family than the relayed one; RFC 8656 section 19.
    pub const PEER_ADDRESS_FAMILY_MISMATCH: Self = Self(443);
    /// There is a connection to this peer; RFC 6062 section 6.3.
    pub const CONNECTION_ALREADY_EXISTS: Self = Self(446);
    /// The peer could not be connected to; RFC 6062 section 6.3.
    pub const CONNECTION_TIMEOUT_OR_FAILURE: Self = Self(447);
    /// The user has as many allocations as it may have; RFC 8656 section 19.
    pub const ALLOCATION_QUOTA_REACHED: Self = Self(486);
    /// The server cannot do it now; RFC 8656 section 19.
    pub const INSUFFICIENT_CAPACITY: Self = Self(508);
    /// Both agents claim the same role; RFC 8445 section 7.3.1.1.
    pub const ROLE_CONFLICT: Self = Self(487);
    /// The server could not do its work.
    pub const SERVER_ERROR: Self = Self(500);

    /// The code, if it is within 300 to 699.
    pub const fn new(code: u16) -> Option<Self> {
        if matches!(code, 300..=699) { Some(Self(code)) } else { None }
    }

    /// 300 to 699.
    pub const fn code(self) -> u16 {
        self.0
    }
}

impl fmt::Display for ErrorCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

/// How a long-term password becomes a key; RFC 8489 section 18.5.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PasswordAlgorithm(pub u16);

impl PasswordAlgorithm {
    /// MD5 over user name, realm and password.
    pub const MD5: Self = Self(0x0001);
    /// SHA-256 over user name, realm and password.
    pub const SHA_256: Self = Self(0x0002);
}

impl fmt::Display for PasswordAlgorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::MD5 => f.write_str("MD5"),
            Self::SHA_256 => f.write_str("SHA-256"),
            Self(number) => write!(f, "algorithm {number:#06x}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_message_type_survives_its_bits() {
        for bits in 0..0x4000 {
            assert_eq!(MessageType::from_bits(bits).to_bits(), bits);
        }
    }

    #[test]
    fn binding_types_have_the_numbers_of_the_rfc() {
        let bits = |class| MessageType::new(Method::BINDING, class).to_bits();
        let expected = [0x0001, 0x0011, 0x0101, 0x0111];
        assert_eq!([Class::Request, Class::Indication, Class::Success, Class::Error].map(bits), expected);
    }

    #[test]
    fn error_codes_end_at_699() {
        assert_eq!(ErrorCode::new(299), None);
        assert_eq!(ErrorCode::new(700), None);
        assert_eq!(ErrorCode::new(487), Some(ErrorCode::ROLE_CONFLICT));
    }
}
