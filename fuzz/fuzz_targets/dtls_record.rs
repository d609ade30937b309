//! Any octets as a datagram of DTLS: records are found, shown, and written back as they were.
#![no_main]

use libfuzzer_sys::fuzz_target;
use nomagic_dtls::Summary;
use nomagic_dtls::handshake::FragmentHeader;
use nomagic_dtls::record::{ContentType, HEADER_LEN, Header, Records, connection_id};

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
    for len in [1, 8, 255] {
        let id = connection_id(bytes, len);
        let Ok((header, content_at)) = Header::parse_with_connection_id(bytes, len) else { continue };
        let has_id = header.content_type == ContentType::TLS12_CID;
        assert_eq!(content_at, HEADER_LEN + if has_id { len } else { 0 });
        assert_eq!(id.map(<[u8]>::len), has_id.then_some(len));
    }
});
