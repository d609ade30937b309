//! What paths carry: goodput over round trip, rate and impairment, on the virtual clock, behind a drop-tail queue of one
//! product of bandwidth and delay; with `--features peers` the rivals beside ours.
//!
//! Says whether each bar is met, and exits with 1 if one is not. `--all` prints the whole table of 60 cells first.
#![forbid(unsafe_code)]
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "it is a program")]

mod bars;
mod cell;
mod flow;
mod ping;

use std::process::ExitCode;

use cell::{Cell, IMPAIRMENTS, SECONDS};

const TRIPS: [u64; 4] = [10, 50, 100, 200];
const RATES: [u64; 3] = [10, 100, 500];

fn main() -> ExitCode {
    let mut all = false;
    for argument in std::env::args().skip(1) {
        match argument.as_str() {
            "--all" => all = true,
            "--help" => {
                println!("goodput [--all]: what paths carry on the virtual clock; --all: in 60 cells");
                return ExitCode::SUCCESS;
            }
            other => {
                eprintln!("goodput: unknown option {other}, see --help");
                return ExitCode::from(2);
            }
        }
    }
    println!(
        "Mbit/s over {SECONDS} s from the first INIT on; messages of 16 KB, ours with default settings, windows of 32 MiB"
    );
    if all {
        table();
    }
    if bars::all_met() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn table() {
    cell::print_header();
    for impairment in IMPAIRMENTS {
        for trip in TRIPS {
            for rate in RATES {
                Cell { trip, rate, impairment }.print();
            }
        }
    }
    println!();
}
