//! Keys in the description; RFC 4568 sections 5.1 and 7.1.

use alloc::string::String;

use super::{RemoteTransport, SdesKey};
use crate::attribute::{Attribute, Crypto};

/// The first key offered whose suite we have a key for, and our answer to it, under its tag: ours, then theirs.
pub(super) fn choose(remote: &RemoteTransport, own: &[SdesKey]) -> Option<(String, String)> {
    remote.keys.iter().find_map(|text| {
        let crypto = Crypto::parse(text).ok()?;
        // Parameters of the session that nobody here knows make the line one that cannot be taken; section 7.1.2.
        if !crypto.session_parameters.is_empty() {
            return None;
        }
        let key = own.iter().find(|key| key.suite == crypto.suite)?;
        Some((Crypto::text(crypto.tag, crypto.suite, &key.key_and_salt).ok()?, text.clone()))
    })
}

/// What an offer says of our keys, the first choice first.
pub(super) fn offered(own: &[SdesKey]) -> impl Iterator<Item = String> {
    own.iter().zip(1..).filter_map(|(key, tag)| Crypto::text(tag, &key.suite, &key.key_and_salt).ok())
}

/// The pair of keys that an answer to our offer makes: ours, then theirs.
pub(super) fn answered(remote: &RemoteTransport, own: &[SdesKey]) -> Option<(String, String)> {
    let [text] = remote.keys.as_slice() else { return None };
    let crypto = Crypto::parse(text).ok()?;
    let ours = offered(own).find(|ours| {
        Crypto::parse(ours).is_ok_and(|ours| ours.tag == crypto.tag && ours.suite == crypto.suite)
    })?;
    Some((ours, text.clone()))
}
