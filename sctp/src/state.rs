//! The states of an association (RFC 9260 section 4) and every transition between them; this file knows no bytes.
//!
//! ```text
//!                     INIT sent            INIT ACK received         COOKIE ACK received
//!   Closed --connect-----> CookieWait ----------> CookieEchoed ------------> Established
//!      \________________________|______________________|__ valid COOKIE ECHO ____^ |
//!                                                                                 |
//!           shutdown called                              SHUTDOWN received        |
//!       ShutdownPending <--------------------------------------+------------------+
//!            | all acknowledged                                v
//!            v                    SHUTDOWN received     ShutdownReceived
//!       ShutdownSent ---------------------------+              | all acknowledged
//!            |                                  v              v
//!            | SHUTDOWN ACK received            +-----> ShutdownAckSent
//!            v                                          | SHUTDOWN COMPLETE received
//!        Lingering -----> Ended <-----------------------+        (ABORT: from anywhere)
//! ```

use std::time::{Duration, Instant};

use crate::rto;
use crate::tcb::Tcb;

/// A message that is repeated until it is answered: T1-init, T1-cookie, T2-shutdown.
#[derive(Debug)]
pub(crate) struct Retry {
    pub(crate) deadline: Instant,
    /// Repetitions so far.
    pub(crate) count: u32,
    /// To be sent now.
    pub(crate) due: bool,
}

impl Retry {
    pub(crate) fn new(now: Instant, rto: Duration) -> Self {
        Self { deadline: now + rto, count: 0, due: true }
    }

    /// If the time is over: counts, doubles the wait, asks for another try. Says whether it was over.
    pub(crate) fn on_timeout(&mut self, now: Instant, initial: Duration, max: Duration) -> bool {
        if self.deadline > now {
            return false;
        }
        self.count += 1;
        self.deadline = now + rto::backed_off(initial, max, self.count);
        self.due = true;
        true
    }
}

/// What goes back to the peer once its INIT ACK is here.
#[derive(Debug)]
pub(crate) struct Echo {
    pub(crate) cookie: Vec<u8>,
    /// ERROR chunk about parameters that we do not know; empty without any.
    pub(crate) report: Vec<u8>,
}

/// See the top of this file.
#[derive(Debug, Default)]
pub(crate) enum State {
    /// No association; INIT and COOKIE ECHO are answered.
    Closed,
    CookieWait {
        t1: Retry,
        /// Cookies that were stale when the peer got them back.
        stale: u32,
    },
    CookieEchoed {
        t1: Retry,
        stale: u32,
        echo: Box<Echo>,
        tcb: Box<Tcb>,
    },
    Established {
        tcb: Box<Tcb>,
    },
    ShutdownPending {
        guard: Instant,
        tcb: Box<Tcb>,
    },
    ShutdownSent {
        guard: Instant,
        t2: Retry,
        tcb: Box<Tcb>,
    },
    ShutdownReceived {
        guard: Instant,
        tcb: Box<Tcb>,
    },
    ShutdownAckSent {
        guard: Instant,
        t2: Retry,
        tcb: Box<Tcb>,
    },
    /// Over; a repeated SHUTDOWN ACK is still answered.
    Lingering {
        until: Instant,
    },
    /// Over.
    #[default]
    Ended,
}

/// The state, for those who watch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum AssociationState {
    /// Before `connect`, and before the peer set anything up.
    Closed,
    /// INIT sent.
    CookieWait,
    /// COOKIE ECHO sent.
    CookieEchoed,
    /// Up.
    Established,
    /// `shutdown` was called, data is still on its way.
    ShutdownPending,
    /// SHUTDOWN sent.
    ShutdownSent,
    /// SHUTDOWN received, data is still on its way.
    ShutdownReceived,
    /// SHUTDOWN ACK sent.
    ShutdownAckSent,
    /// Over.
    Ended,
}

impl State {
    pub(crate) fn tcb(&self) -> Option<&Tcb> {
        match self {
            Self::CookieEchoed { tcb, .. }
            | Self::Established { tcb }
            | Self::ShutdownPending { tcb, .. }
            | Self::ShutdownSent { tcb, .. }
            | Self::ShutdownReceived { tcb, .. }
            | Self::ShutdownAckSent { tcb, .. } => Some(tcb),
            Self::Closed | Self::CookieWait { .. } | Self::Lingering { .. } | Self::Ended => None,
        }
    }

    pub(crate) fn tcb_mut(&mut self) -> Option<&mut Tcb> {
        match self {
            Self::CookieEchoed { tcb, .. }
            | Self::Established { tcb }
            | Self::ShutdownPending { tcb, .. }
            | Self::ShutdownSent { tcb, .. }
            | Self::ShutdownReceived { tcb, .. }
            | Self::ShutdownAckSent { tcb, .. } => Some(tcb),
            Self::Closed | Self::CookieWait { .. } | Self::Lingering { .. } | Self::Ended => None,
        }
    }

    /// The TCB where data may be on its way from us.
    pub(crate) fn sending(&mut self) -> Option<&mut Tcb> {
        match self {
            Self::Established { tcb }
            | Self::ShutdownPending { tcb, .. }
            | Self::ShutdownReceived { tcb, .. } => Some(tcb),
            _ => None,
        }
    }

