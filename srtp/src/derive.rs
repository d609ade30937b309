//! Session keys from a master key; RFC 3711 section 4.3, RFC 6188 section 3, RFC 6904 section 3.

use aes::cipher::{KeyIvInit, StreamCipher};
use aes::{Aes128, Aes192, Aes256};
use zeroize::Zeroizing;

use crate::key::MasterKey;

/// What a derived key is for; RFC 3711 section 4.3.2 and RFC 6904 section 3.
//= rfc3711#4.3.1-9
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Label {
    RtpEncryption = 0,
    RtpAuthentication = 1,
    RtpSalt = 2,
    RtcpEncryption = 3,
    RtcpAuthentication = 4,
    RtcpSalt = 5,
    HeaderEncryption = 6,
    HeaderSalt = 7,
    /// Ours, and never on the wire: the key of the table of sources.
    Table = 0xff,
}

/// The first `N` octets of the key for `label` in the given period: the key stream of AES in counter mode under the
/// master key, from the salt with the label in its eighth octet and the period behind it.
//= rfc3711#4.3.3-1
//= rfc7714#11-1
//= rfc7714#11-2
pub(crate) fn derive<const N: usize>(master: &MasterKey, label: Label, period: u64) -> Zeroizing<[u8; N]> {
    let mut iv = [0; 16];
    iv[..14].copy_from_slice(master.salt());
    iv[7] ^= label as u8;
    iv[8..14].iter_mut().zip(&period.to_be_bytes()[2..]).for_each(|(octet, mask)| *octet ^= mask);
    let mut out = Zeroizing::new([0; N]);
    let key = master.key();
    if let Ok(mut stream) = ctr::Ctr128BE::<Aes128>::new_from_slices(key, &iv) {
        stream.apply_keystream(&mut *out);
    } else if let Ok(mut stream) = ctr::Ctr128BE::<Aes192>::new_from_slices(key, &iv) {
        stream.apply_keystream(&mut *out);
    } else if let Ok(mut stream) = ctr::Ctr128BE::<Aes256>::new_from_slices(key, &iv) {
        stream.apply_keystream(&mut *out);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Profile;
    use alloc::collections::BTreeMap;
    use alloc::string::String;
    use nomagic_testkit::vectors;

    fn hex<const N: usize>(text: &str) -> [u8; N] {
        core::array::from_fn(|at| u8::from_str_radix(&text[2 * at..2 * at + 2], 16).unwrap())
    }

    fn master() -> MasterKey {
        let key = hex::<16>("E1F97A0D3E018BE0D64FA32C06DE4139");
        MasterKey::new(Profile::Aes128CmHmacSha1_80, &key, &hex::<14>("0EC675AD498AFEEBB6960B3AABE6"))
            .unwrap()
    }

    /// RFC 3711 appendix B.3.
    //= rfc3711#4.3.1-8 test
    //= rfc3711#4.3.1-11 test
    //= rfc3711#4.3.1-12 test
    //= rfc3711#4.3.3-1 test
    //= rfc3711#4.3.1-7 test
    #[test]
    fn the_printed_keys_are_derived() {
        assert_eq!(
            *derive::<16>(&master(), Label::RtpEncryption, 0),
            hex("C61E7A93744F39EE10734AFE3FF7A087")
        );
        assert_eq!(*derive::<14>(&master(), Label::RtpSalt, 0), hex("30CBBC08863D8C85D49DB34A9AE1"));
        let authentication = hex::<20>("CEBE321F6FF7716B6FD4AB49AF256A156D38BAA4");
        assert_eq!(*derive::<20>(&master(), Label::RtpAuthentication, 0), authentication);
    }

    /// RFC 3711 appendix B.3 prints 94 octets of the authentication key's stream, and the file of vectors adds the keys of
    /// RTCP.
    //= rfc3711#4.3.2-2 test
    //= rfc3711#4.3.1-9 test
    #[test]
    fn every_label_of_rfc_3711_and_rfc_6904_gives_its_key() {
        let labels = [
            (Label::RtpEncryption, "00"),
            (Label::RtpAuthentication, "01"),
            (Label::RtpSalt, "02"),
            (Label::RtcpEncryption, "03"),
            (Label::RtcpAuthentication, "04"),
            (Label::RtcpSalt, "05"),
            (Label::HeaderEncryption, "06"),
            (Label::HeaderSalt, "07"),
        ];
        let (Some(first), Some(second)) =
            (vectors::json("srtp/rfc3711.json"), vectors::json("srtp/rfc6904.json"))
        else {
            return;
        };
        let mut printed = BTreeMap::new();
        collect(&first["B3_key_derivation"], &mut printed);
        collect(&second["labels"], &mut printed);
        for (label, number) in labels {
            let expected =
                printed.iter().find(|(name, _)| name.starts_with(number)).map(|(_, key)| key.clone());
            let expected = vectors::hex(&expected.unwrap());
            assert_eq!(derive::<128>(&master(), label, 0)[..expected.len()], expected, "{label:?}");
        }
    }

    fn collect(value: &serde_json::Value, into: &mut BTreeMap<String, String>) {
        for (name, value) in value.as_object().into_iter().flatten() {
            match value.as_str() {
                Some(text) => drop(into.insert(name.clone(), text.into())),
                None => collect(value, into),
            }
        }
    }

    /// S13: RFC 6188 sections 7.3 and 7.4.
    #[test]
    fn s13_the_printed_keys_of_192_and_256_bits_are_derived() {
        let key = hex::<24>("73edc66c4fa15776fb57f9505c17136550ffda71f3e8e5f1");
        let master =
            MasterKey::new(Profile::Aes192CmHmacSha1_80, &key, &hex::<14>("c8522f3acd4ce86d5add78edbb11"));
        let master = master.unwrap();
        let cipher = hex::<24>("31874736a8f1143870c26e4857d8a5b2c4a354407faadabb");
        assert_eq!(*derive::<24>(&master, Label::RtpEncryption, 0), cipher);
        assert_eq!(*derive::<14>(&master, Label::RtpSalt, 0), hex("2372b82d639b6d8503a47adc0a6c"));
        let authentication = hex::<20>("355b10973cd95b9eacf4061c7e1a7151e7cfbfcb");
        assert_eq!(*derive::<20>(&master, Label::RtpAuthentication, 0), authentication);

        let key = hex::<32>("f0f04914b513f2763a1b1fa130f10e2998f6f6e43e4309d1e622a0e332b9f1b6");
        let master =
            MasterKey::new(Profile::Aes256CmHmacSha1_80, &key, &hex::<14>("3b04803de51ee7c96423ab5b78d2"));
        let master = master.unwrap();
        let cipher = hex::<32>("5ba1064e30ec51613cad926c5a28ef731ec7fb397f70a960653caf06554cd8c4");
        assert_eq!(*derive::<32>(&master, Label::RtpEncryption, 0), cipher);
        assert_eq!(*derive::<14>(&master, Label::RtpSalt, 0), hex("fa31791685ca444a9e07c6c64e93"));
        let authentication = hex::<20>("fd9c32d39ed5fbb5a9dc96b30818454d1313dc05");
        assert_eq!(*derive::<20>(&master, Label::RtpAuthentication, 0), authentication);
    }

    /// RFC 3711 section 4.3.1: the period is XORed behind the label, so that period 1 has other keys and a period in the
    /// label's octet cannot occur.
    #[test]
    fn another_period_has_other_keys() {
        let first = derive::<16>(&master(), Label::RtpEncryption, 0);
        let mut shifted = *master().salt();
        shifted[13] ^= 1;
        let moved = MasterKey::new(Profile::Aes128CmHmacSha1_80, master().key(), &shifted).unwrap();
        assert_ne!(*derive::<16>(&master(), Label::RtpEncryption, 1), *first);
        assert_eq!(
            *derive::<16>(&master(), Label::RtpEncryption, 1),
            *derive::<16>(&moved, Label::RtpEncryption, 0)
        );
    }
}
