//! The power switch from the console, while Claude is absent, hung or floods it, and while a log floods the terminal.

use std::fs::File;
use std::io::Write as _;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use crate::console::Console;
use crate::power_broken::{Hypervisor, SICK, now, program};
use crate::sshd;

/// A console on the sick machine, with this program for an assistant.
fn console(hypervisor: &Hypervisor, claude: &Path) -> Console {
    let key = hypervisor.path("key");
    std::fs::write(&key, "not-a-real-key").unwrap();
    sshd::chmod(&key, 0o600);
    let assistant = format!(
        "assistant:\n  program: {}\n  base_url: http://127.0.0.1:9\n  login:\n    api_key_file: {}\n",
        claude.display(),
        key.display()
    );
    let config = hypervisor.config(&assistant, "  - name: here\n    local: true\n");
    let mut console = Console::open(&["--config", &config], &[]);
    console.shows("here ");
    console
}

/// Arms the machine and cycles it, as a person does.
fn assert_cycles(hypervisor: &mut Hypervisor, set_up: &str, console: &mut Console) {
    console.line(':', &format!("arm {SICK}"));
    console.shows("› power");
    console.press("\r");
    console.shows(&format!("ARMED {SICK}"));
    console.line(':', &format!("power {SICK} cycle"));
    console.shows("to confirm:");
    console.press(&format!("{SICK} --now\r\t"));
    console.shows("[ Yes, do it ]");
    let begun = now();
    console.press("\r");
    hypervisor.assert_reached(set_up, "cycle", begun);
    // And it stood in the ledger before.
    let ledger = console.state().join("state/pilothouse/ledger.jsonl");
    let ledger = std::fs::read_to_string(ledger).unwrap();
    assert!(ledger.contains("cycle"), "{set_up}: {ledger}");
}

/// Takes the keys away from the pane's draft.
fn leave_pane(console: &mut Console) {
    console.press("\u{1b}");
    console.until("the draft is left", |text| !text.contains("Alt-Enter"));
}

/// Asks in the breakglass pane, and leaves the pane with the answer still to come.
fn ask(console: &mut Console, seen: &str) {
    console.press("b");
    console.shows("ask Claude");
    console.press("what is wrong?\r");
    console.shows(seen);
    leave_pane(console);
}

#[test]
fn while_claude_is_absent() {
    let mut hypervisor = Hypervisor::start();
    let mut console = console(&hypervisor, Path::new("/nonexistent/claude"));
    console.press("b");
    console.shows("is not on this machine");
    leave_pane(&mut console);
    assert_cycles(&mut hypervisor, "Claude absent", &mut console);
}

#[test]
fn while_claude_hangs() {
    let mut hypervisor = Hypervisor::start();
    let claude = hypervisor.path("claude");
    program(&claude, "#!/bin/sh\nexec sleep 600\n");
    let mut console = console(&hypervisor, &claude);
    ask(&mut console, "what is wrong?");
    assert_cycles(&mut hypervisor, "Claude hung", &mut console);
}

#[test]
fn while_claude_floods() {
    let mut hypervisor = Hypervisor::start();
    let claude = hypervisor.path("claude");
    program(&claude, FLOODING);
    let mut console = console(&hypervisor, &claude);
    ask(&mut console, "flood");
    assert_cycles(&mut hypervisor, "Claude flooding", &mut console);
}

/// Begins as it should, then says one word for ever, as fast as it is heard, on both of its streams.
const FLOODING: &str = r#"#!/bin/sh
read -r question
echo '{"type":"system","subtype":"init","session_id":"5a1decd4-d02b-4e75-8ea3-d0702889cdd3","model":"m","cwd":"/","tools":["mcp__pilothouse__fleet","mcp__pilothouse__host_facts","mcp__pilothouse__read_logs","mcp__pilothouse__metrics","mcp__pilothouse__run","mcp__pilothouse__propose"],"mcp_servers":[{"name":"pilothouse","status":"connected"}],"permissionMode":"default","apiKeySource":"ANTHROPIC_API_KEY","claude_code_version":"2.1.197"}'
echo '{"type":"stream_event","session_id":"5a1decd4-d02b-4e75-8ea3-d0702889cdd3","parent_tool_use_id":null,"event":{"type":"message_start","message":{"id":"msg_1","type":"message","role":"assistant","model":"m","content":[],"stop_reason":null,"usage":{"input_tokens":1,"output_tokens":1}}}}'
echo '{"type":"stream_event","session_id":"5a1decd4-d02b-4e75-8ea3-d0702889cdd3","parent_tool_use_id":null,"event":{"type":"content_block_start","index":0,"content_block":{"type":"text","text":""}}}'
yes "a line of errors, and another, and another" >&2 &
exec yes '{"type":"stream_event","session_id":"5a1decd4-d02b-4e75-8ea3-d0702889cdd3","parent_tool_use_id":null,"event":{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"flood "}}}'
"#;

#[test]
fn while_a_log_floods_the_terminal() {
    let mut hypervisor = Hypervisor::start();
    let path = hypervisor.path("flood.log");
    let mut file = File::create(&path).unwrap();
    writeln!(file, "the flood begins").unwrap();
    let mut console = console(&hypervisor, Path::new("/nonexistent/claude"));
    console.lens(&[format!("here/file:{}", path.display())]);
    console.shows("the flood begins");
    let over = Arc::new(AtomicBool::new(false));
    let writing = {
        let over = Arc::clone(&over);
        thread::spawn(move || {
            let line = format!("\u{1b}[31m{}\u{1b}[0m\n", "flood ".repeat(20)).repeat(200);
            let mut left = 400_u32;
            while !over.load(Ordering::Relaxed) && left > 0 {
                file.write_all(line.as_bytes()).unwrap();
                left -= 1;
                thread::yield_now();
            }
        })
    };
    console.shows("flood flood");
    assert_cycles(&mut hypervisor, "terminal flood", &mut console);
    over.store(true, Ordering::Relaxed);
    writing.join().unwrap();
}
