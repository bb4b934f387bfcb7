//! What kernel lines about GPUs and memory mean, in words: the driver's Xid codes, a GPU that is gone, the OOM killer. Pure.
//! The codes and their meaning are NVIDIA's ("Xid Errors", GPU deployment documentation), told here in short.

/// What a line of the kernel ring means and what to do, where we know more than it says.
pub fn explain(line: &[u8]) -> Option<&'static str> {
    let text = std::str::from_utf8(line.get(..2048).unwrap_or(line));
    let text = match &text {
        Ok(text) => text,
        Err(error) => std::str::from_utf8(line.get(..error.valid_up_to())?).ok()?,
    };
    if let Some(code) = xid(text) {
        return Some(meaning(code));
    }
    if text.contains("fallen off the bus") {
        return Some(meaning(79));
    }
    if text.contains("Out of memory: Killed process") || text.contains("oom-kill:") {
        return Some(
            "the machine ran out of memory and the kernel killed a process: lower what runs beside it, or its own memory",
        );
    }
    if text.contains("Memory cgroup out of memory") {
        return Some(
            "a container or unit hit its memory limit and the kernel killed a process in it: raise the limit or lower its load",
        );
    }
    (text.contains("NVRM: RmInitAdapter failed")).then_some(
        "the driver could not start this GPU: check that driver and kernel module are of one version, then power-cycle the machine",
    )
}

/// The code of `NVRM: Xid (PCI:0000:44:00): 79, …`.
fn xid(line: &str) -> Option<u32> {
    let (_, rest) = line.split_once("NVRM: Xid")?;
    let (_, rest) = rest.split_once("): ")?;
    let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
    rest.get(..digits)?.parse().ok()
}

/// Codes from and to, and what they mean.
const MEANINGS: &[(u32, u32, &str)] = &[
    (
        8,
        8,
        "the GPU did not answer in time: a kernel ran too long, or the GPU hangs; restart the job, then reset the GPU",
    ),
    (
        13,
        13,
        "an engine met an illegal address or instruction: most often a bug of the program; run it under compute-sanitizer",
    ),
    (
        31,
        31,
        "a program touched GPU memory it may not: most often its own bug; if many programs do it, test the GPU",
    ),
    (
        32,
        32,
        "the driver and the GPU disagree about a command: update the driver; if it stays, test the GPU",
    ),
    (
        38,
        38,
        "the driver and the GPU disagree about a command: update the driver; if it stays, test the GPU",
    ),
    (
        44,
        44,
        "the driver and the GPU disagree about a command: update the driver; if it stays, test the GPU",
    ),
    (
        43,
        43,
        "a program's work on the GPU was stopped after a fault of its own; other programs go on",
    ),
    (
        45,
        45,
        "work was ended because its program ended or failed before: look at the line before this one",
    ),
    (
        48,
        48,
        "double-bit ECC error: memory content was lost; restart what ran, reset the GPU, and have it replaced if it comes again",
    ),
    (
        54,
        54,
        "the GPU's extra power cable is missing or loose: power the machine off and check it",
    ),
    (
        56,
        58,
        "an error of the display engine or of the memory link: reset the GPU; if it stays, it is hardware",
    ),
    (
        61,
        61,
        "the GPU's own controller has halted: reset the GPU; if it comes again, have it replaced",
    ),
    (
        62,
        62,
        "the GPU's own controller has halted: reset the GPU; if it comes again, have it replaced",
    ),
    (
        63,
        63,
        "a faulty memory row was remapped: reset the GPU at the next chance so that it takes effect",
    ),
    (
        64,
        64,
        "a faulty memory row could not be remapped: reset the GPU; if it stays, have it replaced",
    ),
    (
        68,
        68,
        "an error of the video or graphics engine: restart the program; update the driver if it comes again",
    ),
    (
        69,
        69,
        "an error of the video or graphics engine: restart the program; update the driver if it comes again",
    ),
    (
        74,
        74,
        "an NVLink failed: check the bridge or the fabric manager, reset the GPUs on that link, then suspect hardware",
    ),
    (
        79,
        79,
        "the GPU has fallen off the bus: it is gone until the machine is power-cycled; check power, heat, seat and riser",
    ),
    (
        92,
        92,
        "many single-bit ECC errors: nothing is lost yet; watch it, and have the GPU replaced if the rate stays",
    ),
    (
        94,
        94,
        "an uncorrectable memory error hit only the program that used it: restart that program, reset the GPU soon",
    ),
    (
        95,
        95,
        "an uncorrectable memory error may have hit every program on this GPU: stop them and reset it now",
    ),
    (
        109,
        109,
        "a context switch took too long: often a hanging kernel; restart the job, update the driver if it comes again",
    ),
    (
        119,
        119,
        "the GPU's system processor (GSP) does not answer: reset the GPU or reboot; newer drivers and firmware help",
    ),
    (
        120,
        120,
        "the GPU's system processor (GSP) does not answer: reset the GPU or reboot; newer drivers and firmware help",
    ),
    (
        121,
        121,
        "an error on the link between GPU and CPU was corrected; reset at the next chance if it comes again",
    ),
    (
        140,
        140,
        "an uncorrectable ECC error was met: stop what runs there and reset the GPU",
    ),
    (
        143,
        143,
        "the GPU could not start up: power-cycle the machine; if it stays, have it replaced",
    ),
    (
        144,
        150,
        "an NVLink met an error: look at the links' state, reset the GPUs on them, then suspect hardware",
    ),
    (
        154,
        154,
        "the driver says what the GPU needs to come back: read the action in the line (reset, reboot, drain)",
    ),
];

fn meaning(code: u32) -> &'static str {
    let known = MEANINGS
        .iter()
        .find(|(from, to, _)| (*from..=*to).contains(&code));
    known.map_or(
        "the driver reports an error of this GPU: see the code in NVIDIA's list of Xid errors",
        |(_, _, words)| words,
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_by_rows() {
        for (line, words) in [
            (
                "NVRM: Xid (PCI:0000:44:00): 79, GPU has fallen off the bus",
                "power-cycled",
            ),
            (
                "[12.3] NVRM: Xid (PCI:0000:01:00): 31, pid=4121, name=python, Ch 00000008",
                "touched GPU memory",
            ),
            (
                "NVRM: fallen off the bus and is not responding to commands.",
                "power-cycled",
            ),
            ("NVRM: Xid (PCI:0000:01:00): 99999, x", "list of Xid"),
            (
                "NVRM: Xid (PCI:0000:01:00): 119, pid=1, Timeout after 6s of waiting for RPC response from GPU0 GSP!",
                "GSP",
            ),
            (
                "Out of memory: Killed process 4121 (python) total-vm:1kB",
                "ran out of memory",
            ),
            (
                "Memory cgroup out of memory: Killed process 1 (x)",
                "memory limit",
            ),
        ] {
            let told = explain(line.as_bytes());
            assert!(
                told.is_some_and(|told| told.contains(words)),
                "{line}: {told:?}"
            );
        }
        for line in [
            "",
            "NVRM: Xid",
            "NVRM: Xid (PCI:0000:01:00): x",
            "usb 1-1: new device",
            "NVRM: loading NVIDIA UNIX x86_64 Kernel Module",
        ] {
            assert_eq!(explain(line.as_bytes()), None, "{line}");
        }
        assert_eq!(explain(b"\xff\xfe"), None);
    }
}
