//! A command line for people and for the ledger (pure): its secrets are masked, by the options and names they are given to,
//! by their shape, and where they stand in an address. Never what is executed.

use std::ops::Range;

use super::mask_options;
use super::redact;
use super::secret_words::MASK;

/// How much is hidden where nobody can know.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Masking {
    /// A command of the person's own configuration: rather too much.
    Generous,
    /// A command that somebody else wrote and a person is to judge: what could be a command itself stays in sight, whatever
    /// name it is given to.
    Sparing,
}

/// A command with its secrets masked, word by word: `--token x`, `--token=x`, `TOKEN=x`, `curl -u me:x` alike, also in the
/// words of a script.
pub fn mask_command<'a>(words: impl IntoIterator<Item = &'a str>, masking: Masking) -> Vec<String> {
    let words: Vec<&str> = words.into_iter().collect();
    let given = mask_options::secrets(&words, masking);
    words
        .iter()
        .zip(given)
        .map(|(word, given)| {
            let mut places: Vec<_> = given.into_iter().collect();
            places.extend(in_script(word, masking));
            places.extend(in_addresses(word));
            places.extend(redact::places(word));
            without(word, merged(places), masking)
        })
        .collect()
}

/// The words of a word that is a script; what stands on another line is not given to an option of this one.
fn in_script(word: &str, masking: Masking) -> Vec<Range<usize>> {
    if !word.contains(char::is_whitespace) {
        return Vec::new();
    }
    let mut places = Vec::new();
    for line in word.lines() {
        let parts: Vec<(usize, &str)> = line
            .split(|c: char| c.is_whitespace() || "'\"".contains(c))
            .filter(|part| !part.is_empty())
            .map(|part| (part.as_ptr().addr() - word.as_ptr().addr(), part))
            .collect();
        let texts: Vec<&str> = parts.iter().map(|(_, part)| *part).collect();
        let found = mask_options::secrets(&texts, masking)
            .into_iter()
            .zip(parts);
        places
            .extend(found.filter_map(|(place, (at, _))| {
                place.map(|place| at + place.start..at + place.end)
            }));
    }
    places
}

/// `https://me:hunter2@host`: all that stands before the last `@` of the host.
fn in_addresses(word: &str) -> Vec<Range<usize>> {
    let ends = |c: char| c.is_whitespace() || "/?#\\'\"".contains(c);
    let user = |(at, sign): (usize, &str)| {
        let from = at + sign.len();
        let authority = word.get(from..)?.split(ends).next()?;
        let (user, _) = authority.rsplit_once('@')?;
        user.contains(':').then(|| from..from + user.len())
    };
    word.match_indices("://").filter_map(user).collect()
}

fn merged(mut places: Vec<Range<usize>>) -> Vec<Range<usize>> {
    places.sort_by_key(|place| place.start);
    let mut merged: Vec<Range<usize>> = Vec::with_capacity(places.len());
    for place in places {
        match merged.last_mut() {
            Some(last) if place.start <= last.end => last.end = last.end.max(place.end),
            _ => merged.push(place),
        }
    }
    merged
}

fn without(word: &str, places: Vec<Range<usize>>, masking: Masking) -> String {
    let mut shown = String::with_capacity(word.len());
    let mut done = 0;
    for place in places {
        let secret = word.get(place.clone()).unwrap_or_default();
        let hidden = match masking {
            Masking::Generous => secret.len(),
            Masking::Sparing => harmless(secret),
        };
        if hidden > 0 {
            shown.push_str(word.get(done..place.start).unwrap_or_default());
            shown.push_str(MASK);
            done = place.start + hidden;
        }
    }
    shown.push_str(word.get(done..).unwrap_or_default());
    shown
}

