//! Changing a document: edits lie over lines, the rest stays as it came.

use alloc::vec::Vec;

use super::parse::kind;
use super::{Document, Entry};
use crate::writer::{self, TextError};

impl Document<'_> {
    /// Replaces a line; it keeps its line end. `text` is the whole line, such as `a=mid:0`, in whatever encoding.
    ///
    /// # Errors
    /// The text would end the line.
    pub fn replace(&mut self, line: usize, text: impl AsRef<[u8]>) -> Result<(), TextError> {
        let text = text.as_ref();
        writer::check_octets(text)?;
        let edit = self.lay(text);
        if let Some(entry) = self.lines.get_mut(line) {
            *entry = Entry { end: entry.end, ..edit };
            self.reindex();
        }
        Ok(())
    }

    /// Puts a line in front of the line with this number, or at the end; it ends as the document's first line does.
    ///
    /// # Errors
    /// The text would end the line.
    pub fn insert(&mut self, line: usize, text: impl AsRef<[u8]>) -> Result<(), TextError> {
        let text = text.as_ref();
        writer::check_octets(text)?;
        let at = line.min(self.lines.len());
        let end = self.lines.first().map(|first| first.end).filter(|end| *end > 0).unwrap_or(2);
        // A last line without an end gets one, else the two would run together.
        if at == self.lines.len()
            && let Some(last) = self.lines.last_mut().filter(|last| last.end == 0)
        {
            last.end = end;
            if !last.edited {
                let old = (last.start as usize)..(last.start + last.len) as usize;
                let old = self.text.get(old).unwrap_or_default().to_vec();
                (last.edited, last.start) = (true, u32::try_from(self.edits.len()).unwrap_or(u32::MAX));
                self.edits.push(old);
            }
        }
        let entry = Entry { end, ..self.lay(text) };
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
        // Lines that follow each other in the text as they came are copied as one piece.
        let mut run = 0..0;
        for entry in &self.lines {
            let start = entry.start as usize;
            let end = start + entry.len as usize + usize::from(entry.end);
            if !entry.edited && start == run.end {
                run.end = end;
                continue;
            }
            out.extend_from_slice(self.text.get(run).unwrap_or_default());
            run = 0..0;
            if entry.edited {
                out.extend_from_slice(self.octets(entry));
                out.extend_from_slice(match entry.end {
                    0 => b"",
                    1 => b"\n",
                    _ => b"\r\n",
                });
            } else {
                run = start..end;
            }
        }
        out.extend_from_slice(self.text.get(run).unwrap_or_default());
    }

    /// The document as octets.
    pub fn to_vec(&self) -> Vec<u8> {
        let mut out = Vec::new();
        self.write(&mut out);
        out
    }

    /// Keeps a new text; the entry for it has no line end yet.
    fn lay(&mut self, text: &[u8]) -> Entry {
        let start = u32::try_from(self.edits.len()).unwrap_or(u32::MAX);
        self.edits.push(text.to_vec());
        Entry {
            start,
            len: u32::try_from(text.len()).unwrap_or(u32::MAX),
            kind: kind(text),
            end: 0,
            edited: true,
        }
    }

    fn reindex(&mut self) {
        let media = self.lines.iter().enumerate().filter(|(_, entry)| entry.kind == b'm');
        self.sections.clear();
        self.sections.push(0);
        self.sections.extend(media.map(|(index, _)| index));
    }
}
