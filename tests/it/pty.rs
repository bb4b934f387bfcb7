//! The console in a real pty: whatever ends it, the terminal is as it was; whatever ends the terminal, the console is gone.

use std::io::{Read, Write};
use std::path::PathBuf;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use pilothouse::clock::Clock;
use portable_pty::{
    Child, CommandBuilder, ExitStatus, MasterPty, PtySize, SlavePty, native_pty_system,
};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Pid, PidfdFlags, Signal, kill_process, pidfd_open, pidfd_send_signal};

/// Longest wait for something that should happen at once; only a failing test waits it out.
const LONG: Duration = Duration::from_secs(20);

fn harness() -> PathBuf {
    let mut path = std::env::current_exe().unwrap();
    path.pop();
    path.pop();
    path.push("examples/tui_harness");
    assert!(path.exists(), "{} is not built", path.display());
    path
}

fn emulator(rows: u16, cols: u16) -> vt100::Parser {
    vt100::Parser::new(rows.try_into().unwrap(), cols.try_into().unwrap(), 0)
}

/// A console in a pty of its own.
struct Pty {
    master: Box<dyn MasterPty + Send>,
    // Held so that the terminal outlives the console and can be looked at.
    _slave: Box<dyn SlavePty + Send>,
    keys: Box<dyn Write + Send>,
    output: mpsc::Receiver<Vec<u8>>,
    child: Option<Box<dyn Child + Send + Sync>>,
    screen: vt100::Parser,
    raw: Vec<u8>,
    before: String,
}

fn open(command: CommandBuilder) -> Pty {
    let pair = native_pty_system()
        .openpty(PtySize {
            rows: 24,
            cols: 80,
            pixel_width: 0,
            pixel_height: 0,
        })
        .unwrap();
    let before = format!("{:?}", pair.master.get_termios().unwrap());
    let child = pair.slave.spawn_command(command).unwrap();
    let mut reader = pair.master.try_clone_reader().unwrap();
    let (sender, output) = mpsc::channel();
    thread::spawn(move || {
        let mut bytes = [0; 4096];
        while let Ok(read) = reader.read(&mut bytes) {
            if read == 0 || sender.send(bytes[..read].to_vec()).is_err() {
                return;
            }
        }
    });
    Pty {
        keys: pair.master.take_writer().unwrap(),
        master: pair.master,
        _slave: pair.slave,
        output,
        child: Some(child),
        screen: emulator(24, 80),
        raw: Vec::new(),
        before,
    }
}

fn console(mode: &str) -> Pty {
    let mut command = CommandBuilder::new(harness());
    command.arg(mode);
    let mut pty = open(command);
    pty.wait_for("spark-1");
    assert!(pty.screen.screen().alternate_screen());
    pty
}

impl Pty {
    fn wait_until(&mut self, what: &str, is_there: impl Fn(&Self) -> bool) {
        while !is_there(self) {
            match self.output.recv_timeout(LONG) {
                Ok(bytes) => {
                    self.screen.process(&bytes);
                    self.raw.extend(bytes);
                }
                Err(error) => panic!(
                    "{what} never came ({error}):\n{}",
                    self.screen.screen().contents()
                ),
            }
        }
    }

    fn wait_for(&mut self, text: &str) {
        self.wait_until(text, |pty| pty.screen.screen().contents().contains(text));
    }

    fn press(&mut self, keys: &str) {
        self.keys.write_all(keys.as_bytes()).unwrap();
        self.keys.flush().unwrap();
    }

    /// The console's process id, as its screen tells it.
    fn pid(&self) -> Pid {
        pid_on(&self.screen.screen().contents())
    }

    fn kill(&self, signal: Signal) {
        kill_process(self.pid(), signal).unwrap();
    }

    /// Waits for the console's end; how it ended and how long that took.
    fn wait(&mut self) -> (ExitStatus, Duration) {
        let clock = Clock::system();
        let mut child = self.child.take().unwrap();
        let (sender, ended) = mpsc::channel();
        thread::spawn(move || sender.send(child.wait().unwrap()));
        let status = ended.recv_timeout(LONG).expect("the console does not end");
        (status, Duration::from_millis(clock.at().0))
    }

    /// Every mode of the terminal is as it was before.
    fn assert_restored(&mut self) {
        while let Ok(bytes) = self.output.recv_timeout(Duration::from_millis(100)) {
            self.screen.process(&bytes);
            self.raw.extend(bytes);
        }
        let screen = self.screen.screen();
        assert!(!screen.alternate_screen());
        assert!(!screen.hide_cursor());
        assert!(!screen.bracketed_paste());
        assert_eq!(screen.mouse_protocol_mode(), vt100::MouseProtocolMode::None);
        // What the emulator does not know: focus events, synchronised frames.
        for mode in ["?1004", "?2026", "?1006"] {
            assert!(
                self.last(&format!("{mode}l")) > self.last(&format!("{mode}h")),
                "{mode} is left on"
            );
        }
        assert_eq!(self.termios(), self.before);
    }

