//! What programs have in common about their command lines: faults in one line, and servers by their names.

use std::net::{IpAddr, SocketAddr, ToSocketAddrs};
use std::process::ExitCode;

use clap::Parser;

/// Reads the command line. Help is printed; what is wrong is said in one line, with exit code 2.
///
/// # Errors
/// The code with which the program `name` is to end.
pub fn parse<O: Parser>(name: &str) -> Result<O, ExitCode> {
    O::try_parse().map_err(|fault| explain(name, &fault))
}

/// Prints what clap has to say: help as it is, a fault in one line.
pub fn explain(name: &str, fault: &clap::Error) -> ExitCode {
    if !fault.use_stderr() {
        // A closed pipe is no reason to complain.
        let _ = fault.print();
        return ExitCode::SUCCESS;
    }
    // Its first paragraph says what is wrong, the others how it is done right, as `--help` does.
    let text = fault.to_string();
    let lines = text.lines().take_while(|line| !line.is_empty()).map(str::trim);
    let message = lines.collect::<Vec<_>>().join(" ");
    #[expect(clippy::print_stderr, reason = "it speaks for a program")]
    {
        eprintln!("{name}: {}", message.trim_start_matches("error: "));
    }
    ExitCode::from(2)
}

/// The first address of a STUN or TURN server, given as a name or an address, with a port unless it is 3478; of the family
/// of `from` where that is given.
///
/// # Errors
/// It has no such address; in one line.
pub fn resolve(server: &str, from: Option<IpAddr>) -> Result<SocketAddr, String> {
    let bare = server.trim_start_matches('[').trim_end_matches(']');
    let found = match bare.parse::<IpAddr>() {
        Ok(ip) => vec![SocketAddr::new(ip, 3478)],
        Err(_) => {
            let with_port = || (server, 3478).to_socket_addrs();
            let found = server.to_socket_addrs().or_else(|_| with_port());
            found.map_err(|error| format!("{server}: {error}"))?.collect()
        }
    };
    let fits = |address: &&SocketAddr| from.is_none_or(|from| from.is_ipv4() == address.is_ipv4());
    found.iter().find(fits).copied().ok_or_else(|| format!("{server} has no address that can be asked"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn servers_have_the_port_of_stun_unless_another_is_said() {
        for (text, expected) in [
            ("192.0.2.1", "192.0.2.1:3478"),
            ("192.0.2.1:5000", "192.0.2.1:5000"),
            ("2001:db8::1", "[2001:db8::1]:3478"),
            ("[2001:db8::1]", "[2001:db8::1]:3478"),
            ("[2001:db8::1]:5000", "[2001:db8::1]:5000"),
        ] {
            assert_eq!(resolve(text, None), Ok(expected.parse().unwrap()), "{text}");
        }
        assert!(resolve("192.0.2.1", Some("::1".parse().unwrap())).is_err());
        assert!(resolve("192.0.2.1:port", None).is_err());
    }
}
