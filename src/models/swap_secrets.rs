//! Which variables a launch may be given as secrets (pure). They are exported by the script of the swap itself, so none of them may
//! be one of its own, of the shell's, or of a program that it runs.

use crate::shell::EnvName;

/// Variables that change a shell, or a program that the script runs.
const RESERVED: &[&str] = &[
    "ALL_PROXY",
    "CDPATH",
    "COLUMNS",
    "DIRSTACK",
    "ENV",
    "EUID",
    "FUNCNAME",
    "FUNCNEST",
    "GLOBIGNORE",
    "GROUPS",
    "HOME",
    "HOSTNAME",
    "HTTPS_PROXY",
    "HTTP_PROXY",
    "IFS",
    "LANG",
    "LANGUAGE",
    "LINENO",
    "LINES",
    "LOGNAME",
    "MACHTYPE",
    "MAIL",
    "MAILCHECK",
    "MAILPATH",
    "MOST_LOG",
    "NLSPATH",
    "NO_PROXY",
    "OLDPWD",
    "OPTARG",
    "OPTERR",
    "OPTIND",
    "OSTYPE",
    "PATH",
    "PIPESTATUS",
    "POSIXLY_CORRECT",
    "PPID",
    "PROMPT_COMMAND",
    "PS1",
    "PS2",
    "PS3",
    "PS4",
    "PWD",
    "RANDOM",
    "REPLY",
    "SECONDS",
    "SHELL",
    "SHELLOPTS",
    "SHLVL",
    "SRANDOM",
    "TERM",
    "TIMEFORMAT",
    "TMOUT",
    "TMPDIR",
    "TZ",
    "UID",
    "USER",
];

/// Beginnings of such names.
const FAMILIES: &[&str] = &[
    "ASH_",
    "AWK",
    "BASH",
    "BUILDKIT_",
    "COMP_",
    "COREUTILS_",
    "CURL_",
    "DOCKER_",
    "EPOCH",
    "GAWK",
    "GCONV_",
    "GLIBC_",
    "GREP_",
    "HIST",
    "LC_",
    "LD_",
    "LOCPATH",
    "MALLOC_",
    "PILOTHOUSE_",
    "PYTHON",
    "SSH_",
    "SSL_",
    "XDG_",
];

/// Whether a launch may be given a secret under this name: capitals, digits and `_`, as variables of programs are written, and none
/// that means something before the launch.
pub(super) fn may_be_secret(name: &EnvName) -> bool {
    let name = name.as_str();
    // The script's own variables are in small letters.
    name.starts_with(|c: char| c.is_ascii_uppercase())
        && name
            .bytes()
            .all(|b| b.is_ascii_uppercase() || b.is_ascii_digit() || b == b'_')
        && !RESERVED.contains(&name)
        && !FAMILIES.iter().any(|family| name.starts_with(family))
}
