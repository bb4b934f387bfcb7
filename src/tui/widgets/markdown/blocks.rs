//! The blocks of a Markdown text, one below the other.

use pulldown_cmark::{CodeBlockKind, Event, HeadingLevel, Options, Parser, Tag, TagEnd};

use super::inline::Inline;
use super::table::Table;
use crate::tui::theme::Role;
use crate::tui::widgets::flow::{Break, Piece, TextRow, flow};

/// Text keeps at least this many cells, however deep it stands in lists and quotes.
const LEAST: usize = 16;

/// A Markdown text in rows of at most so many cells.
pub(in crate::tui) fn markdown(text: &str, cells: usize) -> Vec<TextRow> {
    let options =
        Options::ENABLE_TABLES | Options::ENABLE_STRIKETHROUGH | Options::ENABLE_TASKLISTS;
    let mut maker = Maker::new(cells.max(1));
    for event in Parser::new_ext(text, options) {
        maker.take(&event);
    }
    maker.flush();
    maker.rows
}

/// What the rows of a list item or of a quote begin with.
struct Indent {
    /// The first row, until it is written.
    first: Option<Piece>,
    /// The others.
    rest: Piece,
}

struct Maker {
    cells: usize,
    rows: Vec<TextRow>,
    indents: Vec<Indent>,
    /// The numbers of open lists; none: they have bullets.
    lists: Vec<Option<u64>>,
    inline: Inline,
    /// The look of plain text here.
    base: Role,
    /// The language of the open code block, once its head is written, and the line that is not ended yet.
    code: Option<String>,
    table: Option<Table>,
}

impl Maker {
    fn new(cells: usize) -> Self {
        Self {
            cells,
            rows: Vec::new(),
            indents: Vec::new(),
            lists: Vec::new(),
            inline: Inline::default(),
            base: Role::Text,
            code: None,
            table: None,
        }
    }

    fn take(&mut self, event: &Event<'_>) {
        if let (Some(code), Event::Text(text)) = (&mut self.code, event) {
            code.push_str(text);
            return;
        }
        if self.inline.take(event, self.base) {
            return;
        }
        match event {
            Event::Start(tag) => self.begin(tag),
            Event::End(tag) => self.finish(*tag),
            Event::HardBreak => self.flush(),
            Event::Rule => {
                self.part();
                let cells = self.room();
                let rule = Piece::new("─".repeat(cells.min(40)), Role::Faint);
                self.write(&[rule], Break::Anywhere);
            }
            _ => {}
        }
    }

    fn begin(&mut self, tag: &Tag<'_>) {
        match tag {
            Tag::Paragraph | Tag::HtmlBlock => self.part(),
            Tag::Heading { level, .. } => {
                self.part();
                self.base = if *level == HeadingLevel::H1 {
                    Role::Accent
                } else {
                    Role::Title
                };
            }
            Tag::BlockQuote(_) => {
                self.part();
                let bar = Piece::new("▎ ", Role::Faint);
                self.indent(bar.clone(), bar);
                self.base = Role::Dim;
            }
            Tag::CodeBlock(kind) => {
                self.part();
                self.begin_code(kind);
            }
            Tag::List(start) => {
                self.flush();
                if self.lists.is_empty() {
                    self.blank();
                }
                self.lists.push(*start);
            }
            Tag::Item => self.begin_item(),
            Tag::Table(alignments) => {
                self.part();
                self.table = Some(Table {
                    alignments: alignments.clone(),
                    rows: Vec::new(),
                });
            }
            Tag::TableHead | Tag::TableRow => {
                self.base = if matches!(tag, Tag::TableHead) {
                    Role::Title
                } else {
                    Role::Text
                };
                if let Some(table) = &mut self.table {
                    table.rows.push(Vec::new());
                }
            }
            _ => {}
        }
    }