    fn last(&self, sequence: &str) -> Option<usize> {
        let sequence = sequence.as_bytes();
        self.raw
            .windows(sequence.len())
            .rposition(|w| w == sequence)
    }

    fn termios(&self) -> String {
        format!("{:?}", self.master.get_termios().unwrap())
    }
}

fn pid_on(screen: &str) -> Pid {
    let (_, rest) = screen.split_once("pid-").expect("no pid on the screen");
    let digits: String = rest.chars().take_while(char::is_ascii_digit).collect();
    Pid::from_raw(digits.parse().unwrap()).unwrap()
}

#[test]
fn leaving_gives_the_terminal_back() {
    let mut pty = console("run");
    pty.press("q");
    let (status, _) = pty.wait();
    assert!(status.success());
    pty.assert_restored();
    assert!(pty.screen.screen().contents().contains("LEFT"));
}

#[test]
fn signals_give_the_terminal_back_and_end_it_soon() {
    for (signal, code) in [
        (Signal::TERM, 143),
        (Signal::HUP, 129),
        (Signal::INT, 130),
        (Signal::QUIT, 131),
    ] {
        let mut pty = console("run");
        pty.kill(signal);
        let (status, took) = pty.wait();
        assert_eq!(status.exit_code(), code, "{signal:?}");
        assert!(took < Duration::from_secs(1), "{signal:?} took {took:?}");
        pty.assert_restored();
    }
}

#[test]
fn a_terminal_that_takes_nothing_does_not_hold_it_up() {
    let mut pty = console("run");
    let tty = std::fs::File::open(pty.master.tty_name().unwrap()).unwrap();
    rustix::termios::tcflow(&tty, rustix::termios::Action::OOff).unwrap();
    // A frame is stuck from here on.
    pty.press("j");
    thread::yield_now();
    pty.kill(Signal::TERM);
    let (status, took) = pty.wait();
    assert_eq!(status.exit_code(), 143);
    assert!(took < Duration::from_secs(1), "took {took:?}");
    assert_eq!(pty.termios(), pty.before);
}

#[test]
fn a_panic_anywhere_gives_the_terminal_back_and_then_tells() {
    for (mode, words) in [
        ("panic-main", "the loop panics on purpose"),
        ("panic-task", "a task panics on purpose"),
    ] {
        let mut pty = console(mode);
        pty.press("r");
        let (status, _) = pty.wait();
        assert_eq!(status.exit_code(), 101, "{mode}");
        pty.assert_restored();
        // The message stands on the ordinary screen, where it can be read.
        let told = pty.last(words).expect("the message");
        assert!(told > pty.last("?1049l").unwrap(), "{mode}");
    }
}

#[test]
fn an_error_gives_the_terminal_back_and_then_tells() {
    let mut pty = console("error");
    pty.press("r");
    let (status, _) = pty.wait();
    assert_eq!(status.exit_code(), 1);
    pty.assert_restored();
    assert!(
        pty.screen
            .screen()
            .contents()
            .contains("the engine has stopped")
    );
}

#[test]
fn a_stopped_job_leaves_a_clean_terminal_and_comes_back() {
    for by_key in [true, false] {
        let mut command = CommandBuilder::new("bash");
        let script = "set -m; \"$0\" run; echo STOPPED; read -r; fg > /dev/null; echo OVER";
        command.args(["-c", script, harness().to_str().unwrap()]);
        let mut pty = open(command);
        pty.wait_for("spark-1");
        if by_key {
            pty.press("\u{1a}");
        } else {
            pty.kill(Signal::TSTP);
        }
        pty.wait_for("STOPPED");
        pty.assert_restored();
        pty.press("\r");
        pty.wait_until("the console again", |pty| {
            pty.screen.screen().alternate_screen()
                && pty.screen.screen().contents().contains("spark-8")
        });
        assert_ne!(pty.termios(), pty.before);
        // It takes keys as before.
        pty.press("q");
        pty.wait_for("OVER");
        pty.assert_restored();
        pty.wait();
    }
}

#[test]
fn a_session_leader_is_not_stopped_because_nobody_could_wake_it() {
    let mut pty = console("run");
    pty.press("\u{1a}");
    pty.wait_for("no shell to go back to");
    pty.press("q");
    assert!(pty.wait().0.success());
}

#[test]
fn a_shell_gets_the_terminal_and_gives_it_back() {
    let mut pty = console("run");
    pty.press("s");
    pty.wait_for("the shell on spark-1 has ended");
    assert!(pty.last("RUNS ssh spark-1") > pty.last("?1049l"));
    assert!(pty.screen.screen().alternate_screen());
    pty.press("q");
    assert!(pty.wait().0.success());
    pty.assert_restored();
}

