use std::fmt;

use crate::error::{Kind, ParseError};
use crate::wire::{Reader, put_vec};

/// A name that a peer puts into its protected records, so that they find their connection though their source address may
/// have changed; RFC 9146. Empty: records shall carry none.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct ConnectionId(Box<[u8]>);

impl ConnectionId {
    /// Octets of the longest one.
    pub const MAX_LEN: usize = 255;

    /// Takes its octets, 0 to 255.
    ///
    /// # Errors
    /// There are more.
    pub fn new(octets: &[u8]) -> Result<Self, ParseError> {
        if octets.len() > Self::MAX_LEN {
            let kind = Kind::TooLong { found: octets.len(), maximum: Self::MAX_LEN };
            return Err(ParseError { kind, offset: 0 });
        }
        Ok(Self(octets.into()))
    }

    /// Reads the content of the extension `connection_id`; RFC 9146 section 3.
    ///
    /// # Errors
    /// It breaks the format.
    //= rfc9146#3-1
    pub fn parse(content: &[u8]) -> Result<Self, ParseError> {
        let mut reader = Reader::new(content);
        let octets = reader.vec8(0)?.rest();
        reader.finish()?;
        Ok(Self(octets.into()))
    }

    /// Octets of the extension's content.
    pub const fn encoded_len(&self) -> usize {
        1 + self.0.len()
    }

    /// Appends the extension's content.
    pub fn encode(&self, out: &mut Vec<u8>) {
        put_vec::<1>(out, |out| out.extend_from_slice(&self.0));
    }

    /// Its octets.
    pub const fn octets(&self) -> &[u8] {
        &self.0
    }

    /// Whether it has none.
    pub const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl fmt::Display for ConnectionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|octet| write!(f, "{octet:02x}"))
    }
}

impl fmt::Debug for ConnectionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ConnectionId({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    //= rfc9146#3-1 test
    #[test]
    fn an_id_of_any_length_round_trips() {
        for length in [0, 1, 20, 255] {
            let id = ConnectionId::new(&vec![7; length]).unwrap();
            let mut content = Vec::new();
            id.encode(&mut content);
            assert_eq!((content.len(), usize::from(content[0])), (id.encoded_len(), length));
            assert_eq!(ConnectionId::parse(&content), Ok(id));
            for cut in 0..content.len() {
                assert!(ConnectionId::parse(&content[..cut]).is_err());
            }
            content.push(0);
            assert!(ConnectionId::parse(&content).is_err());
        }
        assert!(ConnectionId::new(&[0; 256]).is_err());
        assert_eq!(format!("{:?}", ConnectionId::new(&[0xab, 1]).unwrap()), "ConnectionId(ab01)");
    }
}
