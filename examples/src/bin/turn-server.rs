//! A TURN server for those who have a password.
#![forbid(unsafe_code)]
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "it is a program")]

use std::process::ExitCode;
use std::time::{Duration, Instant};

use nomagic_examples::options::explain;
use nomagic_examples::turn_server::{Driver, Options, OptionsError, raise_socket_limit};

fn main() -> ExitCode {
    let served = Options::read(std::env::args()).and_then(|options| serve(&options));
    match served {
        Ok(()) => ExitCode::SUCCESS,
        Err(OptionsError::Usage(fault)) => explain("turn-server", &fault),
        Err(OptionsError::Refused(message)) => {
            eprintln!("turn-server: {message}");
            ExitCode::from(2)
        }
    }
}

fn serve(options: &Options) -> Result<(), OptionsError> {
    let config = options.server()?;
    raise_socket_limit();
    let refused = |error: std::io::Error| OptionsError::Refused(error.to_string());
    let mut driver = Driver::new(config, &options.listen()).map_err(refused)?;
    for address in driver.addresses() {
        println!("turn-server: {address} (UDP and TCP), realm {}", options.realm);
    }
    let Some(seconds) = options.stats else { return driver.run_until(None).map_err(refused) };
    loop {
        let end = Instant::now() + Duration::from_secs(seconds);
        driver.run_until(Some(end)).map_err(refused)?;
        println!("{:?}", driver.server().stats());
    }
}
