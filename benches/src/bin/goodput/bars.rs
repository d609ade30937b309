//! What must hold, with the rivals' figures beside it.

use nomagic_sctp::Controller;

use crate::cell::{self, CLEAN, Carried, Cell, Impairment, ONE_LOST, OURS, REORDERED};
use crate::ping;

/// Path, contender and the least that it carries in Mbit/s.
const LEAST: [(u64, u64, Impairment, &str, f64); 5] = [
    (50, 100, CLEAN, "cubic", 90.0),
    (100, 500, CLEAN, "cubic", 400.0),
    (200, 20, CLEAN, "cubic", 16.0),
    (50, 100, REORDERED, "cubic", 80.0),
    (50, 100, ONE_LOST, "model", 40.0),
];

/// Runs and prints every bar.
pub(crate) fn all_met() -> bool {
    cell::print_header();
    let rows: Vec<Vec<Carried>> =
        LEAST.iter().map(|&(trip, rate, impairment, ..)| Cell { trip, rate, impairment }.print()).collect();
    println!();
    let mut met = true;
    for (&(trip, rate, (path, _), name, least), row) in LEAST.iter().zip(&rows) {
        let own = row.iter().find(|(contender, _)| *contender == name).and_then(|(_, carried)| *carried);
        let best = row.iter().skip(OURS).filter_map(|(_, carried)| *carried).reduce(f64::max);
        let best = best.map_or(String::new(), |best| format!(", best rival {best:.1}"));
        let own = own.unwrap_or_default();
        let what = format!("{trip} ms, {rate} Mbit/s, {path}: {name} {own:.1}, at least {least}{best}");
        met &= verdict(own >= least, &what);
    }
    for controller in [Controller::NewReno, Controller::Cubic, Controller::Model] {
        let (share, what) = sharing([controller; 2], 60);
        met &= verdict((0.4..=0.6).contains(&share), &format!("{what}, 40 to 60 %"));
    }
    let (share, what) = sharing([Controller::Cubic, Controller::NewReno], 120);
    met &= verdict(share >= 1.0 / 3.0, &format!("{what}, at least a third"));
    met & ping::all_met(verdict)
}

/// Two flows over 50 ms and 20 Mbit/s: the share of the second.
fn sharing(controllers: [Controller; 2], seconds: u32) -> (f64, String) {
    let [first, second] = controllers;
    let cell = Cell { trip: 50, rate: 20, impairment: CLEAN };
    let rates = cell.share(vec![cell::pair(first, 1), cell::pair(second, 2)], seconds).unwrap_or_default();
    let share = rates.get(1).copied().unwrap_or_default() / rates.iter().sum::<f64>();
    let what =
        format!("50 ms, 20 Mbit/s, {seconds} s: {second:?} beside {first:?} has {:.0} %", 100.0 * share);
    (share, what)
}

fn verdict(met: bool, what: &str) -> bool {
    println!("{} {what}", if met { "pass" } else { "FAIL" });
    met
}
