use nomagic_testkit::vectors::{files, hex, json};
use serde_json::Value;

use super::*;
use crate::handshake::{ClientHello, DigitallySigned, Message, ServerHello, ServerKeyExchange};
use crate::layer::{RecordLayer, Refused};
use crate::reassembly::Reassembly;
use crate::record::{ContentType, Records};

fn master(suite: u16, secret: [u8; 48]) -> MasterSecret {
    MasterSecret::from_log(CipherSuite(suite), &secret).unwrap()
}

/// The vectors of NIST CAVS, as OpenSSL carries them.
#[test]
fn the_pseudorandom_function_agrees_with_published_vectors() {
    let Some(file) = json("dtls/tls12_prf.json") else { return };
    let mut ran = Vec::new();
    for case in file["vectors"].as_array().unwrap() {
        let hash = match case["hash"].as_str().unwrap() {
            "SHA256" => Hash::Sha256,
            "SHA384" => Hash::Sha384,
            _ => continue,
        };
        let field = |name: &str| hex(case[name].as_str().unwrap());
        let mut out = vec![0; field("output").len()];
        prf(hash, &field("secret"), case["label"].as_str().unwrap(), &[&field("seed")], &mut out);
        assert_eq!(out, field("output"));
        ran.push(hash);
    }
    assert!(ran.contains(&Hash::Sha256));
}

/// One of them here, so that it runs everywhere.
#[test]
fn the_pseudorandom_function_makes_a_known_master_secret() {
    let secret = hex(
        "f8938ecc9edebc5030c0c6a441e213cd24e6f770a50dda07876f8d55da062bcadb386b411fd4fe4313a604fce6c17fbc",
    );
    let client = hex("36c129d01a3200894b9179faac589d9835d58775f9b5ea3587cb8fd0364cae8c");
    let server = hex("f6c9575ed7ddd73e1f7d16eca115415812a43c2b747daaaae043abfb50053fce");
    let mut out = [0; 48];
    prf(Hash::Sha256, &secret, "master secret", &[&client, &server], &mut out);
    let expected =
        "202c88c00f84a17a20027079604787461176455539e705be730890602c289a5001e34eeb3a043e5d52a65e66125188bf";
    assert_eq!(out[..], hex(expected));
}

//= rfc5705#4-5 test
//= rfc5705#6-1 test
#[test]
fn reserved_labels_and_long_contexts_are_refused() {
    let (master, randoms) = (master(0xc02b, [1; 48]), Randoms { client: [2; 32], server: [3; 32] });
    let export = |label, context: Option<&[u8]>| {
        let mut out = [0; 40];
        master.export(&randoms, label, context, &mut out).map(|()| out)
    };
    for label in
        ["client finished", "server finished", "master secret", "extended master secret", "key expansion"]
    {
        assert_eq!(export(label, None), Err(ExportError::ReservedLabel), "{label}");
    }
    assert_eq!(export("x", Some(&[0; 65_536])), Err(ExportError::Context(65_536)));
    assert_ne!(export("x", None), export("x", Some(&[])));
}

#[test]
fn a_key_log_line_is_as_wireshark_reads_it() {
    let line = master(0xc02b, [0xab; 48]).key_log_line(&[0x01; 32]);
    assert_eq!(*line, format!("CLIENT_RANDOM {} {}", "01".repeat(32), "ab".repeat(48)));
}

/// A recorded handshake, followed from outside.
struct Recording {
    json: Value,
    randoms: Option<Randoms>,
    suite: u16,
    transcript: Transcript,
    /// The hash over all messages before the client's Finished.
    hash: HashValue,
    messages: usize,
    /// The server's certificate, and then the client's.
    certificate: Vec<u8>,
    /// Signatures that were checked.
    signatures: usize,
}

impl Recording {
    /// Reads each plaintext message, whole or in fragments, and writes it back the same.
    fn read(json: Value) -> Self {
        let mut recording = Self {
            json,
            randoms: None,
            suite: 0,
            transcript: Transcript::default(),
            hash: Transcript::default().hash(),
            messages: 0,
            certificate: Vec::new(),
            signatures: 0,
        };
        let mut sides = [Reassembly::new(1 << 16), Reassembly::new(1 << 16)];
        for (from_server, datagram) in recording.datagrams() {
            for record in Records::new(&datagram) {
                let (header, content) = record.unwrap();
                let mut rest = content;
                while header.epoch == 0 && header.content_type == ContentType::HANDSHAKE && !rest.is_empty() {
                    let (header, body, behind) = FragmentHeader::parse(rest).unwrap();
                    rest = behind;
                    sides[usize::from(from_server)].insert(&header, body);
                }
            }
            while let Some(whole) = sides[usize::from(from_server)].pop() {
                recording.note(&whole);
            }
        }
        recording
    }

