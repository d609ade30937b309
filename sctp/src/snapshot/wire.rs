//! How a snapshot is written and read: big-endian numbers, octets behind their count, times relative to now.

use std::time::{Duration, Instant};

use bytes::Bytes;

use super::SnapshotError;
use crate::wire::Reader;

/// Appends fields.
#[derive(Default)]
pub(crate) struct Output(Vec<u8>);

impl Output {
    pub(crate) fn u8(&mut self, value: u8) {
        self.0.push(value);
    }

    pub(crate) fn flag(&mut self, value: bool) {
        self.0.push(u8::from(value));
    }

    pub(crate) fn u16(&mut self, value: u16) {
        self.0.extend_from_slice(&value.to_be_bytes());
    }

    pub(crate) fn u32(&mut self, value: u32) {
        self.0.extend_from_slice(&value.to_be_bytes());
    }

    pub(crate) fn u64(&mut self, value: u64) {
        self.0.extend_from_slice(&value.to_be_bytes());
    }

    pub(crate) fn size(&mut self, value: usize) {
        self.u64(u64::try_from(value).unwrap_or(u64::MAX));
    }

    pub(crate) fn octets(&mut self, value: &[u8]) {
        self.size(value.len());
        self.0.extend_from_slice(value);
    }

    pub(crate) fn duration(&mut self, value: Duration) {
        self.u64(u64::try_from(value.as_nanos()).unwrap_or(u64::MAX));
    }

    /// Each item with a mark before it, and an end mark.
    pub(crate) fn option<T>(&mut self, value: Option<T>, write: impl FnOnce(&mut Self, T)) {
        self.flag(value.is_some());
        if let Some(value) = value {
            write(self, value);
        }
    }

    /// How long until then.
    pub(crate) fn deadline(&mut self, value: Option<Instant>, now: Instant) {
        self.option(value, |out, at| out.duration(at.saturating_duration_since(now)));
    }

    pub(crate) fn finish(self) -> Vec<u8> {
        self.0
    }
}

/// Reads fields.
pub(crate) struct Input<'a> {
    reader: Reader<'a>,
}

impl<'a> Input<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Self { reader: Reader::new(bytes) }
    }

    /// What was read so far makes no sense.
    pub(crate) fn damaged(&self) -> SnapshotError {
        SnapshotError::Damaged { offset: self.reader.offset() }
    }

    fn take(&mut self, count: usize) -> Result<&'a [u8], SnapshotError> {
        self.reader.take(count).map_err(|error| SnapshotError::Damaged { offset: error.offset })
    }

    fn number<const N: usize>(&mut self) -> Result<[u8; N], SnapshotError> {
        let bytes = self.take(N)?;
        bytes.try_into().map_err(|_| self.damaged())
    }

    pub(crate) fn u8(&mut self) -> Result<u8, SnapshotError> {
        self.number().map(u8::from_be_bytes)
    }

    pub(crate) fn flag(&mut self) -> Result<bool, SnapshotError> {
        match self.u8()? {
            0 => Ok(false),
            1 => Ok(true),
            _ => Err(self.damaged()),
        }
    }

    pub(crate) fn u16(&mut self) -> Result<u16, SnapshotError> {
        self.number().map(u16::from_be_bytes)
    }

    pub(crate) fn u32(&mut self) -> Result<u32, SnapshotError> {
        self.number().map(u32::from_be_bytes)
    }

    pub(crate) fn u64(&mut self) -> Result<u64, SnapshotError> {
        self.number().map(u64::from_be_bytes)
    }

    pub(crate) fn size(&mut self) -> Result<usize, SnapshotError> {
        let value = self.u64()?;
        usize::try_from(value).map_err(|_| self.damaged())
    }

    pub(crate) fn octets(&mut self) -> Result<&'a [u8], SnapshotError> {
        let count = self.size()?;
        self.take(count)
    }

    pub(crate) fn bytes(&mut self) -> Result<Bytes, SnapshotError> {
        self.octets().map(Bytes::copy_from_slice)
    }

    pub(crate) fn duration(&mut self) -> Result<Duration, SnapshotError> {
        self.u64().map(Duration::from_nanos)
    }

    pub(crate) fn option<T>(
        &mut self,
        read: impl FnOnce(&mut Self) -> Result<T, SnapshotError>,
    ) -> Result<Option<T>, SnapshotError> {
        if self.flag()? { read(self).map(Some) } else { Ok(None) }
    }

    pub(crate) fn deadline(&mut self, now: Instant) -> Result<Option<Instant>, SnapshotError> {
        Ok(self.option(Self::duration)?.and_then(|left| now.checked_add(left)))
    }

    pub(crate) fn finish(&self) -> Result<(), SnapshotError> {
        if self.reader.is_empty() { Ok(()) } else { Err(self.damaged()) }
    }
}