/// How many bytes of this are one value and nothing that a shell would act on.
fn harmless(secret: &str) -> usize {
    let scheme = ["bearer ", "basic ", "token ", "digest "]
        .iter()
        .find(|scheme| {
            let head = secret.get(..scheme.len());
            head.is_some_and(|head| head.eq_ignore_ascii_case(scheme))
        });
    let scheme = scheme.map_or(0, |scheme| scheme.len());
    let value = secret.get(scheme..).unwrap_or_default();
    let acts = |c: char| c.is_whitespace() || c.is_control() || "$`;|&<>(){}'\"\\".contains(c);
    match value.find(acts).unwrap_or(value.len()) {
        0 => 0,
        many => scheme + many,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn masked(line: &str, masking: Masking) -> String {
        // Words are apart by blanks; `_` is a blank within one.
        let words: Vec<String> = line.split(' ').map(|word| word.replace('_', " ")).collect();
        mask_command(words.iter().map(String::as_str), masking).join(" ")
    }

    #[test]
    fn a_command_is_shown_without_its_secrets() {
        for (line, shown) in [
            ("serve --port 80 --quiet", "serve --port 80 --quiet"),
            (
                "serve --api-key s3 --port 80",
                "serve --api-key ••• --port 80",
            ),
            ("serve --api-key=s3", "serve --api-key=•••"),
            ("env HFTOKEN=s3 serve", "env HFTOKEN=••• serve"),
            ("serve --token --port 80", "serve --token --port 80"),
            ("load redis://:s3@db/0", "load redis://•••@db/0"),
            ("ssh://git@host:22/x", "ssh://git@host:22/x"),
            (
                "ipmitool -I lanplus -H 10.0.0.3 -p 623 -U root -P calvin power cycle",
                "ipmitool -I lanplus -H 10.0.0.3 -p 623 -U root -P ••• power cycle",
            ),
            ("/usr/bin/ipmitool -Pcalvin", "/usr/bin/ipmitool -P•••"),
            ("ipmitool -vPcalvin -y -x1", "ipmitool -vP••• -y •••"),
            ("ipmipower -p calvin --stat", "ipmipower -p ••• --stat"),
            ("ipmipower --password=x", "ipmipower --password=•••"),
            ("curl -k -u root:calvin x", "curl -k -u root:••• x"),
            ("curl -uroot:12345 x", "curl -uroot:••• x"),
            ("curl -sku root:calvin x", "curl -sku root:••• x"),
            ("curl --user root:calvin x", "curl --user root:••• x"),
            ("curl --user=root:calvin x", "curl --user=root:••• x"),
            ("docker run --user 1000:1000", "docker run --user 1000:1000"),
            (
                "curl https://root:calvin@10.0.0.3/redfish",
                "curl https://•••@10.0.0.3/redfish",
            ),
            (
                "curl https://10.0.0.3/x?password=calvin&n=1",
                "curl https://10.0.0.3/x?password=•••&n=1",
            ),
            ("curl -H X-Auth-Token:_abc x", "curl -H X-Auth-Token: ••• x"),
            ("x --token --password y", "x --token --password •••"),
            (
                "curl -H Authorization:_Basic_abc x",
                "curl -H Authorization: ••• x",
            ),
            (
                "curl -d {\"Password\":\"calvin\"} x",
                "curl -d {\"Password\":\"•••\"} x",
            ),
            ("snmpset -v2c -c private pdu", "snmpset -v2c -c ••• pdu"),
            ("snmpset -v2c -cprivate pdu", "snmpset -v2c -c••• pdu"),
            (
                "snmpset -v3 -u me -A a1 -X x1 pdu",
                "snmpset -v3 -u me -A ••• -X ••• pdu",
            ),
            ("switch --community=private", "switch --community=•••"),
            ("sshpass -p calvin ssh sw", "sshpass -p ••• ssh sw"),
            ("plink -pw calvin sw", "plink -pw ••• sw"),
            (
                "sh -c ipmitool_-H_a_-P_'calvin'_power_cycle",
                "sh -c ipmitool -H a -P '•••' power cycle",
            ),
            (
                "sh -c curl_-u_root:calvin_https://me:x@b/;true",
                "sh -c curl -u root:••• https://•••@b/;true",
            ),
        ] {
            for masking in [Masking::Generous, Masking::Sparing] {
                assert_eq!(masked(line, masking), shown, "{masking:?} {line}");
            }
        }
    }

    #[test]
    fn of_an_unknown_program_rather_too_much_is_hidden_where_it_is_our_own() {
        for (line, generous) in [
            ("pdu -P calvin off", "pdu -P ••• off"),
            ("pdu -Pcalvin off", "pdu -P••• off"),
            ("pdu -k k1 -y y1", "pdu -k ••• -y •••"),
            ("pdu --password a$b|c", "pdu --password •••"),
        ] {
            assert_eq!(masked(line, Masking::Generous), generous, "{line}");
        }
        for line in ["rsync -P /srv /dst", "apt-get -y install x"] {
            assert_eq!(masked(line, Masking::Sparing), line);
        }
    }

    #[test]
    fn nothing_that_could_be_a_command_hides_behind_the_name_of_a_secret() {
        for hidden in [
            "rm -rf /srv",
            "$(reboot)",
            "`reboot`",
            ";reboot",
            "|sh",
            "\nreboot",
        ] {
            for before in [
                "TOKEN=x ",
                "TOKEN=",
                "curl -u a:",
                "--password ",
                "-H 'Authorization: Basic x ",
                "http://a:",
            ] {
                let line = format!("{before}{hidden}@b");
                let shown = mask_command(["sh", "-c", &line], Masking::Sparing).join(" ");
                assert!(shown.contains(hidden.trim_start_matches("rm ")), "{shown}");
            }
        }
    }
}
