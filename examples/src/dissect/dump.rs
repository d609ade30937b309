//! Packets written as hexadecimal digits: one a line, or dumps with offsets as xxd, hexdump and Wireshark print them.

use std::io::BufRead;

/// Octets in a row of a dump.
const ROW: usize = 16;

/// Reads packets in hexadecimal digits.
///
/// A line is a packet; spaces, colons and a leading `0x` are allowed in it, empty lines and those that begin with `#` are
/// passed over. A line that begins with an offset is a row of a dump, in which each packet begins with offset 0.
///
/// # Errors
/// A line holds something else, or a row is missing; the line's number is named.
pub fn read_hex(input: impl BufRead) -> Result<Vec<Vec<u8>>, String> {
    let mut packets: Vec<Vec<u8>> = Vec::new();
    let mut in_dump = false;
    for (line, number) in input.lines().zip(1..) {
        let line = line.map_err(|error| error.to_string())?;
        let text = line.trim();
        if text.is_empty() || text.starts_with('#') {
            continue;
        }
        let wrong = || format!("line {number}: expected pairs of hexadecimal digits");
        let Some((offset, rest)) = offset(text) else {
            packets.push(octets(text.strip_prefix("0x").unwrap_or(text)).ok_or_else(wrong)?);
            in_dump = false;
            continue;
        };
        let octets = row(rest);
        match packets.last_mut() {
            _ if offset == 0 => packets.push(octets),
            Some(packet) if in_dump && packet.len() == offset => packet.extend(octets),
            _ => {
                return Err(format!(
                    "line {number}: a dump goes on at offset {offset}, but its rows before are missing"
                ));
            }
        }
        in_dump = true;
    }
    Ok(packets)
}

/// The offset that begins a row: a colon and a space stand behind it, or two spaces.
fn offset(text: &str) -> Option<(usize, &str)> {
    let digits = text.find(|letter: char| !letter.is_ascii_hexdigit())?;
    let (offset, rest) = text.split_at(digits);
    let rest = rest.strip_prefix(": ").or_else(|| rest.strip_prefix("  "))?;
    (offset.len() >= 4).then_some(())?;
    Some((usize::from_str_radix(offset, 16).ok()?, rest))
}

/// The octets of a row. A wide gap ends them, for letters stand behind it; hexdump has a gap of two in the middle.
fn row(mut rest: &str) -> Vec<u8> {
    let mut found = Vec::new();
    while found.len() < ROW {
        let group = rest.trim_start_matches(' ');
        let gap = rest.len() - group.len();
        if !found.is_empty() && (gap > 2 || gap == 2 && found.len() != ROW / 2) {
            break;
        }
        let (digits, behind) = group.split_at(group.find(' ').unwrap_or(group.len()));
        match octets(digits) {
            Some(octets) if !octets.is_empty() => found.extend(octets),
            _ => break,
        }
        rest = behind;
    }
    found
}

fn octets(text: &str) -> Option<Vec<u8>> {
    let digits: Option<Vec<u8>> = text
        .chars()
        .filter(|digit| !digit.is_whitespace() && *digit != ':')
        .map(|digit| digit.to_digit(16).and_then(|digit| u8::try_from(digit).ok()))
        .collect();
    let digits = digits.filter(|digits| digits.len() % 2 == 0)?;
    Some(digits.chunks(2).map(|pair| pair[0] << 4 | pair[1]).collect())
}
