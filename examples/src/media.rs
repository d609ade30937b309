//! Media files, as far as a sender needs them: the frames and how long each lasts.

use std::io::Cursor;
use std::path::Path;
use std::time::Duration;

use bytes::Bytes;

/// Encoded frames in the order in which they are sent.
#[derive(Debug, Clone)]
pub struct Media {
    /// The frames, or for audio the packets.
    pub frames: Vec<Bytes>,
    /// From one frame to the next.
    pub interval: Duration,
}

/// Why a media file cannot be used.
#[derive(Debug)]
pub enum MediaError {
    /// It cannot be read.
    Io(std::io::Error),
    /// It is not what it should be.
    Format(String),
}

impl std::fmt::Display for MediaError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Io(fault) => write!(f, "{fault}"),
            Self::Format(reason) => f.write_str(reason),
        }
    }
}

impl std::error::Error for MediaError {}

impl Media {
    /// Reads VP8 from an IVF file.
    ///
    /// # Errors
    /// The file cannot be read or is not IVF with VP8 in it.
    pub fn open_ivf(path: &Path) -> Result<Self, MediaError> {
        Self::from_ivf(&std::fs::read(path).map_err(MediaError::Io)?)
    }

    /// Reads Opus from an Ogg file.
    ///
    /// # Errors
    /// The file cannot be read or is not Ogg with Opus in it.
    pub fn open_ogg(path: &Path) -> Result<Self, MediaError> {
        Self::from_ogg(std::fs::read(path).map_err(MediaError::Io)?)
    }

    /// IVF: a header of 32 octets, then each frame behind 12 octets of length and time. All little endian.
    ///
    /// # Errors
    /// The signature, the codec or a length is wrong.
    pub fn from_ivf(bytes: &[u8]) -> Result<Self, MediaError> {
        let format = |reason: &str| MediaError::Format(format!("IVF: {reason}"));
        let (header, mut rest) = bytes.split_first_chunk::<32>().ok_or_else(|| format("no header"))?;
        if &header[..4] != b"DKIF" || &header[8..12] != b"VP80" {
            return Err(format("no VP8 in it"));
        }
        let number =
            |at: usize| u32::from_le_bytes([header[at], header[at + 1], header[at + 2], header[at + 3]]);
        let (rate, scale) = (number(16).max(1), number(20).max(1));
        let mut frames = Vec::new();
        while let Some((head, tail)) = rest.split_first_chunk::<12>() {
            let len = u32::from_le_bytes([head[0], head[1], head[2], head[3]]) as usize;
            let (frame, tail) = tail.split_at_checked(len).ok_or_else(|| format("the last frame is cut"))?;
            frames.push(Bytes::copy_from_slice(frame));
            rest = tail;
        }
        if frames.is_empty() {
            return Err(format("no frames"));
        }
        Ok(Self { frames, interval: Duration::from_secs(scale.into()) / rate })
    }

    /// Ogg (RFC 3533) with Opus in it (RFC 7845): two packets of headers, then the audio. 20 ms a packet is assumed,
    /// which is what encoders make unless told otherwise.
    ///
    /// # Errors
    /// The container is broken or holds something else.
    pub fn from_ogg(bytes: Vec<u8>) -> Result<Self, MediaError> {
        let mut reader = ogg::PacketReader::new(Cursor::new(bytes));
        let mut next = || reader.read_packet().map_err(|fault| MediaError::Format(format!("Ogg: {fault}")));
        let head = next()?.ok_or_else(|| MediaError::Format("Ogg: empty".into()))?;
        if !head.data.starts_with(b"OpusHead") {
            return Err(MediaError::Format("Ogg: no Opus in it".into()));
        }
        next()?;
        let mut frames = Vec::new();
        while let Some(packet) = next()? {
            frames.push(Bytes::from(packet.data));
        }
        Ok(Self { frames, interval: Duration::from_millis(20) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_files_beside_the_program_read() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("media");
        let picture = Media::open_ivf(&folder.join("picture.ivf")).unwrap();
        assert_eq!((picture.frames.len(), picture.interval.as_millis()), (75, 66));
        let sound = Media::open_ogg(&folder.join("sound.opus")).unwrap();
        assert!((250..=252).contains(&sound.frames.len()), "{}", sound.frames.len());
    }

    #[test]
    fn a_cut_file_is_refused() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("media");
        let bytes = std::fs::read(folder.join("picture.ivf")).unwrap();
        assert!(Media::from_ivf(&bytes[..bytes.len() - 1]).is_err());
        assert!(Media::from_ivf(b"RIFF").is_err());
        assert!(Media::from_ogg(b"OggS".to_vec()).is_err());
    }
}