    fn finish(&mut self, tag: TagEnd) {
        match tag {
            TagEnd::Paragraph | TagEnd::HtmlBlock => self.flush(),
            TagEnd::Heading(_) => {
                self.flush();
                self.base = Role::Text;
            }
            TagEnd::BlockQuote(_) => {
                self.flush();
                self.indents.pop();
                let quoted = self.indents.iter().any(|of| of.rest.role == Role::Faint);
                self.base = if quoted { Role::Dim } else { Role::Text };
            }
            TagEnd::CodeBlock => self.end_code(),
            TagEnd::List(_) => {
                self.lists.pop();
            }
            TagEnd::Item => {
                self.flush();
                // An item without any text still shows its mark.
                if self.indents.last().is_some_and(|of| of.first.is_some()) {
                    self.write(&[], Break::Words);
                }
                self.indents.pop();
            }
            TagEnd::TableCell => {
                let cell = self.inline.take_pieces();
                if let Some(row) = self.table.as_mut().and_then(|table| table.rows.last_mut()) {
                    row.push(cell);
                }
            }
            TagEnd::Table => {
                self.base = Role::Text;
                if let Some(table) = self.table.take() {
                    for row in table.draw(self.room()) {
                        self.write(&row.0, Break::Anywhere);
                    }
                }
            }
            _ => {}
        }
    }

    fn begin_item(&mut self) {
        self.flush();
        let depth = self.lists.len();
        let mark = match self.lists.last_mut() {
            Some(Some(number)) => {
                let mark = format!("{number}. ");
                *number += 1;
                mark
            }
            _ if depth % 2 == 1 => "• ".to_owned(),
            _ => "◦ ".to_owned(),
        };
        let rest = Piece::new(" ".repeat(mark.chars().count()), Role::Text);
        self.indent(Piece::new(mark, Role::Dim), rest);
    }

    fn begin_code(&mut self, kind: &CodeBlockKind<'_>) {
        self.code = Some(String::new());
        let language = match kind {
            CodeBlockKind::Fenced(language) => language.split_whitespace().next().unwrap_or(""),
            CodeBlockKind::Indented => "",
        };
        if !language.is_empty() {
            let head = [
                Piece::new("╭ ", Role::Faint),
                Piece::new(language, Role::Dim),
            ];
            self.write(&head, Break::Anywhere);
        }
    }

    fn end_code(&mut self) {
        let Some(code) = self.code.take() else {
            return;
        };
        let bar = Piece::new("│ ", Role::Faint);
        self.indent(bar.clone(), bar);
        for line in code.strip_suffix('\n').unwrap_or(&code).split('\n') {
            let line = line.replace('\t', "    ");
            self.write(&[Piece::new(line, Role::Code)], Break::Anywhere);
        }
        self.indents.pop();
    }

    /// A block begins: what was gathered is written, and a blank row keeps it apart, except inside lists.
    fn part(&mut self) {
        self.flush();
        if self.lists.is_empty() {
            self.blank();
        }
    }

    fn blank(&mut self) {
        // A quote's own mark is not written yet: it begins with its text.
        let begins = self.indents.last().is_some_and(|of| of.first.is_some());
        if !self.rows.is_empty() && !begins {
            let prefix = self.indents.iter().map(|of| of.rest.clone()).collect();
            self.rows.push(TextRow(prefix));
        }
    }

    fn indent(&mut self, first: Piece, rest: Piece) {
        self.indents.push(Indent {
            first: Some(first),
            rest,
        });
    }

    fn room(&self) -> usize {
        let taken: usize = self.indents.iter().map(|of| of.rest.cells()).sum();
        self.cells.saturating_sub(taken).max(LEAST).min(self.cells)
    }

    fn flush(&mut self) {
        if !self.inline.is_empty() {
            let pieces = self.inline.take_pieces();
            self.write(&pieces, Break::Words);
        }
    }

