//! Pictures of the log lens, in four moods.

use std::sync::Arc;

use pilothouse::domain::{HostId, LensId};
use pilothouse::engine::{
    FilterState, LensPicture, LensRow, Level, LineNumber, MiniMark, Past, RowKind, SearchState,
    SourceLabel, SourceNumber, SourceState, SourceView, Stamp, StreamKind,
};
use pilothouse::engine::{Refusal, SourceAddress, SourceOffer};
use pilothouse::text::{Sgr, SgrColor, StyleSpan, StyledText};
use pilothouse::tui::{Layer, LensState, LineEdit, LongLines, Offers, Screen, SourcePicker, Ui};

/// Eleven seconds before the fleet is looked at.
const BEGIN: i64 = 1_795_295_040_250;

fn source(number: u16, host: &str, name: &str, state: SourceState) -> SourceView {
    SourceView {
        number: SourceNumber(number),
        label: SourceLabel {
            host: host.into(),
            name: name.into(),
        },
        state,
        lines: 100 * u64::from(number),
        hidden: false,
        skew: None,
    }
}

fn row(number: u64, source: u16, level: Option<Level>, text: &str) -> LensRow {
    LensRow {
        line: LineNumber(number),
        source: SourceNumber(source),
        stamp: Stamp((BEGIN + 137 * number.cast_signed()) * 1_000_000),
        stream: StreamKind::Out,
        level,
        kind: RowKind::Line,
        text: StyledText {
            text: text.into(),
            spans: Vec::new(),
        },
        fields: Vec::new(),
        hits: Vec::new(),
        count: 1,
        marked: false,
        explained: None,
    }
}

fn coloured(mut row: LensRow, end: u32, colour: u8) -> LensRow {
    row.text.spans = vec![StyleSpan {
        start: 0,
        end,
        style: Sgr {
            fg: Some(SgrColor::Indexed(colour)),
            bold: true,
            ..Sgr::default()
        },
    }];
    row
}

fn map(marks: &[(usize, MiniMark)]) -> Vec<MiniMark> {
    let mut map = vec![MiniMark::default(); 40];
    for (place, mark) in marks {
        map[*place] = *mark;
    }
    map
}

fn at(level: Level) -> MiniMark {
    MiniMark {
        level: Some(level),
        ..MiniMark::default()
    }
}

/// A model that loads, its proxy, and the kernel that objects.
fn busy_rows() -> Vec<LensRow> {
    let mut rows = Vec::new();
    for n in 0..30_u64 {
        let mut line = match n % 6 {
            0 => coloured(
                row(
                    n,
                    0,
                    Some(Level::Info),
                    &format!("INFO loading shard {}/16", n / 6 + 1),
                ),
                4,
                2,
            ),
            1 => row(n, 1, Some(Level::Info), "GET /v1/models 200 1.2 ms"),
            2 => {
                let mut line = row(n, 0, Some(Level::Info), "request finished");
                line.fields = vec![
                    ("model".into(), "qwen3-32b".into()),
                    ("tokens_per_second".into(), "61.4".into()),
                    ("queue".into(), "0".into()),
                ];
                line
            }
            3 => row(
                n,
                1,
                Some(Level::Warning),
                "upstream slow: a line that is longer than the screen is wide, so that it is cut at the right edge and \
                 somebody has to go to the side or wrap it to see how it ends",
            ),
            4 => row(n, 0, None, "  continuing without a level"),
            _ => row(n, 3, Some(Level::Notice), "container 4f2a started"),
        };
        line.stream = if n % 4 == 3 {
            StreamKind::Err
        } else {
            StreamKind::Out
        };
        rows.push(line);
    }
    rows[8].count = 12;
    rows[9].marked = true;
    rows[10] = LensRow {
        explained: Some(
            "Xid 79: the GPU has fallen off the bus; power, seating or PCIe link. Reset needs a reboot".into(),
        ),
        ..row(
            10,
            2,
            Some(Level::Critical),
            "NVRM: Xid (PCI:000f:01:00): 79, pid='<unknown>', GPU has fallen off the bus.",
        )
    };
    rows
}

fn sources() -> Vec<SourceView> {
    vec![
        source(0, "spark-2", "vllm_node", SourceState::Following),
        source(1, "spark-2", "proxy", SourceState::Following),
        source(2, "spark-2", "kernel", SourceState::Following),
        source(3, "h200-a", "docker.service", SourceState::Following),
    ]
}

/// Lines come, nothing is asked.
pub(super) fn busy() -> LensPicture {
    let rows = busy_rows();
    LensPicture {
        cursor: Some(rows.len() - 1),
        rows,
        above: 12_310,
        shown: 12_340,
        lines: 12_340,
        memory: (3 << 20, 64 << 20),
        following: true,
        minimap: map(&[
            (7, at(Level::Error)),
            (12, at(Level::Warning)),
            (30, at(Level::Critical)),
        ]),
        window: (38, 40),
        sources: sources(),
        past: Past::More,
        version: 7,
        ..LensPicture::default()
    }
}

