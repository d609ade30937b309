//! How the congestion window, what is in flight and what gets through changed over time, drawn.

use std::error::Error;
use std::path::Path;
use std::time::{Duration, Instant};

use nomagic_sctp::Stats;
use plotters::prelude::*;

/// Time between two points.
const STEP: Duration = Duration::from_millis(20);
/// Points that are kept; then every second one goes, and time between them doubles.
const MOST_POINTS: usize = 4096;

/// One look at an association.
#[derive(Debug, Clone, Copy)]
struct Point {
    seconds: f64,
    window: f64,
    flight: f64,
    /// Octets acknowledged so far.
    acknowledged: u64,
    trip: f64,
}

/// The course of an association.
#[derive(Debug)]
pub struct Plot {
    began: Option<Instant>,
    step: Duration,
    next: Option<Instant>,
    points: Vec<Point>,
}

impl Default for Plot {
    fn default() -> Self {
        Self { began: None, step: STEP, next: None, points: Vec::new() }
    }
}

impl Plot {
    /// Notes how things stand, if it is time.
    #[expect(clippy::cast_precision_loss, reason = "for people to look at")]
    pub fn sample(&mut self, now: Instant, stats: &Stats) {
        if self.next.is_some_and(|next| now < next) {
            return;
        }
        let began = *self.began.get_or_insert(now);
        self.next = Some(now + self.step);
        self.points.push(Point {
            seconds: now.duration_since(began).as_secs_f64(),
            window: stats.congestion_window as f64 / 1024.0,
            flight: stats.flight as f64 / 1024.0,
            acknowledged: stats.octets_acknowledged,
            trip: stats.srtt.map_or(0.0, |trip| trip.as_secs_f64() * 1000.0),
        });
        if self.points.len() >= MOST_POINTS {
            let mut number = 0;
            self.points.retain(|_| {
                number += 1;
                number % 2 == 1
            });
            self.step *= 2;
        }
    }

    /// Draws an SVG.
    ///
    /// # Errors
    /// It cannot be written, or there is nothing to draw.
    pub fn draw(&self, path: &Path) -> Result<(), Box<dyn Error>> {
        let last = self.points.last().ok_or("nothing was measured")?;
        let rates: Vec<(f64, f64)> = self.points.windows(2).filter_map(rate).collect();
        let area = SVGBackend::new(path, (1000, 720)).into_drawing_area();
        area.fill(&WHITE)?;
        let [above, middle, below] = <[_; 3]>::try_from(area.split_evenly((3, 1)))
            .map_err(|_| "an area splits into as many as asked")?;
        let line =
            |of: fn(&Point) -> f64| self.points.iter().map(|point| (point.seconds, of(point))).collect();
        let window: Vec<(f64, f64)> = line(|point| point.window);
        let flight = line(|point| point.flight);
        let end = last.seconds.max(0.001);
        chart(&above, "window and flight, KiB", end, &[("window", BLUE, window), ("flight", RED, flight)])?;
        chart(&middle, "acknowledged, Mbit/s", end, &[("goodput", GREEN, rates)])?;
        chart(&below, "round trip, smoothed, ms", end, &[("round trip", BLACK, line(|point| point.trip))])?;
        area.present()?;
        Ok(())
    }
}

/// Mbit/s between two points.
#[expect(clippy::cast_precision_loss, reason = "for people to look at")]
fn rate(pair: &[Point]) -> Option<(f64, f64)> {
    let [from, to] = pair else { return None };
    let seconds = (to.seconds - from.seconds).max(1e-6);
    let octets = to.acknowledged.saturating_sub(from.acknowledged);
    Some((to.seconds, octets as f64 * 8.0 / 1e6 / seconds))
}

type Line = (&'static str, RGBColor, Vec<(f64, f64)>);

fn chart(
    area: &DrawingArea<SVGBackend<'_>, plotters::coord::Shift>,
    title: &str,
    end: f64,
    lines: &[Line],
) -> Result<(), Box<dyn Error>> {
    let highest = lines.iter().flat_map(|(_, _, points)| points).fold(1.0, |most: f64, (_, y)| most.max(*y));
    let mut chart = ChartBuilder::on(area)
        .margin(8)
        .caption(title, ("sans-serif", 16))
        .x_label_area_size(36)
        .y_label_area_size(60)
        .build_cartesian_2d(0.0..end, 0.0..highest * 1.05)?;
    chart.configure_mesh().x_desc("seconds").draw()?;
    for (name, color, points) in lines {
        let color = *color;
        chart
            .draw_series(LineSeries::new(points.iter().copied(), &color))?
            .label(*name)
            .legend(move |(x, y)| PathElement::new([(x, y), (x + 16, y)], color));
    }
    chart.configure_series_labels().background_style(WHITE.mix(0.8)).draw()?;
    Ok(())
}