    fn write(&mut self, pieces: &[Piece], how: Break) {
        // What stands too deep is not moved to the right any further.
        let most = self.cells.saturating_sub(LEAST).max(self.cells / 3);
        let mut taken = 0;
        let (mut first, mut rest) = (Vec::new(), Vec::new());
        for of in &mut self.indents {
            taken += of.rest.cells();
            let mark = of.first.take().unwrap_or_else(|| of.rest.clone());
            if taken <= most {
                first.push(mark);
                rest.push(of.rest.clone());
            }
        }
        self.rows
            .extend(flow(pieces, how, self.cells, (&first, &rest)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &str, cells: usize) -> String {
        let rows: Vec<String> = markdown(text, cells)
            .iter()
            .map(|row| row.text().trim_end().to_owned())
            .collect();
        rows.join("\n")
    }

    #[test]
    fn blocks_stand_apart_and_lists_hold_together() {
        let text = "# Memory\nIt is **full**: `vllm` holds 88 GiB.\nSee <https://x.example>.\n\n1. stop it\n   - gently\n   - then hard\n2. watch\n\n> quoted words\n\n---\n- [x] done\n- [ ] open";
        assert_eq!(
            shown(text, 60),
            "Memory\n\nIt is full: vllm holds 88 GiB. See https://x.example.\n\n1. stop it\n   ◦ gently\n   ◦ then hard\n2. watch\n\n▎ quoted words\n\n────────────────────────────────────────\n\n• ☑ done\n• ☐ open"
        );
    }

    #[test]
    fn code_keeps_its_lines_and_says_its_language() {
        assert_eq!(
            shown(
                "look:\n```bash\nif true; then\n    df -h\nfi\n```\nafter",
                40
            ),
            "look:\n\n╭ bash\n│ if true; then\n│     df -h\n│ fi\n\nafter"
        );
        assert_eq!(shown("```\n0123456789\n```", 8), "│ 012345\n│ 6789");
    }

    #[test]
    fn links_show_where_they_lead() {
        assert_eq!(
            shown("[safe](https://evil.example) ![cat](c.png)", 60),
            "safe (https://evil.example) image cat (c.png)"
        );
    }

    #[test]
    fn tables_are_aligned_shrunk_and_at_last_told_row_by_row() {
        let text = "| host | free |\n|:-----|-----:|\n| spark-1 | 62 GiB |\n| a very long name of a host | 6 GiB |";
        assert_eq!(
            shown(text, 40),
            "host                          free\n──────────────────────────  ──────\nspark-1                     62 GiB\na very long name of a host   6 GiB"
        );
        assert_eq!(
            shown(text, 20),
            "host            free\n────────────  ──────\nspark-1       62 GiB\na very long    6 GiB\nname of a\nhost"
        );
        assert_eq!(
            shown(text, 12),
            "host:\nspark-1\nfree: 62 GiB\n\nhost: a very\nlong name of\na host\nfree: 6 GiB"
        );
    }

    #[test]
    fn nothing_hostile_comes_out_of_an_entity() {
        for text in [
            "&#27;[31m red",
            "`&#x1b;`",
            "a&#x202e;b",
            "[x](&#27;]0;t&#7;)",
            "| &#27; |\n|-|\n| &#155; |",
            "```&#27;x\ncode\n```",
            "<b>&#x9b;2J</b>",
        ] {
            for row in markdown(text, 20) {
                let row = row.text();
                assert!(
                    !row.chars().any(|c| c.is_control() || c == '\u{202e}'),
                    "{text:?} {row:?}"
                );
            }
        }
    }

    #[test]
    fn however_deep_it_stands_text_has_room() {
        let deep = format!("{}x", "> ".repeat(400));
        for row in markdown(&deep, 30) {
            assert!(crate::text::width(&row.text()) <= 30, "{row:?}");
        }
        for cells in 1..12 {
            for row in markdown(
                "- a\n  - bc\n    1. def\n\n| a | b |\n|-|-|\n| c | d |",
                cells,
            ) {
                assert!(
                    row.text().chars().count() <= cells.max(7),
                    "{cells} {row:?}"
                );
            }
        }
    }
}
