//! Any octets as a datagram of DTLS: records are found, shown, and written back as they were.
#![no_main]

use libfuzzer_sys::fuzz_target;
use nomagic_dtls::Summary;
use nomagic_dtls::handshake::FragmentHeader;
use nomagic_dtls::record::{HEADER_LEN, Records};

fuzz_target!(|bytes: &[u8]| {
    let mut again = Vec::new();
    let mut whole = true;
    for record in Records::new(bytes) {
        let Ok((header, content)) = record else {
            whole = false;
            break;
        };
        assert_eq!(header.record_len(), HEADER_LEN + content.len());
        header.encode(&mut again);
        again.extend_from_slice(content);
        let mut rest = content;
        while let Ok((fragment, body, behind)) = FragmentHeader::parse(rest) {
            let mut own = Vec::new();
            fragment.encode(&mut own);
            assert_eq!(own.len() + body.len() + behind.len(), rest.len());
            assert!(rest.starts_with(&own));
            rest = behind;
        }
    }
    assert!(bytes.starts_with(&again));
    assert!(!whole || again == bytes);
    let _ = Summary(bytes).to_string();
});
