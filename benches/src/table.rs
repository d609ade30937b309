//! Rows on the terminal and in a file.

use std::path::Path;

use crate::Row;

/// Prints aligned columns: work, contender, nanoseconds, ratio to the yardstick, allocations.
#[expect(clippy::print_stdout, reason = "printing is what it is for")]
pub fn print_table(rows: &[Row]) {
    println!("{:<44} {:<25} {:>10} {:>8} {:>7} {:>9}", "work", "by", "ns", "ratio", "allocs", "octets");
    for row in rows {
        for (index, measure) in row.measures.iter().enumerate() {
            let name = if index == 0 { row.name.as_str() } else { "" };
            println!(
                "{name:<44} {:<25} {:>10.1} {:>8.3} {:>7} {:>9}",
                measure.name, measure.nanoseconds, measure.ratio, measure.allocations, measure.allocated
            );
        }
    }
}

/// Writes the rows as JSON: an array of objects with `work` and `contenders`.
///
/// # Errors
/// The file cannot be written.
pub fn write_json(rows: &[Row], path: &Path) -> std::io::Result<()> {
    let rows: Vec<_> = rows
        .iter()
        .map(|row| {
            let contenders: Vec<_> = row
                .measures
                .iter()
                .map(|measure| {
                    serde_json::json!({
                        "by": measure.name,
                        "nanoseconds": measure.nanoseconds,
                        "ratio": measure.ratio,
                        "allocations": measure.allocations,
                        "allocated": measure.allocated,
                    })
                })
                .collect();
            serde_json::json!({ "work": row.name, "contenders": contenders })
        })
        .collect();
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder)?;
    }
    std::fs::write(path, serde_json::Value::Array(rows).to_string())
}
