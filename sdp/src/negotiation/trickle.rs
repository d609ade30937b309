//! Candidates that come after the descriptions; RFC 8840 and RFC 9429 section 4.1.19.

use alloc::vec::Vec;

use super::{LocalTransport, NegotiationError, Negotiator};
use crate::fragment::{Fragment, FragmentMedia};

/// Candidates of the other side's that are kept for each transport.
const MAX_CANDIDATES: usize = 256;

impl Negotiator {
    /// Adds candidates that the other side sends after its description, to its transports, each once and at most 256 of
    /// them. Those of another generation than the one we know, by their user name's fragment, are left out.
    ///
    /// # Errors
    /// No description of the other side's is known yet, or a media description in the fragment is not one of the session.
    pub fn add_remote_candidates(&mut self, fragment: &Fragment) -> Result<(), NegotiationError> {
        let state = NegotiationError::State { state: self.state };
        if self.remote_transport().is_none() {
            return Err(state);
        }
        for media in &fragment.media {
            let section =
                self.sections.iter().find(|section| media.mid.is_empty() || section.mid == media.mid);
            let reason = "no media description has this name";
            let id =
                section.map(|section| section.id).ok_or(NegotiationError::Mismatch { line: 1, reason })?;
            let open = self.is_answering();
            let tag =
                self.sections.iter().find(|section| section.id == id).and_then(|section| section.transport);
            let group =
                self.open.groups.iter_mut().filter(|_| open).find(|group| group.members.contains(&id));
            let agreed = self.transports.iter_mut().find(|transport| Some(transport.tag) == tag);
            let remote =
                group.map(|group| &mut group.remote).or(agreed.map(|transport| &mut transport.remote));
            let Some(remote) = remote else { continue };
            let ufrag = media.ufrag.as_ref().or(fragment.ufrag.as_ref());
            if ufrag.is_some_and(|ufrag| *ufrag != remote.ufrag) {
                continue;
            }
            for candidate in &media.candidates {
                if remote.candidates.len() < MAX_CANDIDATES && !remote.candidates.contains(candidate) {
                    remote.candidates.push(candidate.clone());
                }
            }
            remote.end_of_candidates |= media.end_of_candidates;
        }
        Ok(())
    }

    /// The fragment that tells the other side of these candidates of ours, for the transport that all media share.
    pub fn fragment(&self, transport: &LocalTransport) -> Fragment {
        let first = self.sections.iter().find(|section| !section.rejected);
        let media = first.map(|section| FragmentMedia {
            media: alloc::format!(
                "{} 9 {}",
                section.kind.name(),
                match section.kind {
                    super::Kind::Data => "UDP/DTLS/SCTP webrtc-datachannel",
                    _ => "UDP/TLS/RTP/SAVPF 0",
                }
            ),
            mid: section.mid.clone(),
            candidates: transport.candidates.clone(),
            end_of_candidates: transport.end_of_candidates,
            ..FragmentMedia::default()
        });
        Fragment {
            ufrag: Some(transport.ufrag.clone()),
            password: Some(transport.password.clone()),
            media: media.into_iter().collect::<Vec<_>>(),
        }
    }
}
