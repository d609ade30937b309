//! Alerts; RFC 5246 section 7.2.

use std::fmt;

use crate::error::{Kind, ParseError};
use crate::wire::Reader;

/// How bad it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AlertLevel {
    /// The connection may go on.
    Warning,
    /// It is over.
    Fatal,
}

/// What has happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AlertDescription(pub u8);

macro_rules! descriptions {
    ($($(#[doc = $doc:literal])+ $name:ident = $value:literal, $text:literal;)+) => {
        impl AlertDescription {
            $($(#[doc = $doc])+ pub const $name: Self = Self($value);)+
        }

        impl fmt::Display for AlertDescription {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(match *self {
                    $(Self::$name => $text,)+
                    Self(other) => return write!(f, "alert {other}"),
                })
            }
        }
    };
}

descriptions! {
    /// The sender will send no more.
    CLOSE_NOTIFY = 0, "close_notify";
    /// A message that does not belong here.
    UNEXPECTED_MESSAGE = 10, "unexpected_message";
    /// A record that is not authentic.
    BAD_RECORD_MAC = 20, "bad_record_mac";
    /// Nothing in common.
    HANDSHAKE_FAILURE = 40, "handshake_failure";
    /// A certificate that is corrupt or not trusted.
    BAD_CERTIFICATE = 42, "bad_certificate";
    /// A certificate of a type that cannot be used.
    UNSUPPORTED_CERTIFICATE = 43, "unsupported_certificate";
    /// The certificate could not be processed for another reason.
    CERTIFICATE_UNKNOWN = 46, "certificate_unknown";
    /// A value that contradicts another, or is out of range.
    ILLEGAL_PARAMETER = 47, "illegal_parameter";
    /// A message that breaks its format.
    DECODE_ERROR = 50, "decode_error";
    /// A signature or a Finished that does not verify.
    DECRYPT_ERROR = 51, "decrypt_error";
    /// A version that cannot be used.
    PROTOCOL_VERSION = 70, "protocol_version";
    /// Not secure enough.
    INSUFFICIENT_SECURITY = 71, "insufficient_security";
    /// A fault that has nothing to do with the peer.
    INTERNAL_ERROR = 80, "internal_error";
    /// Given up by the user.
    USER_CANCELED = 90, "user_canceled";
    /// There is no second handshake.
    NO_RENEGOTIATION = 100, "no_renegotiation";
    /// The server answered with an extension that was not offered.
    UNSUPPORTED_EXTENSION = 110, "unsupported_extension";
    /// A server name that the server does not have; RFC 6066 section 3.
    UNRECOGNIZED_NAME = 112, "unrecognized_name";
    /// No application protocol in common; RFC 7301 section 3.2.
    NO_APPLICATION_PROTOCOL = 120, "no_application_protocol";
}

/// An alert.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Alert {
    /// How bad it is.
    pub level: AlertLevel,
    /// What has happened.
    pub description: AlertDescription,
}

impl Alert {
    /// The sender will send no more.
    pub const CLOSE_NOTIFY: Self =
        Self { level: AlertLevel::Warning, description: AlertDescription::CLOSE_NOTIFY };

    /// There is no second handshake, and the connection goes on.
    pub const NO_RENEGOTIATION: Self =
        Self { level: AlertLevel::Warning, description: AlertDescription::NO_RENEGOTIATION };

    /// A fatal alert.
    pub const fn fatal(description: AlertDescription) -> Self {
        Self { level: AlertLevel::Fatal, description }
    }

    /// Reads a record's content.
    ///
    /// # Errors
    /// It has not exactly two octets, or a level that does not exist.
    pub fn parse(content: &[u8]) -> Result<Self, ParseError> {
        let mut reader = Reader::new(content);
        let level = match reader.u8()? {
            1 => AlertLevel::Warning,
            2 => AlertLevel::Fatal,
            other => return Err(ParseError { kind: Kind::AlertLevel(other), offset: 0 }),
        };
        let description = AlertDescription(reader.u8()?);
        reader.finish()?;
        Ok(Self { level, description })
    }

    /// The two octets on the wire.
    pub const fn to_bytes(self) -> [u8; 2] {
        let level = match self.level {
            AlertLevel::Warning => 1,
            AlertLevel::Fatal => 2,
        };
        [level, self.description.0]
    }

    /// Octets of the encoded form.
    pub const fn encoded_len(&self) -> usize {
        2
    }

    /// Appends the alert.
    pub fn encode(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.to_bytes());
    }
}

impl fmt::Display for Alert {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let level = match self.level {
            AlertLevel::Warning => "warning",
            AlertLevel::Fatal => "fatal",
        };
        write!(f, "Alert {level} {}", self.description)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_pair_of_octets_reads_back_or_is_refused() {
        for level in 0..=255 {
            for description in 0..=255 {
                let parsed = Alert::parse(&[level, description]);
                assert_eq!(parsed.is_ok(), level == 1 || level == 2);
                if let Ok(alert) = parsed {
                    assert_eq!(alert.to_bytes(), [level, description]);
                }
            }
        }
        assert!(Alert::parse(&[1]).is_err() && Alert::parse(&[1, 0, 0]).is_err());
        assert_eq!(Alert::fatal(AlertDescription::DECODE_ERROR).to_string(), "Alert fatal decode_error");
    }
}