/// A search and a filter are on, somebody has scrolled up.
pub(super) fn searched() -> LensPicture {
    let mut picture = busy();
    for row in &mut picture.rows {
        if let Some(start) = row.text.text.as_str().find("shard") {
            row.hits = vec![(start as u32, start as u32 + 5)];
        }
    }
    picture.cursor = Some(12);
    picture.following = false;
    picture.behind = 132;
    picture.shown = 340;
    picture.above = 100;
    picture.fallen = 1_204;
    picture.memory = (64 << 20, 64 << 20);
    picture.window = (12, 16);
    picture.minimap[20].hit = true;
    picture.minimap[22].mark = true;
    picture.marks = 1;
    picture.search = Some(SearchState {
        pattern: "shard".into(),
        hits: 17,
        present: Some(3),
        done: true,
        ..SearchState::default()
    });
    picture.filter = Some(FilterState {
        text: "level>=info !health".into(),
        error: None,
        done: true,
    });
    picture
}

/// Sources are lost, refused, ended; lines are missing.
pub(super) fn broken() -> LensPicture {
    let mut picture = busy();
    picture.sources[0].state = SourceState::Waiting("the link to spark-2 is down".into());
    picture.sources[1].state = SourceState::Ended("the container was removed".into());
    picture.sources[2].state = SourceState::Refused(
        "the kernel's ring may only be read by root".into(),
        Some("sysctl kernel.dmesg_restrict=0, or log in as a member of adm".into()),
    );
    picture.sources[3].skew = Some(3_200);
    let gap = LensRow {
        kind: RowKind::Gap,
        ..row(
            20,
            0,
            None,
            "gap 14 s, resumed at 20:58:20 · no line was lost",
        )
    };
    let note = LensRow {
        kind: RowKind::Note,
        ..row(22, 3, None, "the file was rotated")
    };
    picture.rows[20] = gap;
    picture.rows[22] = note;
    for row in picture.rows.iter_mut().skip(24) {
        row.stamp = Stamp(row.stamp.0 + 86_400_000_000_000);
    }
    picture.cursor = Some(20);
    picture.following = false;
    picture
}

/// One source whose names no column can hold, wide characters, wrapped.
pub(super) fn narrow() -> LensPicture {
    let mut picture = busy();
    picture.sources = vec![
        source(
            0,
            "a-very-long-host-name-that-no-column-can-hold",
            "日本語の長い名前のコンテナ",
            SourceState::Opening,
        ),
        source(1, "kanji", "b", SourceState::Following),
    ];
    for (n, row) in picture.rows.iter_mut().enumerate() {
        row.source = SourceNumber(n as u16 % 2);
        if n % 5 == 2 {
            row.text.text = "日本語のとても長い行は画面の右の端で折り返されます。日本語のとても長い行は画面の右の端で折り返されます。".into();
            row.text.spans.clear();
            row.hits.clear();
        }
    }
    picture
}

/// Nothing gets through the filter.
pub(super) fn filtered_out() -> LensPicture {
    LensPicture {
        rows: Vec::new(),
        cursor: None,
        shown: 0,
        above: 0,
        filter: Some(FilterState {
            text: "level>=fatal qwen".into(),
            error: None,
            done: true,
        }),
        minimap: map(&[]),
        ..busy()
    }
}

/// The picker, with one host that has answered, one that has not, and one that could not.
pub(super) fn offers(ui: &mut Ui) {
    let offer = |address: &str, detail: &str, refused: Option<(&str, &str)>| SourceOffer {
        spec: address.parse().unwrap(),
        detail: detail.into(),
        refused: refused.map(|(why, hint)| (why.into(), Some(hint.into()))),
    };
    let known = vec![
        offer("container:vllm_node", "running", None),
        offer("container:proxy", "running", None),
        offer(
            "container:silent",
            "running",
            Some((
                "its log driver is none",
                "start it with --log-driver json-file",
            )),
        ),
        offer("unit:docker.service", "active", None),
        offer("unit:ssh.service", "failed", None),
        offer("file:/var/log/syslog", "3 MiB", None),
        offer(
            "kernel",
            "",
            Some(("may only be read by root", "sysctl kernel.dmesg_restrict=0")),
        ),
    ];
    let failed = Refusal {
        why: "the link is down".into(),
        hint: None,
    };
    ui.lens.offers = vec![
        (HostId::new("spark-2"), Offers::Known(known)),
        (HostId::new("h200-a"), Offers::Asked),
        (HostId::new("plain-1"), Offers::Failed(failed)),
    ];
    let ticked: Vec<SourceAddress> = [
        "spark-2/container:vllm_node",
        "spark-2/unit:docker.service",
        "actions",
    ]
    .iter()
    .map(|address| address.parse().unwrap())
    .collect();
    ui.lens.sources.clone_from(&ticked);
    ui.layers = vec![Layer::Sources(SourcePicker {
        search: LineEdit::default(),
        selected: 1,
        ticked,
    })];
}