    fn note(&mut self, whole: &crate::reassembly::Whole) {
        // The key exchange of a suite without ECDHE would not read; there is none among them.
        let message = Message::parse(whole.kind, &whole.body).unwrap();
        let mut again = Vec::new();
        message.encode(&mut again);
        assert_eq!(again, whole.body);
        self.messages += 1;
        match message {
            Message::ClientHello(ClientHello { random, .. }) => {
                self.transcript = Transcript::default();
                self.randoms = Some(Randoms { client: *random, server: [0; 32] });
            }
            // A NewSessionTicket comes behind the client's Finished.
            Message::HelloVerifyRequest(_) | Message::Unknown(MessageType(4), _) => return,
            Message::ServerHello(ServerHello { random, suite, .. }) => {
                self.suite = suite.0;
                if let Some(suite) = suite.suite() {
                    self.transcript.choose(suite.hash);
                }
                self.randoms.as_mut().unwrap().server = *random;
            }
            Message::Certificate(chain) => self.certificate = chain.leaf().unwrap_or_default().to_vec(),
            Message::ServerKeyExchange(ServerKeyExchange { group, public_key, signed }) => {
                let randoms = self.randoms.unwrap();
                let parameters = crate::context::signed_key_exchange(&randoms, group, public_key);
                self.verify(signed, &parameters);
            }
            Message::CertificateVerify(signed) => {
                let messages = self.transcript.messages().to_vec();
                self.verify(signed, &messages);
            }
            _ => {}
        }
        self.transcript.add(whole.kind, whole.sequence, &whole.body);
        self.hash = self.transcript.hash();
    }

    fn verify(&mut self, signed: DigitallySigned<'_>, message: &[u8]) {
        let peer = crate::certificate::peer_key(&self.certificate).unwrap();
        assert_eq!(peer.key.verify(signed.scheme, message, signed.signature), Ok(()), "{}", signed.scheme);
        self.signatures += 1;
    }

    fn datagrams(&self) -> Vec<(bool, Vec<u8>)> {
        let all = self.json["datagrams"].as_array().unwrap().iter();
        let arrived = all.filter(|datagram| datagram["lost"] != true);
        arrived.map(|datagram| (datagram["dir"] == "s2c", hex(datagram["hex"].as_str().unwrap()))).collect()
    }

    fn master(&self) -> MasterSecret {
        let line = self.json["keylog"][0].as_str().unwrap();
        master(self.suite, hex(line.rsplit(' ').next().unwrap()).try_into().unwrap())
    }

    /// Opens all that is protected; gives the application data of both directions and the client's Finished.
    fn open(&self) -> ([Vec<u8>; 2], Vec<u8>) {
        let master = self.master();
        let randoms = self.randoms.unwrap();
        // Each end reads what the other one wrote.
        let mut layers = [Role::Server, Role::Client].map(|reader| {
            let mut layer = RecordLayer::default();
            layer.install(master.record_ciphers(&Backend::BuiltIn, reader, &randoms), 64);
            layer
        });
        let (mut data, mut finished) = ([Vec::new(), Vec::new()], Vec::new());
        for (from_server, datagram) in self.datagrams() {
            for record in Records::new(&datagram) {
                let (header, content) = record.unwrap();
                if header.epoch == 0 {
                    continue;
                }
                let mut content = content.to_vec();
                let layer = &mut layers[usize::from(from_server)];
                let plaintext = layer.open(&header, &mut content, 0).unwrap().plaintext.to_vec();
                assert_eq!(layer.open(&header, &mut content, 0).err(), Some(Refused::Replay));
                match header.content_type {
                    ContentType::APPLICATION_DATA => data[usize::from(from_server)].extend(plaintext),
                    ContentType::HANDSHAKE if !from_server => finished = plaintext[12..].to_vec(),
                    _ => {}
                }
            }
        }
        (data, finished)
    }
}

/// Handshakes between OpenSSL and GnuTLS are opened, and the exporter and the Finished agree. The one with CBC reads and is
/// made whole, and its suite is known as none of ours.
//= rfc5246#7.4.9-2 test
#[test]
fn recorded_handshakes_open() {
    let mut opened = 0;
    for (name, bytes) in files("dtls/handshakes") {
        let recording = Recording::read(serde_json::from_slice(&bytes).unwrap());
        assert!(recording.messages >= 7 && recording.signatures >= 1, "{name}");
        let suite = CipherSuite(recording.suite);
        if name.contains("cbc") {
            assert!(suite.suite().is_none() && !CipherSuite::SUPPORTED.contains(&suite), "{suite}");
            let random = [0; 32];
            assert!(crate::Observer::new(suite, &[0; 48], random, random).is_none());
            continue;
        }
        let (data, finished) = recording.open();
        let known = &recording.json["app_data_decrypted"];
        let expected = |direction: &str| known[direction].as_str().unwrap_or_default().as_bytes().to_vec();
        assert_eq!(data, [expected("c2s"), expected("s2c")], "{name}");
        let mut material = [0; 60];
        let (master, randoms) = (recording.master(), recording.randoms.unwrap());
        master.export(&randoms, "EXTRACTOR-dtls_srtp", None, &mut material).unwrap();
        let known = recording.json["keying_material_EXTRACTOR-dtls_srtp"].as_str().unwrap();
        assert_eq!(material[..], hex(known), "{name}");
        if name.contains("loss") || name.contains("fragments") {
            continue;
        }
        assert_eq!(master.verify_data(Role::Client, &recording.hash)[..], finished, "{name}");
        opened += 1;
    }
    if nomagic_testkit::vectors::folder().is_some() {
        assert!(opened >= 4, "{opened} opened");
    }
}
