use proptest::prelude::*;

use super::*;

fn ip(text: &str) -> IpAddr {
    text.parse().unwrap()
}

/// C1 and C2 of the research list: the ways that led past other servers' rules.
#[test]
fn nothing_leads_to_the_server_itself_or_its_network() {
    let policy = PeerPolicy::new();
    for refused in [
        "0.0.0.0",
        "127.0.0.1",
        "127.255.255.254",
        "10.1.2.3",
        "172.16.0.1",
        "172.31.255.255",
        "192.168.1.1",
        "169.254.169.254",
        "100.64.0.1",
        "192.0.0.8",
        "198.18.0.1",
        "224.0.0.1",
        "239.255.255.250",
        "240.0.0.1",
        "255.255.255.255",
        "::",
        "::1",
        "::127.0.0.1",
        "::ffff:127.0.0.1",
        "::ffff:0:127.0.0.1",
        "64:ff9b::7f00:1",
        "64:ff9b:1::7f00:1",
        "64:ff9b:1:7f00:0:100::",
        "64:ff9b:1::808:808",
        "::5efe:127.0.0.1",
        "fe80::5efe:8.8.8.8",
        "fe80::1",
        "febf::1",
        "fec0::1",
        "fc00::1",
        "fdff::1",
        "ff02::1",
        "100::1",
        "2001:db8::5efe:7f00:1",
        "2001:db8::200:5efe:7f00:1",
        "2002:7f00:1::1",
        "2001:0:7f00:1::",
        "2002:808:808::1",
        "2001:0:808:808::f7f7:f7f7",
    ] {
        assert!(!policy.permits(ip(refused)), "{refused}");
    }
    for permitted in [
        "8.8.8.8",
        "172.15.0.1",
        "172.32.0.1",
        "100.128.0.1",
        "2001:4860:4860::8888",
        "64:ff9b::808:808",
        "::ffff:8.8.8.8",
    ] {
        assert!(policy.permits(ip(permitted)), "{permitted}");
    }
}

//= rfc8656#21.4-2 test
#[test]
fn addresses_of_tunnels_are_refused_whatever_they_lead_to() {
    for tunnel in ["2002:808:808::1", "2001:0:808:808::f7f7:f7f7"] {
        assert!(!PeerPolicy::new().permits(ip(tunnel)), "{tunnel}");
        assert!(!PeerPolicy::new().allow("::/0".parse().unwrap()).permits(ip(tunnel)), "{tunnel}");
        assert!(PeerPolicy::new().allow_tunnels().permits(ip(tunnel)), "{tunnel}");
    }
    // Where tunnels are allowed both of Teredo's ends count: the server's address, and the client's with its bits turned.
    for end in ["2001:0:7f00:1::f7f7:f7f7", "2001:0:808:808::80ff:fffe"] {
        assert!(!PeerPolicy::new().allow_tunnels().permits(ip(end)), "{end}");
    }
}

#[test]
fn a_denied_block_wins_over_an_allowed_one() {
    let policy = PeerPolicy::new().allow("127.0.0.0/8".parse().unwrap()).deny("127.0.0.9".parse().unwrap());
    assert!(policy.permits(ip("127.0.0.1")) && policy.permits(ip("::ffff:127.0.0.1")));
    assert!(!policy.permits(ip("127.0.0.9")) && !policy.permits(ip("::ffff:127.0.0.9")));
    assert!(!policy.permits(ip("::1")), "only what is named is allowed");
    assert!(!PeerPolicy::new().deny("8.0.0.0/7".parse().unwrap()).permits(ip("9.9.9.9")));
    // Written as mapped addresses, blocks and hosts are no others.
    for block in ["::ffff:8.0.0.0/103", "::ffff:9.9.9.9"] {
        let policy = PeerPolicy::new().deny(block.parse().unwrap());
        for form in ["9.9.9.9", "::ffff:9.9.9.9", "64:ff9b::909:909"] {
            assert!(!policy.permits(ip(form)), "{block} {form}");
        }
        assert!(policy.permits(ip("11.9.9.9")));
    }
}

#[test]
fn blocks_read_as_written() {
    for text in ["10.0.0.0/8", "::/0", "2001:db8::/32"] {
        assert_eq!(text.parse::<Prefix>().unwrap().to_string(), text);
    }
    for text in ["", "10.0.0.0/33", "::/129", "10.0.0.0/", "/8", "ten"] {
        assert_eq!(text.parse::<Prefix>(), Err(PrefixError), "{text}");
    }
}

proptest! {
    /// T12: an IPv4 address is judged alike, however an IPv6 address wraps it.
    #[test]
    fn every_wrapping_has_the_verdict_of_what_it_wraps(bits in any::<u32>(), other in any::<u16>()) {
        let v4 = Ipv4Addr::from_bits(bits);
        let policy = PeerPolicy::new().allow_tunnels().allow("127.0.0.0/9".parse().unwrap()).deny("8.0.0.0/8".parse().unwrap());
        let verdict = policy.permits(v4.into());
        let [high, low] = [(bits >> 16) as u16, (bits & 0xffff) as u16];
        let mut forms = vec![
            ("mapped", Ipv6Addr::new(0, 0, 0, 0, 0, 0xffff, high, low)),
            ("translated", Ipv6Addr::new(0, 0, 0, 0, 0xffff, 0, high, low)),
            ("nat64", Ipv6Addr::new(0x64, 0xff9b, 0, 0, 0, 0, high, low)),
            ("6to4", Ipv6Addr::new(0x2002, high, low, other, 1, 2, 3, 4)),
            ("teredo", Ipv6Addr::new(0x2001, 0, 0x0909, 0x0909, other, 7, !high, !low)),
            ("isatap", Ipv6Addr::new(0x2a00, 1, 2, other, 0, 0x5efe, high, low)),
        ];
        if bits > 1 {
            forms.push(("compatible", Ipv6Addr::new(0, 0, 0, 0, 0, 0, high, low)));
        }
        for (name, form) in forms {
            prop_assert_eq!(policy.permits(form.into()), verdict, "{} {}", name, form);
        }
    }
}
