use crate::error::{Kind, ParseError};
use crate::wire::{Reader, put_vec};

/// The type of a DNS name; there is no other.
const HOST_NAME: u8 = 0;

/// The content of a client's `server_name`; RFC 6066 section 3. A server that used the name answers with nothing in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ServerName<'a> {
    /// The DNS name of the server, if one of that type is there.
    pub host_name: Option<&'a str>,
}

impl<'a> ServerName<'a> {
    /// Reads the extension's content. Names of unknown types are stepped over.
    ///
    /// # Errors
    /// It breaks the format, has two names of the same type, or a name that is not ASCII.
    pub fn parse(content: &'a [u8]) -> Result<Self, ParseError> {
        let mut reader = Reader::new(content);
        let mut list = reader.vec16(1)?;
        reader.finish()?;
        let (mut host_name, mut seen) = (None, [false; 256]);
        while !list.is_empty() {
            let at = list;
            let kind = list.u8()?;
            let name = list.vec16(1)?.rest();
            if std::mem::replace(&mut seen[usize::from(kind)], true) {
                return Err(at.error(Kind::NameTypeTwice(kind)));
            }
            if kind == HOST_NAME {
                let text = std::str::from_utf8(name).ok().filter(|text| text.is_ascii());
                host_name = Some(text.ok_or(at.error(Kind::HostName))?);
            }
        }
        Ok(Self { host_name })
    }

    /// Octets of the encoded form.
    pub fn encoded_len(&self) -> usize {
        2 + self.host_name.map_or(0, |name| 3 + name.len())
    }

    /// Appends the content.
    pub fn encode(&self, out: &mut Vec<u8>) {
        put_vec::<2>(out, |out| {
            if let Some(name) = self.host_name {
                out.push(HOST_NAME);
                put_vec::<2>(out, |out| out.extend_from_slice(name.as_bytes()));
            }
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_reads_and_writes() {
        let name = ServerName { host_name: Some("example.org") };
        let mut content = Vec::new();
        name.encode(&mut content);
        assert_eq!(content, b"\x00\x0e\x00\x00\x0bexample.org");
        assert_eq!(content.len(), name.encoded_len());
        assert_eq!(ServerName::parse(&content), Ok(name));
        for at in 0..content.len() {
            assert!(ServerName::parse(&content[..at]).is_err());
        }
        let other = b"\x00\x0a\x07\x00\x02xy\x00\x00\x02eu";
        assert_eq!(ServerName::parse(other).unwrap().host_name, Some("eu"), "another type is stepped over");
    }

    /// RFC 6066 section 3: one name of each type.
    #[test]
    fn two_names_of_a_type_and_names_that_are_none_are_refused() {
        for bad in [
            &b"\x00\x0a\x00\x00\x02ab\x00\x00\x02cd"[..],
            b"\x00\x05\x00\x00\x02\xc3\xa9",
            b"\x00\x00",
            b"\x00\x03\x00\x00\x00",
            b"",
        ] {
            assert!(ServerName::parse(bad).is_err(), "{bad:?}");
        }
    }
}
