//! Session keys from a master key; RFC 3711 section 4.3. The key derivation rate is 0: once, at the start.

use aes::cipher::{KeyIvInit, StreamCipher};
use aes::{Aes128, Aes256};
use zeroize::Zeroizing;

use crate::key::MasterKey;

/// What a derived key is for; RFC 3711 section 4.3.2.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Label {
    RtpEncryption = 0,
    RtpAuthentication = 1,
    RtpSalt = 2,
    RtcpEncryption = 3,
    RtcpAuthentication = 4,
    RtcpSalt = 5,
}

/// `N` octets of the key for `label`: the key stream of AES in counter mode under the master key, from the salt with
/// the label in its eighth octet.
pub(crate) fn derive<const N: usize>(master: &MasterKey, label: Label) -> Zeroizing<[u8; N]> {
    let mut iv = [0; 16];
    iv[..14].copy_from_slice(master.salt());
    iv[7] ^= label as u8;
    let mut out = Zeroizing::new([0; N]);
    match master.key().first_chunk::<32>() {
        Some(key) => ctr::Ctr128BE::<Aes256>::new(key.into(), &iv.into()).apply_keystream(&mut *out),
        None => {
            if let Some(key) = master.key().first_chunk::<16>() {
                ctr::Ctr128BE::<Aes128>::new(key.into(), &iv.into()).apply_keystream(&mut *out);
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Profile;

    fn hex<const N: usize>(text: &str) -> [u8; N] {
        core::array::from_fn(|at| u8::from_str_radix(&text[2 * at..2 * at + 2], 16).unwrap())
    }

    /// RFC 3711 appendix B.3.
    #[test]
    fn the_printed_keys_are_derived() {
        let key = hex::<16>("E1F97A0D3E018BE0D64FA32C06DE4139");
        let salt = hex::<14>("0EC675AD498AFEEBB6960B3AABE6");
        let master = MasterKey::new(Profile::Aes128CmHmacSha1_80, &key, &salt).unwrap();
        assert_eq!(*derive::<16>(&master, Label::RtpEncryption), hex("C61E7A93744F39EE10734AFE3FF7A087"));
        assert_eq!(*derive::<14>(&master, Label::RtpSalt), hex("30CBBC08863D8C85D49DB34A9AE1"));
        let authentication = hex::<20>("CEBE321F6FF7716B6FD4AB49AF256A156D38BAA4");
        assert_eq!(*derive::<20>(&master, Label::RtpAuthentication), authentication);
    }
}
