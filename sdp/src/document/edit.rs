//! Changing a document: edits lie over lines, the rest stays as it came.

use alloc::vec::Vec;

use super::{Document, Entry};
use crate::writer::{self, TextError};

impl Document<'_> {
    /// Replaces a line; it keeps its line end. `text` is the whole line, such as `a=mid:0`.
    ///
    /// # Errors
    /// The text would end the line.
    pub fn replace(&mut self, line: usize, text: &str) -> Result<(), TextError> {
        writer::check(text)?;
        if let Some(entry) = self.lines.get_mut(line) {
            entry.kind = kind(text);
            entry.edit = Some(text.as_bytes().to_vec());
            self.reindex();
        }
        Ok(())
    }

    /// Puts a line in front of the line with this number, or at the end; it ends as the document's first line does.
    ///
    /// # Errors
    /// The text would end the line.
    pub fn insert(&mut self, line: usize, text: &str) -> Result<(), TextError> {
        writer::check(text)?;
        let at = line.min(self.lines.len());
        let end = self.lines.first().map(|first| first.end).filter(|end| *end > 0).unwrap_or(2);
        // A last line without an end gets one, else the two would run together.
        if at == self.lines.len()
            && let Some(last) = self.lines.last_mut().filter(|last| last.end == 0)
        {
            let text = last
                .edit
                .take()
                .unwrap_or_else(|| self.text[last.span.start as usize..last.span.end as usize].to_vec());
            (last.edit, last.end) = (Some(text), end);
        }
        let start = self.lines.get(at).map_or(self.text.len(), |next| next.span.start as usize);
        let start = u32::try_from(start).unwrap_or(u32::MAX);
        let entry = Entry { kind: kind(text), span: start..start, end, edit: Some(text.as_bytes().to_vec()) };
        self.lines.insert(at, entry);
        self.reindex();
        Ok(())
    }

    /// Takes a line out.
    pub fn remove(&mut self, line: usize) {
        if line < self.lines.len() {
            self.lines.remove(line);
            self.reindex();
        }
    }

    /// Appends the document to `out`: untouched lines octet by octet as they came.
    pub fn write(&self, out: &mut Vec<u8>) {
        out.reserve(self.text.len());
        for entry in &self.lines {
            let (start, end) = (entry.span.start as usize, entry.span.end as usize);
            match &entry.edit {
                None => out.extend_from_slice(&self.text[start..end + usize::from(entry.end)]),
                Some(text) => {
                    out.extend_from_slice(text);
                    out.extend_from_slice(match entry.end {
                        0 => b"",
                        1 => b"\n",
                        _ => b"\r\n",
                    });
                }
            }
        }
    }

    /// The document as octets.
    pub fn to_vec(&self) -> Vec<u8> {
        let mut out = Vec::new();
        self.write(&mut out);
        out
    }

    fn reindex(&mut self) {
        let media = self.lines.iter().enumerate().filter(|(_, entry)| entry.kind == b'm');
        self.sections.clear();
        self.sections.push(0);
        self.sections.extend(media.map(|(index, _)| index));
    }
}

fn kind(text: &str) -> u8 {
    match text.as_bytes() {
        [letter, b'=', ..] if letter.is_ascii_alphabetic() => *letter,
        _ => 0,
    }
}
