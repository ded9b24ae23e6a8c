//! Reads the profiles of a configuration file. A value is not quoted in an error: it may be a secret at a wrong place.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

use clap::{Arg, Command};
use numcheck_protocol::{AppKey, mask};
use numcheck_transport::canonical_base_url;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::keys::{self, KEYS, Key, Kind};
use crate::commands::arguments::is_price;
use crate::commands::typed::may_hold_a_password;
use crate::exit::Failure;
use crate::usage;

/// The longest file that is read, in bytes.
const MAX_LEN: u64 = 1 << 20;

/// All profiles of a file.
#[derive(Debug)]
pub(super) struct Profiles {
    file: PathBuf,
    default: Option<String>,
    all: BTreeMap<String, BTreeMap<&'static str, Setting>>,
}

/// What one profile says.
#[derive(Debug)]
pub(crate) struct Profile {
    pub(crate) file: PathBuf,
    pub(crate) name: String,
    /// By variable.
    settings: BTreeMap<&'static str, Setting>,
}

/// A line of a profile.
pub(crate) struct Setting {
    pub(super) key: &'static Key,
    pub(super) value: String,
    pub(crate) line: usize,
}

/// Its value may be an appkey.
impl std::fmt::Debug for Setting {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Setting")
            .field("key", &self.key.name)
            .field("line", &self.line)
            .finish_non_exhaustive()
    }
}

impl Profile {
    /// What stands there for a variable, unless the environment says the same in its other form: a secret itself, or its file.
    pub(super) fn value(
        &self,
        variable: &str,
        environment: impl Fn(&str) -> Option<OsString>,
    ) -> Option<&str> {
        let setting = self.settings.get(variable)?;
        let is_set = |variable: &str| environment(variable).is_some();
        (!is_set(variable) && !is_set(&other_form(variable))).then_some(&setting.value)
    }

    pub(super) fn by_key(&self, name: &str) -> Option<&Setting> {
        self.settings.values().find(|setting| setting.key.name == name)
    }

    pub(super) fn by_variable(&self, variable: &str) -> Option<&Setting> {
        self.settings.get(variable)
    }

    /// Where a line stands.
    pub(super) fn place(&self, setting: &Setting) -> String {
        format!("profile {} of {}, line {}", self.name, self.file.display(), setting.line)
    }
}

/// The variable that names the file of a secret, or the secret itself.
fn other_form(variable: &str) -> String {
    variable.strip_suffix("_FILE").map_or_else(|| format!("{variable}_FILE"), str::to_owned)
}

/// A file that is being read.
struct Reader<'a> {
    file: &'a Path,
    text: &'a str,
    command: &'a Command,
}

impl Profiles {
    /// Reads and checks all of them, also those that nobody has asked for.
    pub(super) fn read(file: &Path, command: &Command) -> Result<Self, Failure> {
        let text = content(file)?;
        let reader = Reader { file, text: &text, command };
        let table = DeTable::parse(&text).map_err(|error| {
            // What toml quotes of the line stays away.
            let at = error.span().map_or(0, |span| span.start);
            reader.refuse(at, &mask::digits(error.message()))
        })?;
        let mut profiles = Self { file: file.to_owned(), default: None, all: BTreeMap::new() };
        let mut default = None;
        for (key, value) in table.get_ref() {
            let at = key.span().start;
            match (key.get_ref().as_ref(), value.get_ref()) {
                ("default-profile", DeValue::String(name)) => default = Some((at, name.to_string())),
                ("profile", DeValue::Table(all)) => {
                    for (name, profile) in all {
                        let at = name.span().start;
                        let DeValue::Table(profile) = profile.get_ref() else {
                            return Err(reader.refuse(at, "a profile is a table: [profile.NAME]"));
                        };
                        profiles.all.insert(name.get_ref().to_string(), reader.profile(profile)?);
                    }
                }
                ("default-profile", _) => {
                    return Err(reader.refuse(at, "default-profile: write the name of a profile, in quotes"));
                }
                ("profile", _) => return Err(reader.refuse(at, "profiles are tables: [profile.NAME]")),
                (name, _) if keys::find(name).is_some() => {
                    return Err(reader
                        .refuse(at, &format!("{name}: it belongs into a profile, below [profile.NAME]")));
                }
                (name, _) => {
                    let known =
                        ["default-profile", "profile"].into_iter().chain(KEYS.iter().map(|key| key.name));
                    return Err(reader.unknown(at, name, known));
                }
            }
        }
        if let Some((at, name)) = default {
            if !profiles.all.contains_key(&name) {
                return Err(reader.refuse(
                    at,
                    &format!("default-profile: there is no profile of that name{}", profiles.names()),
                ));
            }
            profiles.default = Some(name);
        }
        Ok(profiles)
    }

