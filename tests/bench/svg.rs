//! A buffer as an SVG: runs of one look as text at exact columns, so that any monospaced font lines up.

use std::fmt::Write as _;

use ratatui::buffer::{Buffer, Cell};
use ratatui::style::{Color, Modifier};

const CELL: (f32, f32) = (8.4, 18.0);

/// The picture of a buffer.
pub(crate) fn picture(buffer: &Buffer, theme: &str) -> String {
    let (ground, ink) = if theme == "light" {
        ("#ffffff", "#24292f")
    } else {
        ("#0d1117", "#c9d1d9")
    };
    let area = buffer.area;
    let (width, height) = (
        f32::from(area.width) * CELL.0 + 16.0,
        f32::from(area.height) * CELL.1 + 16.0,
    );
    let mut out = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width:.1} {height:.1}\" font-family=\"'JetBrains Mono','DejaVu Sans Mono',Menlo,Consolas,monospace\" font-size=\"14\" xml:space=\"preserve\">\n<rect width=\"100%\" height=\"100%\" rx=\"8\" fill=\"{ground}\"/>\n"
    );
    for y in 0..area.height {
        let mut x = 0;
        while x < area.width {
            let first = &buffer[(x, y)];
            let start = x;
            let (mut text, mut dots) = (String::new(), String::new());
            while x < area.width && same(first, &buffer[(x, y)]) {
                let symbol = buffer[(x, y)].symbol();
                if let Some(pattern) = braille(symbol) {
                    draw_dots(&mut dots, pattern, (x, y));
                    text.push(' ');
                } else {
                    text.push_str(symbol);
                }
                x += u16::try_from(pilothouse::text::width(symbol).max(1)).unwrap_or(1);
            }
            run(&mut out, (start, y, x - start), &text, first, (ground, ink));
            if !dots.is_empty() {
                let fill = hex(first.fg).unwrap_or_else(|| ink.to_owned());
                let _ = writeln!(out, "<path fill=\"{fill}\" d=\"{dots}\"/>");
            }
        }
    }
    out.push_str("</svg>\n");
    out
}

/// The dots of a braille character. Graphs are made of them, and few fonts give them the width of a cell.
fn braille(symbol: &str) -> Option<u32> {
    let code = u32::from(symbol.chars().next()?);
    (0x2801..=0x28ff).contains(&code).then(|| code - 0x2800)
}

/// Unicode counts the dots down the left column, down the right one, and then the fourth row.
fn draw_dots(path: &mut String, pattern: u32, (x, y): (u16, u16)) {
    const PLACES: [(f32, f32); 8] = [
        (0.0, 0.0),
        (0.0, 1.0),
        (0.0, 2.0),
        (1.0, 0.0),
        (1.0, 1.0),
        (1.0, 2.0),
        (0.0, 3.0),
        (1.0, 3.0),
    ];
    let (left, top) = (f32::from(x) * CELL.0 + 9.2, f32::from(y) * CELL.1 + 9.3);
    for (bit, (column, row)) in PLACES.into_iter().enumerate() {
        if pattern & (1 << bit) != 0 {
            let (left, top) = (left + column * CELL.0 / 2.0, top + row * CELL.1 / 4.0);
            let _ = write!(path, "M{left:.1} {top:.1}h2v2h-2z");
        }
    }
}

fn same(a: &Cell, b: &Cell) -> bool {
    (a.fg, a.bg, a.modifier) == (b.fg, b.bg, b.modifier)
}

fn run(
    out: &mut String,
    (x, y, cells): (u16, u16, u16),
    text: &str,
    cell: &Cell,
    look: (&str, &str),
) {
    let (ground, ink) = look;
    let (left, top) = (f32::from(x) * CELL.0 + 8.0, f32::from(y) * CELL.1 + 8.0);
    let wide = f32::from(cells) * CELL.0;
    let mut fg = hex(cell.fg).unwrap_or_else(|| ink.to_owned());
    let mut bg = hex(cell.bg);
    if cell.modifier.contains(Modifier::REVERSED) {
        let swap = bg.unwrap_or_else(|| ground.to_owned());
        bg = Some(std::mem::replace(&mut fg, swap));
    }
    if let Some(bg) = bg {
        let _ = writeln!(
            out,
            "<rect x=\"{left:.1}\" y=\"{top:.1}\" width=\"{wide:.1}\" height=\"{}\" fill=\"{bg}\"/>",
            CELL.1
        );
    }
    if text.trim().is_empty() {
        return;
    }
    let mut attributes = format!("fill=\"{fg}\"");
    for (modifier, attribute) in [
        (Modifier::BOLD, " font-weight=\"bold\""),
        (Modifier::ITALIC, " font-style=\"italic\""),
        (Modifier::UNDERLINED, " text-decoration=\"underline\""),
        (Modifier::DIM, " opacity=\"0.6\""),
    ] {
        if cell.modifier.contains(modifier) {
            attributes.push_str(attribute);
        }
    }
    let text = text
        .replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;");
    let _ = writeln!(
        out,
        "<text x=\"{left:.1}\" y=\"{:.1}\" textLength=\"{wide:.1}\" lengthAdjust=\"spacingAndGlyphs\" {attributes}>{text}</text>",
        top + 13.5
    );
}

fn hex(colour: Color) -> Option<String> {
    Some(match colour {
        Color::Rgb(r, g, b) => format!("#{r:02x}{g:02x}{b:02x}"),
        Color::Black => "#0d1117".into(),
        Color::Red | Color::LightRed => "#f47067".into(),
        Color::Green | Color::LightGreen => "#57ab5a".into(),
        Color::Yellow | Color::LightYellow => "#e0a83c".into(),
        Color::Blue | Color::LightBlue => "#539bf5".into(),
        Color::Magenta | Color::LightMagenta => "#b083f0".into(),
        Color::Cyan | Color::LightCyan => "#56d4dd".into(),
        Color::Gray | Color::White => "#e6edf3".into(),
        Color::DarkGray => "#7d8590".into(),
        _ => return None,
    })
}
