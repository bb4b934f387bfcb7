//! The text in which programs tell their metrics to Prometheus, sample by sample (pure). What is not a number, or longer than any
//! sample that is meant, is passed over: one line costs one look, whatever stands in it.

/// The longest line that is read.
const LINE: usize = 4096;

/// Most lines of one answer.
const LINES: usize = 50_000;

/// One sample.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Sample<'a> {
    /// Its name.
    pub(super) name: &'a str,
    /// The upper end of its bucket, where it is one of a histogram; the last one is infinite.
    pub(super) le: Option<f64>,
    /// Its value: finite.
    pub(super) value: f64,
}

/// The samples of an answer, in its order.
pub(super) fn samples(text: &[u8]) -> impl Iterator<Item = Sample<'_>> {
    text.split(|byte| *byte == b'\n')
        .take(LINES)
        .filter(|line| line.len() <= LINE)
        .filter_map(|line| sample(std::str::from_utf8(line).ok()?))
}

fn sample(line: &str) -> Option<Sample<'_>> {
    let line = line.trim();
    let end = line.find(|c: char| c == '{' || c.is_ascii_whitespace())?;
    let (name, rest) = line.split_at_checked(end)?;
    if name.is_empty() || name.starts_with('#') {
        return None;
    }
    let (le, rest) = match rest.strip_prefix('{') {
        Some(labels) => labelled(labels)?,
        None => (None, rest),
    };
    let value: f64 = rest.split_ascii_whitespace().next()?.parse().ok()?;
    value.is_finite().then_some(Sample { name, le, value })
}

/// The label `le`, and what follows the labels.
fn labelled(mut rest: &str) -> Option<(Option<f64>, &str)> {
    let mut le = None;
    loop {
        rest = rest.trim_start_matches([',', ' ']);
        if let Some(rest) = rest.strip_prefix('}') {
            return Some((le, rest));
        }
        let (label, quoted) = rest.split_once("=\"")?;
        let end = closing(quoted)?;
        if label == "le" {
            le = Some(
                quoted
                    .get(..end)?
                    .parse()
                    .ok()
                    .filter(|le: &f64| !le.is_nan())?,
            );
        }
        rest = quoted.get(end + 1..)?;
    }
}

/// The quote that ends a value; one behind a backslash does not.
fn closing(quoted: &str) -> Option<usize> {
    let mut escaped = false;
    quoted.bytes().position(|byte| {
        let ends = byte == b'"' && !escaped;
        escaped = byte == b'\\' && !escaped;
        ends
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn one(line: &str) -> Option<(&str, Option<f64>, f64)> {
        samples(line.as_bytes())
            .next()
            .map(|sample| (sample.name, sample.le, sample.value))
    }

    #[test]
    fn samples_by_rows() {
        for (line, expected) in [
            ("a 1", Some(("a", None, 1.0))),
            ("a:b_c 1.5e3 1700000000000\r", Some(("a:b_c", None, 1500.0))),
            (
                r#"a{engine="0",model_name="org/m"} 7"#,
                Some(("a", None, 7.0)),
            ),
            (
                r#"a_bucket{le="0.001",model_name="x} 9 {\"le=\"5\",\\"} 3.0"#,
                Some(("a_bucket", Some(0.001), 3.0)),
            ),
            (
                r#"a_bucket{x="1",le="+Inf",} 3"#,
                Some(("a_bucket", Some(f64::INFINITY), 3.0)),
            ),
            ("a{} 3", Some(("a", None, 3.0))),
            ("# HELP a 3", None),
            ("#a 3", None),
            ("", None),
            ("a", None),
            ("a NaN", None),
            ("a +Inf", None),
            ("a {", None),
            (r#"a{le="x"} 3"#, None),
            (r#"a{le="NaN"} 3"#, None),
            (r#"a{le="1} 3"#, None),
            ("a{le=1} 3", None),
            ("a one", None),
        ] {
            assert_eq!(one(line), expected, "{line}");
        }
    }

    #[test]
    fn a_line_without_end_is_passed_over() {
        let mut text = vec![b'x'; 10 * 1024 * 1024];
        text.extend_from_slice(b" 1\nb 2\n\xff 3\nc 4");
        let names: Vec<_> = samples(&text).map(|sample| sample.name).collect();
        assert_eq!(names, ["b", "c"]);
    }

    proptest! {
        #[test]
        fn anything_can_be_read(text in prop::collection::vec(any::<u8>(), 0..400)) {
            prop_assert!(samples(&text).all(|sample| sample.value.is_finite()));
        }

        #[test]
        fn labels_of_any_text_change_nothing(value in "[^\n\r]{0,80}") {
            let value = value.replace('\\', "\\\\").replace('"', "\\\"");
            let line = format!("a{{m=\"{value}\",le=\"2\"}} 5");
            prop_assert_eq!(one(&line), Some(("a", Some(2.0), 5.0)));
        }
    }
}
