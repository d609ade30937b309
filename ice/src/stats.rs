//! Counters.

/// Plain counters, never reset.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Stats {
    /// Checks sent first, nominations among them.
    pub checks: u64,
    /// Checks and gathering requests sent again.
    pub retransmissions: u64,
    /// Consent checks sent.
    pub consent_checks: u64,
    /// Gathering requests sent first, keepalives to servers among them.
    pub gathering_requests: u64,
    /// Authenticated checks that came in.
    pub checks_received: u64,
    /// Answers sent, refusals among them.
    pub responses: u64,
    /// Authentic answers that came in.
    pub responses_received: u64,
    /// Binding indications that came in; they keep a NAT's binding alive and say nothing.
    pub indications: u64,
    /// Role conflicts seen, from either side; RFC 8445 section 7.3.1.1.
    pub role_conflicts: u64,
    /// Datagrams handed on as payload.
    pub payloads: u64,
    /// Dropped: payload over a path without an authenticated check.
    pub dropped_unauthenticated: u64,
    /// Dropped: of no protocol that shares the port; RFC 7983 section 7.
    pub dropped_unknown: u64,
    /// Dropped: looks like STUN and is malformed, or lacks the FINGERPRINT that ICE demands; RFC 8445 section 7.2.4.
    pub dropped_malformed: u64,
    /// Dropped: integrity missing or wrong, in a check or in an answer.
    pub dropped_integrity: u64,
    /// Dropped: arrived on an address that is none of our bases.
    pub dropped_base: u64,
    /// Dropped: a check on a pair whose consent is lost; RFC 7675 section 5.1.
    pub dropped_consent: u64,
    /// Refused: a check from another generation of the peer's than the one that its pair belongs to.
    pub refused_crossed: u64,
    /// Dropped: an answer that came a way that the request did not go, from a server that was asked.
    pub dropped_source: u64,
    /// Not answered or not kept, since a limit was reached: answers waiting, candidates, pairs.
    pub dropped_limit: u64,
}
