//! A datagram in one line, for people.

use std::fmt;

use crate::alert::Alert;
use crate::handshake::{FragmentHeader, Message};
use crate::record::{ContentType, Header, Records};

/// Displays a datagram as DTLS 1.2, whoever sent it: its records with `|` between them. What is protected is shown by
/// its header only.
#[derive(Debug, Clone, Copy)]
pub struct Summary<'a>(pub &'a [u8]);

impl fmt::Display for Summary<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, record) in Records::new(self.0).enumerate() {
            if index > 0 {
                f.write_str(" | ")?;
            }
            match record {
                Ok((header, content)) => record_line(f, &header, content)?,
                Err(fault) => write!(f, "not a record: {fault}")?,
            }
        }
        Ok(())
    }
}

fn record_line(f: &mut fmt::Formatter<'_>, header: &Header, content: &[u8]) -> fmt::Result {
    match header.content_type {
        _ if header.epoch > 0 => write!(f, "{header}"),
        ContentType::CHANGE_CIPHER_SPEC => f.write_str("ChangeCipherSpec"),
        ContentType::ALERT => match Alert::parse(content) {
            Ok(alert) => write!(f, "{alert}"),
            Err(fault) => write!(f, "Alert: {fault}"),
        },
        ContentType::HANDSHAKE => fragment_lines(f, content),
        _ => write!(f, "{header}"),
    }
}

fn fragment_lines(f: &mut fmt::Formatter<'_>, content: &[u8]) -> fmt::Result {
    let mut rest = content;
    while !rest.is_empty() {
        if rest.len() < content.len() {
            f.write_str(", ")?;
        }
        let (header, body, behind) = match FragmentHeader::parse(rest) {
            Ok(parts) => parts,
            Err(fault) => return write!(f, "not a message: {fault}"),
        };
        rest = behind;
        match Message::parse(header.kind, body) {
            Ok(message) if header.length == header.total => write!(f, "{message}")?,
            Err(fault) if header.length == header.total => write!(f, "{header}: {fault}")?,
            _ => write!(f, "{header}")?,
        }
    }
    Ok(())
}
