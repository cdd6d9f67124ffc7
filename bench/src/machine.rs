//! What this machine is: figures mean little without it.

use crate::server::output;
use std::fs;
use std::process::Command;

/// Total memory in megabytes, as the kernel reports it; 1,024 where it does not.
pub fn memory_mb() -> u64 {
    let kb = fs::read_to_string("/proc/meminfo").ok().and_then(|text| field(&text, "MemTotal:")?.parse::<u64>().ok());
    kb.map_or(1024, |kb| kb / 1024)
}

/// One line about processor and memory.
pub fn describe() -> String {
    let info = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = info
        .lines()
        .find(|line| line.starts_with("model name"))
        .and_then(|line| line.split_once(':'))
        .map_or("unknown processor", |(_, name)| name.trim());
    format!("{} cores, {model}, {} GB of memory", cores(), memory_mb().div_ceil(1024))
}

/// The day, and the commit that was measured where this is a git checkout.
pub fn when() -> String {
    let day = output(Command::new("date").args(["-u", "+%Y-%m-%d"])).unwrap_or_default();
    let here = env!("CARGO_MANIFEST_DIR");
    match output(Command::new("git").args(["-C", here, "describe", "--always", "--dirty"])) {
        Ok(commit) => format!("{}, commit {}", day.trim(), commit.trim()),
        Err(_) => day.trim().to_owned(),
    }
}

/// How many processors this program may use.
pub fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, |n| n.get())
}

/// Private memory of a process in kilobytes: what it allocated, without the shared buffers that it touched.
pub fn private_memory_kb(pid: u32) -> Option<u64> {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    field(&status, "RssAnon:")?.parse().ok()
}

fn field<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    text.lines().find_map(|line| line.strip_prefix(name)).and_then(|rest| rest.split_whitespace().next())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_a_field_of_proc() {
        assert_eq!(field("VmRSS:\t  12 kB\nRssAnon:\t    4312 kB\n", "RssAnon:"), Some("4312"));
        assert_eq!(field("VmRSS:\t  12 kB\n", "RssAnon:"), None);
    }
}