#[test]
fn whatever_a_container_does_to_the_lent_terminal_is_undone() {
    // It ends by itself, and the person leaves it: kitty's way of sending the keys counts too.
    for (leave, told) in [
        ("e", "the shell in a container has ended"),
        ("\u{10}\u{11}", "left a container"),
        ("\u{1b}[112;5u\u{1b}[113;5u", "left a container"),
    ] {
        let mut pty = console("terminal");
        pty.press("s");
        // The size is told between two bytes of whatever the far end echoes at that moment.
        pty.wait_until("the far end", |pty| pty.last("READY").is_some());
        pty.wait_until("its size", |pty| pty.last("SIZE 80x24").is_some());
        // Keys go through as they are, Ctrl-C and Ctrl-Z too, and the notice came before anything from there.
        pty.press("x\u{3}\u{1a}");
        pty.wait_until("the echo", |pty| pty.last("x\u{3}\u{1a}").is_some());
        assert!(pty.last("Ctrl-P Ctrl-Q") < pty.last("READY"));
        pty.press(leave);
        pty.wait_for(told);
        // The console drew itself on its own screen, after everything was undone.
        for undone in [
            "[?1003l", "[?2004l", "[?1l", "[r", "[4l", "[20l", "(B", "[>4m", "[12h",
        ] {
            let undone = format!("\u{1b}{undone}");
            assert!(
                pty.last(&undone) > pty.last("READY"),
                "{undone:?} is missing"
            );
        }
        assert!(pty.screen.screen().alternate_screen());
        pty.press("q");
        assert!(pty.wait().0.success());
        pty.assert_restored();
    }
}

#[test]
fn a_signal_while_the_terminal_is_lent_restores_it_too() {
    let mut pty = console("terminal");
    let pid = pty.pid();
    pty.press("s");
    pty.wait_until("the far end", |pty| pty.last("READY").is_some());
    kill_process(pid, Signal::TERM).unwrap();
    let (_, took) = pty.wait();
    assert!(took < Duration::from_secs(2), "{took:?}");
    pty.assert_restored();
}

#[test]
fn a_lent_terminal_tells_its_size_and_the_new_one() {
    let mut pty = console("terminal");
    pty.press("s");
    pty.wait_until("the size", |pty| pty.last("SIZE 80x24 ").is_some());
    pty.press("e");
    pty.wait_for("has ended");
    pty.press("q");
    assert!(pty.wait().0.success());
}

#[test]
fn keyboard_flags_are_pushed_where_they_are_known_and_popped() {
    let mut pty = console("run");
    assert_eq!(pty.last("[>1u"), None);
    // The terminal's answer to the question that was asked at the start.
    assert!(pty.last("[?u").is_some());
    pty.press("\u{1b}[?0u");
    pty.wait_until("the flags", |pty| pty.last("[>1u").is_some());
    pty.press("s");
    pty.wait_for("the shell on spark-1 has ended");
    assert!(pty.last("[>1u") > pty.last("[<1u"), "pushed again");
    // `q`, as a terminal with the flags may write it.
    pty.press("\u{1b}[113u");
    assert!(pty.wait().0.success());
    pty.assert_restored();
    assert!(pty.last("[<1u") > pty.last("[>1u"));
}

#[test]
fn a_copy_says_its_way_and_that_nobody_confirmed_it() {
    let mut pty = console("run");
    pty.press("y");
    pty.wait_for("not confirmed");
    // `ssh spark-1` in base64.
    assert!(pty.last("]52;c;c3NoIHNwYXJrLTE=\u{7}").is_some());
    pty.press("q");
    assert!(pty.wait().0.success());
}

#[test]
fn it_follows_the_size_down_to_one_cell() {
    let mut pty = console("run");
    for (rows, cols) in [(1, 1), (2, 200), (60, 3), (24, 80)] {
        let size = PtySize {
            rows,
            cols,
            pixel_width: 0,
            pixel_height: 0,
        };
        pty.master.resize(size).unwrap();
        pty.screen
            .screen_mut()
            .set_size(rows.try_into().unwrap(), cols.try_into().unwrap());
    }
    pty.wait_for("spark-8");
    pty.press("q");
    assert!(pty.wait().0.success());
}

#[test]
fn what_was_typed_ahead_is_thrown_away() {
    let mut command = CommandBuilder::new("bash");
    let script = "read -r; exec \"$0\" run";
    command.args(["-c", script, harness().to_str().unwrap()]);
    let mut pty = open(command);
    // The second line is in the queue before the console starts; its `q` would end it.
    pty.press("\rq\r");
    pty.wait_for("spark-1");
    pty.press("\u{3}");
    pty.wait_for("again quits");
    pty.press("\u{3}");
    assert!(pty.wait().0.success());
}

