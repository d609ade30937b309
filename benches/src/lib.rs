//! The measuring harness: contenders take turns, round by round, so that a machine that slows down slows all of them.
//!
//! A figure to rely on is a ratio of two contenders within one run; absolute times are for orientation. Allocations are
//! counted on one call after the warm-up, so they are exact.
#![forbid(unsafe_code)]

mod table;

use std::hint::black_box;
use std::time::{Duration, Instant};

pub use table::{print_table, write_json};

/// How long to measure.
#[derive(Debug, Clone, Copy)]
pub struct Effort {
    /// Rounds in which every contender has one turn.
    pub rounds: usize,
    /// The least length of one turn.
    pub turn: Duration,
}

impl Effort {
    /// 30 rounds of 5 ms turns: enough for ratios within a few per cent.
    pub const FULL: Self = Self { rounds: 30, turn: Duration::from_millis(5) };
    /// 5 rounds of 1 ms turns: shows that everything runs, proves nothing.
    pub const QUICK: Self = Self { rounds: 5, turn: Duration::from_millis(1) };

    /// [`Effort::QUICK`] when the command line has `--quick` or is that of a test run, else [`Effort::FULL`].
    pub fn from_arguments() -> Self {
        let quick = std::env::args().any(|argument| argument == "--quick" || argument == "--test");
        if quick { Self::QUICK } else { Self::FULL }
    }
}

/// One way to do the work of a row.
pub struct Contender<'a> {
    name: &'a str,
    work: Box<dyn FnMut() + 'a>,
}

impl<'a> Contender<'a> {
    /// `work` does the row's work once.
    pub fn new<T>(name: &'a str, mut work: impl FnMut() -> T + 'a) -> Self {
        Self { name, work: Box::new(move || drop(black_box(work()))) }
    }
}

/// What one contender needed.
#[derive(Debug, Clone)]
pub struct Measure {
    /// The contender.
    pub name: String,
    /// Nanoseconds for one call: the median of all rounds.
    pub nanoseconds: f64,
    /// Time divided by that of the row's last contender, the yardstick: the median of the rounds' ratios.
    pub ratio: f64,
    /// Allocations of one call.
    pub allocations: u64,
    /// Octets that one call allocated.
    pub allocated: u64,
}

/// A row: several ways to do the same work, the last one being the yardstick.
#[derive(Debug, Clone)]
pub struct Row {
    /// What is done.
    pub name: String,
    /// The contenders in the order given.
    pub measures: Vec<Measure>,
}

/// Lets the contenders of a row take turns.
pub fn measure(name: &str, effort: Effort, mut contenders: Vec<Contender<'_>>) -> Row {
    let calls: Vec<u32> = contenders.iter_mut().map(|contender| calibrate(contender, effort.turn)).collect();
    let mut times = vec![Vec::with_capacity(effort.rounds); contenders.len()];
    for round in 0..effort.rounds {
        // Every other round goes backwards, so that no contender always follows the same neighbour.
        let order: Vec<usize> =
            if round % 2 == 0 { (0..calls.len()).collect() } else { (0..calls.len()).rev().collect() };
        for index in order {
            times[index].push(turn(&mut contenders[index], calls[index]));
        }
    }
    let yardstick = times.last().cloned().unwrap_or_default();
    let measures = contenders
        .iter_mut()
        .zip(times)
        .map(|(contender, times)| {
            let ratios = times.iter().zip(&yardstick).map(|(own, other)| own / other).collect();
            let counted = allocation_counter::measure(|| (contender.work)());
            Measure {
                name: contender.name.to_owned(),
                nanoseconds: median(times),
                ratio: median(ratios),
                allocations: counted.count_total,
                allocated: counted.bytes_total,
            }
        })
        .collect();
    Row { name: name.to_owned(), measures }
}

/// Finds how many calls fill a turn; warms up on the way.
fn calibrate(contender: &mut Contender<'_>, length: Duration) -> u32 {
    let mut calls = 1u32;
    loop {
        let started = Instant::now();
        (0..calls).for_each(|_| (contender.work)());
        if started.elapsed() >= length || calls > u32::MAX / 2 {
            return calls;
        }
        calls *= 2;
    }
}

/// Nanoseconds for one call, over one turn.
fn turn(contender: &mut Contender<'_>, calls: u32) -> f64 {
    let started = Instant::now();
    (0..calls).for_each(|_| (contender.work)());
    started.elapsed().as_secs_f64() * 1e9 / f64::from(calls)
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    match values.len() {
        0 => f64::NAN,
        len if len % 2 == 1 => values[len / 2],
        len => f64::midpoint(values[len / 2 - 1], values[len / 2]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_the_middle_one() {
        assert!((median(vec![3.0, 1.0, 2.0]) - 2.0).abs() < 1e-9);
        assert!((median(vec![4.0, 1.0, 2.0, 3.0]) - 2.5).abs() < 1e-9);
    }

    #[test]
    fn the_yardstick_has_ratio_one_and_allocations_are_counted() {
        let row = measure(
            "row",
            Effort { rounds: 3, turn: Duration::from_micros(50) },
            vec![Contender::new("allocates", || vec![0u8; 100]), Contender::new("nothing", || ())],
        );
        assert_eq!((row.measures[0].allocations, row.measures[0].allocated), (1, 100));
        assert_eq!(row.measures[1].allocations, 0);
        assert!((row.measures[1].ratio - 1.0).abs() < 1e-9);
    }
}