/// What programs write to take over a terminal, to hide or to mislead (names in the order of the threat notes).
pub(super) const HOSTILE: &[&str] = &[
    "cup \x1b[3;7H! ed \x1b[2J el \x1b[K",
    "modes \x1b[?1049h\x1b[?25l\x1b[?1000h\x1b[?1006h\x1b[?1004h\x1b[?2004h\x1b[?2026h",
    "reset \x1b[!p\x1bc\x1b#8",
    "title \x1b]0;t\x07\x1b]2;t\x1b\\ colours \x1b]4;1;red\x07\x1b]10;?\x07\x1b]12;x\x07",
    "folder \x1b]7;file:///etc\x07 link \x1b]8;;file:///etc/passwd\x1b\\safe\x1b]8;;\x1b\\",
    "notify \x1b]9;x\x07\x1b]9;4;1;50\x07\x1b]9;7;calc\x07\x1b]777;notify;a;b\x07\x1b]1337;File=:AA\x07",
    "clipboard \x1b]52;c;ZXZpbA==\x07\x1b]52;c;?\x07 font \x1b]50;#1\x07 prompt \x1b]133;A\x07",
    "dcs \x1bP$qm\x1b\\\x1bP+q544e\x1b\\\x1bPq#0;2;0;0;0~\x1b\\\x1bP0;1|17/41\x1b\\",
    "apc \x1b_Gf=100;AAAA\x1b\\ pm \x1b^x\x1b\\ sos \x1bXx\x1b\\",
    "reports \x1b[c\x1b[>c\x1b[=c\x1b[5n\x1b[6n\x1b[1;1;1;1;1;1*y\x1b[21t\x1b[14t\x1b[>q\x1b[?25$p",
    "charset \x0e\x1b(0lqqk\x0f enq \x05 bel \x07 vt \x0b ff \x0c nul \0 del \x7f xon \x11 xoff \x13",
    "over\x08\x08\x08\x08write\rFAKE a\tb",
    "c1 \u{80}\u{84}\u{85}\u{88}\u{8d}\u{8e}\u{8f}\u{90}x\u{9c}\u{9b}2J\u{9d}0;t\u{9c}\u{9e}\u{9f}",
    "cut \x1b",
    "cut \x1b[",
    "cut \x1b[3",
    "cut \x1b]0;never ends",
    "cut \x1bP$q",
    "nested \x1b]8;;\x1b[2J\x07x \x1b]0;a\x1b]0;b\x07",
    "bidi \u{202e}txt\u{202c}\u{202d}\u{202a}\u{202b}\u{2066}\u{2067}\u{2068}\u{2069}\u{61c}\u{200e}\u{200f}",
    "invisible \u{200b}\u{200c}\u{2060}\u{feff}\u{ad}\u{34f}\u{180e}\u{e0041}\u{fe00}\u{e0100}\u{3164}\u{115f}\u{ffa0}\u{2800}",
    "breaks \u{2028}\u{2029}\u{fff9}\u{fffa}\u{fffb}\u{2061}\u{2062}\u{2063}\u{2064}",
    "markup [red]x[/red] {{}} {} {0:?} <b>",
];

/// A picture that has one hostile text everywhere where foreign text can stand.
pub(super) fn hostile(text: &str) -> LensPicture {
    let mut picture = broken();
    for row in &mut picture.rows {
        row.text.text = text.into();
        row.text.spans.clear();
        row.hits.clear();
        row.fields = vec![(text.into(), text.into())];
        row.explained = Some(text.into());
    }
    for source in &mut picture.sources {
        source.label = SourceLabel {
            host: text.into(),
            name: text.into(),
        };
        source.state = SourceState::Refused(text.into(), Some(text.into()));
    }
    picture
}

/// Puts a picture on the screen.
pub(super) fn shows(picture: LensPicture) -> impl FnOnce(&mut Ui) {
    move |ui| {
        ui.screen = Screen::Logs;
        ui.lens.state = LensState::Open(LensId(1));
        ui.lens.picture = Arc::new(picture);
    }
}

/// The same with long lines in the next row.
pub(super) fn wrapped(picture: LensPicture) -> impl FnOnce(&mut Ui) {
    move |ui| {
        shows(picture)(ui);
        ui.lens.long = LongLines::Wrap;
    }
}