    /// The one that is wanted, or the default one.
    pub(super) fn choose(&self, wanted: Option<&str>) -> Result<Option<Profile>, Failure> {
        let Some(name) = wanted.or(self.default.as_deref()) else { return Ok(None) };
        // A stray number or secret may stand in place of a name.
        let Some(settings) = self.all.get(name) else {
            return Err(Failure::usage(format!(
                "--profile: {} has no profile of that name{}; nothing was sent",
                self.file.display(),
                self.names()
            )));
        };
        let copy = |setting: &Setting| Setting {
            key: setting.key,
            value: setting.value.clone(),
            line: setting.line,
        };
        let settings = settings.iter().map(|(variable, setting)| (*variable, copy(setting))).collect();
        Ok(Some(Profile { file: self.file.clone(), name: name.to_owned(), settings }))
    }

    pub(super) fn is_empty(&self) -> bool {
        self.all.is_empty()
    }

    /// Whether it holds what the account's own users should read alone.
    pub(super) fn names_appkey(&self) -> bool {
        self.all.values().any(|profile| profile.contains_key("NXCLOUD_APPKEY"))
    }

    fn names(&self) -> String {
        let names: Vec<&str> = self.all.keys().map(String::as_str).collect();
        if names.is_empty() { ", and no other".to_owned() } else { format!("; it has: {}", names.join(", ")) }
    }
}

fn content(file: &Path) -> Result<String, Failure> {
    use std::io::Read as _;
    let cannot = |why: &str| format!("the configuration file {} {why}; nothing was sent", file.display());
    let mut text = String::new();
    let read = std::fs::File::open(file).and_then(|open| open.take(MAX_LEN + 1).read_to_string(&mut text));
    read.map_err(|error| Failure::usage(cannot("cannot be read")).because(error))?;
    if text.len() as u64 > MAX_LEN {
        return Err(Failure::usage(cannot("is longer than 1 MiB: is it the right one?")));
    }
    // Some editors put a byte-order mark in front.
    Ok(text.strip_prefix('\u{feff}').map_or(text.clone(), str::to_owned))
}

