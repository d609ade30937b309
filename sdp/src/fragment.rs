//! Candidates that are sent after the description; RFC 8840 section 9, `application/trickle-ice-sdpfrag`.

use alloc::borrow::ToOwned;
use alloc::string::String;
use alloc::vec::Vec;

use crate::document::{Document, LimitError, Limits, Section};
use crate::writer::{TextError, Writer};

/// Candidates for some media descriptions, and the credentials they belong to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Fragment {
    /// The user name's fragment, where it is said for all.
    pub ufrag: Option<String>,
    /// The password, where it is said for all.
    pub password: Option<String>,
    /// What is said of each media description.
    pub media: Vec<FragmentMedia>,
}

/// What a fragment says of one media description.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FragmentMedia {
    /// The `m=` value, which RFC 8840 has repeated.
    pub media: String,
    /// The media description's name.
    pub mid: String,
    /// The user name's fragment, where it is said here.
    pub ufrag: Option<String>,
    /// The password, where it is said here.
    pub password: Option<String>,
    /// The values of `a=candidate`.
    pub candidates: Vec<String>,
    /// No more will come.
    pub end_of_candidates: bool,
}

impl Fragment {
    /// Reads a fragment.
    ///
    /// # Errors
    /// It is larger than the default limits.
    pub fn parse(text: &[u8]) -> Result<Self, LimitError> {
        let document = Document::parse(text, &Limits::default())?;
        let session = document.session();
        let mut fragment = Self {
            ufrag: session.value("ice-ufrag").map(ToOwned::to_owned),
            password: session.value("ice-pwd").map(ToOwned::to_owned),
            media: document.media().map(FragmentMedia::read).collect(),
        };
        // Candidates without an m= line belong to the one description of the session.
        let loose = FragmentMedia::read(session);
        if !loose.candidates.is_empty() || loose.end_of_candidates {
            fragment.media.insert(0, FragmentMedia { ufrag: None, password: None, ..loose });
        }
        Ok(fragment)
    }

    /// Writes the fragment.
    ///
    /// # Errors
    /// Some text would end its line.
    pub fn write(&self) -> Result<String, TextError> {
        let mut out = Writer::new();
        write_credentials(&mut out, self.ufrag.as_deref(), self.password.as_deref());
        for media in &self.media {
            if !media.media.is_empty() {
                out.line('m', &media.media);
            }
            if !media.mid.is_empty() {
                out.attribute("mid", &media.mid);
            }
            write_credentials(&mut out, media.ufrag.as_deref(), media.password.as_deref());
            for candidate in &media.candidates {
                out.attribute("candidate", candidate);
            }
            if media.end_of_candidates {
                out.flag("end-of-candidates");
            }
        }
        out.finish()
    }

    /// The credentials: those said for all, else those of the first media description that says any.
    pub fn credentials(&self) -> Option<(&str, &str)> {
        let both =
            |ufrag: &'_ Option<String>, password: &'_ Option<String>| ufrag.is_some() && password.is_some();
        let (ufrag, password) = if both(&self.ufrag, &self.password) {
            (&self.ufrag, &self.password)
        } else {
            let media = self.media.iter().find(|media| both(&media.ufrag, &media.password))?;
            (&media.ufrag, &media.password)
        };
        Some((ufrag.as_deref()?, password.as_deref()?))
    }
}

impl FragmentMedia {
    fn read(section: Section<'_>) -> Self {
        let text = |value: Option<&str>| value.unwrap_or_default().to_owned();
        let candidates = section.attributes().filter(|attribute| attribute.name == "candidate");
        Self {
            media: text(section.line('m').and_then(|line| line.text())),
            mid: text(section.value("mid")),
            ufrag: section.value("ice-ufrag").map(ToOwned::to_owned),
            password: section.value("ice-pwd").map(ToOwned::to_owned),
            candidates: candidates.map(|attribute| text(attribute.value)).collect(),
            end_of_candidates: section.has("end-of-candidates"),
        }
    }
}

fn write_credentials(out: &mut Writer, ufrag: Option<&str>, password: Option<&str>) {
    if let Some(ufrag) = ufrag {
        out.attribute("ice-ufrag", ufrag);
    }
    if let Some(password) = password {
        out.attribute("ice-pwd", password);
    }
}