    /// The TCB where data from the peer is taken.
    pub(crate) fn receiving(&mut self) -> Option<&mut Tcb> {
        match self {
            Self::Established { tcb }
            | Self::ShutdownPending { tcb, .. }
            | Self::ShutdownSent { tcb, .. } => Some(tcb),
            _ => None,
        }
    }

    fn into_tcb(self) -> Option<Box<Tcb>> {
        match self {
            Self::CookieEchoed { tcb, .. }
            | Self::Established { tcb }
            | Self::ShutdownPending { tcb, .. }
            | Self::ShutdownSent { tcb, .. }
            | Self::ShutdownReceived { tcb, .. }
            | Self::ShutdownAckSent { tcb, .. } => Some(tcb),
            Self::Closed | Self::CookieWait { .. } | Self::Lingering { .. } | Self::Ended => None,
        }
    }

    pub(crate) fn name(&self) -> AssociationState {
        match self {
            Self::Closed => AssociationState::Closed,
            Self::CookieWait { .. } => AssociationState::CookieWait,
            Self::CookieEchoed { .. } => AssociationState::CookieEchoed,
            Self::Established { .. } => AssociationState::Established,
            Self::ShutdownPending { .. } => AssociationState::ShutdownPending,
            Self::ShutdownSent { .. } => AssociationState::ShutdownSent,
            Self::ShutdownReceived { .. } => AssociationState::ShutdownReceived,
            Self::ShutdownAckSent { .. } => AssociationState::ShutdownAckSent,
            Self::Lingering { .. } | Self::Ended => AssociationState::Ended,
        }
    }

    pub(crate) fn deadline(&self) -> Option<Instant> {
        match self {
            Self::CookieWait { t1, .. } | Self::CookieEchoed { t1, .. } => Some(t1.deadline),
            Self::ShutdownPending { guard, .. } | Self::ShutdownReceived { guard, .. } => Some(*guard),
            Self::ShutdownSent { guard, t2, .. } | Self::ShutdownAckSent { guard, t2, .. } => {
                Some(t2.deadline.min(*guard))
            }
            Self::Lingering { until } => Some(*until),
            Self::Closed | Self::Established { .. } | Self::Ended => None,
        }
    }

    fn change(&mut self, next: impl FnOnce(Self) -> Self) {
        *self = next(std::mem::take(self));
    }

    /// INIT ACK received.
    pub(crate) fn echo_cookie(&mut self, t1: Retry, echo: Box<Echo>, tcb: Box<Tcb>) {
        self.change(|state| match state {
            Self::CookieWait { stale, .. } => Self::CookieEchoed { t1, stale, echo, tcb },
            other => other,
        });
    }

    /// The peer's cookie was stale for it: once more from the start. Says how often that has been.
    pub(crate) fn wait_again(&mut self, now: Instant, rto: Duration) -> u32 {
        let Self::CookieEchoed { stale, .. } = *self else { return 0 };
        let stale = stale + 1;
        *self = Self::CookieWait { t1: Retry::new(now, rto), stale };
        stale
    }

    /// COOKIE ACK received, or a valid COOKIE ECHO that brings its own TCB.
    pub(crate) fn establish(&mut self, new: Option<Box<Tcb>>) {
        self.change(|state| match new {
            Some(tcb) => Self::Established { tcb },
            None => match state {
                Self::CookieEchoed { tcb, .. } => Self::Established { tcb },
                other => other,
            },
        });
    }

    /// Until when a shutdown of ours may take, if there is one.
    pub(crate) fn shutdown_guard(&self) -> Option<Instant> {
        match self {
            Self::ShutdownPending { guard, .. } | Self::ShutdownSent { guard, .. } => Some(*guard),
            _ => None,
        }
    }

    /// `shutdown` was called.
    pub(crate) fn begin_shutdown(&mut self, guard: Instant) {
        self.change(|state| match state {
            Self::Established { tcb } => Self::ShutdownPending { guard, tcb },
            other => other,
        });
    }

    /// Everything sent is acknowledged.
    pub(crate) fn all_acknowledged(&mut self, t2: Retry) {
        self.change(|state| match state {
            Self::ShutdownPending { guard, tcb } => Self::ShutdownSent { guard, t2, tcb },
            Self::ShutdownReceived { guard, tcb } => Self::ShutdownAckSent { guard, t2, tcb },
            other => other,
        });
    }

    /// SHUTDOWN received.
    pub(crate) fn peer_shuts_down(&mut self, new_guard: Instant, t2: Retry) {
        self.change(|state| match state {
            Self::Established { tcb } => Self::ShutdownReceived { guard: new_guard, tcb },
            Self::ShutdownPending { guard, tcb } => Self::ShutdownReceived { guard, tcb },
            // In ShutdownAckSent: our answer was lost; the peer is there, so the repetitions begin anew.
            Self::ShutdownSent { guard, tcb, .. } | Self::ShutdownAckSent { guard, tcb, .. } => {
                Self::ShutdownAckSent { guard, t2, tcb }
            }
            other => other,
        });
    }

    /// SHUTDOWN ACK received: our part is over once SHUTDOWN COMPLETE is sent.
    pub(crate) fn linger(&mut self, until: Instant) -> Option<Box<Tcb>> {
        std::mem::replace(self, Self::Lingering { until }).into_tcb()
    }

    /// From anywhere.
    pub(crate) fn end(&mut self) -> Option<Box<Tcb>> {
        std::mem::take(self).into_tcb()
    }
}