impl Reader<'_> {
    fn line(&self, at: usize) -> usize {
        self.text.bytes().take(at).filter(|byte| *byte == b'\n').count() + 1
    }

    fn refuse(&self, at: usize, why: &str) -> Failure {
        Failure::usage(format!(
            "{}, line {}: {}; nothing was sent",
            self.file.display(),
            self.line(at),
            why.replace('\n', " ")
        ))
    }

    fn unknown<'a>(&self, at: usize, name: &str, known: impl Iterator<Item = &'a str>) -> Failure {
        let name = mask::digits(name);
        let nearest =
            keys::nearest(&name, known).map_or(String::new(), |known| format!(": is {known} meant?"));
        self.refuse(at, &format!("{name} is no key of a configuration file{nearest}"))
    }

    fn profile(&self, table: &DeTable<'_>) -> Result<BTreeMap<&'static str, Setting>, Failure> {
        let mut settings: BTreeMap<&'static str, Setting> = BTreeMap::new();
        for (name, value) in table {
            let (at, name) = (name.span().start, name.get_ref().as_ref());
            let Some(key) = keys::find(name) else { return Err(self.not_a_key(at, name)) };
            let setting = Setting { key, value: self.value(at, key, value)?, line: self.line(at) };
            if let Some(other) = settings.get(other_form(key.variable).as_str()) {
                return Err(
                    self.refuse(at, &format!("{name} and {} stand for the same: leave one", other.key.name))
                );
            }
            settings.insert(key.variable, setting);
        }
        Ok(settings)
    }

    fn not_a_key(&self, at: usize, name: &str) -> Failure {
        if keys::SECRETS.contains(&name) {
            return self.refuse(
                at,
                &format!("{name}: no secret stands in this file: put it alone into a file that only you can read (chmod 600), and name that as {name}-file"),
            );
        }
        match keys::why_not(name, is_option(self.command, name)) {
            Some(why) => self.refuse(at, &format!("{name} stands in no profile: {why}")),
            None => self.unknown(at, name, KEYS.iter().map(|key| key.name)),
        }
    }

    /// A value as its variable would have it.
    fn value(&self, at: usize, key: &Key, value: &Spanned<DeValue<'_>>) -> Result<String, Failure> {
        let refuse = |why: &str| self.refuse(at, &format!("{}: {why}", key.name));
        let text = match value.get_ref() {
            DeValue::Array(several) if matches!(key.kind, Kind::List | Kind::Prices | Kind::Amounts) => {
                let texts: Option<Vec<String>> = several.iter().map(|one| plain(one.get_ref())).collect();
                texts.map(|texts| texts.join(","))
            }
            one => plain(one),
        };
        let text = text.ok_or_else(|| refuse("write a text, in quotes"))?;
        if text.trim().is_empty() {
            return Err(refuse("it is empty: leave the line out"));
        }
        if text.contains('\0') {
            return Err(refuse("it holds what no setting can hold"));
        }
        let text = match key.kind {
            Kind::Prices if !text.split(',').all(is_price) => {
                return Err(refuse(
                    "write level, country and amount, such as hlr:CN=0.05CNY or privacy:*=0.05CNY",
                ));
            }
            Kind::Amounts if text.split(',').any(|one| numcheck_bulk::parse_amount(one).is_none()) => {
                return Err(refuse("write an amount and its currency, such as 12.50USD"));
            }
            Kind::Text | Kind::List | Kind::Prices | Kind::Amounts => text,
            Kind::Store if may_hold_a_password(&text) => {
                return Err(refuse(
                    "no password stands in this file: put the address alone into a file that only you can read (chmod 600), and name that as store-address-file",
                ));
            }
            Kind::Store if text.contains("://") => text,
            Kind::Path | Kind::Store => super::resolved(self.file, &text)
                .into_os_string()
                .into_string()
                .map_err(|_| refuse("its folder is not UTF-8"))?,
            Kind::Url => {
                canonical_base_url(&text).map(|_| text).map_err(|error| refuse(&error.to_string()))?
            }
        };
        if key.variable == "NXCLOUD_APPKEY" {
            AppKey::new(&text).map_err(|error| refuse(error.rule))?;
        }
        self.check(key, &text).map_err(|why| refuse(&why))?;
        Ok(text)
    }

    /// Whether the option of that variable takes it, at one verb at least.
    fn check(&self, key: &Key, value: &str) -> Result<(), String> {
        let mut why = None;
        for option in
            options(self.command).filter(|option| option.get_env().is_some_and(|name| name == key.variable))
        {
            let typed = format!("--{}={value}", key.name);
            // Its relations to other options are of no matter here.
            let mut alone = Arg::new("value").long(key.name).value_parser(option.get_value_parser().clone());
            let value_name = option.get_value_names().and_then(|names| names.first()).cloned();
            alone = alone.value_name(value_name.unwrap_or("VALUE".into()));
            if let Some(delimiter) = option.get_value_delimiter() {
                alone = alone.value_delimiter(delimiter);
            }
            match Command::new("profile").no_binary_name(true).arg(alone).try_get_matches_from([typed]) {
                Ok(_) => return Ok(()),
                Err(error) => drop(why.get_or_insert_with(|| shown(error))),
            }
        }
        why.map_or(Ok(()), Err)
    }
}

/// What a parser has to say, without the way to the help of a command line.
fn shown(error: clap::Error) -> String {
    let text = usage::discreet(error).to_string();
    let text = text.strip_prefix("error: ").unwrap_or(&text);
    let text = text.split("\n\nFor more").next().unwrap_or(text);
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn plain(value: &DeValue<'_>) -> Option<String> {
    match value {
        DeValue::String(text) => Some(text.to_string()),
        DeValue::Integer(figure) if figure.radix() == 10 => Some(figure.as_str().to_owned()),
        DeValue::Boolean(is) => Some(is.to_string()),
        _ => None,
    }
}

fn is_option(command: &Command, name: &str) -> bool {
    options(command).any(|option| option.get_long() == Some(name))
}

/// The options of a command and its verbs.
fn options(command: &Command) -> Box<dyn Iterator<Item = &Arg> + '_> {
    Box::new(command.get_arguments().chain(command.get_subcommands().flat_map(options)))
}
