//! What a packet says, as a tree of named fields: printed for people and written as JSON from the same tree.

use std::fmt::Write as _;

use serde_json::{Map, Value as Json};

/// What stands behind a name.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// Yes or no.
    Flag(bool),
    /// A number.
    Number(u64),
    /// A negative number, or one with a fraction.
    Real(f64),
    /// Words.
    Text(String),
    /// Octets.
    Octets(Vec<u8>),
    /// Several of a kind.
    List(Vec<Value>),
    /// Fields of its own.
    Tree(Tree),
}

/// A named value, what it means, and where that is written.
#[derive(Debug, Clone, PartialEq)]
pub struct Field {
    /// The RFC's name.
    pub name: &'static str,
    /// The value.
    pub value: Value,
    /// What a number stands for; only for people.
    pub note: Option<String>,
    /// `RFC 8489 section 5`.
    pub section: Option<&'static str>,
}

/// Fields in their order.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Tree(pub Vec<Field>);

impl Tree {
    /// Adds a field.
    pub fn add(&mut self, name: &'static str, value: impl Into<Value>) -> &mut Field {
        self.0.push(Field { name, value: value.into(), note: None, section: None });
        let last = self.0.len() - 1;
        &mut self.0[last]
    }

    /// Adds what is wrong, and where: octets from the start of the packet that the tree describes.
    #[expect(clippy::needless_pass_by_value, reason = "what is passed is small, or made for it")]
    pub fn fault(&mut self, offset: usize, reason: impl ToString) {
        let mut fault = Self::default();
        fault.add("offset", offset);
        fault.add("reason", reason.to_string());
        self.add("malformed", fault);
    }

    /// The value of a field.
    pub fn find(&self, name: &str) -> Option<&Value> {
        self.0.iter().find(|field| field.name == name).map(|field| &field.value)
    }

    /// As an object. Field names are unique within a tree.
    pub fn to_json(&self) -> Json {
        Json::Object(
            self.0.iter().map(|field| (field.name.to_owned(), field.value.to_json())).collect::<Map<_, _>>(),
        )
    }

    /// Appends a line a field, each level further in; sections stand at the right, in `paint`'s dim colour.
    pub fn print(&self, out: &mut String, depth: usize, paint: Paint) {
        for field in &self.0 {
            let indent = 2 * depth;
            let mut line = format!("{:indent$}{}", "", field.name);
            let inner = match &field.value {
                Value::Tree(_) => true,
                Value::List(items) => items.iter().any(|item| matches!(item, Value::Tree(_))),
                _ => false,
            };
            if !inner {
                let _ = write!(line, ": {}", field.value.words());
            }
            if let Some(note) = &field.note {
                let _ = write!(line, " ({note})");
            }
            paint.line(out, &line, field.section, field.name == "malformed");
            match &field.value {
                Value::Tree(tree) => tree.print(out, depth + 1, paint),
                Value::List(items) if inner => print_list(items, out, depth + 1, paint),
                _ => {}
            }
        }
    }
}

/// Items with fields of their own: numbered, so that one ends where the next begins.
fn print_list(items: &[Value], out: &mut String, depth: usize, paint: Paint) {
    for (number, item) in items.iter().enumerate() {
        let indent = 2 * depth;
        match item {
            Value::Tree(tree) => {
                paint.line(out, &format!("{:indent$}[{number}]", ""), None, false);
                tree.print(out, depth + 1, paint);
            }
            other => paint.line(out, &format!("{:indent$}[{number}] {}", "", other.words()), None, false),
        }
    }
}

impl Field {
    /// Says what a number stands for.
    #[expect(clippy::needless_pass_by_value, reason = "what is passed is small, or made for it")]
    pub fn note(&mut self, note: impl ToString) -> &mut Self {
        self.note = Some(note.to_string());
        self
    }

    /// Says where it is written.
    pub fn rfc(&mut self, section: &'static str) -> &mut Self {
        self.section = Some(section);
        self
    }
}

impl Value {
    fn to_json(&self) -> Json {
        match self {
            Self::Flag(flag) => (*flag).into(),
            Self::Number(number) => (*number).into(),
            Self::Real(number) => (*number).into(),
            Self::Text(text) => text.as_str().into(),
            Self::Octets(octets) => hex(octets).into(),
            Self::List(items) => items.iter().map(Self::to_json).collect(),
            Self::Tree(tree) => tree.to_json(),
        }
    }

    fn words(&self) -> String {
        match self {
            Self::Flag(flag) => flag.to_string(),
            Self::Number(number) => number.to_string(),
            Self::Real(number) => number.to_string(),
            Self::Text(text) => format!("{text:?}"),
            Self::Octets(octets) if octets.len() > SHOWN => {
                format!("{}... {} octets", hex(&octets[..SHOWN]), octets.len())
            }
            Self::Octets(octets) => hex(octets),
            Self::List(items) => {
                format!("[{}]", items.iter().map(Self::words).collect::<Vec<_>>().join(", "))
            }
            Self::Tree(_) => String::new(),
        }
    }
}

/// Octets shown to people; JSON has all.
const SHOWN: usize = 32;
/// Where sections stand.
const COLUMN: usize = 88;

/// Whether to use colours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Paint {
    /// None.
    Plain,
    /// Those of a terminal.
    Colours,
}

impl Paint {
    fn line(self, out: &mut String, text: &str, section: Option<&str>, bad: bool) {
        let (red, dim, end) = match self {
            Self::Plain => ("", "", ""),
            Self::Colours => ("\x1b[31m", "\x1b[2m", "\x1b[0m"),
        };
        match (section, bad) {
            (Some(section), _) => {
                let gap = COLUMN.saturating_sub(text.chars().count()).max(2);
                let _ = writeln!(out, "{text}{:gap$}{dim}{section}{end}", "");
            }
            (None, true) => {
                let _ = writeln!(out, "{red}{text}{end}");
            }
            (None, false) => {
                let _ = writeln!(out, "{text}");
            }
        }
    }

    /// A packet's first line.
    pub fn heading(self, text: &str) -> String {
        match self {
            Self::Plain => text.to_owned(),
            Self::Colours => format!("\x1b[1m{text}\x1b[0m"),
        }
    }
}

/// Octets as hexadecimal digits.
pub fn hex(octets: &[u8]) -> String {
    octets.iter().fold(String::with_capacity(2 * octets.len()), |mut text, octet| {
        let _ = write!(text, "{octet:02x}");
        text
    })
}

macro_rules! from {
    ($($kind:ty => $make:expr;)*) => {
        $(impl From<$kind> for Value {
            fn from(value: $kind) -> Self {
                #[allow(clippy::redundant_closure_call, reason = "one line a kind")]
                ($make)(value)
            }
        })*
    };
}

from! {
    bool => Value::Flag;
    u8 => |value: u8| Value::Number(value.into());
    u16 => |value: u16| Value::Number(value.into());
    u32 => |value: u32| Value::Number(value.into());
    u64 => Value::Number;
    usize => |value: usize| Value::Number(value as u64);
    i32 => |value: i32| Value::Real(value.into());
    f64 => Value::Real;
    String => Value::Text;
    &str => |value: &str| Value::Text(value.to_owned());
    &[u8] => |value: &[u8]| Value::Octets(value.to_vec());
    Vec<Value> => Value::List;
    Tree => Value::Tree;
}

impl<V: Into<Value>> FromIterator<V> for Value {
    fn from_iter<I: IntoIterator<Item = V>>(items: I) -> Self {
        Self::List(items.into_iter().map(Into::into).collect())
    }
}