#[test]
fn without_a_terminal_it_says_what_to_do_instead() {
    let mut command = CommandBuilder::new("bash");
    command.args([
        "-c",
        "\"$0\" run < /dev/null; echo code $?",
        harness().to_str().unwrap(),
    ]);
    let mut pty = open(command);
    pty.wait_for("code 2");
    let said = pty.screen.screen().contents().replace('\n', "");
    assert!(said.contains("standard input is not a terminal"), "{said}");
    assert!(said.contains("pilothouse once"), "{said}");
    pty.wait();
}

#[test]
fn a_stdin_that_turns_into_dev_null_ends_it() {
    let mut pty = console("stdin-null");
    let gone = Gone::watch(pty.pid());
    pty.press("r");
    gone.assert_soon("stdin replaced");
    pty.wait();
    let screen = pty.screen.screen();
    assert!(screen.alternate_screen(), "nothing was read since");
}

/// A process whose end is waited for, without being its parent. A failing test ends it.
struct Gone(rustix::fd::OwnedFd);

impl Drop for Gone {
    fn drop(&mut self) {
        let _ = pidfd_send_signal(&self.0, Signal::KILL);
    }
}

impl Gone {
    fn watch(pid: Pid) -> Self {
        Self(pidfd_open(pid, PidfdFlags::empty()).unwrap())
    }

    fn assert_soon(&self, what: &str) {
        let two_seconds = Timespec {
            tv_sec: 2,
            tv_nsec: 0,
        };
        let mut fds = [PollFd::new(&self.0, PollFlags::IN)];
        let ready = poll(&mut fds, Some(&two_seconds)).unwrap();
        assert_eq!(ready, 1, "{what}: still there after two seconds");
    }
}

#[test]
fn a_conversation_written_by_an_enemy_draws_nothing_of_its_own() {
    let mut pty = console("run");
    let before = pty.raw.len();
    pty.press("b");
    pty.wait_for("the talk is there");
    pty.press("mine \x1b[200~two\x1b[31m lines\r\nof it\x1b[201~");
    pty.wait_for("of it");
    pty.press("\r");
    pty.wait_for("HEARD mine two");
    // From the keys of the draft to the conversation, its full width, and back out.
    pty.press("\t");
    pty.wait_for("search");
    pty.press("gz");
    pty.press("b");
    pty.wait_until("the pane left", |pty| {
        !pty.screen.screen().contents().contains("HEARD")
    });
    let written = String::from_utf8_lossy(&pty.raw[before..]).into_owned();
    for foreign in [
        "\x1b[?1000h",
        "\x1b[?1003h",
        "\x1b[?1049h",
        "\x1b[31;7m",
        "\x1b[2;5r",
        "\x1b[6n",
        "\x1b[c",
        "\x1b(0",
        "\x1b]",
        "\x1bP",
        "\x1bc",
        "\x1b=",
        "\x1b[4h",
        "\x1b[>",
        "\u{202e}",
        "\u{9b}",
    ] {
        assert!(!written.contains(foreign), "{foreign:?} came through");
    }
    let controls = written.chars().filter(|c| c.is_control() && *c != '\x1b');
    assert_eq!(controls.collect::<String>(), "");
    pty.press("q");
    let (status, _) = pty.wait();
    assert!(status.success());
}

/// Shapes of a terminal's death by the command that runs the console. Each closes the master's last descriptor.
#[test]
fn a_dead_terminal_ends_it_within_two_seconds() {
    for script in [
        // The console leads the session.
        "exec \"$0\" run",
        // Its leader does not care about the hang-up, and neither does what it starts.
        "trap '' HUP; \"$0\" run; true",
        // A job of its own under such a leader.
        "trap '' HUP; set -m; \"$0\" run; true",
        // A wrapper between, as sudo is one.
        "trap '' HUP; bash -c 'trap \"\" HUP; \"$0\" run; true' \"$0\"; true",
    ] {
        let pair = native_pty_system().openpty(PtySize::default()).unwrap();
        let mut command = CommandBuilder::new("bash");
        command.args(["-c", script, harness().to_str().unwrap()]);
        let mut child = pair.slave.spawn_command(command).unwrap();
        drop(pair.slave);
        let mut reader = pair.master.try_clone_reader().unwrap();
        let mut screen = emulator(24, 80);
        let mut bytes = [0; 4096];
        while !screen.screen().contents().contains("spark-8") {
            let read = reader.read(&mut bytes).unwrap();
            screen.process(&bytes[..read]);
        }
        let gone = Gone::watch(pid_on(&screen.screen().contents()));
        drop(reader);
        drop(pair.master);
        gone.assert_soon(script);
        child.wait().unwrap();
    }
}
